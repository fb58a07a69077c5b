"""Sets up Django for the tests, where nobody has yet; each test overrides what it needs."""

import django
from django.conf import settings

if not settings.configured:  # pragma: no branch - by who comes first of the tests' sites
    settings.configure(
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["streaminstr.django"],
        SECRET_KEY="for tests",  # noqa: S106 - nothing is signed with it
        USE_TZ=True,
    )
    django.setup()

MIDDLEWARE = "streaminstr.django.middleware.StreamScopeMiddleware"
SILENT = dict.fromkeys(("completed", "failed", "cancelled", "abandoned"))
"""Log levels of the tests: nothing is logged."""
SITE = {
    "ALLOWED_HOSTS": ["*"],
    "DEBUG": False,
    "MIDDLEWARE": [MIDDLEWARE],
    "REST_FRAMEWORK": {
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "UNAUTHENTICATED_USER": None,
    },
    "ROOT_URLCONF": "django_site",
}
