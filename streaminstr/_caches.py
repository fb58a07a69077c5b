"""The connections to Django's caches, which Django keeps in an asgiref Local that it never resets.

What is kept there in a Context of our own is lost with it, and each request would connect anew.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from contextvars import Context


def hand_back(context: Context) -> None:
    """Leave the connections that were made in `context` with the caller, for its next request."""
    django: Any = sys.modules.get("django.core.cache")
    if django is not None and sys.modules["django.conf"].settings.configured:
        caches = django.caches
        for alias in caches:
            made = context.run(getattr, caches._connections, alias, None)  # noqa: SLF001 - no other way
            if made is not None and getattr(caches._connections, alias, None) is None:  # noqa: SLF001
                caches[alias] = made
