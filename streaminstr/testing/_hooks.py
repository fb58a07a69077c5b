"""What the author of a backend sets for the contract: flags, and methods that read spans back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streaminstr.testing._views import SpanView

    Promise = Callable[[Any], None]

FLAGS = {
    "can_read_back": "finished",
    "has_current_span": "current_span_id",
    "has_log_fields": None,
    "has_parents": None,
    "has_links": None,
    "has_start_time": None,
    "has_exceptions": None,
    "has_own_errors": "mark_error",
}
"""What a vendor may be unable to do, and the method that reads it where it can."""


class Hooks:
    """Flags and methods for a subclass to set."""

    can_read_back: bool = True
    """Finished spans can be read back. If False, define no `finished`."""
    has_current_span: bool = True
    """The vendor has a current span. If False, define no `current_span_id`."""
    has_log_fields: bool = True
    """`start()` returns the ids for log lines."""
    has_parents: bool = True
    """Spans have parents."""
    has_links: bool = True
    """Spans can be linked to spans of other traces (option `parent="link"`)."""
    has_start_time: bool = True
    """Spans have a start time, which can be set to a time in the past."""
    has_exceptions: bool = True
    """Exceptions can be recorded."""
    has_own_errors: bool = True
    """The application can mark the current span as an error. If False, define no `mark_error`."""

    def make_backend(self) -> Any:
        """A new backend, or anything else that `streaminstr.configure(backend=...)` takes."""
        msg = f"Write {type(self).__name__}.make_backend(): it returns a new backend."
        raise NotImplementedError(msg)

    def finished(self, backend: Any) -> Iterable[SpanView]:
        """The finished spans of `backend`, which `make_backend` returned; oldest end first."""
        msg = f"Write {type(self).__name__}.finished(backend), or set can_read_back = False."
        raise NotImplementedError(msg)

    def current_span_id(self) -> str | None:
        """The id of the current span, in the form of the log fields; None if there is none."""
        msg = f"Write {type(self).__name__}.current_span_id(), or set has_current_span = False."
        raise NotImplementedError(msg)

    def mark_error(self) -> None:
        """Mark the current span as an error, with the vendor's own API."""
        msg = f"Write {type(self).__name__}.mark_error(), or set has_own_errors = False."
        raise NotImplementedError(msg)


def needs(*flags: str) -> Callable[[Promise], Promise]:
    """Have a promise reported as skipped where one of `flags` is False."""

    def decorate(test: Promise) -> Promise:
        @functools.wraps(test)
        def checked(self: Hooks) -> None:
            for flag in flags:
                if not getattr(self, flag):
                    promise = test.__name__.removeprefix("test_")
                    pytest.skip(f"{promise}: {flag} = False in {type(self).__name__}")
            test(self)

        return checked

    return decorate


def changed_promises(cls: type, contract: type) -> list[str]:
    """The tests of `contract` that are not the same in `cls`; `__test__` where it hides all."""
    hidden = [] if getattr(cls, "__test__", True) else ["__test__"]
    return hidden + [
        name
        for name in dir(contract)
        if name.startswith("test_") and getattr(cls, name, None) is not getattr(contract, name)
    ]


def wrong_flags(cls: type) -> list[str]:
    """A sentence for each flag that is no bool, or contradicts what is written."""
    return [sentence for flag in FLAGS if (sentence := _wrong_flag(cls, flag))]


def _wrong_flag(cls: type, flag: str) -> str | None:
    value, hook = getattr(cls, flag), FLAGS[flag]
    if not isinstance(value, bool):
        return f"{flag} is {value!r}. Write True or False."
    if hook is None:
        return None
    written = getattr(cls, hook) is not getattr(Hooks, hook)
    if written and not value:
        return f"{flag} = False, and yet {hook}() is written. Remove one of the two."
    if value and not written:
        return f"{hook}() is not written. Write it, or set {flag} = False."
    return None
