"""A project on a disk of its own, as a user has it, in a process of its own; prints JSON.

`python page_project.py FOLDER people` with django.contrib.auth, `... none` without it.
"""

import io
import json
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import include, path

APPS = ("django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions")
PEOPLE = [f"django.contrib.{one}" for one in ("sessions", "auth")]
OURS = "streaminstr.django.middleware.StreamScopeMiddleware"

urlpatterns = [path("rows/", lambda request: StreamingHttpResponse([b"1\n", b"2\n"]))]


def configure(folder, *, people):
    middleware = [
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(folder) / "db.sqlite3"}
    settings.configure(
        DATABASES={"default": database} if people else {},
        INSTALLED_APPS=[*(APPS if people else ()), "streaminstr.django"],
        MIDDLEWARE=[*(middleware if people else ()), OURS],
        ROOT_URLCONF=__name__,
        SECRET_KEY="for tests",  # noqa: S106 - nothing is signed with it
        USE_TZ=True,
    )
    django.setup()
    if people:
        urlpatterns.append(path("streams/", include("streaminstr.django.urls")))


def said_by(*command, **options):
    """What a command prints, and its exit code."""
    out = io.StringIO()
    try:
        call_command(*command, stdout=out, stderr=out, **options)
    except SystemExit as ended:
        return [out.getvalue(), ended.code]
    return [out.getvalue(), 0]


def commands():
    return {
        "makemigrations": said_by("makemigrations", check_changes=True, dry_run=True),
        "migrate": said_by("migrate", verbosity=0),
        "again": said_by("migrate", verbosity=1),
        "dumpdata": said_by("dumpdata", "streaminstr"),
        "dumpdata --all": said_by("dumpdata", "streaminstr", use_base_manager=True),
        "flush": said_by("flush", interactive=False, verbosity=0),
        "check": said_by("check", fail_level="WARNING"),
        "check --deploy": said_by("check", tags=["streaminstr", "models"], fail_level="WARNING"),
    }


def visits():
    """Who may see the page: a user of the database, before and after the permission is there."""
    from django.contrib.auth.models import Permission, User  # noqa: PLC0415 - installed in one case

    own = Permission.objects.filter(content_type__app_label="streaminstr").order_by("codename")
    user, client = User.objects.create_user("ann"), Client(headers={"host": "localhost"})
    client.force_login(user)
    before = client.get("/streams/").status_code
    user.user_permissions.set(own.filter(codename="view_openstream"))
    after = client.get("/streams/").status_code
    return {"permissions": [*own.values_list("codename", "name")], "answers": [before, after]}


def main(folder, kind):
    people = kind == "people"
    configure(folder, people=people)
    found = {**commands(), **visits()} if people else {"check": said_by("check")}
    rows = Client(headers={"host": "localhost"}).get("/rows/").getvalue().decode()
    print(json.dumps({**found, "rows": rows}))  # noqa: T201 - the test reads it


if __name__ == "__main__":
    main(*sys.argv[1:])
