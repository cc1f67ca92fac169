"""What is not known of launchd is a switch: each in each of its positions (docs/simulator.md, Switches)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from jobsync.simulator import SimulatorError
from jobsync.simulator.schedule import CalendarSlot, ClockChanges, next_fire

from .conftest import MakeMac
from .mac import HINT, Mac, Reply, until

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 6, 1, 12, tzinfo=BERLIN)
SLOT = {"Hour": 2, "Minute": 30}


def inner(mac: Mac) -> str:
    """The last refusal in launchd's own log."""
    return mac.read("../mac/launchd.log").rpartition("failed (")[2].partition(":")[0]


@pytest.mark.parametrize(("loaded_code", "same", "other"), [(None, "37", "17"), (17, "17", "17"), (37, "37", "37")])
def test_the_inner_code_of_a_loaded_label(make_mac: MakeMac, loaded_code: int | None, same: str, other: str) -> None:
    mac = make_mac(loaded_code=loaded_code)
    path = mac.bootstrap("a.b")
    for again, code in ((path, same), (mac.plist("a.b", at=mac.agents / "other.plist"), other)):
        assert mac.launchctl("bootstrap", "gui/501", again).status == 5
        assert inner(mac) == code


@pytest.mark.parametrize(("code", "text"), [(2, "No such file or directory"), (5, "Input/output error")])
def test_what_root_sees_of_a_missing_file(make_mac: MakeMac, code: int, text: str) -> None:
    root = make_mac(caller="root", missing_file_code=code)
    reply = root.launchctl("bootstrap", "gui/501", "/nowhere.plist")
    assert reply == Reply(code, "", f"/nowhere.plist: No such file or directory\nBootstrap failed: {code}: {text}\n")


@pytest.mark.parametrize(
    ("skipped", "expected"), [("lost", []), ("shifted", [datetime(2027, 3, 28, 3, 30, tzinfo=BERLIN)])]
)
def test_a_slot_in_the_skipped_hour(make_mac: MakeMac, skipped: str, expected: list[datetime]) -> None:
    begin = datetime(2027, 3, 28, 0, tzinfo=BERLIN)
    mac = make_mac(tz="Europe/Berlin", at=begin, still=True, dry=True, skipped_slot=skipped)
    mac.bootstrap("a.b", StartCalendarInterval=SLOT)
    mac.simulator.advance(20 * 3600)
    assert [datetime.fromtimestamp(start, BERLIN) for start in mac.simulator.starts("a.b")] == expected
    mac.simulator.advance(86400)
    assert mac.simulator.runs("a.b") == len(expected) + 1


@pytest.mark.parametrize(("repeated", "runs"), [("twice", 2), ("once", 1)])
def test_a_slot_in_the_repeated_hour(make_mac: MakeMac, repeated: str, runs: int) -> None:
    begin = datetime(2026, 10, 25, 0, tzinfo=BERLIN)
    mac = make_mac(tz="Europe/Berlin", at=begin, still=True, dry=True, repeated_slot=repeated)
    mac.bootstrap("a.named", StartCalendarInterval=SLOT)
    mac.bootstrap("a.hourly", StartCalendarInterval={"Minute": 30})
    mac.simulator.advance(25 * 3600)
    assert mac.simulator.runs("a.named") == runs
    assert mac.simulator.runs("a.hourly") == 25


