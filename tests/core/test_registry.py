"""From what a user writes to backends, and an error that helps where that cannot be."""

from email.message import Message
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from streaminstr import StreaminstrError, _registry
from streaminstr._install import install_line
from streaminstr._registry import resolve
from streaminstr.log import LogBackend


class ShopBackend:
    def __init__(self, *, colour="red"):
        self.colour = colour

    def open(self, info):
        """Never called here."""


class CallableBackend(ShopBackend):
    def __call__(self):
        """A backend that is callable is no factory."""


def make_backend(colour="blue"):
    return ShopBackend(colour=colour)


def make_nothing():
    return None


def make_trouble():
    msg = "trouble"
    raise ImportError(msg)


PATH = "shop_backends.ShopBackend"


@pytest.fixture(autouse=True)
def shop(monkeypatch):
    """A module that can be named by a dotted path."""
    module = SimpleNamespace(
        ShopBackend=ShopBackend, make_backend=make_backend, backend=ShopBackend(colour="green")
    )
    monkeypatch.setitem(__import__("sys").modules, "shop_backends", module)


def distribution(name):
    """An installed one, whose only extra is `my-vendor`."""
    metadata = Message()
    metadata["Provides-Extra"] = "my-vendor"
    return SimpleNamespace(name=name, metadata=metadata)


@pytest.fixture
def installed(monkeypatch):
    """Have these entry points be all that is installed, each given as name, value, owner."""

    def install(*points):
        made = [
            EntryPoint(name, value, _registry.GROUP)._for(owner and distribution(owner))
            for name, value, owner in points
        ]
        monkeypatch.setattr(_registry, "entry_points", lambda *, group: made)

    return install


def message(wanted, options=None):
    with pytest.raises(StreaminstrError) as caught:
        resolve(wanted, options or {})
    return str(caught.value)


# What there is.


def test_none_is_no_backend():
    assert resolve(None, {}) == ()


def test_a_name_is_that_of_an_entry_point():
    (backend,) = resolve("log", {})
    assert isinstance(backend, LogBackend)


@pytest.mark.parametrize(
    ("wanted", "colour"),
    [
        (PATH, "red"),
        ("shop_backends.make_backend", "blue"),
        ("shop_backends.backend", "green"),
        (ShopBackend, "red"),
        (make_backend, "blue"),
    ],
)
def test_a_path_a_class_a_factory_and_an_instance_are_backends(wanted, colour):
    (backend,) = resolve(wanted, {})
    assert backend.colour == colour


@pytest.mark.parametrize("made", [ShopBackend(), CallableBackend()])
def test_an_instance_is_taken_as_it_is(made):
    assert resolve(made, {}) == (made,)


def test_a_list_is_taken_in_its_order():
    first, second = ShopBackend(), ShopBackend()
    assert resolve([first, [second], None], {}) == (first, second)
    assert resolve((second, first), {}) == (second, first)


def test_options_go_to_the_backend():
    (backend,) = resolve(PATH, {"colour": "pink"})
    assert backend.colour == "pink"


def test_in_a_list_a_dict_brings_options():
    backends = resolve([{"BACKEND": PATH, "OPTIONS": {"colour": "pink"}}, {"BACKEND": PATH}], {})
    assert [backend.colour for backend in backends] == ["pink", "red"]


def test_installed_are_sorted_by_name(installed):
    installed(("b", "m:b", "x"), ("a", "m:a", "x"))
    assert [point.name for point in _registry.installed()] == ["a", "b"]


def test_what_is_first_party_is_installed():
    names = {point.name for point in _registry.installed()}
    assert names >= {"ddtrace", "log", "opentelemetry"}


def test_one_backend_that_is_found_twice_has_one_owner(installed):
    """An editable install and a wheel of the same distribution may both be on the path."""
    installed(*[("mine", "shop_backends:ShopBackend", "shop")] * 2)
    (backend,) = resolve("mine", {})
    assert isinstance(backend, ShopBackend)


# What there is not.


