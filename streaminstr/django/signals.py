"""Signals to add fields of your own."""

from django.dispatch import Signal

bind_extra_stream_metadata = Signal()
"""Sent for each instrumented response, before its first step, with `send_robust`.

Receives `request`, `response` and `stream`, the handle: `stream.set_attribute(name, value)`
sets a field on the span and on the closing event. The sender is the response's class. A receiver
is a plain function, because nothing awaits it, even under ASGI.
"""
