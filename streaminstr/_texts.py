"""Texts that backends receive: the name of the span, the length of texts, parts of exceptions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from streaminstr._calls.guard import guarded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streaminstr.types import StreamReport

Exceptions = Literal["type", "message", "stacktrace"]
"""How much of an exception goes on a span: each has what those before it have."""
NAME = "{name}"
"""What stands for the stream's name in SPAN_NAME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The options SPAN_NAME, EXCEPTIONS and MAX_ATTRIBUTE_LENGTH."""

    span_name: str = NAME
    exceptions: Exceptions = "stacktrace"
    max_attribute_length: int | None = None
    """In characters; None: any."""

    def cut(self, value: Any) -> Any:
        """`value`; a text is cut where it is too long."""
        if self.max_attribute_length is None or not isinstance(value, str):
            return value
        return value[: self.max_attribute_length]

    def cut_all(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """The same for the values of attributes."""
        if self.max_attribute_length is None:
            return dict(attributes)
        return {name: self.cut(value) for name, value in attributes.items()}

    def finish(self, report: StreamReport) -> StreamReport:
        """The report of a stream that has failed, without what is not wanted of its exception."""
        if self.exceptions == "stacktrace":
            return report
        text = guarded(str, report.error, default="?") if self.exceptions == "message" else None
        return replace(report, error=None, exception_message=self.cut(text))


PLAIN = Texts()
"""As it is without options."""
