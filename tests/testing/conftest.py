"""The fixtures of the plugin, also where its entry point is not installed."""

from streaminstr.testing.plugin import datadog_spans, streams

__all__ = ["datadog_spans", "streams"]
