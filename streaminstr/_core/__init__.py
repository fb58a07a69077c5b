"""One stream: its steps, its scopes, its end.

Imports only `types`, `_calls`, `_speedups` and the standard library. Anything that belongs to a
process, a vendor, a framework or to logging is passed in through `Config`.

Rules: only `Life` writes to a `Life`. Only `scopes` calls a backend. Everything that touches the
body runs through `Life.run`, in the stream's own Context.
"""