@pytest.mark.parametrize("wanted", [[], ()])
def test_a_list_of_nothing_names_no_backend(wanted):
    assert message(wanted).endswith("names no backend. Write None to turn everything off.")


def test_an_unknown_name_is_told_which_names_exist(installed):
    installed(("log", "a:b", "x"), ("mine", "a:b", "x"))
    assert message("mien") == (
        "No backend is called 'mien'. Did you mean 'mine'? Installed are: log, mine. "
        "A backend of your own is named by its dotted path."
    )


@pytest.mark.parametrize(
    ("wanted", "meant"), [("datadog", "ddtrace"), ("Otel", "opentelemetry"), ("structlog", "log")]
)
def test_a_vendor_by_another_name_is_told_its_own(installed, wanted, meant):
    installed(*((name, "a:b", "x") for name in ("ddtrace", "log", "opentelemetry")))
    assert f"No backend is called {wanted!r}. Did you mean {meant!r}? " in message(wanted)


def test_a_vendor_that_is_not_installed_is_not_meant(installed):
    installed(("log", "a:b", "x"))
    assert "Did you mean" not in message("datadog")


def test_an_unknown_name_is_told_where_there_are_none(installed):
    installed()
    assert "Installed are: none." in message("log")


def test_a_vendor_that_is_missing_ends_with_the_command_that_installs_it(installed):
    installed(("my_vendor", "no_such_vendor:Backend", "shop"))
    assert message("my_vendor") == (
        "The backend 'my_vendor' needs a library that cannot be imported "
        "(No module named 'no_such_vendor'). "
        f"Install it: {install_line('shop[my-vendor]')}"
    )


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("mine", "no_such_vendor:Backend", "No module named 'no_such_vendor'"),
        ("my_vendor", "json:Backend", "module 'json' has no attribute 'Backend'"),
    ],
)
def test_a_backend_whose_own_code_is_wrong_says_what_and_names_no_extra(
    name, value, error, installed
):
    """A distribution without the extra has nothing that could be installed with it."""
    installed((name, value, "shop"))
    assert message(name) == f"The backend {name!r} of shop cannot be imported: {error}."


def test_two_owners_of_a_name_are_refused_and_named(installed):
    installed(("mine", "a:b", "shop"), ("mine", "c:d", None))
    assert message("mine") == (
        "Two owners of the backend name 'mine': shop (a:b) and an unknown distribution (c:d). "
        "Uninstall one, or name yours by its dotted path."
    )


@pytest.mark.parametrize("path", ["no_such.module.Backend", ".Backend", "..x.Backend", "a..b"])
def test_a_path_whose_module_is_missing(path):
    assert message(path).startswith(f"The backend {path!r} cannot be imported: ")


def test_a_path_whose_module_has_no_such_name():
    assert message("shop_backends.Backend") == (
        "The backend 'shop_backends.Backend' is not there: 'shop_backends' has no 'Backend'."
    )


@pytest.mark.parametrize("wanted", [42, object(), make_nothing, "shop_backends", object])
def test_what_does_not_fulfil_the_contract(wanted, installed):
    installed(("shop_backends", "builtins:object", "shop"))
    assert message(wanted).endswith(" is no backend: a backend has a method open(info).")


@pytest.mark.parametrize("wanted", [PATH, ShopBackend, make_backend])
def test_an_unknown_option_is_told_which_options_exist(wanted):
    assert message(wanted, {"color": "pink"}).endswith(
        " has no option 'color'. Did you mean 'colour'? Its options are: colour."
    )


def test_an_option_without_a_value_is_asked_for():
    def make(url, /, token, *, colour="red", **more): ...

    told = message(make, {"colour": "pink"})
    assert told.endswith(" needs the option 'url', 'token'. Its options are: token, colour.")


def test_options_for_what_is_made_already():
    told = message(ShopBackend(), {"colour": "pink"})
    assert told.startswith("Options ['colour'] for <")
    assert told.endswith("which is made already: drop them.")


