"""The pages of the roster: that of this process, and those of the others."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from streaminstr._calls.guard import guarded
from streaminstr._process.memory import memory
from streaminstr._process.page import Page, UnreadableError, decode
from streaminstr._process.rows import Worker, name_here
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streaminstr._process.stores import Store
    from streaminstr.types import OpenStream


UNREACHABLE = "The roster cannot be read. The log of the logger `streaminstr` says why."


class Others(NamedTuple):
    """What the other processes have written."""

    pages: Mapping[str, Page]
    """By the address of the process."""
    unreadable: int
    problem: str


def own_page(rows: Sequence[OpenStream], *, paused: bool = False) -> Page:
    """The page of this process, with these rows."""
    name = name_here()
    host, _, pid = name.rpartition(":")
    return Page(
        worker=Worker(
            name=name,
            host=host,
            pid=int(pid),
            since=memory.since,
            age=0.0,
            open=len(rows),
            paused=paused,
        ),
        written=time.time(),
        rows=tuple(rows),
        ended=memory.last_ended(),
    )


def read_others(store: Store | None) -> Others:
    """The pages of all other processes. An error in reading is reported, not raised."""
    if store is None:
        return Others({}, 0, "")
    own, texts, problem = guarded(_read, store, default=("", (), UNREACHABLE))
    pages: dict[str, Page] = {}
    unreadable = 0
    for address, text in texts:
        if address == own:
            continue
        try:
            pages[address] = decode(text, time.time())
        except UnreadableError:
            unreadable += 1
    return Others(pages, unreadable, problem)


def _read(store: Store) -> tuple[str, tuple[tuple[str, bytes | str], ...], str]:
    """The address of this process, the addresses and pages of all, and what hindered that."""
    try:
        texts = tuple(store.read())
    except StreaminstrError as error:
        return store.own, (), str(error)
    return store.own, texts, ""  # the address last: it may be claimed during the read
