"""Requests from one process to another, as JSON text.

A request is answered once, and only for a short time. Repeated, late and unknown requests are
ignored.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from streaminstr._process.rows import CloseResult
from streaminstr._process.shutdown import close_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Handler = Callable[[Mapping[str, Any]], str]

OLDEST = 10.0
"""Seconds after which a request is ignored, because its sender no longer waits."""
_LARGEST = 4096
_NONCE = re.compile("[0-9a-f]{16}")
_seen: deque[str] = deque(maxlen=1000)
"""The nonces of the requests that were answered last."""


def make(do: str, fields: Mapping[str, Any]) -> tuple[str, str]:
    """A request to do something, as text, and its nonce."""
    nonce = os.urandom(8).hex()
    return json.dumps({**fields, "do": do, "nonce": nonce, "at": time.time()}), nonce


def answer(text: bytes | str) -> tuple[str, str] | None:
    """Do what a request says; returns its nonce and the answer. None: it is none, late or known."""
    request = _request_of(text)
    if request is None or request["nonce"] in _seen:
        return None
    if not abs(time.time() - request["at"]) <= OLDEST:  # so that NaN is too old
        return None
    _seen.append(request["nonce"])
    handler = handlers.get(request["do"])
    return None if handler is None else (request["nonce"], handler(request))


def _request_of(text: bytes | str) -> dict[str, Any] | None:
    try:
        request = json.loads(text) if len(text) <= _LARGEST else None
    except (ValueError, RecursionError):
        return None
    is_sound = (
        isinstance(request, dict)
        and isinstance(request.get("do"), str)
        and isinstance(request.get("at"), int | float)
        and isinstance(nonce := request.get("nonce"), str)
        and _NONCE.fullmatch(nonce)
    )
    return request if is_sound else None


def _close(request: Mapping[str, Any]) -> str:
    is_open = close_stream(str(request.get("id")), reason=str(request.get("reason", "")))
    return (CloseResult.ASKED if is_open else CloseResult.GONE).value


handlers: dict[str, Handler] = {"close": _close}
"""Handlers of requests, by the value of `do`. Each takes the request and returns the answer, a
short text. They run in the background thread."""
