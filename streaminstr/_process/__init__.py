"""What belongs to a process and not to one stream: shutdown, drain, signals, the background thread.

Imports `_core`, `_exchange`, `_stopping` and `types`. A stream does nothing for these on its way.
"""
