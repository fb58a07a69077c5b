"""One scope for every streamed response: a span, a logger, closed exactly once.

    import streaminstr

    streaminstr.configure(backend="opentelemetry")
    for chunk in streaminstr.stream(rows(), name="orders.export"):
        ...

In Django: add "streaminstr.django" to INSTALLED_APPS, and
"streaminstr.django.middleware.StreamScopeMiddleware" to the end of MIDDLEWARE.
"""

from __future__ import annotations

# Type checkers take a variable of this name for true. Importing `typing` alone takes longer than
# the 5 ms that this import may take.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from streaminstr import attributes as attributes
    from streaminstr import types as types
    from streaminstr._configure import configure as configure
    from streaminstr._configure import drain as drain
    from streaminstr._configure import pause as pause
    from streaminstr._configure import resume as resume
    from streaminstr._configure import shutdown as shutdown
    from streaminstr._process.open_streams import open_streams as open_streams
    from streaminstr._process.shutdown import close_stream as close_stream
    from streaminstr._streamed import streamed as streamed
    from streaminstr._wrap import current_stream as current_stream
    from streaminstr._wrap import stream as stream
    from streaminstr.types import Backend as Backend
    from streaminstr.types import Outcome as Outcome
    from streaminstr.types import StreamInfo as StreamInfo
    from streaminstr.types import StreaminstrError as StreaminstrError
    from streaminstr.types import StreamReport as StreamReport
    from streaminstr.types import StreamScope as StreamScope

__all__ = [
    "Backend",
    "Outcome",
    "StreamInfo",
    "StreamReport",
    "StreamScope",
    "StreaminstrError",
    "close_stream",
    "configure",
    "current_stream",
    "drain",
    "open_streams",
    "pause",
    "resume",
    "shutdown",
    "stream",
    "streamed",
]
__version__ = "0.2.0"

_MODULES = ("attributes", "types")
_HOME = {
    "close_stream": "_process.shutdown",
    "configure": "_configure",
    "current_stream": "_wrap",
    "drain": "_configure",
    "open_streams": "_process.open_streams",
    "pause": "_configure",
    "resume": "_configure",
    "shutdown": "_configure",
    "stream": "_wrap",
    "streamed": "_streamed",
}

if not TYPE_CHECKING:  # a checker would take any name for one that exists

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        from importlib import import_module  # noqa: PLC0415 - see TYPE_CHECKING above

        if name in _MODULES:
            return import_module(f"{__name__}.{name}")
        if name not in __all__:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        home = import_module(f"{__name__}.{_HOME.get(name, 'types')}")
        value = globals()[name] = getattr(home, name)
        return value


def __dir__() -> list[str]:
    """The public names, loaded or not: for `dir`, tab completion and `help`."""
    return [*__all__, *_MODULES, "__version__"]
