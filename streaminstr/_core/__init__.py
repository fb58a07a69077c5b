"""One stream: its steps, its scopes, its end.

Imports `streaminstr.types`, `streaminstr._speedups` and the standard library alone. What belongs to
a process, a vendor, a framework or to logging is passed in through `Config`.

Rules: only `Life` writes to a `Life`. A backend is called in `scopes` alone. Everything that
touches the body runs by `Life.run`, in the stream's own Context.
"""
