"""Durations: one grammar, and the right line to write for everybody else's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsync.definitions.duration import format_duration, parse_duration
from jobsync.errors import JobsyncError

from .clock_oracle import steady


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1h30m", 5_400), ("2d", 172_800), ("1w", 604_800), ("1w1d1h1m1s", 694_861), ("0s", 0)],
)
def test_a_duration_is_seconds(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 10**9))
@settings(steady)
def test_what_is_formatted_is_parsed_again(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (90, "1m30s"), (3_600, "1h"), (604_800, "1w"), (691_200, "8d"), (1_209_600, "2w")]
)
def test_a_duration_is_written_as_a_person_would(seconds: int, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("5 min", "5m"),
        ("5M", "5m"),
        ("1.5 hours", "1h30m"),
        ("1h 30m", "1h30m"),
        ("30m1h", "1h30m"),
        ("1 day and 2 hours", "1d2h"),
        ("PT5M", "5m"),
        ("P1DT2H", "1d2h"),
        ("15", "15m"),
        ("00:15", "15m"),
        ("2 weeks", "2w"),
    ],
)
def test_other_ways_to_write_a_duration_are_translated(text: str, better: str) -> None:
    with pytest.raises(JobsyncError) as refusal:
        parse_duration(text)
    assert refusal.value.message == f'"{text}" is not a duration; write "{better}"'


@pytest.mark.parametrize("text", ["", "soon", "5 minutes ago", "-5m", "0.001s", "0:00", "٣m", "1234567890s"])
def test_what_nobody_understands_is_refused_with_examples(text: str) -> None:
    with pytest.raises(JobsyncError, match='write it as "90s"'):
        parse_duration(text)


def test_a_long_text_is_not_repeated_in_full() -> None:
    with pytest.raises(JobsyncError) as refusal:
        parse_duration("9" * 100_000)
    assert len(refusal.value.message) < 150
