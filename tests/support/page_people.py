"""People in memory, and the settings of a site for them: no database, no sessions on disk."""

import django_settings

VIEW, CLOSE = "streaminstr.view_openstream", "streaminstr.close_openstream"
PEOPLE = {1: {VIEW, CLOSE}, 2: {VIEW}, 3: set()}
"""What each may do: an operator, one who may look, and one who may nothing."""
OPERATOR, VISITOR, OTHER = PEOPLE
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "streaminstr.django"]
SETTINGS = {
    **django_settings.SITE,
    "AUTHENTICATION_BACKENDS": ["page_people.People"],
    "INSTALLED_APPS": APPS,
    "LOGIN_URL": "/login/",
    "MIDDLEWARE": [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        django_settings.MIDDLEWARE,
    ],
    "ROOT_URLCONF": "page_site",
    "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
    "TEMPLATES": [],
}


class People:
    """An authentication backend that knows people and their permissions without a database."""

    def authenticate(self, request):
        return None

    def get_user(self, user_id):
        from django.contrib.auth.models import User  # noqa: PLC0415 - installed by each test

        return User(pk=int(user_id), username=f"number {user_id}")

    def has_perm(self, user_obj, perm, obj=None):
        return perm in PEOPLE[user_obj.pk]
