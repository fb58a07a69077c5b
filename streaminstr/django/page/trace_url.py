"""The setting TRACE_URL: the address of a stream's trace, as a template that takes ids alone."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from streaminstr.types import OpenStream

IDS = ("trace_id", "span_id", "stream_id")
_EXAMPLE = '"https://tracing.example.com/trace/{trace_id}"'


def check(name: str, given: Any) -> str | None:
    """`given`; raises StreaminstrError if it is no address with ids alone."""
    if given is None:
        return None
    problem = _problem(given) if isinstance(given, str) else "It is no text."
    if problem:
        msg = f"{name} is {given!r:.200}. {problem} Write such as {_EXAMPLE}."
        raise StreaminstrError(msg)
    return str(given)


def address(template: str | None, row: OpenStream) -> str | None:
    """The address of the trace of `row`; None without a template, or without an id it needs."""
    if template is None:
        return None
    ids = {"trace_id": row.trace_id, "span_id": row.span_id, "stream_id": row.id}
    values = {name: ids[name] for name in _fields(template)}
    if not all(values.values()):
        return None
    # An id is what a backend has put on a log line: it may stay in its place in the address alone.
    return template.format(**{name: quote(str(id_), safe="") for name, id_ in values.items()})


def _problem(template: str) -> str | None:
    try:
        parts = list(Formatter().parse(template))
        split = urlsplit(template)
    except ValueError as error:
        return f"It cannot be read: {error}."
    if any(name is not None and name not in IDS for _, name, _, _ in parts):
        return f"It can take {', '.join(f'{{{name}}}' for name in IDS)} alone."
    if any(spec or conversion for _, _, spec, conversion in parts):
        return "Its ids take neither a format nor a conversion."
    if split.scheme not in ("http", "https") or not split.hostname or "{" in split.netloc:
        return "It has to begin with http:// or https:// and a host."
    return None


def _fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}
