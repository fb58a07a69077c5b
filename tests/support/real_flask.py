"""A Flask application that streams, with the context of its request and without."""

from __future__ import annotations

import flask

from real_bodies import Turn
from real_spans import note


def lines(ending):
    turn = Turn(ending)
    try:
        for number in range(4):
            note(number)
            yield f"{number} {flask.has_request_context()}\n"
            turn.next()
    finally:
        note("cleaned up")


def page():
    return "page"


def stream(ending):
    return flask.Response(lines(ending))


def stream_with_context(ending):
    return flask.Response(flask.stream_with_context(lines(ending)))


def app():
    shop = flask.Flask("shop")
    shop.get("/page")(page)
    shop.get("/stream/<ending>")(stream)
    shop.get("/context/<ending>")(stream_with_context)
    return shop
