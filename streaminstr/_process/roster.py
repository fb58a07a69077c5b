"""The roster: the table of the open streams of all processes, and requests to them.

Each process writes a page for the others and answers their requests, in its background thread. The
page is built from a snapshot of the open streams, and from a backend that remembers the streams
that have ended. Streams do no extra work for it in their steps.
"""

from __future__ import annotations

import time
from dataclasses import replace
from math import inf
from time import perf_counter as clock
from time import thread_time
from typing import TYPE_CHECKING, Any

from streaminstr._calls.guard import guarded
from streaminstr._core.life import open_lives
from streaminstr._process import requests
from streaminstr._process.memory import memory
from streaminstr._process.open_streams import open_streams, rows_of
from streaminstr._process.others import own_page, read_others
from streaminstr._process.page import encode
from streaminstr._process.rows import CloseResult, Table, name_here
from streaminstr._process.shutdown import close_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from streaminstr._core.life import Life
    from streaminstr._process.others import Others
    from streaminstr._process.page import Page
    from streaminstr._process.rows import Sample
    from streaminstr._process.stores import Store
    from streaminstr.types import OpenStream

_WRITE_EVERY, _WRITE_IDLE = 1.0, 5.0
"""How often a page is written while anything is open, and while nothing is, in seconds."""
_POLL_IDLE = 1.0
"""How often requests are looked for while nothing is open, in seconds."""
_REST = 20
"""How many times longer the thread rests than a page took: it uses 5 % of a core at most."""
_LONGEST_REST = 5.0
"""Seconds: a page is valid for some more. The first one may take long, because it imports a lot."""
_SOON = 0.2
"""Seconds from an answer to the page with it: the stream that was closed has ended by then."""
_LONGEST_PAUSE = 30.0
"""Seconds after which a store that failed is tried again, at most."""
_LOOK_AGAIN = 0.1
"""How often to look for an answer, or whether a stream has ended, in seconds."""
_MOST_ANSWERS = 20
_IN_TIME = 2.0
"""Seconds that a page is valid as it is. Its streams are as much older as it is older."""


