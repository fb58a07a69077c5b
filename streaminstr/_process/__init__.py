"""What belongs to a process and not to one stream: shutdown, drain, background thread, roster.

Imports `_core`, `_exchange`, `_fields`, `_speedups`, `_stopping`, `attributes` and `types`. A
stream does nothing for these on its way.
"""
