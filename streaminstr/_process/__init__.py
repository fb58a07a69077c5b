"""What belongs to a process and not to one stream: shutdown, signals, the background thread.

Imports `_core` and `types`. The steps of a stream call nothing in here.
"""
