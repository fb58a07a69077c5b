"""Settings. What has to do with streams is at the end."""

import os

from chat import telemetry

DEBUG = os.environ.get("CHAT_DEBUG", "") == "1"
SECRET_KEY = os.environ.get("CHAT_SECRET_KEY", "only for this example")
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
ROOT_URLCONF = "chat.urls"
WSGI_APPLICATION = "chat.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True

INSTALLED_APPS = ["chat", "streaminstr.django"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "streaminstr.django.middleware.StreamScopeMiddleware",  # always the last
]
STREAMINSTR = {
    "BACKEND": telemetry.backend(os.environ.get("CHAT_BACKEND", "log")),
    "ENDS_WITH": {"answer/": b"data: [DONE]\n\n"},  # an answer without it is truncated
    "DRAIN": {"GRACE": 10},  # seconds that answers have when the server stops
    "FAREWELL": "retry: {jitter}\n\n",
    "LIMIT": 100,
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,  # keeps the server's own lines
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"streaminstr": {"handlers": ["console"], "level": "INFO"}},
}
