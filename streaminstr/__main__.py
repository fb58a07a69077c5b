"""`python -m streaminstr`, and the command `streaminstr`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code: 2 if it cannot run with these arguments."""
    from streaminstr.command import run  # noqa: PLC0415 - importing this module is to be cheap

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
