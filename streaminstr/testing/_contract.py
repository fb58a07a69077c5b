"""The contract of a backend, as tests that its author runs."""

from __future__ import annotations


class BackendContract:
    """Subclass it, and make the backend in `make_backend`."""
