"""The simulated clock: schedules, sleep, power, zones (docs/simulator.md, rows 9)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo

import pytest

from jobsync.simulator import SimulatorError
from jobsync.simulator.clock import Clock, zone_named

from .conftest import MakeMac
from .mac import Mac, until

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=BERLIN)
DAILY = {"Hour": 2, "Minute": 30}


def moments(mac: Mac, label: str) -> list[datetime]:
    return [datetime.fromtimestamp(moment, BERLIN) for moment in mac.simulator.starts(label)]


@pytest.fixture
def berlin(make_mac: MakeMac) -> Mac:
    """Noon of a summer's day in Berlin, and the clock stands still."""
    return make_mac(tz="Europe/Berlin", at=NOON, still=True)


@pytest.fixture
def dry(make_mac: MakeMac) -> Mac:
    """The same, and runs are only counted."""
    return make_mac(tz="Europe/Berlin", at=NOON, still=True, dry=True)


def test_a_calendar_job_runs_at_its_local_time(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartCalendarInterval=DAILY)
    berlin.simulator.advance(3 * 86400)
    assert moments(berlin, "a.b") == [datetime(2026, 6, day, 2, 30, tzinfo=BERLIN) for day in (2, 3, 4)]


def test_todays_slot_that_is_past_is_not_run_by_loading(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartCalendarInterval={"Hour": 11, "Minute": 0})
    berlin.simulator.advance(3600)
    assert berlin.simulator.runs("a.b") == 0


def test_slots_missed_asleep_become_one_run_at_wake(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartCalendarInterval=[{"Minute": 0}, DAILY])
    berlin.simulator.sleep(86400)
    assert berlin.simulator.runs("a.b") == 1
    berlin.simulator.advance(3600)
    assert berlin.simulator.runs("a.b") == 2


def test_slots_missed_while_off_are_lost(berlin: Mac) -> None:
    berlin.plist("a.b", StartCalendarInterval=DAILY)
    berlin.simulator.power_off(86400)
    berlin.simulator.settle()
    assert berlin.simulator.runs("a.b") == 0
    berlin.simulator.advance(86400)
    assert berlin.simulator.runs("a.b") == 1


def test_slots_missed_while_logged_out_are_lost(berlin: Mac) -> None:
    berlin.plist("a.b", StartCalendarInterval=DAILY)
    berlin.simulator.logout()
    berlin.simulator.advance(86400)
    berlin.simulator.login()
    berlin.simulator.settle()
    assert berlin.simulator.runs("a.b") == 0


def test_an_interval_counts_from_the_load(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartInterval=600)
    berlin.simulator.advance(599)
    assert berlin.simulator.runs("a.b") == 0
    berlin.simulator.advance(1801)
    assert [at - NOON for at in moments(berlin, "a.b")] == [timedelta(minutes=10 * n) for n in (1, 2, 3, 4)]


def test_the_interval_begins_anew_with_each_load(berlin: Mac) -> None:
    path = berlin.bootstrap("a.b", StartInterval=600)
    berlin.simulator.advance(500)
    berlin.launchctl("bootout", "gui/501/a.b")
    berlin.launchctl("bootstrap", "gui/501", path)
    berlin.simulator.advance(500)
    assert berlin.simulator.runs("a.b") == 0


def test_intervals_missed_asleep_are_lost(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartInterval=600)
    berlin.simulator.sleep(3650)
    assert berlin.simulator.runs("a.b") == 0
    berlin.simulator.advance(550)
    assert berlin.simulator.runs("a.b") == 1


def test_interval_and_calendar_fire_independently(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartInterval=3600, StartCalendarInterval={"Minute": 30})
    berlin.simulator.advance(7200)
    assert berlin.simulator.runs("a.b") == 4


def test_the_throttle_stretches_a_shorter_interval(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartInterval=60, ThrottleInterval=90)
    berlin.simulator.advance(600)
    starts = berlin.simulator.starts("a.b")
    assert all(later - earlier >= 90 for earlier, later in pairwise(starts))


