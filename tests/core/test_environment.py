"""The environment comes over what is configured, and is checked in the same way."""

import logging

import pytest

import streaminstr
from streaminstr import StreaminstrError, _configure, _environment, stream
from streaminstr._calls import guard
from streaminstr._environment import describe_unknown, in_environment, over, unknown
from streaminstr._options import KEYS, OPTIONS
from streaminstr.log import LogBackend
from streaminstr.testing import RecordingBackend

RECORDING = "streaminstr.testing.RecordingBackend"


@pytest.fixture(autouse=True)
def variables(monkeypatch):
    """Set variables, which are then read as at the start of a process."""
    monkeypatch.setattr(_configure, "_state", _configure._State())
    monkeypatch.setattr(guard, "errors", guard.Counter())
    in_environment.cache_clear()

    def put(**texts):
        in_environment.cache_clear()
        for key, text in texts.items():
            monkeypatch.setenv(_environment.PREFIX + key, text)

    yield put
    in_environment.cache_clear()


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("BACKEND", "ddtrace", "ddtrace"),
        ("BACKEND", "ddtrace,opentelemetry", ["ddtrace", "opentelemetry"]),
        ("BACKEND", " ddtrace , opentelemetry, ", ["ddtrace", "opentelemetry"]),
        ("BACKEND", "none", None),
        ("BACKEND", "None", None),
        (
            "BACKEND",
            '[{"BACKEND": "ddtrace", "RATIO": 0.05}]',
            [{"BACKEND": "ddtrace", "RATIO": 0.05}],
        ),
        ("CANCELLED_IS_ERROR", "true", True),
        ("CANCELLED_IS_ERROR", "False", False),
        ("PARENT", "link", "link"),
        ("MAX_AGE", "60", 60),
        ("MAX_AGE", "0.5", 0.5),
        ("MAX_AGE", "none", None),
        ("MAX_AGE", "soon", "soon"),
        ("DRAIN", '{"GRACE": 20}', {"GRACE": 20}),
        ("LOG_LEVELS", '{"completed": null}', {"completed": None}),
        ("FAREWELL", "60", "60"),
        ("FAREWELL", '"retry: 5\\n\\n"', "retry: 5\n\n"),
        ("FILTER", "shop.wanted", "shop.wanted"),
        ("LIMIT", "500", 500),
        ("ENDS_WITH", '{"chat/": "done"}', {"chat/": "done"}),
    ],
)
def test_a_scalar_is_text_and_a_dict_is_json(key, text, value, variables):
    variables(**{key: text})
    assert in_environment() == {key: value}


def test_an_empty_variable_is_not_set(variables):
    variables(BACKEND="")
    assert in_environment() == {}


def test_it_is_read_once(variables, monkeypatch):
    variables(PARENT="link")
    in_environment()
    monkeypatch.setenv("STREAMINSTR_PARENT", "child")
    assert in_environment() == {"PARENT": "link"}


def test_it_comes_over_configure(variables):
    variables(BACKEND=RECORDING, PARENT="link", DRAIN='{"GRACE": 3}', LIMIT="4")
    streaminstr.configure("log", parent="child", cancelled_is_error=True)
    config = _configure.current()
    assert [type(one) for one in config.backends] == [RecordingBackend, LogBackend]
    assert (config.parent, config.cancelled_is_error, config.drain) == ("link", True, 3)


def test_it_comes_over_the_default(variables):
    variables(BACKEND="none")
    assert _configure.current().backends == ()


def test_it_does_not_come_over_what_a_test_forces(variables):
    variables(BACKEND="none")
    recording = RecordingBackend()
    with _configure.forced(_configure.build(recording)):
        list(stream([b"a"]))
    assert len(recording.closed) == 1


