"""The application for WSGI servers, with the outermost net around it."""

import os

from django.core.wsgi import get_wsgi_application

from streaminstr.wsgi import StreamScopeMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
application = StreamScopeMiddleware(get_wsgi_application())
