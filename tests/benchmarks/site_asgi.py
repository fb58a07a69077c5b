"""The site, for an ASGI server."""

import django_site
from streaminstr import asgi

django_site.set_up()
application = django_site.handler("ASGI", django_site.MIDDLEWARE)
if django_site.WITH.endswith("net"):
    application = asgi.StreamScopeMiddleware(application)
