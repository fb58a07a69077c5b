"""What belongs to a process and not to one stream: shutdown, signals, the background thread.

Imports `_core`, `_exchange` and `types`. A stream does nothing for these on its way.
"""
