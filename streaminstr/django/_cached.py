"""The roster of several hosts: in a cache of Django's, which the site has anyway.

Each process has a slot, a key of its own that it has claimed by `cache.add`. A slot holds its page
and expires with it. There is no index: all slots are read at once. Requests lie beside the slot, at
a few keys.

What is in the cache is text that is signed, for its slot alone, and valid for some seconds. What
another application writes there is no page, and an old one that is written again is none either. A
request is for one process, and answered once.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import caches
from django.core.signing import BadSignature, SignatureExpired, dumps, loads
from django.db import connections

from streaminstr._process.requests import OLDEST
from streaminstr._process.stores import TIME_TO_LIVE
from streaminstr.types import StreaminstrError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.cache.backends.base import BaseCache

SLOTS = 256
"""How many processes have a page at once."""
_TRIES = 8
"""How many slots are tried in one look."""
_ASKS = 8
"""How many requests wait for one process at once."""
_SALT = "streaminstr.roster"


def store_in(name: str, given: Any) -> Any:
    """`given`, and the store where it names a cache; raises StreaminstrError for another name."""
    if not isinstance(given, dict) or set(given) != {"CACHE"}:
        return given
    if given["CACHE"] not in [*settings.CACHES]:
        msg = f"{name} is {given!r:.80}. CACHES in the settings has: {', '.join(settings.CACHES)}."
        raise StreaminstrError(msg)
    return CacheStore(given["CACHE"])


class CacheStore:
    """A `Store` in the cache that `CACHES` has under `alias`."""

    polls_every = 1.0
    writes_every = 1.0
    largest = 1_500_000
    """Compressed it is less than the 1 MB that memcached takes."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self._pid = 0
        self._slot: int | None = None
        self._nonce = ""
        self._next = 0

    @property
    def own(self) -> str:
        """The address of this process; empty while it has no slot."""
        is_here = self._slot is not None and self._pid == os.getpid()
        return f"{self._slot}-{self._nonce}" if is_here else ""

    def write(self, text: str) -> None:
        """Write the page into the slot of this process; claim one where it has none."""
        if not self.own:
            self._claim(text)
        else:
            slot = self._slot or 0
            self._cache.set(_slot_key(slot), self._signed(slot, text), TIME_TO_LIVE)

    def read(self) -> Iterator[tuple[str, str]]:
        """The addresses and pages of the processes whose slots have not expired.

        What is no page, or signed with another `SECRET_KEY`, is empty.
        """
        keys = {_slot_key(slot): slot for slot in range(SLOTS)}
        for key, value in self._cache.get_many(keys).items():
            try:
                page = _opened(value, f"{_SALT}.{keys[key]}", TIME_TO_LIVE)
            except SignatureExpired:
                continue
            by, text = ("", "") if page is None else (page["by"], page["text"])
            yield f"{keys[key]}-{by}", text

    def ask(self, address: str, nonce: str, text: str) -> None:  # noqa: ARG002 - it is in the text
        """Leave a request at the first free key beside the slot."""
        signed = dumps({"by": "", "text": text}, salt=f"{_SALT}.ask.{address}")
        slot = int(address.partition("-")[0])
        if not any(self._cache.add(key, signed, OLDEST) for key in _ask_keys(slot)):
            msg = "There are too many requests to one process already."
            raise StreaminstrError(msg)

    def asked(self) -> Iterator[str]:
        """Take out the requests to this process, and look whether its slot is still its own."""
        own, slot = self.own, self._slot
        if not own or slot is None:
            return
        values = self._cache.get_many([_slot_key(slot), *_ask_keys(slot)])
        if not self._is_own(slot, values.pop(_slot_key(slot), None)):
            self._slot = None
        if values:
            self._cache.delete_many(list(values))
        for value in values.values():
            with suppress(SignatureExpired):
                request = _opened(value, f"{_SALT}.ask.{own}", OLDEST)
                if request is not None:
                    yield request["text"]

    def rest(self) -> None:
        """Close the database connections of this thread, which a cache in a database has opened."""
        connections.close_all()

    def _is_own(self, slot: int, value: Any) -> bool:
        """Whether the slot has not expired, after which it may be another's."""
        with suppress(SignatureExpired):
            page = _opened(value, f"{_SALT}.{slot}", TIME_TO_LIVE)
            return page is not None and page["by"] == self._nonce
        return False

    @property
    def _cache(self) -> BaseCache:
        return caches[self.alias]

    def _claim(self, text: str) -> None:
        if self._pid != os.getpid():
            self._pid, self._nonce = os.getpid(), os.urandom(4).hex()
            self._next = int(self._nonce, 16)
        for _ in range(_TRIES):
            slot = self._next % SLOTS
            self._next += 1
            if self._takes(slot, text):
                return
        msg = f"No free slot was found for this process: there are {SLOTS}. It tries again."
        raise StreaminstrError(msg)

    def _takes(self, slot: int, text: str) -> bool:
        """Write the page into `slot` if it is free; returns whether it was."""
        is_taken = False
        self._slot = slot  # first: another thread may read the page while `add` returns
        try:
            is_taken = self._cache.add(_slot_key(slot), self._signed(slot, text), TIME_TO_LIVE)
        finally:
            self._slot = slot if is_taken else None
        return is_taken

    def _signed(self, slot: int, text: str) -> str:
        return dumps({"by": self._nonce, "text": text}, salt=f"{_SALT}.{slot}", compress=True)


def _slot_key(slot: int) -> str:
    return f"streaminstr:roster:{slot}"


def _ask_keys(slot: int) -> list[str]:
    return [f"streaminstr:ask:{slot}:{number}" for number in range(_ASKS)]


def _opened(value: Any, salt: str, seconds: float) -> dict[str, str] | None:
    """What was signed for this place; None where it is anything else.

    Raises SignatureExpired where that was too many `seconds` ago.
    """
    if not isinstance(value, str):
        return None
    try:
        content = loads(value, salt=salt, max_age=timedelta(seconds=seconds))
    except SignatureExpired:
        raise
    except (BadSignature, ValueError, RecursionError):
        return None
    is_sound = isinstance(content, dict) and all(
        isinstance(content.get(name), str) for name in ("by", "text")
    )
    return content if is_sound else None
