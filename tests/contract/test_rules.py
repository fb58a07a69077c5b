"""The contract cannot be passed by leaving something out in silence."""

import pytest

from contract_vendors import WithoutSpans
from streaminstr.testing import BackendContract
from toy_vendor import ToyBackend, ToyContract, ToyScope

pytest_plugins = ["pytester"]


def test_a_subclass_that_changes_a_promise_is_refused():
    with pytest.raises(TypeError, match=r"Mine changes what it is tested for: test_failed\."):
        type("Mine", (ToyContract,), {"test_failed": lambda self: None})


def test_a_subclass_that_takes_a_promise_away_is_refused():
    with pytest.raises(TypeError, match="test_failed"):
        type("Mine", (ToyContract,), {"test_failed": None})


def test_a_subclass_that_hides_from_pytest_is_refused():
    with pytest.raises(TypeError, match="Mine changes what it is tested for: __test__"):
        type("Mine", (ToyContract,), {"__test__": False})


def test_a_promise_changed_by_a_mixin_is_refused():
    mixin = type("Mixin", (), {"test_failed": lambda self: None})
    with pytest.raises(TypeError, match="test_failed"):
        type("Mine", (mixin, ToyContract), {})


def test_a_promise_that_is_changed_later_fails():
    mine = type("Mine", (ToyContract,), {})
    mine.test_failed = lambda self: None
    with pytest.raises(AssertionError, match="contract_is_whole: test_failed changed since"):
        mine().test_contract_is_whole()


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"has_parents": "no"}, "has_parents is 'no'. Write True or False."),
        ({"can_read_back": False}, "can_read_back = False, and yet finished() is written."),
        (
            {"current_span_id": BackendContract.current_span_id},
            "current_span_id() is not written. Write it, or set has_current_span = False.",
        ),
    ],
)
def test_a_flag_says_what_is_so(written, sentence):
    contract = type("Mine", (ToyContract,), written)()
    with pytest.raises(AssertionError) as failure:
        contract.test_contract_is_whole()
    assert sentence in str(failure.value)


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({}, r"Write Mine\.make_backend\(\)"),
        ({"make_backend": lambda self: ToyBackend()}, r"Write Mine\.finished\(backend\), or set"),
        (
            {"make_backend": lambda self: ToyBackend(), "finished": lambda self, backend: ()},
            r"Write Mine\.current_span_id\(\), or set has_current_span = False",
        ),
    ],
)
def test_what_is_not_written_is_asked_for(written, sentence):
    contract = type("Mine", (BackendContract,), written)()
    with pytest.raises(NotImplementedError, match=sentence):
        contract.test_completed()


def test_a_mark_that_is_not_written_is_asked_for():
    names = ("make_backend", "current_span_id", "finished")
    written = {name: vars(ToyContract)[name] for name in names}
    contract = type("Mine", (BackendContract,), {**written, "vendor": ToyBackend, "made": None})()
    with pytest.raises(NotImplementedError, match=r"Write Mine\.mark_error\(\), or set has_own"):
        contract.test_own_error()


class NoMapping(ToyScope):
    def start(self):
        super().start()


class RaisesInStart(ToyScope):
    def start(self):
        return {}["nothing"]


class OpensNothing(ToyBackend):
    def open(self, info):
        pass


class OpensTheSame(ToyBackend):
    def open(self, info):
        self.newest = self.newest or ToyScope(self, info)
        return self.newest


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ({"vendor": OpensNothing}, r"open\(\) returned None\. Return a new scope"),
        ({"vendor": OpensTheSame}, r"open\(\) returned <.*>\. Return a new scope"),
        ({"scope": NoMapping}, r"start\(\) returned None\. Return a mapping"),
        ({"scope": RaisesInStart}, r"start\(\) raised KeyError"),
    ],
)
def test_what_the_core_would_only_log_fails(broken, sentence):
    contract = ToyContract()
    contract.vendor = broken.get("vendor") or type("Broken", (ToyBackend,), broken)
    with pytest.raises(AssertionError, match=sentence):
        contract.test_interleaved()


