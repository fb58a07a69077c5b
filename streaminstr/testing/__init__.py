"""For tests: a backend that only records, and contracts that every backend must pass.

    from streaminstr.testing import BackendContract, MetricsContract, RecordingBackend

`RecordingBackend` needs only the standard library. The contracts need pytest, and are imported when
they are first used. The pytest plugin provides the fixture `streams` automatically.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from streaminstr.testing._recording import RecordedStream, RecordingBackend

if TYPE_CHECKING:
    from streaminstr.testing._contract import BackendContract
    from streaminstr.testing._metrics_contract import MetricsContract
    from streaminstr.testing._views import MetricView, SpanView

__all__ = [
    "BackendContract",
    "MetricView",
    "MetricsContract",
    "RecordedStream",
    "RecordingBackend",
    "SpanView",
]

_HOME = {
    "BackendContract": "_contract",
    "MetricView": "_views",
    "MetricsContract": "_metrics_contract",
    "SpanView": "_views",
}


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
