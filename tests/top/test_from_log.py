"""`streaminstr top --from FILE`: the table from JSON log lines, whatever is round them."""

import io
import json
from datetime import UTC, datetime

import pytest

import streaminstr
from roster_fakes import id_of
from streaminstr import stream
from streaminstr._process import progress
from streaminstr._top.from_log import of_log, table_of
from streaminstr.types import StreaminstrError

NOON = 1_800_000_000.0


def event(kind, number, at=NOON, **fields):
    """An event as structlog renders it."""
    given = {name.replace("__", "."): value for name, value in fields.items()}
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return {
        "event": f"stream_{kind}",
        "timestamp": moment,
        "stream": "orders.export",
        "streaminstr.stream_id": id_of(number),
        **given,
    }


def progress_of(number, at, chunks, **fields):
    times = {"streaminstr__producer_time": 10.0, "streaminstr__consumer_time": 2.0, **fields}
    return event("progress", number, at, streaminstr__chunks=chunks, **times)


def table(*events):
    return table_of(json.dumps(one) for one in events)


def only(*events):
    (one,) = table(*events).rows
    return one


def test_what_was_opened_and_not_closed_is_open():
    seen = table(event("opened", 1), event("opened", 2), event("closed", 1, NOON + 5))
    assert [one.id for one in seen.rows] == [id_of(2)]
    assert [one.id for one in seen.ended] == [id_of(1)]


def test_the_newest_line_is_now():
    one = only(event("opened", 1), event("opened", 2, NOON + 60), event("closed", 2, NOON + 60))
    assert one.age == 60.0


def test_progress_says_how_far_it_is():
    one = only(
        event("opened", 1),
        progress_of(
            1,
            NOON + 30,
            7,
            streaminstr__bytes=90,
            streaminstr__events=3,
            streaminstr__stalled="consumer",
            http__route="orders/",
            trace_id="a",
            span_id="b",
        ),
    )
    assert (one.chunks, one.bytes, one.events, one.turn) == (7, 90, 3, "consumer")
    assert (one.name, one.route, one.trace_id, one.span_id) == (
        "orders.export",
        "orders/",
        "a",
        "b",
    )


@pytest.mark.parametrize("turn", ["upstream", "producer", None])
def test_whose_turn_it_is(turn):
    assert only(progress_of(1, NOON, 7, streaminstr__stalled=turn)).turn == turn or "producer"


def test_without_its_opening_the_times_say_how_old_it_is():
    assert only(progress_of(1, NOON, 7)).age == 12.0


def test_it_is_silent_since_the_first_of_those_with_as_many_chunks():
    one = only(*(progress_of(1, NOON + at, chunks) for at, chunks in [(0, 5), (10, 7), (40, 7)]))
    assert one.idle == 30.0


def test_the_order_of_the_lines_says_nothing():
    events = [event("opened", 1), progress_of(1, NOON + 60, 7), event("opened", 2, NOON + 90)]
    assert table(*events) == table(*reversed(events))


def test_how_a_stream_has_ended():
    (one,) = table(
        event(
            "closed",
            1,
            streaminstr__outcome="cancelled",
            streaminstr__cancelled_by="client",
            streaminstr__producer_time=1.0,
            streaminstr__consumer_time=2.0,
            streaminstr__chunks=4,
            streaminstr__bytes=9,
        )
    ).ended
    assert (one.outcome, one.cancelled_by, one.duration) == ("cancelled", "client", 3.0)
    assert (one.chunks, one.bytes, one.ended) == (4, 9, NOON)


@pytest.mark.parametrize("by", ["server", "fate", None])
def test_who_has_cancelled_it_is_one_of_two(by):
    (one,) = table(event("closed", 1, streaminstr__cancelled_by=by)).ended
    assert one.cancelled_by == ("server" if by == "server" else None)


# What is round the event


def nested(fields):
    """Dotted names as objects in objects."""
    made = {}
    for name, value in fields.items():
        *outer, last = name.split(".")
        inner = made
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return made