def test_paused_by_a_variable_until_resume(variables):
    variables(PAUSED="true")
    recording = RecordingBackend()
    streaminstr.configure(recording)
    list(stream([b"a"]))
    streaminstr.resume()
    list(stream([b"a"]))
    assert len(recording.closed) == 1


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("BACKEND", "opentelemetri", "BACKEND: No backend is called 'opentelemetri'. Did you mean"),
        ("PARENT", "aunt", 'PARENT is \'aunt\'. It takes "child" or "link".'),
        ("MAX_AGE", "soon", "MAX_AGE is 'soon'. It takes a number of seconds above 0, or None."),
        ("DRAIN", "20", 'DRAIN is 20. It takes a dict such as {"GRACE": 20}.'),
        ("DRAIN", '{"GRACE": 0}', 'DRAIN["GRACE"] is 0. It takes a finite number of seconds'),
        ("FILTER", "shop.wanted", "FILTER is 'shop.wanted', which cannot be imported: No module"),
    ],
)
def test_a_wrong_variable_is_named(key, text, message, variables):
    variables(**{key: text})
    with pytest.raises(StreaminstrError) as caught:
        streaminstr.configure()
    assert str(caught.value).startswith(f"The environment variable STREAMINSTR_{message}")
    assert not _configure.has_configured()


def test_a_wrong_variable_and_a_wrong_option_are_told_at_once(variables):
    variables(PARENT="aunt")
    with pytest.raises(StreaminstrError) as caught:
        streaminstr.configure("nobody", limit=4, max_age=0)
    lines = str(caught.value).splitlines()
    assert sorted(line.partition(" is ")[0].partition(":")[0] for line in lines) == [
        "Option 'backend' (in settings BACKEND)",
        "Option 'max_age' (in settings MAX_AGE)",
        "The environment variable STREAMINSTR_PARENT",
        "Unknown option 'limit'. The options are",
    ]


def test_a_running_body_does_not_fail_of_a_wrong_variable(variables):
    variables(BACKEND="nobody")
    assert list(stream([b"a"])) == [b"a"]
    assert [type(one) for one in _configure.current().backends] == [LogBackend]
    assert list(guard.errors) == ["streaminstr._configure._from_environment: StreaminstrError"]


def test_an_unknown_variable_is_a_warning_with_what_was_meant(variables, caplog):
    variables(BACKEN="none", PURE="1")
    with caplog.at_level(logging.WARNING):
        assert in_environment() == {}
    assert unknown() == ["STREAMINSTR_BACKEN"]
    (record,) = caplog.records
    assert record.getMessage() == (
        "The environment variable STREAMINSTR_BACKEN is unknown, and has no effect. "
        "Did you mean 'STREAMINSTR_BACKEND'?"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RATIO", ' It belongs to one backend: "BACKEND": {"BACKEND": "opentelemetry", '),
        ("DRAINS", " Did you mean 'STREAMINSTR_DRAIN'?"),
        ("QUIET", ""),
    ],
)
def test_a_variable_is_compared_without_what_all_begin_with(name, meant):
    told = describe_unknown(f"STREAMINSTR_{name}").partition("has no effect.")[2]
    assert told.startswith(meant)
    assert bool(told) is bool(meant)


WITH_OPTIONS = {"BACKEND": "a", "OPTIONS": {"x": 1}}
SOME = {"BACKEND": "a", "RATIO": 0.1}


@pytest.mark.parametrize(
    ("given", "environment", "backend"),
    [
        ({"BACKEND": "a"}, {}, "a"),
        ({"BACKEND": "a"}, {"BACKEND": "b"}, "b"),
        ({"BACKEND": "a"}, {"BACKEND": None}, None),
        (WITH_OPTIONS, {"BACKEND": "a"}, WITH_OPTIONS),
        (WITH_OPTIONS, {"BACKEND": "b"}, "b"),
        ({"BACKEND": SOME}, {"BACKEND": "a"}, SOME),
        ({"BACKEND": [SOME, "c"]}, {"BACKEND": ["a", "c"]}, [SOME, "c"]),
        ({"BACKEND": [SOME]}, {"BACKEND": [{"BACKEND": "a"}]}, [{"BACKEND": "a"}]),
        ({}, {"BACKEND": "a"}, "a"),
    ],
)
def test_a_backend_that_both_name_keeps_what_is_written_about_it(given, environment, backend):
    merged = over(given, environment)
    assert merged["BACKEND"] == backend
    assert ("OPTIONS" in merged) == (given.get("OPTIONS") is not None and not environment)


def test_options_of_the_environment_go_to_its_backend():
    merged = over({"BACKEND": "a", "OPTIONS": {"x": 1}}, {"BACKEND": "b", "OPTIONS": {"y": 2}})
    assert merged == {"BACKEND": "b", "OPTIONS": {"y": 2}}


def test_each_option_has_its_variable():
    assert {name.upper() for name in OPTIONS} < set(KEYS)