class Roster:
    """What the command and the page read, and where they send their requests.

    Without a store (`is_on` is false: ROSTER is not set) it sees this process alone. A store that
    fails raises in the background thread only.
    """

    def __init__(
        self, store: Store | None = None, is_paused: Callable[[], bool] = lambda: False
    ) -> None:
        self.store, self._is_paused = store, is_paused
        self._asked_due = self._write_due = self._earliest = 0.0
        self._failures = 0
        self._was_idle = True
        self._answers: dict[str, str] = {}

    @property
    def is_on(self) -> bool:
        """Whether other processes can be seen."""
        return self.store is not None

    def table(self) -> Table:
        """The streams of all processes, those of this one as they are now. From any thread."""
        others = self._others()
        own = own_page(open_streams(), paused=self._is_paused())
        pages = [*([own] if own.rows or own.ended else []), *others.pages.values()]
        left_out = {page.worker.name: page.worker.open - len(page.rows) for page in pages}
        rows = (row for page in pages for row in _aged(page))
        return Table(
            rows=tuple(sorted(rows, key=lambda row: -row.age)),
            workers=tuple(sorted((page.worker for page in pages), key=lambda one: one.name)),
            ended=tuple(
                sorted((one for page in pages for one in page.ended), key=lambda one: -one.ended)
            ),
            truncated={name: count for name, count in left_out.items() if count > 0},
            unreadable=others.unreadable,
            problem=others.problem,
        )

    def timeline(self, id: str) -> tuple[Sample, ...]:  # noqa: A002 - as `close_stream`
        """What an open stream has sent so far, from its beginning: at most 32 samples.

        Empty where there is no such stream, where it has just begun, and without ROSTER.
        """
        own = memory.timelines().get(id, ())
        pages = () if own else self._others().pages.values()
        return own or next((page.timelines[id] for page in pages if id in page.timelines), ())

    def request_close(
        self,
        id: str,  # noqa: A002 - as `close_stream`
        reason: str = "",
        timeout: float = 2.0,
    ) -> CloseResult:
        """End an open stream as cancelled by the server, in this process or another one.

        Waits at most `timeout` seconds for its end. Do not call it in an event loop's thread.
        """
        until = time.monotonic() + timeout
        if close_stream(id, reason=reason):
            return _wait(
                lambda: all(life.handle.info.stream_id != id for life in open_lives()), until
            )
        pages = self._others().pages
        asked = [address for address, page in pages.items() if _may_have(page, id)]
        answers = self._ask(asked, "close", {"id": id, "reason": reason}, until)
        if CloseResult.ASKED in answers.values():
            return _wait(lambda: self._has_ended(id), until)
        return CloseResult.GONE if len(answers) == len(asked) else CloseResult.UNANSWERED

    def send(self, do: str, timeout: float = 2.0, **fields: Any) -> dict[str, str]:
        """Ask all processes to do something, this one too; returns the answers by worker.

        Possible requests are in `requests.handlers`; a process ignores unknown ones. The result
        omits processes that do not answer within `timeout` seconds, and those that never had a
        stream and so have no background thread.
        """
        until = time.monotonic() + timeout
        handler = requests.handlers.get(do)
        own = {name_here(): handler(fields)} if handler else {}
        pages = self._others().pages
        answers = self._ask(list(pages), do, fields, until)
        return {**own, **{pages[one].worker.name: answer for one, answer in answers.items()}}

    def look(self, lives: tuple[Life, ...]) -> float:
        """Answer requests and write the page, where that is due; returns when to look again.

        The background thread calls it, with the lives of all open streams.
        """
        if self.store is None:
            return inf
        try:
            self._look(self.store, lives, clock())
            self.store.rest()
        except BaseException:
            self._failures += 1
            self._asked_due = self._write_due = clock() + min(2**self._failures, _LONGEST_PAUSE)
            raise
        return min(self._asked_due, self._write_due)

    def _look(self, store: Store, lives: tuple[Life, ...], now: float) -> None:
        if lives and self._was_idle:
            self._write_due, self._was_idle = min(self._write_due, self._earliest), False
        if self._asked_due <= now:
            if self._answer(store):
                self._write_due = max(self._earliest, now + _SOON)
            self._asked_due = now + max(store.polls_every, 0.0 if lives else _POLL_IDLE)
        if self._write_due <= now:
            begun = thread_time()
            self._write(store, rows_of(lives))
            rest = min((thread_time() - begun) * _REST, _LONGEST_REST)
            self._earliest = now + max(rest, store.writes_every)
            self._write_due = now + max(rest, _WRITE_EVERY if lives else _WRITE_IDLE)
            self._was_idle, self._failures = not lives, 0

    def _answer(self, store: Store) -> bool:
        """Answer the requests to this process; returns whether there were any."""
        answers = [guarded(requests.answer, text, default=None) for text in store.asked()]
        new = dict(one for one in answers if one is not None)
        self._answers = {**self._answers, **new}
        while len(self._answers) > _MOST_ANSWERS:
            del self._answers[next(iter(self._answers))]
        return bool(new)

    def _write(self, store: Store, rows: list[OpenStream]) -> None:
        memory.sample(rows)
        own = own_page(rows, paused=self._is_paused())
        page = replace(own, answers=self._answers, timelines=memory.timelines())
        store.write(encode(page, store.largest))

    def _others(self) -> Others:
        return read_others(self.store)

    def _ask(
        self, addresses: Iterable[str], do: str, fields: Mapping[str, Any], until: float
    ) -> dict[str, str]:
        """Send a request to the processes of these addresses; returns their answers by address."""
        waiting = {}
        for address in addresses:
            text, waiting[address] = requests.make(do, fields)
            guarded(self._leave, address, waiting[address], text, default=None)
        answers = dict(self._answers_to(waiting))
        while len(answers) < len(waiting) and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN)
            answers = dict(self._answers_to(waiting))
        return answers

    def _leave(self, *request: str) -> None:
        if self.store is not None:  # pragma: no branch - without one there is no address
            self.store.ask(*request)

    def _answers_to(self, waiting: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        pages = self._others().pages if waiting else {}
        for address, nonce in waiting.items():
            if address in pages and nonce in pages[address].answers:
                yield address, pages[address].answers[nonce]

    def _has_ended(self, id: str) -> bool:  # noqa: A002 - as `close_stream`
        pages = self._others().pages.values()
        is_known = any(id == one.id for page in pages for one in page.ended)
        return is_known or not any(_may_have(page, id) for page in pages)


def _may_have(page: Page, id: str) -> bool:  # noqa: A002 - as `close_stream`
    """Whether a stream is open in a process: it is on its page, or may have been left out."""
    return page.worker.open > len(page.rows) or any(row.id == id for row in page.rows)


def _wait(has_ended: Callable[[], bool], until: float) -> CloseResult:
    while not has_ended():
        if time.monotonic() >= until:
            return CloseResult.ASKED
        time.sleep(_LOOK_AGAIN)
    return CloseResult.CLOSED


def _aged(page: Page) -> Iterable[OpenStream]:
    """The rows of a page, older by what it was written too long ago."""
    late = page.worker.age - _IN_TIME
    if late <= 0:
        return page.rows
    return (replace(row, age=row.age + late, idle=row.idle + late) for row in page.rows)
