"""Each line that ends in `# wrong` is an error to every checker, and no other is."""

from collections.abc import AsyncIterator, Iterator

from django.http import HttpRequest, StreamingHttpResponse

import streaminstr
from streaminstr.django.decorators import stream_scope
from streaminstr.types import Backend, StreamInfo, StreamReport, StreamScope


@streaminstr.streamed()
def rows(count: int) -> Iterator[bytes]:
    yield b"row" * count


@streaminstr.streamed()
async def tokens(count: int) -> AsyncIterator[bytes]:
    yield b"token" * count


@streaminstr.streamed()
async def later(count: int) -> list[int]:
    return [count]


@stream_scope("orders.export")
def export(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse([request.path])


class ShopScope:
    def start(self) -> dict[str, str]:
        return {}

    def close(self, report: StreamReport, reason: str) -> None:
        report.as_attributes()[reason]


class ShopBackend:
    def open(self, info: StreamInfo) -> int:
        return len(info.name)


scope: StreamScope = ShopScope()  # wrong
backend: Backend = ShopBackend()  # wrong

rows("3")  # wrong
rows()  # wrong
rows(3, 4)  # wrong
tokens(number=3)  # wrong
later("3")  # wrong
export()  # wrong
export(7)  # wrong
rows(3).cloze()  # wrong
streaminstr.stream(7)  # wrong
streaminstr.stream(rows, name="orders")  # wrong
streaminstr.stream([], attributes={"shop": object()})  # wrong
streaminstr.streamed()(7)  # wrong
streaminstr.streamed(rows)  # wrong
stream_scope(export)  # wrong
streaminstr.configure(7)  # wrong
streaminstr.configure(ShopBackend())  # wrong
streaminstr.configure(colour="pink")  # wrong
streaminstr.configure(parent="sibling")  # wrong
streaminstr.configure(progress_interval="5")  # wrong
streaminstr.configure(log_levels=None)  # wrong
streaminstr.current_stream().set_attribute("shop", [])  # wrong
streaminstr.shutdown("soon")  # wrong
