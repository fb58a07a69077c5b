"""One scope for every streamed response: a span, a logger, closed exactly once.

    import streaminstr

    streaminstr.configure(backend="opentelemetry")
    for chunk in streaminstr.stream(rows(), name="orders.export"):
        ...

In Django: add "streaminstr.django" to INSTALLED_APPS, and
"streaminstr.django.middleware.StreamScopeMiddleware" to the end of MIDDLEWARE.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; typing alone takes longer than this may take
if TYPE_CHECKING:
    from typing import Any

    from streaminstr._config import configure
    from streaminstr._life import current_stream
    from streaminstr._scope import (
        Backend,
        Outcome,
        StreamInfo,
        StreaminstrError,
        StreamReport,
        StreamScope,
    )
    from streaminstr._shutdown import shutdown
    from streaminstr._wrap import stream, streamed

__all__ = [
    "Backend",
    "Outcome",
    "StreamInfo",
    "StreamReport",
    "StreamScope",
    "StreaminstrError",
    "configure",
    "current_stream",
    "shutdown",
    "stream",
    "streamed",
]
__version__ = "0.1.0"

# Loaded when first asked for: dataclasses, too, take longer than the 5 ms this import may take.
_HOME = {
    "configure": "_config",
    "current_stream": "_life",
    "shutdown": "_shutdown",
    "stream": "_wrap",
    "streamed": "_wrap",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module  # noqa: PLC0415 - for the same reason

    home = import_module(f"{__name__}.{_HOME.get(name, '_scope')}")
    value = globals()[name] = getattr(home, name)
    return value
