"""What the chat promises, tested with the fixture `streams` of streaminstr."""

import csv

import pytest
from django.test import AsyncClient, Client


def ask(question):
    return Client().get("/answer/", {"q": question})


async def aask(question):
    return await AsyncClient().get("/answer/", {"q": question})


def test_an_answer_comes_token_by_token_and_says_when_it_is_done(streams):
    chunks = streams.read(ask("why"))
    assert chunks[-1] == b"data: [DONE]\n\n"
    report = streams.assert_closed_once("GET answer/", outcome="completed").report
    assert report.events == len(chunks)
    assert report.attributes["chat.tokens"] == len(chunks) - 1
    assert "first_token" in report.marks


async def test_the_same_from_an_async_handler(streams):
    chunks = await streams.aread(await aask("why"))
    assert chunks[-1] == b"data: [DONE]\n\n"
    streams.assert_closed_once("GET answer/", outcome="completed")


def test_the_models_own_stream_is_below_the_answer(streams):
    streams.read(ask("why"))
    tokens = streams.assert_closed_once("model", outcome="completed")
    assert tokens.parent is streams.one("GET answer/")


@pytest.mark.parametrize(
    ("question", "error_type"), [("fail", "chat.model.ModelError"), ("stop", "truncated")]
)
def test_an_answer_that_breaks_off_is_a_failure_in_spite_of_its_status(
    streams, question, error_type
):
    response = ask(question)
    assert response.status_code == 200
    streams.read(response)
    report = streams.assert_closed_once("GET answer/", outcome="failed").report
    assert report.error_type == error_type


def test_the_reader_sees_the_failure(streams):
    assert streams.read(ask("fail"))[-1].startswith(b"event: failure\n")


async def test_a_reader_who_leaves_ends_the_model_too(streams):
    await streams.adisconnect(await aask("why"), after=2)
    assert streams.assert_closed_once("GET answer/", outcome="cancelled")
    assert streams.assert_closed_once("model", outcome="cancelled")


def test_the_export_is_a_table_and_is_streamed_line_by_line(streams):
    chunks = streams.read(Client().get("/export/", {"days": "3"}))
    lines = b"".join(chunks).decode().splitlines()
    assert next(csv.reader(lines)) == ["day", "questions", "tokens"]
    report = streams.assert_closed_once("GET export/", outcome="completed").report
    assert (report.chunks, report.attributes["chat.days"]) == (4, 3)


async def test_the_export_from_an_async_handler_is_the_same(streams):
    expected = streams.read(Client().get("/export/"))
    assert await streams.aread(await AsyncClient().get("/export/")) == expected


@pytest.mark.parametrize("days", ["-1", "many", ""])
def test_an_odd_number_of_days_is_a_year(streams, days):
    assert len(streams.read(Client().get("/export/", {"days": days}))) == 366


def test_the_file_is_whole(streams):
    assert b"".join(streams.read(Client().get("/download/"))).startswith(b"# A chat")
    streams.assert_closed_once("GET download/", outcome="completed")


def test_the_page_is_no_stream(streams):
    assert b"<title>Chat</title>" in Client().get("/").content
    assert streams.all() == []
