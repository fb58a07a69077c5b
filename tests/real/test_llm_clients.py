"""Answers of the OpenAI and Anthropic clients, passed on word by word and as they are."""

import asyncio

import pytest

import streaminstr
from real_bodies import Turn
from real_check import check
from real_django import Django
from real_llm import Answers
from real_seen import trouble


@pytest.fixture(params=["openai", "anthropic"])
def answers(upstream, request):
    return Answers(upstream, request.param)


def test_words_are_passed_on(ending, net, answers):
    check(Django(answers.words, net=net, after=answers.after), ending)
    assert answers.left[-1] == 0


def test_words_of_a_sync_client_are_passed_on(wsgi_ending, net, answers):
    site = Django(answers.sync_words, net=net, after=answers.after_sync, protocol="wsgi")
    check(site, wsgi_ending)
    assert answers.left[-1] == 0


def test_an_answer_that_is_the_body_is_closed(ending, net, answers):
    _, ours = check(Django(answers.answer, net=net, after=answers.after), ending)
    assert not ours.trouble
    assert answers.closed[-1]
    assert answers.left[-1] == 0


def test_a_sync_answer_that_is_the_body_is_closed(wsgi_ending, net, answers):
    site = Django(answers.sync_answer, net=net, after=answers.after_sync, protocol="wsgi")
    _, ours = check(site, wsgi_ending)
    assert not ours.trouble
    assert answers.closed[-1]


@pytest.mark.parametrize("ending", ["full", "waits"])
async def test_an_answer_that_is_left_early_is_closed(ending, answers, streams):
    with trouble() as found:
        async with streaminstr.stream(await answers.answer(Turn(ending)), name="llm") as stream:
            await anext(stream)
        await answers.after()
    assert answers.closed == [True]
    assert answers.left == [0]
    assert not found.lines


async def test_an_answer_is_closed_from_a_thread(answers, streams):
    stream = streaminstr.stream(await answers.answer(Turn("waits")), name="llm")
    await anext(stream)
    await asyncio.to_thread(stream.close)
    await answers.after()
    assert answers.closed == [True]
    assert answers.left == [0]
