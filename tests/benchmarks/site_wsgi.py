"""The site, for a WSGI server."""

import django_site

django_site.set_up()
application = django_site.handler("WSGI", django_site.MIDDLEWARE)
