"""`streaminstr top`: the open streams of all workers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from streaminstr._top import show as showing
from streaminstr._top import sources
from streaminstr._top.from_log import of_log
from streaminstr.command.backends import SETTINGS, settings_of_site

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from streaminstr._process.rows import Table


def show(asked: argparse.Namespace) -> int:
    """Show the table; returns the exit code. Raises StreaminstrError where there is none."""
    return showing.show(asked, _source(asked))


def _source(asked: argparse.Namespace) -> Callable[[], Table]:
    if asked.log is not None:
        return of_log(asked.log)
    if asked.dir is not None:
        return sources.of_directory(asked.dir)
    if SETTINGS in os.environ:
        settings_of_site()
        return _of_settings()
    return sources.of_user()


def _of_settings() -> Callable[[], Table]:
    from streaminstr.django import conf  # noqa: PLC0415 - needs Django

    conf.adopt()  # where the app is not installed
    return sources.of_settings(f"STREAMINSTR in {os.environ[SETTINGS]}")
