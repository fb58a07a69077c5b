"""The site, for a WSGI server."""

import django_site
from streaminstr import wsgi

django_site.set_up()
application = django_site.handler("WSGI", django_site.MIDDLEWARE)
if django_site.WITH.endswith("net"):
    application = wsgi.StreamScopeMiddleware(application)
