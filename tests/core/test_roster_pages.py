"""A page of the roster: bounded where it is written, checked where it is read."""

import json
import time
from dataclasses import replace

import pytest

from roster_fakes import ended, id_of, page, row, worker
from streaminstr._process.page import MOST_ROWS, UnreadableError, decode, encode
from streaminstr._process.rows import Sample

FULL = row(
    1,
    route="orders/<int:pk>/",
    method="GET",
    age=12.5,
    chunks=3,
    events=2,
    bytes=512,
    rates={"tokens": 41.5},
    idle=0.25,
    turn="consumer",
    limited=True,
    draining=True,
    trace_id="a" * 32,
    span_id="b" * 16,
    waits=("shop/views.py:12 rows", "shop/db.py:7 query"),
    waits_at="shop/db.py:7 query",
)
GONE = ended(
    2,
    route="orders/",
    method="GET",
    outcome="cancelled",
    cancelled_by="client",
    close_reason="stuck",
    error_type="ValueError",
    duration=4.5,
    chunks=3,
    events=1,
    bytes=9,
)
SAMPLES = {id_of(1): (Sample(age=1.0, chunks=2, bytes=3, idle=0.5),)}


def read(text):
    return decode(text, time.time())


def changed(*rows, **fields):
    """A page with other contents."""
    document = json.loads(encode(page(FULL, ended=(GONE,))))
    if rows:
        document["rows"] = list(rows)
    return read(json.dumps({**document, **fields}))


def raw_row(**fields):
    return {**json.loads(encode(page(FULL)))["rows"][0], **fields}


# What is written is read


def test_a_page_that_is_read_is_what_was_written():
    written = page(FULL, row(3), ended=(GONE, ended(4)), timelines=SAMPLES, answers={"a": "gone"})
    assert replace(read(encode(written)), worker=written.worker) == written


def test_timelines_that_are_not_well_formed_are_left_out():
    written = json.loads(encode(page(FULL, timelines=SAMPLES)))
    odd = {**written, "samples": {**written["samples"], "odd": 1}}
    timelines = read(json.dumps(odd)).timelines
    assert (len(timelines), list(timelines)) == (len(SAMPLES), list(SAMPLES))


def test_it_says_which_process_and_how_old_it_is():
    one = page(FULL, left_out=2, written=100.0)
    assert decode(encode(one), 103.5).worker == replace(one.worker, age=3.5)


@pytest.mark.parametrize("given", [False, 1, "yes", None])
def test_what_does_not_say_that_it_is_paused_is_not(given):
    assert not changed(paused=given).worker.paused


def test_one_that_is_paused_says_so():
    paused = page(worker=worker(paused=True))
    assert read(encode(paused)).worker.paused


def test_a_clock_that_is_ahead_makes_no_page_younger_than_new():
    assert decode(encode(page(written=100.0)), 90.0).worker.age == 0.0


def test_long_texts_are_cut():
    (one,) = read(encode(page(row(1, name="x" * 1000, waits=("y" * 1000,))))).rows
    assert (len(one.name), len(one.waits[0])) == (300, 300)


def test_what_controls_a_terminal_is_replaced():
    name = "a\x1b[2J\n\udcff"
    (one,) = read(encode(page(row(1, name=name, waits=(name,), rates={name: 1.0})))).rows
    assert (one.name, one.waits, one.rates) == ("a?[2J??", ("a?[2J??",), {"a?[2J??": 1.0})


def test_the_oldest_rows_are_those_that_fit():
    rows = [row(number, age=9.0) for number in range(1000)]
    text = encode(page(*rows), largest=20_000)
    kept = read(text).rows
    assert len(text) <= 20_000
    assert 100 < len(kept) < 1000
    assert list(kept) == rows[: len(kept)]


def test_a_page_without_rows_is_written_however_large_it_is():
    assert read(encode(page(row(1)), largest=1)).rows == ()


def test_no_page_has_more_rows_than_it_may():
    text = encode(page(*(row(number) for number in range(MOST_ROWS + 1))))
    assert len(read(text).rows) == MOST_ROWS