def test_a_shifted_slot_fires_once_a_day_in_every_zone() -> None:
    changes = ClockChanges(shifts_skipped=True, repeats_once=True)
    for zone in map(ZoneInfo, ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago")):
        moment = datetime(2026, 1, 1, tzinfo=zone).timestamp()
        end = datetime(2027, 1, 1, tzinfo=zone).timestamp()
        for slot in (CalendarSlot(minute=30, hour=2), CalendarSlot(minute=15, hour=0)):
            days = []
            found = next_fire([slot], moment, zone, changes)
            while found is not None and found < end:
                days.append(datetime.fromtimestamp(found, zone).date())
                found = next_fire([slot], found, zone, changes)
            assert days == [days[0] + timedelta(days=count) for count in range(365)]


def test_a_shifted_slot_that_never_comes_never_fires() -> None:
    slot = CalendarSlot(minute=30, hour=2, day=30, month=2)
    assert next_fire([slot], NOON.timestamp(), BERLIN, ClockChanges(shifts_skipped=True)) is None


@pytest.mark.parametrize(("runs_at_load", "runs"), [(False, 0), (True, 1)])
def test_todays_slot_that_is_past_when_the_job_is_loaded(make_mac: MakeMac, runs_at_load: bool, runs: int) -> None:
    mac = make_mac(tz="Europe/Berlin", at=NOON, still=True, dry=True, past_slot_runs_at_load=runs_at_load)
    mac.bootstrap("a.past", StartCalendarInterval={"Hour": 11, "Minute": 0})
    mac.bootstrap("a.future", StartCalendarInterval={"Hour": 13, "Minute": 0})
    mac.bootstrap("a.none")
    mac.simulator.settle()
    counted = [mac.simulator.runs(label) for label in ("a.past", "a.future", "a.none")]
    assert counted == [runs, 0, 0]


@pytest.mark.parametrize(("month", "runs"), [("heeded", [4, 4, 5]), ("ignored", [52, 4, 53])])
def test_a_month_beside_a_weekday_may_count_for_nothing(make_mac: MakeMac, month: str, runs: list[int]) -> None:
    """2027 has 52 Mondays, four of them in February, of which the third day is a Wednesday."""
    begin = datetime(2027, 1, 1, tzinfo=BERLIN)
    mac = make_mac(tz="Europe/Berlin", at=begin, still=True, dry=True, month_beside_weekday=month)
    time = {"Hour": 9, "Minute": 0, "Month": 2}
    mac.bootstrap("a.weekday", StartCalendarInterval={**time, "Weekday": 1})
    mac.bootstrap("a.days", StartCalendarInterval=[{**time, "Day": day} for day in (1, 2, 3, 4)])
    mac.bootstrap("a.both", StartCalendarInterval={**time, "Weekday": 1, "Day": 3})
    mac.simulator.advance(365 * 86400)
    assert [mac.simulator.runs(label) for label in ("a.weekday", "a.days", "a.both")] == runs


@pytest.mark.parametrize(("empty", "line"), [("braces", "{\n\t}\n"), ("words", "(no disabled services)\n")])
def test_an_empty_store(make_mac: MakeMac, empty: str, line: str) -> None:
    mac = make_mac(empty_overrides=empty)
    for verb in ("print-disabled", "print"):
        assert f"\n\tdisabled services = {line}" in mac.launchctl(verb, "gui/501").out
    mac.launchctl("disable", "gui/501/a.b")
    assert '\tdisabled services = {\n\t\t"a.b" => disabled\n\t}\n' in mac.launchctl("print-disabled", "gui/501").out


def switched_off(make_mac: MakeMac, position: str) -> Mac:
    """A Mac whose user has switched a.b off and logged in again."""
    mac = make_mac(login_item_off=position)
    mac.plist("a.b", "exec sleep 100", RunAtLoad=True)
    mac.simulator.login_item("a.b", on=False)
    mac.simulator.reboot()
    assert not mac.is_loaded("a.b")
    return mac


def test_a_login_item_that_is_off_is_not_loaded_and_a_bootstrap_refused(make_mac: MakeMac) -> None:
    mac = switched_off(make_mac, "refused")
    reply = mac.launchctl("bootstrap", "gui/501", mac.agents / "a.b.plist")
    assert reply == Reply(161, "", "Bootstrap failed: 161: Service cannot be launched because of BTM policy\n")
    assert "a.b" not in mac.launchctl("print-disabled", "gui/501").out
    mac.simulator.restart()
    assert not mac.is_loaded("a.b")
    mac.simulator.login_item("a.b", on=True)
    mac.simulator.reboot()
    mac.until_pid("a.b")


def test_a_login_item_that_is_off_may_be_loaded_by_hand(make_mac: MakeMac) -> None:
    mac = switched_off(make_mac, "allowed")
    assert mac.launchctl("bootstrap", "gui/501", mac.agents / "a.b.plist").status == 0
    mac.until_pid("a.b")


def test_a_login_item_that_is_off_may_be_removed_at_its_start(make_mac: MakeMac) -> None:
    mac = switched_off(make_mac, "removed")
    assert mac.launchctl("bootstrap", "gui/501", mac.agents / "a.b.plist").status == 0
    mac.until_gone("a.b")
    assert "Untrusted service was denied launch by BTM. Removing." in mac.read("../mac/launchd.log")


def test_a_login_item_that_is_off_may_look_disabled(make_mac: MakeMac) -> None:
    mac = switched_off(make_mac, "disabled")
    generic = Reply(5, "", f"Bootstrap failed: 5: Input/output error\n{HINT}")
    assert mac.launchctl("bootstrap", "gui/501", mac.agents / "a.b.plist") == generic
    assert '"a.b" => disabled' in mac.launchctl("print-disabled", "gui/501").out
    mac.simulator.login_item("a.b", on=True)
    assert '"a.b" => enabled' in mac.launchctl("print-disabled", "gui/501").out


def test_login_items_came_with_13(make_mac: MakeMac) -> None:
    mac = make_mac(version="12.7")
    with pytest.raises(SimulatorError, match=r"macOS 12\.7 has no Login Items"):
        mac.simulator.login_item("a.b", on=False)


@pytest.mark.parametrize(("within", "pended"), [(0.0, None), (3600.0, "speculative")])
def test_a_quick_reload_may_be_pended(make_mac: MakeMac, within: float, pended: str | None) -> None:
    mac = make_mac(still=True, pends_reloads_within=within)
    path = mac.bootstrap("a.b", "exec sleep 100", RunAtLoad=True)
    mac.until_pid("a.b")
    mac.launchctl("bootout", "gui/501/a.b")
    mac.until_gone("a.b")
    assert mac.launchctl("bootstrap", "gui/501", path).status == 0
    assert mac.value("a.b", "pended nondemand spawn") == pended
    mac.launchctl("kickstart", "gui/501/a.b")
    mac.until_pid("a.b")


def test_a_login_is_no_quick_reload(make_mac: MakeMac) -> None:
    mac = make_mac(pends_reloads_within=3600.0)
    mac.plist("a.b", RunAtLoad=True)
    mac.simulator.reboot()
    mac.simulator.reboot()
    until(lambda: mac.simulator.runs("a.b") == 2)


def test_impossible_positions_are_refused(make_mac: MakeMac) -> None:
    for name in ("skipped_slot", "repeated_slot", "empty_overrides", "login_item_off", "session"):
        with pytest.raises(SimulatorError, match="settings of the simulated Mac"):
            make_mac(**{name: "sideways"})
