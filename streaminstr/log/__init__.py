"""All logging: the embedded backend, a stream's logger, structlog in its modes, the log filter.

Imports `_core`, `types` and the standard library; structlog where it is installed.
"""

from streaminstr.log.backend import DEFAULT_LEVELS, LEVELS, LogBackend, LogScope
from streaminstr.log.filter import StreamFilter
from streaminstr.log.logger import StreamLogger

__all__ = ["DEFAULT_LEVELS", "LEVELS", "LogBackend", "LogScope", "StreamFilter", "StreamLogger"]
