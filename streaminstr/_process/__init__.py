"""What belongs to a process and not to one stream: shutdown, drain, background thread, snapshot.

Imports `_core`, `_exchange`, `_speedups`, `_stopping`, `attributes` and `types`. A stream does
nothing for these on its way.
"""
