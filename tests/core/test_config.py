"""What is in force: checked before it is, and all of it or nothing."""

import pytest

import streaminstr
from streaminstr import StreaminstrError, _configure, _options, stream
from streaminstr.log import LogBackend
from streaminstr.testing import RecordingBackend


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is configured."""
    monkeypatch.setattr(_configure, "_state", _configure._State())


def test_the_log_backend_is_in_force_where_nobody_has_configured_anything():
    (backend,) = _configure.current().backends
    assert isinstance(backend, LogBackend)
    assert _configure.current() is _configure.current()


def test_configure_puts_a_backend_in_force_and_the_log_after_it():
    recording = RecordingBackend()
    streaminstr.configure(backend=recording)
    first, last = _configure.current().backends
    assert first is recording
    assert isinstance(last, LogBackend)


def test_none_turns_everything_off():
    streaminstr.configure(backend=None)
    assert _configure.current().backends == ()
    assert list(stream([1])) == [1]


def test_an_adapter_comes_before_what_was_configured():
    streaminstr.configure(backend=None)
    adapted = _configure.Config(parent="link")
    _configure.adapt(lambda: adapted)
    assert _configure.current() is adapted


def test_an_adapter_without_settings_leaves_it_to_configure():
    streaminstr.configure(backend=None)
    _configure.adapt(lambda: None)
    assert _configure.current().backends == ()


def test_what_is_forced_comes_before_all_and_inside_the_block_only():
    outer, inner = _configure.Config(), _configure.Config()
    _configure.adapt(lambda: outer)
    with _configure.forced(inner) as given:
        assert _configure.current() is given is inner
    assert _configure.current() is outer


def test_forced_ends_with_an_exception_too():
    with pytest.raises(LookupError), _configure.forced(_configure.Config()):
        raise LookupError
    assert _configure._state.forced is None


@pytest.mark.parametrize("parent", ["child", "link"])
def test_the_parent_is_told_to_the_backend(parent):
    recording = RecordingBackend()
    streaminstr.configure(backend=recording, parent=parent)
    stream([])
    assert recording.streams[0].info.parent == parent


def test_options_go_to_the_backend():
    streaminstr.configure(backend="log", options={"levels": {}})
    assert _configure.current().backends[0].levels == {}


@pytest.mark.parametrize(
    "options",
    [
        {"parent": "link"},
        {"cancelled_is_error": True},
        {"progress_interval": 0.5},
        {"progress_interval": 5},
        {"progress_interval": None},
        {"log_levels": {"completed": "debug", "failed": None}},
        {"log_levels": {}},
    ],
)
def test_options_that_are_taken(options):
    streaminstr.configure(**options)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (
            {"parent": "sibling"},
            "'parent' (in settings PARENT) is 'sibling'. It takes \"child\" or \"link\".",
        ),
        ({"parent": []}, 'It takes "child" or "link".'),
        ({"cancelled_is_error": 1}, "is 1. It takes True or False."),
        ({"progress_interval": 0}, "It takes a number of seconds above 0, or None."),
        ({"progress_interval": True}, "It takes a number of seconds above 0, or None."),
        ({"progress_interval": "5"}, "It takes a number of seconds above 0, or None."),
        ({"progress_interval": float("nan")}, "It takes a number of seconds above 0, or None."),
        ({"log_levels": None}, "It takes a dict of outcomes"),
        ({"log_levels": {"completed": []}}, "It takes a dict of outcomes"),
        ({"log_levels": {"ended": "info"}}, "(completed, failed, cancelled, abandoned)"),
        ({"log_levels": {"failed": "loud"}}, "(debug, info, warning, error, critical) or None."),
        ({"colour": "pink"}, "Unknown option 'colour'. The options are: backend, options, "),
        ({"backend": "nothing"}, "No backend is called 'nothing'."),
        ({"options": 42}, "The options of a backend are a dict of names to values, not 42."),
    ],
)
def test_after_an_error_all_is_as_it_was(options, wanted):
    streaminstr.configure(backend=None)
    before = _configure.current()
    with pytest.raises(StreaminstrError) as caught:
        streaminstr.configure(**options)
    assert wanted in str(caught.value)
    assert _configure.current() is before


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(StreaminstrError) as caught:
        streaminstr.configure("nobody", parent="aunt", max_agee=3)
    backend, parent, unknown = sorted(str(caught.value).splitlines())
    assert backend.startswith("Option 'backend' (in settings BACKEND): No backend is called")
    assert parent.startswith("Option 'parent' (in settings PARENT) is 'aunt'.")
    assert unknown.startswith("Unknown option 'max_agee'. Did you mean 'max_age'? The options are")


@pytest.mark.parametrize(
    ("levels", "meant"),
    [
        (
            {"complete": "info", "failed": "eror"},
            " Did you mean 'completed'? Did you mean 'error'?",
        ),
        ({"completed": "INFO", "cancelled": 20}, " Did you mean 'info'?"),
        ({"completed": 20}, ""),
        ("info", ""),
    ],
)
def test_a_level_that_does_not_exist_is_told_which_is_meant(levels, meant):
    with pytest.raises(StreaminstrError) as caught:
        streaminstr.configure(log_levels=levels)
    assert str(caught.value).endswith(f" or None.{meant}")


def test_each_option_is_a_typed_keyword():
    assert set(_options.Options.__annotations__) == {"options", *_options.OPTIONS}


def test_a_stream_keeps_the_config_that_it_was_made_with():
    first, second = RecordingBackend(), RecordingBackend()
    streaminstr.configure(backend=first)
    made = stream([1])
    streaminstr.configure(backend=second)
    list(made)
    assert (len(first.closed), len(second.closed)) == (1, 0)


def test_a_config_of_nothing_does_nothing():
    """What is forced in tests of other things: no runner and no binding of its own."""
    with _configure.forced(_configure.Config()):
        assert list(stream([1])) == [1]
