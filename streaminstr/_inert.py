"""The handle outside of a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streaminstr import _stopping
from streaminstr.types import StreamInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from streaminstr.types import Attribute


class InertHandle:
    """The handle outside of a stream. It is falsy and does nothing, except for its logger."""

    __slots__ = ("_make_logger",)
    info = StreamInfo(name="")
    id = ""

    def __init__(self, make_logger: Callable[[], Any]) -> None:
        self._make_logger = make_logger

    def __bool__(self) -> bool:
        return False

    def set_attribute(self, name: str, value: Attribute) -> None:
        """Do nothing."""

    def fail(
        self, error_or_reason: BaseException | str = "", *, error_type: str | None = None
    ) -> None:
        """Do nothing."""

    def mark(self, name: str) -> None:
        """Do nothing."""

    def add(self, name: str, number: float, *, rate: bool = False) -> None:
        """Do nothing."""

    @property
    def stopping(self) -> bool:
        """Whether the process drains."""
        return _stopping.draining

    async def stopped(self) -> None:
        """Return when the process begins to drain."""
        await _stopping.stopped()

    @property
    def logger(self) -> Any:
        """A logger with what is bound here."""
        return self._make_logger()