PROGRESS = progress_of(1, NOON, 7, http__route="orders/")
PLAIN = {name: value for name, value in PROGRESS.items() if name not in ("event", "timestamp")}
SHAPES = {
    "structlog": PROGRESS,
    "standard logging": {
        **PLAIN,
        "message": "stream_progress",
        "asctime": "2027-01-15 08:00:00,000",
    },
    "logcli": {
        "labels": {"app": "shop"},
        "line": json.dumps(PROGRESS),
        "timestamp": "1800000000000",
    },
    "docker": {"log": json.dumps(PROGRESS) + "\n", "stream": "stdout", "time": "x"},
    "datadog": {
        "id": "A",
        "content": {
            "timestamp": "2027-01-15T08:00:00.000Z",
            "message": "stream_progress",
            "attributes": nested(PLAIN),
        },
    },
    "datadog's search": {
        "type": "log",
        "attributes": {
            "timestamp": "2027-01-15T08:00:00.000Z",
            "message": "stream_progress",
            "attributes": nested(PLAIN),
        },
    },
    "clickhouse": {
        "timestamp": "2027-01-15 08:00:00.000000000",
        "body": "stream_progress",
        "LogAttributes": {name: str(value) for name, value in PLAIN.items()},
    },
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_event_is_found_in_what_a_store_puts_round_it(shape):
    one = only(SHAPES[shape], event("opened", 1, NOON - 50))
    assert (one.id, one.chunks, one.route, one.age) == (id_of(1), 7, "orders/", 50.0)
    assert one.name == "orders.export"


@pytest.mark.parametrize(
    "line",
    [
        *(
            "",
            "stream_opened",
            '{"event": "stream_opened"}',
            '{"streaminstr.stream_id": "stream_"}',
        ),
        *('{"event": "stream_opened", "streaminstr.stream_id', "[" * 100_000 + "stream_opened"),
        *('["stream_opened"]', json.dumps({"text": "stream_opened", "streaminstr.stream_id": "a"})),
    ],
)
def test_other_lines_are_left_out(line):
    assert table_of([line]).rows == ()


@pytest.mark.parametrize("wrong", [None, "many", True, float("inf"), [], 10**400])
def test_numbers_that_are_none_count_as_nothing(wrong):
    assert only(progress_of(1, NOON, wrong)).chunks == 0


@pytest.mark.parametrize(("at", "age"), [(NOON * 1000, 12.0), (NOON * 1e9, 12.0), ("soon", 12.0)])
def test_times_are_read_in_any_unit(at, age):
    assert only({**PROGRESS, "timestamp": at}).age == pytest.approx(age)


# Where it comes from


def test_a_file_is_read(tmp_path):
    file = tmp_path / "streams.jsonl"
    file.write_text(json.dumps(event("opened", 1)) + "\n")
    assert len(of_log(str(file))().rows) == 1


def test_stdin_is_read(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(event("opened", 1))))
    assert len(of_log("-")().rows) == 1


@pytest.mark.parametrize("content", [None, b"\xff\n"])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path, content):
    file = tmp_path / "streams.jsonl"
    if content:
        file.write_bytes(content)
    with pytest.raises(StreaminstrError, match="cannot be read"):
        of_log(str(file))()


def test_the_events_of_the_library_itself_are_understood(monkeypatch):
    structlog = pytest.importorskip("structlog")
    monkeypatch.setattr("streaminstr._configure._state.configured", None)
    streaminstr.configure(log_levels={"opened": "info"}, progress_interval=3600)
    with structlog.testing.capture_logs() as lines:
        made = stream([b"one", b"two", b"three"], name="orders.export")
        next(made)
        progress._show(made._life)
        other = stream([b"one"], name="chat")
        list(other)
    (one,), (gone,) = table(*lines).rows, table(*lines).ended
    assert (one.id, one.chunks, one.bytes) == (made._life.handle.id, 1, 3)
    assert (gone.id, gone.outcome) == (other._life.handle.id, "completed")
    made.close()
