"""All logging: the embedded backend, a stream's logger, structlog in its modes, the log filter.

Imports `_core`, `_calls`, `_asgiref`, `_fields`, `types`, `attributes`, the standard library, and
structlog where installed.
"""

from streaminstr.log.backend import (
    DEFAULT_LEVELS,
    LEVELS,
    LogBackend,
    LogScope,
    is_levels,
    with_log,
)
from streaminstr.log.filter import StreamFilter
from streaminstr.log.logger import StreamLogger, as_text, one_line, stream_logger

__all__ = [
    "DEFAULT_LEVELS",
    "LEVELS",
    "LogBackend",
    "LogScope",
    "StreamFilter",
    "StreamLogger",
    "as_text",
    "is_levels",
    "one_line",
    "stream_logger",
    "with_log",
]