def test_what_is_skipped_is_reported_with_its_reason(pytester):
    pytester.makepyfile(
        """
        from streaminstr.log import LogBackend
        from streaminstr.testing import BackendContract

        class TestMine(BackendContract):
            can_read_back = has_current_span = has_parents = False

            def make_backend(self):
                return LogBackend(levels={"completed": None})
        """
    )
    result = pytester.runpytest_inprocess(
        *("-rs", "-k", "nested or completed"),
        *("-p", "no:ddtrace", "-p", "no:asyncio", "-p", "no:django"),
    )
    result.assert_outcomes(skipped=3, passed=2)
    result.stdout.fnmatch_lines_random(
        ["*nested: has_parents = False in TestMine", "*has_current_span = False in TestMine"]
    )


def test_what_ran_well_and_cannot_be_looked_at_has_passed():
    """Its spans are not there to be read back; all the rest of its promises was asked for."""
    contract = type("Mine", (WithoutSpans,), {"make_backend": lambda self: ToyBackend()})()
    for promise in ("failed", "numbers", "never_started", "async_abandoned"):
        getattr(contract, f"test_{promise}")()


def test_what_raises_fails_although_nothing_can_be_looked_at():
    broken = type("Broken", (ToyBackend,), {"scope": RaisesInStart})
    contract = type("Mine", (WithoutSpans,), {"make_backend": lambda self: broken()})()
    with pytest.raises(AssertionError, match=r"^failed: RaisesInStart\.start\(\) raised KeyError"):
        contract.test_failed()


class Clsoe:
    def start(self):
        return {}

    def clsoe(self, report):
        pass


class OnClose(Clsoe):
    clsoe = None

    def on_close(self, report):
        pass


class OnlyStarts(Clsoe):
    clsoe = None


class Progess(ToyScope):
    progress = None

    def progess(self, report):
        pass


class Flsuh(ToyBackend):
    flush = None

    def flsuh(self, timeout):
        pass


@pytest.mark.parametrize(
    ("scope", "sentence"),
    [
        (Clsoe, r"open\(\) returned Clsoe, which has no close\(\), but clsoe\(\)"),
        (OnClose, r"open\(\) returned OnClose, which has no close\(\), but on_close\(\)"),
        (OnlyStarts, r"open\(\) returned OnlyStarts, which has no close\(\)$"),
    ],
)
@pytest.mark.parametrize("base", [ToyContract, WithoutSpans])
def test_a_scope_without_close_is_named(base, scope, sentence):
    class Broken(ToyBackend):
        def open(self, info):
            return scope()

    contract = type("Mine", (base,), {"make_backend": lambda self: Broken()})()
    contract.made = None
    with pytest.raises(AssertionError, match=rf"^failed: Broken\.{sentence}"):
        contract.test_failed()


def test_an_optional_method_that_is_misspelt_is_named():
    contract = ToyContract()
    contract.vendor = type("Broken", (ToyBackend,), {"scope": Progess})
    with pytest.raises(AssertionError, match=r"^progress: Progess has progess\(\) and no progress"):
        contract.test_progress()
    contract.vendor = Flsuh
    with pytest.raises(AssertionError, match=r"^flush: Flsuh has flsuh\(\) and no flush\(\)"):
        contract.test_flush()


def test_a_backend_that_cannot_be_made_fails_in_a_line():
    """Each promise fails of it, and fifty tracebacks would hide the one reason."""
    contract = ToyContract()
    contract.vendor = lambda: "no_such_module.Backend"
    with pytest.raises(pytest.fail.Exception, match=r"^failed: make_backend\(\) names what") as one:
        contract.test_failed()
    assert not one.value.pytrace


@pytest.mark.parametrize(
    ("promise", "method", "advice"),
    [
        ("failed", "open", "It is called with the StreamInfo alone: open(info)."),
        ("failed", "start", "leave out what is refused."),
        ("failed", "close", "keep what close() needs in the scope itself."),
        ("flush", "flush", "It is called with the time that is left, in seconds: flush(timeout)."),
        ("segments", "segment", "raised LookupError: odd."),
    ],
)
def test_the_advice_is_about_the_method_that_raised(promise, method, advice):
    def odd(*_):
        msg = "odd"
        raise LookupError(msg)

    odd.__name__ = method
    contract, of_backend = ToyContract(), method in ("open", "flush")
    scope = ToyScope if of_backend else type("Scope", (ToyScope,), {method: odd})
    own = {method: odd} if of_backend else {}
    contract.vendor = type("Vendor", (ToyBackend,), {"scope": scope, **own})
    with pytest.raises(AssertionError) as failure:
        getattr(contract, f"test_{promise}")()
    assert str(failure.value).endswith(advice)
