"""The application for ASGI servers, with the outermost net around it."""

import os

from django.core.asgi import get_asgi_application

from streaminstr.asgi import StreamScopeMiddleware

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chat.settings")
application = StreamScopeMiddleware(get_asgi_application())
