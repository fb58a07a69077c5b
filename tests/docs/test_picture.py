"""The picture of the README: what it shows of both sides is what a new run of the site shows."""

import re

import pytest

import documents

pytest.importorskip("opentelemetry.instrumentation.django")
before_after = pytest.importorskip("before_after")

PICTURE = documents.ROOT / "docs/images/before-after.svg"


def words(picture):
    return re.findall(r"<text [^>]*>([^<]*)<", picture)


@pytest.fixture(scope="module")
def sides():
    return {side: before_after.recorded(side) for side in before_after.SIDES}


def test_the_picture_shows_what_happens(sides):
    assert words(PICTURE.read_text()) == words(before_after.drawn(sides))


def test_without_us_the_failure_and_the_tree_are_lost(sides):
    assert len({span["trace"] for span in sides["without"]}) == 4
    assert not any(span["error"] for span in sides["without"])


def test_with_us_there_is_one_tree_and_the_failure_is_on_the_stream(sides):
    assert len({span["trace"] for span in sides["with"]}) == 1
    assert [span["error"] for span in sides["with"]] == [False, True, False, False, False]
