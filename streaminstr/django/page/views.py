"""The pages: the table of open streams, one stream, and what came of a request to change any."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.views.decorators.http import require_POST, require_safe

from streaminstr._process.rows import CloseResult, EndedStream
from streaminstr.django import conf
from streaminstr.django.page import cells, roster, trace_url
from streaminstr.django.page.access import CLOSE, VIEW, allowed
from streaminstr.django.page.listing import TURNS, Listing
from streaminstr.django.page.rendering import page
from streaminstr.django.page.timeline import longest_gap, timeline

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from streaminstr.types import OpenStream

PAGE = 50
"""Rows of one page of the table."""
_MOST_ENDED = 20
_STATUS = {CloseResult.CLOSED: 200, CloseResult.GONE: 404}


@allowed(VIEW)
@require_safe
def table(request: HttpRequest) -> HttpResponse:
    """What is open now, by route, what is stalled, and what has just ended."""
    seen = roster.table()
    asked = Listing.of(request.GET)
    picked = asked.pick(seen.rows)
    paginator = Paginator(picked, PAGE)
    number = paginator.get_page(asked.page)
    shown = {
        "asked": asked,
        "turns": TURNS,
        "headings": [_heading(asked, *heading) for heading in cells.HEADINGS],
        "rows": [cells.cells(row) for row in number.object_list],
        "matching": cells.count(len(picked)),
        "page": number,
        "pages": _pages(asked, paginator, number.number),
        "totals": cells.totals(seen),
        "routes": cells.routes(seen.rows),
        "stalled": cells.stalled(seen.rows),
        "stalled_after": cells.duration(cells.STALLED),
        "all_stalled": Listing(idle=cells.STALLED, sort="-idle").address(),
        "ended": [cells.ended(one) for one in seen.ended[:_MOST_ENDED]],
        "workers": [cells.worker(one) for one in seen.workers],
        "pausing": roster.pausing(seen),
        "problem": seen.problem,
        "unreadable": seen.unreadable,
        "at": _now(),
    }
    return page(request, "table", shown)


@allowed(VIEW)
@require_safe
def stream(request: HttpRequest, stream_id: str) -> HttpResponse:
    """One stream: its facts, where it waits, and its timeline; 404 if it is not known."""
    one = roster.find(stream_id)
    shown = {"stream_id": stream_id, "at": _now()}
    if one is None:
        return page(request, "stream", shown, status=404)
    if isinstance(one, EndedStream):
        return page(request, "stream", {**shown, "ended": cells.ended(one)})
    return page(request, "stream", {**shown, **_of_open(one)})


@allowed(CLOSE)
@require_POST
def close(request: HttpRequest, stream_id: str) -> HttpResponse:
    """Have a stream end, with an optional `reason`, and say what came of it."""
    result = roster.close(stream_id, request.POST.get("reason", ""))
    shown = {"stream_id": stream_id, "result": result.value}
    return page(request, "closed", shown, status=_STATUS.get(result, 202))


@allowed(CLOSE)
@require_POST
def pause(request: HttpRequest) -> HttpResponse:
    """Have all workers open no scope for new streams, and say which of them have done so."""
    return _changed(request, "pause")


@allowed(CLOSE)
@require_POST
def resume(request: HttpRequest) -> HttpResponse:
    """Have all workers open scopes again, and say which of them have done so."""
    return _changed(request, "resume")


def _changed(request: HttpRequest, do: roster.Change) -> HttpResponse:
    answers = roster.change(do)
    is_whole = not (answers.refused or answers.silent)
    shown = {
        "do": do,
        "done": f"{do}d".capitalize(),
        "answers": answers,
        "is_whole": is_whole,
        "total": len(answers.done) + len(answers.refused) + len(answers.silent),
    }
    return page(request, "paused", shown, status=200 if is_whole else 202 if answers.done else 409)


def _of_open(row: OpenStream) -> dict[str, Any]:
    samples = roster.samples(row.id)
    return {
        "cells": cells.cells(row),
        "frames": [(frame, frame == row.waits_at) for frame in row.waits],
        "rates": [(name, f"{rate:.1f} /s") for name, rate in sorted(row.rates.items())],
        "bars": timeline(row, samples),
        "longest_gap": longest_gap(row, samples),
        "trace_url": trace_url.address(_trace_url(), row),
    }


def _heading(asked: Listing, field: str, title: str) -> dict[str, str]:
    order = {field: "ascending", f"-{field}": "descending"}.get(asked.sort, "none")
    return {"title": title, "order": order, "address": asked.toggled(field), "field": field}


def _pages(asked: Listing, paginator: Paginator[Any], number: int) -> list[dict[str, Any]]:
    """The links to pages; an ellipsis has no address."""
    return [
        {
            "text": one,
            "address": asked.address(page=one) if isinstance(one, int) else "",
            "is_this": one == number,
        }
        for one in paginator.get_elided_page_range(number)
    ]


def _trace_url() -> str | None:
    setting = conf.loaded()
    return None if setting is None else setting.trace_url


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S} UTC"
