"""Never run, only type-checked: a backend with all optional moments, by public names alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

import streaminstr
from streaminstr import attributes
from streaminstr.types import (
    Attribute,
    Backend,
    CancelledBy,
    Outcome,
    Parent,
    StreamInfo,
    StreamReport,
    StreamScope,
    SupportsFlush,
    SupportsProgress,
    SupportsSegments,
    SupportsTraceId,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


class ShopBackend:
    """All that a backend can do."""

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.lines: list[tuple[str, Attribute]] = []

    def open(self, info: StreamInfo) -> ShopScope | None:
        assert_type(info.parent, Parent)
        assert_type(info.stream_id, str)
        assert_type(info.as_attributes(), dict[str, Attribute])
        return None if info.name == "health" else ShopScope(self, info)

    def flush(self, timeout: float) -> None:
        self.lines.clear()
        assert timeout

    def trace_id(self) -> int | None:
        return None


class ShopScope:
    """All that a scope can do."""

    def __init__(self, backend: ShopBackend, info: StreamInfo) -> None:
        self.backend = backend
        self.info = info

    def start(self) -> Mapping[str, str]:
        return {"trace_id": "1234"}

    def progress(self, report: StreamReport) -> None:
        self.backend.lines.append((attributes.CHUNKS, report.chunks))

    def segment(self, report: StreamReport) -> Mapping[str, Attribute]:
        return {attributes.SEGMENT: report.segment or 0}

    def close(self, report: StreamReport) -> None:
        assert_type(report.outcome, Outcome)
        assert_type(report.cancelled_by, CancelledBy | None)
        assert_type(report.time_to_first_chunk, float | None)
        assert_type(report.gaps, tuple[tuple[float, int], ...])
        self.backend.lines.extend(report.as_attributes().items())


class SmallBackend:
    """The least that a backend can do."""

    def open(self, info: StreamInfo) -> SmallScope:
        assert info.name
        return SmallScope()


class SmallScope:
    def start(self) -> dict[str, str]:
        return {}

    def close(self, report: StreamReport) -> None:
        assert report.outcome


backends: list[Backend] = [ShopBackend(), SmallBackend()]
scopes: list[StreamScope] = [ShopScope(ShopBackend(), StreamInfo(name="shop")), SmallScope()]
flushes: SupportsFlush = ShopBackend()
knows_the_trace: SupportsTraceId = ShopBackend()
shows_progress: SupportsProgress = ShopScope(ShopBackend(), StreamInfo(name="shop"))
has_segments: SupportsSegments = ShopScope(ShopBackend(), StreamInfo(name="shop"))

streaminstr.configure(ShopBackend)
streaminstr.configure(ShopBackend("localhost"))
streaminstr.configure([ShopBackend, SmallBackend()])


def what_is_optional_is_told_by_isinstance(scope: StreamScope) -> None:
    if isinstance(scope, SupportsProgress):
        scope.progress(StreamReport(outcome=Outcome.COMPLETED))
