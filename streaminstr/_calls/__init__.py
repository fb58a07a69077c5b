"""Calls into code that is not ours: what becomes of its exceptions, its clean-up, its event loop.

Imports only the standard library. Nothing here knows a stream: what does belongs to `_core`.

Rule: `guard` is the one place that swallows exceptions.
"""
