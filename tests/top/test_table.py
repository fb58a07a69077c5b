"""Which rows `streaminstr top` shows, in which order, and how they fit."""

import pytest

from roster_fakes import row
from streaminstr._top.columns import as_size, as_time, table
from streaminstr._top.options import chosen
from streaminstr._top.plain import plain

LONG = row(
    1,
    name="GET api/v2/organisations/<int:pk>/conversations/<uuid:id>/messages/",
    route="api/v2/organisations/<int:pk>/conversations/<uuid:id>/messages/",
    worker="web-production-7f9c8d-x2x5k:4711",
    age=7265.0,
    idle=95.2,
    chunks=123_456,
    bytes=98_765_432,
    turn="producer",
    waits=("shop/conversations/streams/messages.py:1234 deliver_pending_messages",),
    waits_at="shop/conversations/streams/messages.py:1234 deliver_pending_messages",
)
ROWS = [
    row(1, name="a", route="orders/", age=100.0, idle=1.0, chunks=5, bytes=50),
    row(2, name="orders.export", age=300.0, idle=40.0, chunks=1, bytes=900),
    row(3, name="c", route="chat/", age=2.0, idle=2.0, chunks=70, bytes=7),
]


def numbers(asked, *arguments):
    return [int(one.id) for one in chosen(ROWS, asked(*arguments))]


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        ([], [2, 1, 3]),
        (["--sort", "age"], [2, 1, 3]),
        (["--sort", "idle"], [2, 3, 1]),
        (["--sort", "route"], [3, 2, 1]),
        (["--sort", "chunks"], [3, 1, 2]),
        (["--sort", "bytes"], [2, 1, 3]),
        (["--route", "orders"], [2, 1]),
        (["--route", "hat/"], [3]),
        (["--min-age", "100"], [2, 1]),
        (["--stalled", "30"], [2]),
        (["--stalled", "0"], [2, 1, 3]),
    ],
)
def test_which_rows_are_shown_and_in_which_order(asked, arguments, order):
    assert numbers(asked, *arguments) == order


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (42, "42s"), (185, "3m05"), (7800, "2h10"), (356_400, "4d03")],
)
def test_times_are_short(seconds, text):
    assert as_time(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1234, "1.2k"), (98_765_432, "99M"), (2e9, "2.0G"), (5e12, "5T")],
)
def test_sizes_are_short(number, text):
    assert as_size(number) == text


@pytest.mark.parametrize("width", [60, 80, 100, 120, 140, 200])
def test_it_fits_into_the_width(width):
    lines = plain(*table([LONG, *ROWS], width)).split("\n")
    assert max(map(len, lines)) <= width


def test_at_80_columns_each_text_says_what_matters():
    *_, line = plain(*table([LONG], 80)).split("\n")
    assert line.startswith("2h01  1m35  producer    123k    99M  …")
    assert "id>/messages/" in line
    assert line.endswith("liver_pending_messages")


def test_what_is_short_leaves_its_room_to_the_other():
    _, (cells,) = table([row(1, name="a", waits_at="x" * 200)], 80)
    assert len(cells[-1]) == 80 - len("age   idle  turn      chunks  bytes  stream  ")


def test_a_wide_table_has_the_ids_and_workers():
    titles, _ = table(ROWS, 140)
    assert titles[:2] == ["id", "worker"]
    assert "id" not in table(ROWS, 80)[0]


def test_without_a_width_nothing_is_cut():
    _, (cells,) = table([LONG], None)
    assert LONG.worker in cells
    assert LONG.waits_at in cells


@pytest.mark.parametrize(
    ("fields", "turn"),
    [
        ({"turn": "consumer"}, "consumer"),
        ({"draining": True}, "draining"),
        ({"limited": True}, "limited"),
    ],
)
def test_a_stream_that_was_asked_to_end_says_so(fields, turn):
    titles, (cells,) = table([row(1, **fields)], 80)
    assert cells[titles.index("turn")] == turn


@pytest.mark.parametrize(
    ("fields", "text"),
    [({"waits": ("a.py:1 f", "...")}, "..."), ({}, ""), ({"waits_at": "b.py:2 g"}, "b.py:2 g")],
)
def test_where_no_line_is_of_the_application_the_last_one_is_shown(fields, text):
    assert table([row(1, **fields)], 80)[1][0][-1] == text


def test_what_controls_a_terminal_is_not_shown():
    _, (cells,) = table([row(1, name="\x1b[2J\nx")], None)
    assert "?[2J?x" in cells