def test_setting_the_clock_runs_nothing_between(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartCalendarInterval=DAILY, StartInterval=600)
    berlin.simulator.set_time(NOON + timedelta(days=2))
    berlin.simulator.settle()
    assert berlin.simulator.runs("a.b") == 0
    assert berlin.simulator.now() == (NOON + timedelta(days=2)).timestamp()
    berlin.simulator.set_time(NOON.timestamp())
    assert berlin.simulator.now() == NOON.timestamp()


def test_a_changed_zone_moves_the_slots(berlin: Mac) -> None:
    berlin.bootstrap("a.b", StartCalendarInterval={"Hour": 12, "Minute": 0})
    berlin.simulator.configure(tz="America/New_York")
    berlin.simulator.advance(6 * 3600)
    assert moments(berlin, "a.b") == [NOON + timedelta(hours=6)]


def test_a_year_of_days_with_both_changes_of_the_clock(dry: Mac) -> None:
    dry.bootstrap("a.b", StartCalendarInterval=DAILY)
    dry.simulator.advance(365 * 86400)
    found = moments(dry, "a.b")
    assert len(found) == 365
    assert sum(at.date() == datetime(2026, 10, 25, tzinfo=BERLIN).date() for at in found) == 2
    assert not any(at.date() == datetime(2027, 3, 28, tzinfo=BERLIN).date() for at in found)


def test_a_year_of_every_kind_of_schedule(dry: Mac) -> None:
    """June to June: 8760 hours, of which the clock skips one and repeats another."""
    slots: dict[str, object] = {
        "hourly": {"Minute": 0},
        "daily": {"Hour": 9, "Minute": 0},
        "weekdays": [{"Hour": 9, "Minute": 0, "Weekday": day} for day in range(1, 6)],
        "monthly": {"Hour": 0, "Minute": 0, "Day": 31},
        "yearly": {"Hour": 0, "Minute": 0, "Day": 24, "Month": 12},
        "either": {"Hour": 12, "Minute": 0, "Day": 1, "Weekday": 1},
        "never": {"Hour": 0, "Minute": 0, "Day": 30, "Month": 2},
    }
    for name, slot in slots.items():
        dry.bootstrap(f"a.{name}", StartCalendarInterval=slot)
    dry.bootstrap("a.interval", StartInterval=6 * 3600)
    dry.simulator.advance(365 * 86400)
    days = [NOON.date() + timedelta(days=count) for count in range(1, 366)]
    expected = {
        "hourly": 8760,
        "daily": 365,
        "weekdays": sum(day.isoweekday() < 6 for day in days),
        "monthly": 7,
        "yearly": 1,
        "either": sum(day.isoweekday() == 1 or day.day == 1 for day in days),
        "never": 0,
        "interval": 1460,
    }
    assert {name: dry.simulator.runs(f"a.{name}") for name in expected} == expected


def test_thousands_of_days_pass_in_seconds(dry: Mac) -> None:
    dry.bootstrap("a.b", StartCalendarInterval={"Hour": 9, "Minute": 0, "Weekday": 1})
    dry.simulator.advance(7000 * 86400)
    assert dry.simulator.runs("a.b") == 1000


def test_a_dry_run_ends_at_once_with_0_and_executes_nothing(dry: Mac) -> None:
    dry.bootstrap("a.b", f"touch {dry.home}/ran", RunAtLoad=True)
    until(lambda: dry.value("a.b", "last exit code") == "0")
    assert not (dry.home / "ran").exists()


def test_on_a_running_clock_a_job_starts_when_its_minute_comes(make_mac: MakeMac) -> None:
    mac = make_mac(tz="UTC", at=datetime(2026, 6, 1, 11, 59, 59, tzinfo=UTC))
    mac.bootstrap("a.b", StartCalendarInterval={"Hour": 12, "Minute": 0})
    until(lambda: mac.simulator.runs("a.b") == 1)


