"""The machine's own zone, by the C library's rules, both changes of the clocks included."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from jobsync.local_zone import LOCAL, now


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_each_moment_has_its_own_offset() -> None:
    winter, summer = datetime(2026, 1, 1, 9, tzinfo=LOCAL), datetime(2026, 7, 1, 9, tzinfo=LOCAL)
    assert (winter.utcoffset(), winter.tzname()) == (timedelta(hours=1), "CET")
    assert (summer.utcoffset(), summer.tzname()) == (timedelta(hours=2), "CEST")
    assert summer.dst() is None
    assert datetime(2026, 7, 1, 7, tzinfo=UTC).astimezone(LOCAL) == summer
    assert datetime(2026, 7, 1, 7, tzinfo=UTC).astimezone(LOCAL).hour == 9


def test_the_hour_that_comes_twice_is_told_by_its_fold() -> None:
    first, second = (datetime(2026, 10, 25, 2, 30, tzinfo=LOCAL, fold=fold) for fold in (0, 1))
    assert second.utcoffset() == timedelta(hours=1) and first.utcoffset() == timedelta(hours=2)
    for moment in (first, second):
        assert moment.astimezone(UTC).astimezone(LOCAL).fold == moment.fold


def test_now_is_now() -> None:
    assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert LOCAL.utcoffset(None) == now().utcoffset() and LOCAL.tzname(None) == now().tzname()
