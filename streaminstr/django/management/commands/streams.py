"""`manage.py streams`: what `streaminstr top` is, under the settings of the site."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from streaminstr import StreaminstrError
from streaminstr._top import sources
from streaminstr._top.from_log import of_log
from streaminstr._top.options import EPILOG, add_arguments
from streaminstr._top.show import show

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from streaminstr._process.rows import Table


class Command(BaseCommand):
    """Show the open streams of all workers."""

    requires_system_checks = ()  # it may run each minute
    help = f"Show the open streams of all workers. {EPILOG}"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_arguments(parser)

    def handle(self, **options: Any) -> None:
        asked = Namespace(**options)
        try:
            code = show(asked, _source(asked), self.stdout)
        except StreaminstrError as error:
            raise CommandError(str(error), returncode=2) from error
        if code:
            sys.exit(code)


def _source(asked: Namespace) -> Callable[[], Table]:
    if asked.log is not None:
        return of_log(asked.log)
    if asked.dir is not None:
        return sources.of_directory(asked.dir)
    return sources.of_settings(f"STREAMINSTR in {settings.SETTINGS_MODULE or 'the settings'}")
