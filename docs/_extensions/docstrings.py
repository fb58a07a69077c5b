"""Docstrings in the API reference: their code as code, and the version that each name came with."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sphinx.application import Sphinx

FIRST = "0.1"
NEWEST = "0.2"
OF_FIRST = frozenset(
    {
        *("Backend", "Outcome", "StreamInfo", "StreamReport", "StreamScope", "StreaminstrError"),
        *("configure", "current_stream", "shutdown", "stream", "streamed"),
        *("BackendContract", "RecordedStream", "RecordingBackend", "SpanView", "Streams"),
        *("StreamScopeMiddleware", "stream_scope", "bind_extra_stream_metadata"),
    }
)
"""The names that version 0.1 had. Any other came with `NEWEST`."""
KINDS = {"class", "data", "exception", "function"}
PAGE = re.compile(r"\bdocs/([\w/-]+)\.md\b")


def since(name: str) -> str:
    """The version with which a public name came, by the last part of the name."""
    return FIRST if name.rpartition(".")[2] in OF_FIRST else NEWEST


def with_code(lines: list[str]) -> Iterator[str]:
    """The lines of a docstring, with a `::` before each indented block."""
    before_last, last = "", ""
    for line in lines:
        if line.startswith("    ") and not last and not before_last.startswith("    "):
            yield from ("::", "")
        yield line
        before_last, last = last, line


def change(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:  # noqa: ARG001 - autodoc's signature
    """Change the lines of a docstring in place."""
    lines[:] = [PAGE.sub(r":doc:`/\1`", line) for line in with_code(lines)]
    if what in KINDS:
        lines += ["", f"*Since version {since(name)}.*", ""]


def sign(
    app: Sphinx,  # noqa: ARG001 - autodoc's signature, as above
    what: str,
    name: str,  # noqa: ARG001
    obj: Any,
    options: Any,  # noqa: ARG001
    signature: str | None,
    returns: str | None,
) -> tuple[str | None, str | None]:
    """A Protocol is not called: leave out what Python shows as its parameters."""
    is_called = what != "class" or not getattr(obj, "_is_protocol", False)
    return (signature, returns) if is_called else ("", None)


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx about it."""
    app.connect("autodoc-process-docstring", change)
    app.connect("autodoc-process-signature", sign)
    return {"parallel_read_safe": True}
