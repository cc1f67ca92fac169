"""`docs/away.md`, row by row: the jobs are jobsync's, the launchd is simulated, the time away is played."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from jobsync.definitions.vocabulary import KEYS
from jobsync.reconcile.own import LOGIN

from ..laptop import JOB, Laptop
from .pages import codes_in, page, rows

PAGE = page("docs/away.md")
DAY = 86_400
NOON = datetime(2026, 11, 23, 12, 20)  # the machine's own zone; far from every slot below


def _asleep(laptop: Laptop) -> None:
    laptop.simulator.sleep(3 * DAY)


def _off(laptop: Laptop) -> None:
    laptop.simulator.power_off(3 * DAY)


def _logged_out(laptop: Laptop) -> None:
    laptop.simulator.logout()
    laptop.simulator.advance(3 * DAY)
    laptop.simulator.login()


ASLEEP = pytest.param(_asleep, id="asleep")
OFF = pytest.param(_off, id="off")
LOGGED_OUT = pytest.param(_logged_out, id="logged out")
Away = Callable[[Laptop], None]


def _runs(laptop: Laptop, job: str) -> int:
    """How often the command itself was started: skipped starts do not count."""
    file = laptop.state / "runs" / job
    lines = file.read_text().splitlines() if file.exists() else []
    return sum(line.startswith("start ") for line in lines)


def _sync(laptop: Laptop, text: str) -> None:
    laptop.simulator.set_time(NOON)
    laptop.job("job", text)
    laptop.commit()
    laptop.jobsync("sync")
    laptop.simulator.settle()


def test_every_trigger_has_a_row() -> None:
    triggers = {key.removeprefix("schedule.") for key in KEYS if key.startswith("schedule.")} - {"spread", "catch_up"}
    (table, *_) = PAGE.text.split("## ")
    assert {name for row in rows(table) for name in codes_in(row[0])} == triggers | {"[daemon]"}


@pytest.mark.parametrize("trigger", ['at = "09:00"', 'cron = "0 9 * * *"', 'every = "1h"'])
def test_slots_missed_asleep_make_one_run_after_wake(registered: Laptop, trigger: str) -> None:
    _sync(registered, JOB.replace('at = "09:00"', trigger))
    _asleep(registered)
    registered.simulator.settle()
    assert _runs(registered, "job") == 1


@pytest.mark.parametrize("away", [OFF, LOGGED_OUT])
@pytest.mark.parametrize(("catch_up", "count"), [("", 1), ("catch_up = false", 0)])
def test_slots_missed_otherwise_make_one_run_after_login(
    registered: Laptop, away: Away, catch_up: str, count: int
) -> None:
    """`jobsync-login` reads records by the real clock, so the slot is two hours ago on both."""
    _sync(registered, JOB.replace("09:00", registered.hours_ago(2)) + f"{catch_up}\n")
    registered.simulator.set_time(time.time())
    registered.age_job("job", days=1)
    away(registered)
    registered.wait_for(lambda: registered.runs(LOGIN) > 0 or not count)
    registered.wait_for(lambda: _runs(registered, "job") == count)
    registered.simulator.settle()
    assert _runs(registered, "job") == count


@pytest.mark.parametrize(("away", "count"), [(_asleep, 0), (_off, 1), (_logged_out, 1)])
def test_a_login_job_runs_at_the_next_login_and_not_because_it_was_synced(
    registered: Laptop, away: Away, count: int
) -> None:
    _sync(registered, JOB.replace('at = "09:00"', "at_login = true"))
    assert _runs(registered, "job") == 0
    away(registered)
    registered.simulator.settle()
    assert _runs(registered, "job") == count


def test_files_that_came_while_logged_out_start_the_job_at_the_next_login(registered: Laptop) -> None:
    (registered.home / "Inbox").mkdir()
    _sync(registered, 'run = "rm ~/Inbox/*"\n\n[schedule]\non_files = ["~/Inbox"]\n')
    assert _runs(registered, "job") == 0
    registered.simulator.logout()
    (registered.home / "Inbox" / "letter").write_text("")
    registered.simulator.login()
    registered.wait_for(lambda: not (registered.home / "Inbox" / "letter").exists())
    assert _runs(registered, "job") >= 1


@pytest.mark.parametrize("away", [OFF, LOGGED_OUT])
def test_a_daemon_runs_again_after_the_next_login(registered: Laptop, away: Away) -> None:
    _sync_daemon(registered)
    away(registered)
    registered.wait_for(lambda: _runs(registered, "job") == 2)


def test_a_daemon_ends_at_logout(registered: Laptop) -> None:
    _sync_daemon(registered)
    registered.simulator.logout()
    assert " 143 " in (registered.state / "runs" / "job").read_text()


def _sync_daemon(laptop: Laptop) -> None:
    laptop.job("job", 'run = "exec sleep 1000"\n[daemon]\n')
    laptop.commit()
    laptop.jobsync("sync")
    laptop.wait_for(lambda: _runs(laptop, "job") == 1)


def test_a_sync_without_a_login_session_is_deferred_and_the_next_login_loads(registered: Laptop) -> None:
    registered.simulator.logout()
    registered.job("job")
    registered.commit()
    assert "deferred" in registered.jobsync("sync").out
    assert registered.installed() == {"job"}
    registered.simulator.login()
    registered.simulator.settle()
    assert registered.loaded() == {"job"}


def test_starts_while_paused_are_skipped_and_not_made_up_for(registered: Laptop) -> None:
    _sync(registered, JOB)
    registered.jobsync("pause", "job")
    registered.simulator.advance(2 * DAY)
    registered.jobsync("resume", "job")
    registered.simulator.settle()
    assert _runs(registered, "job") == 0
    assert (registered.state / "runs" / "job").read_text().count("skip ") == 2


def _away(laptop: Laptop, schedule: str) -> list[str]:
    """What `status JOB` says of times away."""
    _sync(laptop, JOB.replace('at = "09:00"', schedule))
    lines = iter(laptop.jobsync("status", "job", status=None).out.splitlines())
    first = next(line for line in lines if line.startswith("  away  "))
    said = [first.replace("away", "    ", 1)]
    while (line := next(lines)).startswith("      "):
        said.append(line)
    return [line.strip() for line in said]


@pytest.mark.parametrize(
    ("schedule", "asleep", "off"),
    [
        (
            'at = "09:00"',
            "one run after wake, however many slots were missed",
            "one run at the next login, however many slots were missed",
        ),
        (
            'at = "09:00"\ncatch_up = "3h"',
            "one run after wake, no later than 3h after the slot",
            "one run at the next login, no later than 3h after the slot",
        ),
        ('at = "09:00"\ncatch_up = false', "none, a late start is skipped", "none"),
        ("at_login = true", "nothing, sleep is no logout", "one run at the next login"),
        (
            'on_change = ["~/Inbox"]',
            "nothing",
            "what changes is noticed at the next login at the earliest, or not at all",
        ),
    ],
)
def test_status_says_all_three_cases(registered: Laptop, schedule: str, asleep: str, off: str) -> None:
    assert _away(registered, schedule) == [f"asleep: {asleep}", f"off: {off}", f"logged out: {off}"]
