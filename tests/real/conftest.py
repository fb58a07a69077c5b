"""Other people's software: `nox -s real`, which installs it, or `pytest -m real tests/real`.

What is in here is collected only if that marker is asked for: it configures Django, and imports
packages that the quick suite does without.
"""

import gc

import pytest

pytest.register_assert_rewrite("real_check")


def pytest_configure(config):
    if is_asked(config):
        config.addinivalue_line("filterwarnings", "ignore")  # `real_seen` compares them
        import real_django  # noqa: F401, PLC0415 - sets up Django before its models are imported


def pytest_ignore_collect(config):
    return None if is_asked(config) else True


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/real/" in item.path.as_posix():
            item.add_marker(pytest.mark.real)


def is_asked(config):
    return config.getoption("markexpr") == "real"


@pytest.fixture(scope="session", autouse=True)
def _database(tmp_path_factory, django_db_blocker):
    import real_django  # noqa: PLC0415 - not while the quick suite collects

    with django_db_blocker.unblock():
        real_django.prepare(tmp_path_factory.mktemp("django"))
        gc.collect()
        gc.freeze()  # each visit collects garbage: all that was imported is left out
        yield


@pytest.fixture(scope="session")
def postgres(_database):
    """The port of a PostgreSQL, which is Django's database `postgres`, too."""
    from django.db import connections  # noqa: PLC0415 - see above

    import real_services  # noqa: PLC0415 - see above

    with real_services.postgres() as port:
        connections.databases["postgres"]["PORT"] = port
        yield port


@pytest.fixture(scope="session")
def redis():
    """The port of a Redis."""
    import real_services  # noqa: PLC0415 - see above

    with real_services.redis() as port:
        yield port


@pytest.fixture(scope="session")
def upstream():
    """A server to stream from."""
    import real_upstream  # noqa: PLC0415 - see above

    with real_upstream.Upstream() as server:
        yield server


@pytest.fixture(params=[False, True], ids=["middleware", "net"])
def net(request):
    """Whether the outermost net is round the program, beside Django's middleware."""
    return request.param


def pytest_generate_tests(metafunc):
    from real_visit import ASGI_ENDINGS, WSGI_ENDINGS  # noqa: PLC0415 - see above

    for name, endings in {"ending": ASGI_ENDINGS, "wsgi_ending": WSGI_ENDINGS}.items():
        if name in metafunc.fixturenames and not _is_given(metafunc, name):
            metafunc.parametrize(name, endings)


def _is_given(metafunc, name):
    marks = metafunc.definition.iter_markers("parametrize")
    return any(name in str(mark.args[0]).replace(" ", "").split(",") for mark in marks)
