"""Options that several folders of tests have."""

from contextlib import suppress


def add_option(parser):
    """Add `--write-table`: the tables of the docs are written by the tests that hold them."""
    text = "write what the servers were seen to do into docs/reference/servers.md"
    _add(parser, "--write-table", text)


def add_short(parser):
    """Add `--short`: what CI has the time for."""
    _add(parser, "--short", "fewer servers, fewer clients")


def _add(parser, name, text):
    with suppress(ValueError):  # another folder has added it
        parser.addoption(name, action="store_true", help=text)
