"""Elastic's agent; its transport keeps what it would send."""

from __future__ import annotations

import os

import elasticapm
from elasticapm.transport.base import Transport

DJANGO_MIDDLEWARE = ("elasticapm.contrib.django.middleware.TracingMiddleware",)
reports = []
OPTIONS = {
    "CENTRAL_CONFIG": "false",
    "CLOUD_PROVIDER": "none",
    "METRICS_INTERVAL": "0s",
    "SERVICE_NAME": "shop",
    "TRANSPORT_CLASS": f"{__name__}.Kept",
}


class Kept(Transport):
    def start_thread(self, pid=None):
        """Nothing is sent."""

    def queue(self, event_type, data, flush=False):
        if event_type == "error":
            reports.append(["error", [data.get("exception", {}).get("type")]])
        elif event_type == "transaction":
            reports.append(["transaction", data["name"], data["result"], data["outcome"]])


def start():
    os.environ.update({f"ELASTIC_APM_{name}": value for name, value in OPTIONS.items()})
    import real_settings  # noqa: PLC0415 - after the options

    real_settings.configure("elasticapm.contrib.django")


def flush():
    """It keeps no one waiting."""


def asgi(app):
    from elasticapm.contrib.asgi import ASGITracingMiddleware  # noqa: PLC0415 - after the options

    return ASGITracingMiddleware(app)


def wsgi(app):
    return app


def starlette(app):
    from elasticapm.contrib.starlette import ElasticAPM  # noqa: PLC0415 - after the options

    app.add_middleware(ElasticAPM, client=elasticapm.get_client())
    return app


def flask(app):
    from elasticapm.contrib.flask import ElasticAPM  # noqa: PLC0415 - after the options

    ElasticAPM(app, client=elasticapm.get_client())
    return app
