"""Files that the server may send by itself (`wsgi.file_wrapper`), without a step of the body.

A server that can takes the file's descriptor. Any other one, and middleware that iterates, calls
its `read`: PEP 3333 asks for no more. Such a read is a step of the stream.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from streaminstr._caches import close_here
from streaminstr._calls.guard import guarded
from streaminstr._wrap import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from streaminstr._core.stream import Stream


def may_be_sent_by_server(request: HttpRequest, response: Any) -> bool:
    """Whether Django hands the file itself to the server, if nothing changes until then."""
    return (
        getattr(response, "file_to_stream", None) is not None
        and request.META.get("wsgi.file_wrapper") is not None
        and request.method != "HEAD"
    )


def hand_over(response: Any, stream: Stream[bytes]) -> Callable[[], None]:
    """Have what the server reads of the file be steps of `stream`; returns what closes it."""
    file = response.file_to_stream = SteppedFile(response.file_to_stream, stream)
    return partial(_close, response, file)


class SteppedFile:
    """A file whose `read` is a step of its stream. Everything else is the file's own."""

    def __init__(self, file: Any, stream: Stream[bytes]) -> None:
        self._file = file
        self._stream = stream
        self._was_taken = False
        """Whether the server has the descriptor."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._file, name)
        watched = {"fileno": self._fileno, "seek": self._seek}
        return watched.get(name, value)

    def __iter__(self) -> Any:
        return iter(self._file)

    @property
    def close(self) -> Any:
        """Django sets it to the response's own `close`, on the file itself as ever."""
        return self._file.close

    @close.setter
    def close(self, close: Callable[[], None]) -> None:
        self._file.close = close

    def read(self, *arguments: Any) -> Any:
        """Read in a step of the stream. What is empty is the end."""
        end: list[Any] = [b""]

        def advance(_: object) -> Any:
            chunk = self._file.read(*arguments)
            if chunk:
                return chunk
            end[0] = chunk
            raise StopIteration

        try:
            return self._stream.step(advance)
        except StopIteration:
            return end[0]

    def settle(self, length: int | None) -> None:
        """End the stream, if the server has sent all of the file, whose length is `length`."""
        if not self._stream.begun:
            if self._was_taken:
                settle(self._stream, length)
        elif length is not None and self._stream.size >= length:
            # A server that knows the length does not read on to the end.
            with suppress(StopIteration):
                self._stream.step(_no_more)

    def finish(self) -> None:
        """Close the stream, and with it the file."""
        close_here(self._stream)

    def _fileno(self) -> int:
        number: int = self._file.fileno()
        self._was_taken = True
        return number

    def _seek(self, *arguments: Any) -> Any:
        """Seek; a server that goes back has not sent what it has read (waitress)."""
        before = guarded(self._file.tell, default=0)
        position = self._file.seek(*arguments)
        if self._stream.begun:
            self._stream.size += guarded(self._file.tell, default=before) - before
        return position


def _no_more(_: object) -> NoReturn:
    raise StopIteration


def _close(response: Any, file: SteppedFile) -> None:
    """Close a stream whose file the server may have sent by itself, never stepping it."""
    # Django sets the file's `close` just before it hands the file to the server.
    if response.file_to_stream is file and file.close == response.close:
        length = str(response.get("Content-Length", ""))
        file.settle(int(length) if length.isdecimal() else None)
    file.finish()
