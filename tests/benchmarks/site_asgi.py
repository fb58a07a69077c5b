"""The site, for an ASGI server."""

import django_site

django_site.set_up()
application = django_site.handler("ASGI", django_site.MIDDLEWARE)
