"""A `traceparent` that no tracer goes on with is said once, and only where it is true."""

import logging

import pytest

from streaminstr import _untaken
from streaminstr._configure import build
from streaminstr._core.config import Config
from streaminstr.testing import RecordingBackend

META = {"HTTP_TRACEPARENT": "00-1-2-01"}
SCOPE = {"headers": [(b"accept", b"*/*"), (b"traceparent", b"00-1-2-01")]}


class Traced(RecordingBackend):
    """A backend that sees this trace."""

    def __init__(self, trace_id):
        super().__init__()
        self.trace_id = lambda: trace_id


@pytest.fixture
def said(monkeypatch, caplog):
    """What is logged for requests with these METAs or scopes."""
    monkeypatch.setattr(_untaken, "_state", _untaken._State())

    def look(config, *carriers):
        with caplog.at_level(logging.WARNING):
            for carrier in carriers:
                _untaken.look_for_trace(config, carrier)
        return [record.getMessage() for record in caplog.records]

    return look


@pytest.mark.parametrize("carrier", [META, SCOPE])
def test_it_is_said_once(carrier, said):
    config = build([{"BACKEND": Traced(None), "RATIO": 1}, Traced(None)])
    (text,) = said(config, carrier, carrier)
    assert text.startswith("A request has the header `traceparent`, and the tracer of ")
    assert "test_untaken.Traced has no current trace" in text


@pytest.mark.parametrize(
    "carrier", [{}, {"headers": []}, {"headers": iter([(b"traceparent", b"00-1-2-01")])}]
)
def test_a_request_without_it_is_nothing_to_say(carrier, said):
    assert said(build(Traced(None)), carrier) == []


def test_what_can_be_read_once_is_not_read(said):
    headers = iter([(b"traceparent", b"00-1-2-01")])
    said(build(Traced(None)), {"headers": headers})
    assert len(list(headers)) == 1


@pytest.mark.parametrize("backend", [Traced(7), RecordingBackend(), None])
def test_a_backend_that_sees_the_trace_or_knows_none_is_nothing_to_say(backend, said):
    config = Config() if backend is None else build(backend)
    assert said(config, META) == []
