"""Tables: plain everywhere, by rich on a terminal that has it."""

import io
import sys
from contextlib import redirect_stdout

from streaminstr.command.table import plain, print_table

COLUMNS = ("name", ">count")
ROWS = [("one", "1"), ("twelve", "12")]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown_on_a_terminal():
    with redirect_stdout(Terminal()) as terminal:
        print_table(COLUMNS, ROWS)
    return terminal.getvalue()


def test_plain_columns_are_as_wide_as_their_widest_cell():
    assert plain(COLUMNS, ROWS).splitlines() == [
        "name    count",
        "------  -----",
        "one         1",
        "twelve     12",
    ]


def test_a_table_without_rows_has_its_titles():
    assert plain(COLUMNS, []).splitlines() == ["name  count", "----  -----"]


def test_output_that_is_no_terminal_is_plain(capsys):
    print_table(COLUMNS, ROWS)
    assert capsys.readouterr().out == plain(COLUMNS, ROWS) + "\n"


def test_a_terminal_gets_the_table_from_rich():
    shown = shown_on_a_terminal()
    assert "twelve" in shown
    assert shown != plain(COLUMNS, ROWS) + "\n"


def test_a_terminal_without_rich_is_plain(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    assert shown_on_a_terminal() == plain(COLUMNS, ROWS) + "\n"
