"""For tests: a backend that only records, and the contract that every backend has to pass.

    from streaminstr.testing import BackendContract, RecordingBackend

`RecordingBackend` needs the standard library alone; `BackendContract` needs pytest, and is loaded
when it is asked for. The fixture `streams` comes with the pytest plugin, by itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streaminstr.testing._recording import RecordedStream, RecordingBackend

if TYPE_CHECKING:
    from streaminstr.testing._contract import BackendContract
    from streaminstr.testing._views import SpanView

__all__ = ["BackendContract", "RecordedStream", "RecordingBackend", "SpanView"]

_HOME = {"BackendContract": "_contract", "SpanView": "_views"}


if not TYPE_CHECKING:  # a checker would take any name for one that exists

    def __getattr__(name: str) -> Any:
        """Load what needs pytest when it is first used."""
        if name not in _HOME:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        return value


def __dir__() -> list[str]:
    """The public names, loaded or not: for `dir`, tab completion and `help`."""
    return __all__
