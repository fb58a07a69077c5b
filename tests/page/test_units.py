"""Numbers with their units, and the parts of a timeline."""

import pytest

from page_roster import row
from streaminstr._process.rows import Sample
from streaminstr.django.page import cells
from streaminstr.django.page.timeline import HEIGHT, WIDTH, timeline


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-0.1, "0.0 s"),
        (0.44, "0.4 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (119, "119 s"),
        (120, "2 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (86_399, "23 h 59 min"),
        (86_400 * 2 + 3600 * 4, "2 d 4 h"),
    ],
)
def test_durations(seconds, text):
    assert cells.duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "unknown"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (2_500_000, "2.5 MB"),
        (7e9, "7.0 GB"),
        (1e12, "1.0 TB"),
        (1e16, "10000.0 TB"),
    ],
)
def test_sizes(number, text):
    assert cells.size(number) == text


def sample(age, chunks):
    return Sample(age=age, chunks=chunks, bytes=chunks, idle=0.0)


def parts(bars):
    return [(bar.x, bar.width, bar.height, bar.is_gap) for bar in bars]


def test_the_fastest_part_is_as_high_as_the_picture_and_others_in_proportion():
    bars = timeline(row(4, chunks=30), [sample(2.0, 20)])
    half = WIDTH / 2
    assert parts(bars) == [(0.0, half, HEIGHT, False), (half, half, HEIGHT / 2, False)]


def test_a_part_with_few_chunks_can_still_be_seen():
    bars = timeline(row(4, chunks=100_001), [sample(2.0, 100_000)])
    assert bars[1].height == 4.0
    assert bars[1].y == HEIGHT - 4.0


def test_without_samples_it_is_one_part():
    assert [(bar.begin, bar.end) for bar in timeline(row(4), [])] == [("0.0 s", "4.0 s")]


def test_a_stream_that_has_just_begun_has_none():
    assert timeline(row(0), []) == []


def test_a_look_right_after_the_first_step_makes_no_part_of_its_own():
    bars = timeline(row(4, chunks=10), [sample(0.01, 0), sample(0.05, 1)])
    assert [(bar.begin, bar.end) for bar in bars] == [("0.0 s", "0.1 s"), ("0.1 s", "4.0 s")]


def test_a_sample_that_is_ahead_of_the_row_is_left_out_and_no_part_is_below_zero():
    bars = timeline(row(4, chunks=10), [sample(0.0, 0), sample(2.0, 11), sample(5.0, 30)])
    assert parts(bars)[1] == (WIDTH / 2, WIDTH / 2, HEIGHT, True)
    assert [bar.chunks for bar in bars] == ["11", "0"]
