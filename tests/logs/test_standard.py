"""Standard logging, for teams without structlog: the adapter, the filter, the text fall-back."""

import io
import logging
import sys
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import streaminstr
from streaminstr import _configure
from streaminstr.log import StreamFilter, StreamLogger
from streaminstr.log import structured as ours
from streaminstr.log.logger import as_text, one_line
from streaminstr.log.origin import RESERVED

IDS = {"trace_id": "t1", "span_id": "s1"}
log = logging.getLogger("site")


class Backend:
    """Gives log fields, and nothing else."""

    def __init__(self, fields=IDS):
        self.fields = fields

    def open(self, info):
        return self

    def start(self):
        return self.fields

    def close(self, report):
        pass


@pytest.fixture(autouse=True)
def _without_structlog(monkeypatch):
    for name in ("structlog", "structlog.threadlocal"):
        monkeypatch.setitem(sys.modules, name, None)
    ours.installed.cache_clear()
    with _configure.forced(_configure.build(Backend())):
        yield
    ours.installed.cache_clear()


@pytest.fixture(autouse=True)
def _all_levels(caplog):
    caplog.set_level(logging.DEBUG)


@pytest.fixture
def text():
    """What a plain text handler with the filter writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(StreamFilter())
    defaults = {"stream": "-", "span_id": "-"}
    handler.setFormatter(
        logging.Formatter("%(levelname)s %(message)s|%(stream)s|%(span_id)s", defaults=defaults)
    )
    logging.getLogger().addHandler(handler)
    yield stream.getvalue
    logging.getLogger().removeHandler(handler)


def own_logger(name="orders.export", fields=IDS):
    """The logger of a stream that has ended, silently."""

    def body():
        yield streaminstr.current_stream().logger

    silent = {"completed": None}
    with _configure.forced(_configure.build(Backend(fields), log_levels=silent)):
        (logger,) = streaminstr.stream(body(), name=name)
    return logger


def test_the_logger_is_an_adapter_with_the_same_fields(caplog):
    own_logger().info("line")
    (record,) = caplog.records
    assert isinstance(own_logger(), logging.LoggerAdapter)
    assert (record.stream, record.trace_id, record.span_id) == ("orders.export", "t1", "s1")
    assert record.getMessage() == "line trace_id='t1' span_id='s1' stream='orders.export'"


def test_bind_gives_another_one(caplog):
    own = own_logger()
    own.bind(row=1).info("other")
    own.info("own")
    other, unchanged = caplog.records
    assert (other.row, other.stream, hasattr(unchanged, "row")) == (1, "orders.export", False)


def test_extra_adds_fields_to_one_line(caplog):
    own_logger().info("line", extra={"row": 1})
    assert (caplog.records[0].row, caplog.records[0].trace_id) == (1, "t1")


def test_arguments_are_put_in_whatever_the_fields_contain(caplog):
    own_logger("100%s").info("row %d", 1)
    own_logger("100%s").info("row 1")
    assert caplog.messages == ["row 1 trace_id='t1' span_id='s1' stream='100%s'"] * 2


def test_a_logger_taken_before_the_first_step_gets_the_ids_with_it(caplog):
    @streaminstr.streamed("n", pass_stream=True)
    def view(stream):
        stream.logger.info("before")
        return (stream.logger.info("within") for _ in "a")

    list(view())
    before, within, _ = caplog.records
    assert (hasattr(before, "trace_id"), within.trace_id) == (False, "t1")


def test_it_says_where_it_was_called_from(caplog):
    def log_for_the_caller():
        own_logger().info("line", stacklevel=2)

    own_logger().info("line")
    own_logger().log(logging.INFO, "line")
    log_for_the_caller()
    names = [record.funcName for record in caplog.records]
    assert names == ["test_it_says_where_it_was_called_from"] * 3


@pytest.mark.parametrize("given", [True, ValueError("v"), (ValueError, ValueError("v"), None)])
def test_it_takes_an_exception_as_logging_does(caplog, given):
    try:
        raise ValueError("v")  # noqa: EM101, TRY301 - a test's
    except ValueError:
        own_logger().error("line", exc_info=given)
    assert caplog.records[0].exc_info[0] is ValueError


def test_a_level_that_is_off_costs_nothing(caplog):
    shown = []
    caplog.set_level(logging.ERROR)
    for level in (logging.INFO, logging.ERROR):
        own_logger().log(level, "line", extra={"x": Noted(shown, level)})
    assert shown == [logging.ERROR]


def test_the_closing_event_comes_by_it(caplog):
    list(streaminstr.stream("ab", name="n"))
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("streaminstr", "INFO")
    assert (record.__dict__["streaminstr.outcome"], record.trace_id) == ("completed", "t1")
    assert record.getMessage().startswith("stream_closed trace_id='t1'")


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_field_with_a_name_of_logging_itself_gets_an_underscore(caplog, name):
    own_logger(fields={name: "mine"}).info("line")
    assert vars(caplog.records[0])[f"{name}_"] == "mine"
    assert caplog.records[0].getMessage().startswith("line")


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_so_does_one_that_a_body_binds_or_adds(caplog, name):
    own_logger().bind(**{name: "mine"}).info("line")
    own_logger().info("line", extra={name: "mine"})
    assert [vars(record)[f"{name}_"] for record in caplog.records] == ["mine"] * 2


def test_a_record_factory_that_sets_the_same_names_does_not_get_in_the_way(caplog):
    def factory(*args, **kwargs):
        record = before(*args, **kwargs)
        record.trace_id = "of another"
        return record

    own, before = own_logger(), logging.getLogRecordFactory()
    logging.setLogRecordFactory(factory)
    try:
        own.info("line")
    finally:
        logging.setLogRecordFactory(before)
    assert caplog.records[0].trace_id == "t1"


def test_the_filter_puts_the_fields_on_records_of_a_step_alone(text):
    def body():
        log.info("within")
        yield 1

    log.info("before")
    for _ in streaminstr.stream(body(), name="orders.export"):
        log.info("between")
    log.info("after")
    lines = [line for line in text().splitlines() if "stream_closed" not in line]
    assert lines == [
        "INFO before|-|-",
        "INFO within|orders.export|s1",
        "INFO between|-|-",
        "INFO after|-|-",
    ]


def test_the_filter_leaves_what_a_record_has():
    def body():
        record = logging.makeLogRecord({"span_id": "injected"})
        StreamFilter().filter(record)
        yield record.span_id, record.stream

    assert list(streaminstr.stream(body(), name="n")) == [("injected", "n")]


HOSTILE = (
    "\nINFO forged",
    "\r",
    "\x1b[31mred",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x1c",
    "\u202e",
    "\ud800",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_in_a_field_starts_a_line_or_colours_one(text, hostile):
    own = own_logger(hostile, {"span_id": hostile})
    own.bind(**{f"k{hostile}": hostile}).warning("line", extra={"x": [hostile]})
    list(streaminstr.stream("a", name=hostile, attributes={"url.path": hostile}))
    lines = text().splitlines()
    assert [line.split()[1] for line in lines] == ["line", "stream_closed"]
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_filter_escapes_what_it_puts_on_a_record(text, hostile):
    def body():
        log.info("within")
        yield 1

    with _configure.forced(_configure.build(Backend({"span_id": hostile}))):
        list(streaminstr.stream(body(), name=hostile))
    lines = text().splitlines()
    assert [line.split()[1].partition("|")[0] for line in lines] == ["within", "stream_closed"]
    assert all(line.isprintable() for line in lines)


class Noted:
    """Notes that it was shown."""

    def __init__(self, shown, level):
        self.shown, self.level = shown, level

    def __repr__(self):
        self.shown.append(self.level)
        return "x"


class Badly:
    """Shows itself over two lines, or not at all."""

    def __init__(self, shown):
        self.shown = shown

    def __repr__(self):
        if self.shown is None:
            raise ValueError
        return self.shown


def test_a_value_that_cannot_be_shown_breaks_nothing(caplog):
    own_logger().bind(a=Badly("\n"), b=Badly(None), c=1).info("line")
    assert r"a=\n b=? c=1" in caplog.records[-1].getMessage()


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.binary(), st.floats(), st.none())))
@example(dict.fromkeys(HOSTILE, "".join(HOSTILE)))
def test_fields_as_text_are_one_line_whatever_they_are(fields):
    assert as_text(fields).isprintable()


@given(st.text())
def test_text_that_can_be_printed_stays_as_it_is_and_other_is_escaped(value):
    shown = one_line(value)
    assert shown.isprintable()
    assert (shown == value) is value.isprintable()


def test_what_is_no_text_stays_as_it_is():
    assert one_line(b"\n") == b"\n"


def test_nothing_here_needs_structlog():
    with warnings.catch_warnings():
        assert ours.installed() is None
        assert not ours.is_thread_local()
    assert isinstance(own_logger(), StreamLogger)


def test_outside_of_a_stream_the_logger_logs_plainly(caplog):
    streaminstr.current_stream().logger.bind(shop="north").info("plain %d", 3)
    (record,) = caplog.records
    assert (record.getMessage(), record.shop) == ("plain 3 shop='north'", "north")
