"""The option to have tables of the documentation written by the tests that hold them."""

from contextlib import suppress


def add_option(parser):
    """Add `--write-table`, which several folders have."""
    with suppress(ValueError):  # another folder has added it
        parser.addoption(
            "--write-table",
            action="store_true",
            help="write what the servers were seen to do into docs/reference/servers.md",
        )