def test_a_restart_goes_on_with_the_clock(berlin: Mac) -> None:
    berlin.simulator.advance(86400)
    berlin.simulator.kill()
    berlin.simulator.restart()
    assert berlin.simulator.now() == (NOON + timedelta(days=1)).timestamp()
    berlin.plist("a.b", StartCalendarInterval={"Hour": 13, "Minute": 0})
    berlin.simulator.reboot()
    berlin.simulator.advance(3600)
    assert moments(berlin, "a.b") == [NOON + timedelta(days=1, hours=1)]


def test_a_clock_that_runs_goes_on_while_the_daemon_is_down(make_mac: MakeMac) -> None:
    mac = make_mac(at=NOON)
    mac.simulator.advance(86400)
    before = mac.simulator.now()
    mac.simulator.restart()
    assert 0 < mac.simulator.now() - before < 60


def test_an_interval_longer_than_any_uptime_never_ends(dry: Mac) -> None:
    dry.plist("a.b", StartInterval=48 * 3600)
    dry.simulator.reboot()
    for _ in range(10):
        dry.simulator.advance(12 * 3600)
        dry.simulator.power_off(12 * 3600)
    assert dry.simulator.runs("a.b") == 0


def test_unknown_zones_are_refused(berlin: Mac) -> None:
    with pytest.raises(SimulatorError, match='"Mars/Olympus" is no known time zone'):
        berlin.simulator.configure(tz="Mars/Olympus")
    assert berlin.launchctl("managername").status == 0


def test_without_a_name_the_zone_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Tokyo")
    assert zone_named(None) == ZoneInfo("Asia/Tokyo")
    tokyo = next(path for place in TZPATH if (path := Path(place, "Asia/Tokyo")).is_file())
    monkeypatch.setenv("TZ", f":{tokyo}")
    assert zone_named(None).utcoffset(NOON) == timedelta(hours=9)
    monkeypatch.setenv("TZ", ":/nowhere")
    assert zone_named(None) == UTC
    monkeypatch.delenv("TZ")
    assert datetime.fromtimestamp(0, zone_named(None)).tzinfo is not None


def test_a_still_clock_never_comes_to_a_later_moment() -> None:
    clock = Clock(1000.0, still=True)
    assert clock.real_seconds_until(1000.0) == 0.0
    assert clock.real_seconds_until(1000.5) is None
    running = Clock(1000.0)
    assert 0 < (running.real_seconds_until(1100.0) or 0) <= 100


@pytest.mark.parametrize(
    ("slot", "runs"),
    [
        ({"Hour": 9, "Minute": 60}, 0),
        ({"Hour": 24, "Minute": 0}, 0),
        ({"Hour": 9, "Minute": 0, "Day": 0}, 0),
        ({"Hour": 9, "Minute": 0, "Weekday": 8}, 0),
        ({"Hour": 9, "Minute": 0, "Month": 13}, 0),
        ({"Hour": 9, "Minute": "0"}, 0),
        ({"Hour": 9, "Minute": 0, "Weekday": True}, 0),
        ({"Hour": 9, "Minute": 0, "Comment": "every day"}, 0),
        ({"Hour": 9, "Minute": 0, "Weekday": -1}, 7),
        ({"Hour": 9, "Minute": 0, "Month": 0}, 7),
        ({"hour": 9, "MINUTE": 0, "Year": 2020}, 7),
    ],
    ids=str,
)
def test_a_slot_with_a_value_that_its_field_cannot_have_is_none(dry: Mac, slot: dict[str, object], runs: int) -> None:
    dry.bootstrap("a.b", StartCalendarInterval=slot)
    dry.simulator.advance(7 * 86400)
    assert dry.simulator.runs("a.b") == runs
    assert ("event triggers" in dry.text("a.b")) == (runs > 0)