def test_the_more_streams_are_open_the_fewer_samples_are_shown():
    samples = tuple(Sample(age=float(age), chunks=1, bytes=1, idle=0.0) for age in range(32))
    rows = [row(number) for number in range(2000)]
    written = page(*rows, timelines={one.id: samples for one in rows})
    ages = [one.age for one in read(encode(written)).timelines[id_of(5)]]
    assert ages == [0, 4, 8, 12, 16, 20, 24, 28]


def test_five_thousand_rows_fit():
    rows = [replace(FULL, id=id_of(number)) for number in range(5000)]
    assert len(read(encode(page(*rows))).rows) == 5000


# What a hostile process may have written


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "<html>", "null", "[]", "7", '{"version": 1}', "[" * 100_000),
        *(b"\xff\xfe", '{"pid": 1e999}', '{"pid": NaN}'),
        pytest.param("9" * 10_000, id="a number with too many digits"),
    ],
)
def test_what_is_no_page_is_unreadable(text):
    with pytest.raises(UnreadableError):
        read(text)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"host": 7}, {"host": "x" * 301}, {"pid": "7"}, {"pid": -1}, {"pid": True}, {"pid": 1.5}),
        *({"since": None}, {"written": "now"}, {"open": 1e30}, {"rows": {}}, {"waits": None}),
        *({"ended": 7}, {"samples": []}, {"answers": None}),
    ],
)
def test_a_page_of_wrong_types_is_unreadable(wrong):
    with pytest.raises(UnreadableError):
        changed(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"id": 7}, {"id": "../../etc"}, {"id": None}, {"name": None}, {"name": "x" * 301}),
        *({"route": []}, {"age": -1}, {"age": "old"}, {"age": 1e19}, {"chunks": 1.5}),
        *({"rates": []}, {"rates": {"a": "b"}}, {"turn": "mine"}, {"turn": ["producer"]}),
        *({"limited": 1}, {"trace_id": {}}, {"bytes": True}, {"rates": {"x" * 301: 1}}),
        *({"rates": {"a": 10**400}}, {"name": "\x1b[2J"}, {"name": "\udcff"}),
    ],
)
def test_a_row_of_wrong_types_is_left_out(wrong):
    one = changed(raw_row(**wrong), raw_row())
    assert len(one.rows) == 1


@pytest.mark.parametrize("wrong", [7, None, "row", [], {}])
def test_what_is_no_row_is_left_out(wrong):
    assert changed(wrong, raw_row()).rows == (replace(FULL),)


def test_foreign_fields_are_ignored():
    assert changed(raw_row(cookie="x", worker="other:1"), cookies={}).rows == (FULL,)


@pytest.mark.parametrize("wrong", [7, None, "7", [], True, -1, 1.5])
def test_a_row_that_waits_at_no_place_waits_nowhere(wrong):
    (one,) = changed(raw_row(waits=wrong)).rows
    assert one.waits == ()


@pytest.mark.parametrize("wrong", [7, [7], ["x"] * 51, "rows"])
def test_places_of_wrong_types_are_left_out(wrong):
    (one,) = changed(waits=[wrong]).rows
    assert one.waits == ()


@pytest.mark.parametrize("wrong", [7, [7], [[1, 2]], [[1, 2, 3, "x"]], [[1, 2, 3, -4]]])
def test_samples_of_wrong_types_are_left_out(wrong):
    assert changed(samples={id_of(1): wrong}).timelines == {}


@pytest.mark.parametrize(
    "wrong", [{"outcome": "won"}, {"outcome": 7}, {"cancelled_by": "me"}, {"duration": "long"}]
)
def test_an_end_of_wrong_types_is_left_out(wrong):
    raw = json.loads(encode(page(ended=(GONE,))))["ended"][0]
    assert changed(ended=[{**raw, **wrong}, raw]).ended == (GONE,)


def test_answers_of_wrong_types_are_left_out():
    assert changed(answers={"a": 7, "b": "gone"}).answers == {"b": "gone"}
