"""What belongs to a process and not to one stream: shutdown, drain, background thread, roster.

Imports `_core`, `_calls`, `_exchange`, `_fields`, `_speedups`, `_stopping`, `attributes`, `types`.
A stream does nothing for these on its way.
"""