def test_options_beside_a_list_belong_to_nobody():
    assert message([PATH], {"colour": "pink"}) == (
        "Options beside a list or dict of backends belong to none of them. "
        'Write [{"BACKEND": ..., "OPTIONS": {...}}, ...].'
    )


def test_an_unknown_key():
    assert message({"BACKEND": PATH, "options": {}}) == (
        "A backend has the keys BACKEND, OPTIONS, FILTER, RATIO, and not 'options'. "
        "Did you mean 'OPTIONS'?"
    )


def test_a_dict_without_a_backend():
    """It must not turn everything off in silence."""
    assert message({"OPTIONS": {}}) == "A backend that is written as a dict has the key BACKEND."


@pytest.mark.parametrize("options", [None, 42, ["colour"], {1: 2}])
def test_options_that_are_none(options):
    assert message({"BACKEND": PATH, "OPTIONS": options}) == (
        f"The options of a backend are a dict of names to values, not {options!r}."
    )


def test_a_factory_that_no_signature_is_known_of():
    """Some of the standard library's own types tell none."""
    assert message("builtins.dict").endswith(
        "which is no backend: a backend has a method open(info)."
    )


def test_what_a_factory_raises_comes_out_unchanged():
    with pytest.raises(ImportError, match="trouble"):
        resolve(make_trouble, {})


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (False, "False is no backend. Write None to turn everything off, or the name"),
        (True, "True is no backend. Write None to turn everything off, or the name"),
        ("", "An empty text names no backend. Write None to turn everything off."),
        (" ", "An empty text names no backend. Write None to turn everything off."),
        ("none", "'none' is text. Write None, without quotation marks, to turn everything off."),
        ("Off", "'Off' is text. Write None, without quotation marks, to turn everything off."),
        ("mine,log", "'mine,log' is one text. Write a list: ['mine', 'log']."),
        ("a.B, log", "'a.B, log' is one text. Write a list: ['a.B', 'log']."),
        (["mine", False], "False is no backend."),
    ],
)
def test_what_is_meant_by_something_else_is_told_how_to_write_it(wanted, told, installed):
    installed(
        ("log", "streaminstr.log:LogBackend", "x"), ("mine", "shop_backends:ShopBackend", "x")
    )
    assert message(wanted).startswith(told)


@pytest.mark.parametrize(
    "twice",
    [
        ["log", "log"],
        ["log", "streaminstr.log.LogBackend"],
        ["log", {"BACKEND": "log"}],
        [ShopBackend, {"BACKEND": PATH, "RATIO": 0.5}],
        [{"BACKEND": PATH, "OPTIONS": {"colour": "pink"}}] * 2,
        [make_backend, ["log", make_backend]],
        [CallableBackend()] * 2,
    ],
)
def test_the_same_backend_twice_is_refused(twice):
    assert message(twice).endswith(" is there twice: each stream would have two spans. Keep one.")


def test_two_of_a_kind_with_other_options_are_two():
    first, second = {"BACKEND": PATH, "OPTIONS": {"colour": "pink"}}, PATH
    assert len(resolve([first, second, ShopBackend(), ShopBackend()], {})) == 4


def test_all_that_is_wrong_is_told_at_once():
    wrong = [7, {"BACKENDS": "log", "RATE": 1}, "lgo", {"BACKEND": "log", "OPTIONS": {"levles": 1}}]
    told = message(wrong, {"colour": "pink"}).splitlines()
    assert [text[:30] for text in told] == [
        "Options beside a list or dict ",
        "7 is no backend: a backend has",
        "A backend has the keys BACKEND",
        "A backend has the keys BACKEND",
        "A backend that is written as a",
        "No backend is called 'lgo'. Di",
        "Backend 'log' has no option 'l",
    ]
    assert "Did you mean 'levels'?" in told[-1]


def test_options_beside_a_dict_belong_to_nobody():
    assert message({"BACKEND": PATH}, {"colour": "pink"}).startswith("Options beside a list")
