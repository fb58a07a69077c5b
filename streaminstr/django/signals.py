"""Signals for teams that want fields of their own."""

from django.dispatch import Signal

bind_extra_stream_metadata = Signal()
"""Sent for each instrumented response, before its first step, with `send_robust`.

Receives `request`, `response` and `stream`, the handle: `stream.set_attribute(name, value)`
puts a field on the span and on the closing event. The sender is the response's class. A receiver
is a plain function: under ASGI there is nothing here that could await one.
"""
