"""`streaminstr top`: what it prints, once, as JSON and live, and its exit codes."""

import io
import json

import pytest
from rich.console import Console

from roster_fakes import ended, id_of, row, worker
from streaminstr._install import install_line
from streaminstr._process.rows import Table
from streaminstr._top import screen
from streaminstr._top import show as showing
from streaminstr._top.screen import keep_up
from streaminstr._top.show import show

ROWS = (
    row(1, name="orders.export", age=100.0, idle=40.0, chunks=5, waits_at="shop.py:7 rows"),
    row(2, name="chat", age=2.0, idle=2.0, rates={"tokens": 4.5}),
)
TABLE = Table(
    rows=ROWS,
    workers=(worker(7), worker(8, age=12.0, paused=True), worker(9, paused=True)),
    ended=(ended(3), ended(4, outcome="failed"), ended(5)),
    truncated={"web:7": 3},
    unreadable=1,
    problem="It is late.",
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def printed(asked, table=TABLE, *, code=0):
    out = io.StringIO()
    assert show(asked, lambda: table, out) == code
    return out.getvalue()


def test_where_stdout_is_no_terminal_the_table_is_printed_once(asked):
    lines = printed(asked()).split("\n")
    assert lines[0] == "2 streams in 3 workers, 1 silent for 30s; ended: 2 completed, 1 failed"
    assert "orders.export" in lines[-3]
    assert lines[-3].endswith("shop.py:7 rows")


def test_what_is_not_in_it_is_said(asked):
    lines = printed(asked()).split("\n")
    assert lines[1:6] == [
        "It is late.",
        "web:8 has written nothing for 12s.",
        "Paused, without a scope for new streams: web:8, web:9.",
        "web:7 has 3 more, which are not shown.",
        "What 1 worker wrote cannot be read.",
    ]


def test_where_nothing_is_open_there_is_no_table(asked):
    assert printed(asked(), Table()) == "0 streams in 0 workers\n"


def test_it_is_printed_on_stdout(asked, capsys):
    show(asked("--once"), Table)
    assert capsys.readouterr().out == "0 streams in 0 workers\n"


def test_json_has_all_that_is_known(asked):
    document = json.loads(printed(asked("--json", "--stalled", "30")))
    (one,) = document["rows"]
    assert (one["id"], one["idle"], one["rates"]) == (id_of(1), 40.0, {})
    workers = [(each["name"], each["paused"]) for each in document["workers"]]
    assert workers == [("web:7", False), ("web:8", True), ("web:9", True)]
    assert [each["outcome"] for each in document["ended"]] == ["completed", "failed", "completed"]
    assert (document["truncated"], document["unreadable"]) == ({"web:7": 3}, 1)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--fail-if-stalled", "30"], 1),
        (["--fail-if-stalled", "60"], 0),
        (["--fail-if-stalled", "30", "--route", "chat"], 0),
        (["--stalled", "30"], 0),
        (["--fail-if-stalled", "30", "--json"], 1),
    ],
)
def test_the_exit_code_says_whether_a_stream_has_stalled(asked, arguments, code):
    printed(asked(*arguments), code=code)


def test_without_rich_a_terminal_has_it_once_and_is_told_how_to_see_it_live(
    asked, monkeypatch, capsys
):
    monkeypatch.setattr(showing, "find_spec", lambda _: None)
    monkeypatch.setenv("COLUMNS", "80")
    out = Terminal()
    assert show(asked(), lambda: TABLE, out) == 0
    assert install_line("streaminstr[top]") in capsys.readouterr().err
    assert max(map(len, out.getvalue().split("\n"))) <= 80


@pytest.mark.parametrize("arguments", [["--once"], ["--fail-if-stalled", "60"], ["--from", "x"]])
def test_on_a_terminal_it_may_be_shown_once(asked, arguments):
    out = Terminal()
    assert show(asked(*arguments), lambda: TABLE, out) == 0
    assert out.getvalue().startswith("2 streams")


def test_on_a_terminal_it_is_live(asked, monkeypatch):
    seen = []
    monkeypatch.setattr(screen, "keep_up", lambda *given: seen.append(given) or 0)
    assert show(asked(), Table, Terminal()) == 0
    assert len(seen) == 1


# Live


def console(height=24):
    out = Terminal()
    return Console(file=out, force_terminal=True, width=80, height=height, _environ={}), out


def shown(asked, table=TABLE, height=24):
    on, out = console(height)
    on.print(screen.picture(table, asked, on), end="")
    return out.getvalue()


def test_a_new_table_comes_each_second_until_ctrl_c(asked):
    on, out = console()
    tables = iter([Table(rows=(row(1, name="first"),)), Table(rows=(row(2, name="second"),))])
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    assert keep_up(asked(), lambda: next(tables), on, pause) == 0
    assert pauses == [1.0, 1.0]
    assert "first" in out.getvalue()
    assert "second" in out.getvalue()


def test_it_makes_its_own_console(asked):
    def interrupted():
        raise KeyboardInterrupt

    assert keep_up(asked(), interrupted) == 0


def test_a_stream_that_is_silent_stands_out(asked):
    lines = shown(asked()).split("\n")
    (silent,) = (line for line in lines if "orders.export" in line)
    (other,) = (line for line in lines if "chat" in line)
    assert "\x1b[1;31m" in silent
    assert "\x1b[" not in other


def test_what_does_not_fit_on_the_screen_is_counted(asked):
    rows = tuple(row(number, name="many") for number in range(100))
    text = shown(asked(), Table(rows=rows), height=20)
    assert text.count("many") == 15
    assert "... and 85 more" in text
    assert len(text.rstrip("\n").split("\n")) <= 20


def test_on_a_very_small_screen_there_is_one(asked):
    assert shown(asked(), TABLE, height=3).count("orders.export") == 1


def test_a_name_with_markup_is_shown_as_it_is(asked):
    assert "[red]x[/red]" in shown(asked(), Table(rows=(row(1, name="[red]x[/red]"),)))
