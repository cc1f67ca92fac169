"""What only systemd has: its calls, counted; timers and paths that fire; masks, copies and drop-ins; the next boot."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from random import Random

import pytest

from jobsync.definitions.job import Argv, Expect, Job, Limits, Line, Restart, Retry, Schedule, Slot
from jobsync.reconcile.budget import Budget
from jobsync.reconcile.state import Outcome
from jobsync.runs import launcher, records, tokens
from jobsync.runs.records import Run
from jobsync.schedulers import units
from jobsync.values import replace

from ..reconcile.bench import SLEEP, job, until
from ..user_manager import again
from . import rig as rigs
from .killed import WISHES
from .rig import Linux

NINE, TEN = job(hour=9), job(hour=10)
DAEMON = job("daemon", schedule=Schedule(), daemon=Restart.ALWAYS, command=SLEEP)
LOGIN = job("login", schedule=Schedule(at_login=True))
ASK_PIDS = ["list-units", "show 1"]
DAY = 86_400


def many(count: int, hour: int = 9, line: str = "true", **fields: object) -> list[Job]:
    return [job(f"j{number}", hour, line, **fields) for number in range(count)]


# -- calls


@pytest.mark.parametrize("count", [1, 30])
def test_any_number_of_jobs_costs_the_same_calls(linux: Linux, count: int) -> None:
    def calls(*jobs: Job) -> list[str]:
        linux.every_call()
        linux.sync(*jobs)
        return [call.split()[0] for call in linux.every_call()]

    assert calls(*many(count)) == ["list-units", "start", "list-units"], "installed, without a reload"
    assert calls(*many(count)) == ["list-units"], "nothing to do"
    assert calls(*many(count, line="false")) == ["list-units"], "other scripts"
    assert calls(*many(count, 10)) == ["list-units", "daemon-reload", "start", "list-units"], "other times"
    other_services = many(count, 10, systemd={"service": {"UMask": ("077",)}})
    assert calls(*other_services) == ["list-units", "daemon-reload", "list-units"], "timers go on waiting"
    assert calls() == ["list-units", "stop", "daemon-reload", "list-units"], "removed"
    assert linux.manager.systemctl("list-units", "--all", "--plain", "--no-legend", "ada.*") == ""


def test_a_mixed_change_is_one_stop_one_reload_and_one_start(linux: Linux) -> None:
    linux.sync(NINE, DAEMON, job("goes"))
    linux.every_call()
    linux.sync(TEN, replace(DAEMON, path=("/opt",)), job("comes"), LOGIN)
    assert linux.every_call() == [*ASK_PIDS, "stop 4", "daemon-reload", "start 3", *ASK_PIDS]


@pytest.mark.parametrize("key", ["RefuseManualStart", "RefuseManualStop"])
def test_a_timer_that_systemd_refuses_costs_no_other_job_anything(linux: Linux, key: str) -> None:
    others = many(3)
    linux.sync(NINE, *others)
    extra = linux.paths.unit_links / f"{linux.unit('one')}.d" / "refuse.conf"
    extra.parent.mkdir(parents=True)
    extra.write_text(f"[Unit]\n{key}=yes\n")
    linux.manager.systemctl("daemon-reload")
    done = linux.sync(TEN, *many(3, 10))
    assert done["one"] is Outcome.FAILED
    moments = linux.manager.systemctl("show", "-p", "TimersCalendar", *(linux.unit(one.name) for one in others))
    assert moments.count("OnCalendar=*-*-* 10:00:00") == 3
    extra.unlink()
    linux.manager.systemctl("daemon-reload")
    linux.sync(TEN, *many(3, 10))
    linux.assert_converged(TEN, *many(3, 10))


def test_a_restart_that_there_was_no_time_to_ask_for_is_asked_for(linux: Linux) -> None:
    linux.sync(DAEMON)
    until(lambda: linux.runs("daemon"))
    first = linux.pid("daemon")
    linux.slow_restarts()
    done = linux.results(replace(DAEMON, command=Line("sleep 1000")), budget=Budget(waiting=0.1))
    assert done.results["daemon"].outcome is Outcome.UPDATED
    until(lambda: linux.pid("daemon") not in (None, first))


def test_a_daemon_that_has_not_ended_whole_is_no_failure(linux: Linux) -> None:
    linux.sync(DAEMON)
    until(lambda: linux.runs("daemon"))
    service = linux.unit("daemon", "service")
    extra = linux.paths.unit_links / f"{service}.d" / "late.conf"
    extra.parent.mkdir(parents=True)
    extra.write_text("[Service]\nExecStopPost=/bin/sleep 3\n")
    linux.manager.systemctl("daemon-reload")
    done = linux.results(replace(DAEMON, command=Line("sleep 1000")), budget=Budget(waiting=0.5))
    assert linux.manager.systemctl("is-active", service, check=False) == "deactivating\n", "the moment was met"
    assert done.results["daemon"].outcome is Outcome.UPDATED
    until(lambda: len(linux.runs("daemon")) == 2)


def test_a_daemon_between_its_two_processes_is_no_failure(linux: Linux) -> None:
    linux.sync(DAEMON)
    until(lambda: linux.runs("daemon"))
    first = linux.pid("daemon")
    linux.start_late("daemon", 4)
    done = linux.results(replace(DAEMON, command=Line("sleep 1000")), budget=Budget(waiting=1.0))
    assert linux.pid("daemon") is None, "it does not run yet: the moment was met"
    assert done.results["daemon"].outcome is Outcome.UPDATED
    until(lambda: linux.pid("daemon") not in (None, first))


def test_a_restart_that_is_asked_for_twice_is_one(linux: Linux) -> None:
    linux.sync(replace(DAEMON, command=Line("trap 'sleep 3; exit' TERM; echo ready; while :; do sleep 0.1; done")))
    until(lambda: "ready" in linux.printed("daemon"))
    linux.every_call()
    assert not linux.scheduler.restart([linux.scheduler.label("daemon")], wait=0.5)
    assert linux.every_call() == ["restart 1", "restart 1"]
    until(lambda: len(linux.runs("daemon")) == 2)
    pid = linux.pid("daemon")
    time.sleep(1)
    assert linux.pid("daemon") == pid
    assert len(linux.runs("daemon")) == 2


@pytest.mark.parametrize(
    ("kind", "before", "after", "shown"),
    [
        ("service", {"UMask": ("0077",)}, {"UMask": ("0027",)}, "UMask=0027"),
        ("timer", {}, {"AccuracySec": ("30s",)}, "AccuracyUSec=30s"),
        ("path", {"DirectoryMode": ("0700",)}, {"DirectoryMode": ("0750",)}, "DirectoryMode=0750"),
    ],
)
def test_a_changed_raw_key_is_read_anew(
    linux: Linux, kind: str, before: dict[str, tuple[str, ...]], after: dict[str, tuple[str, ...]], shown: str
) -> None:
    schedule = replace(NINE.schedule, on_change=(str(linux.root / "watched"),))
    first, second = (replace(NINE, schedule=schedule, systemd={kind: raw}) for raw in (before, after))
    linux.sync(first)
    asked = ("show", "-p", shown.partition("=")[0], linux.unit("one").replace(".timer", f".{kind}"))
    assert linux.manager.systemctl(*asked).strip() != shown
    assert set(linux.sync(second).values()) == {Outcome.UPDATED}
    assert linux.manager.systemctl(*asked).strip() == shown
    linux.assert_converged(second)


# -- what starts jobs


def test_a_timer_fires_also_with_a_drop_in_of_the_users(linux: Linux) -> None:
    extra = linux.paths.unit_links / f"{linux.unit('one')}.d" / "often.conf"
    extra.parent.mkdir(parents=True)
    extra.write_text("[Timer]\nOnCalendar=*-*-* *:*:*\n")
    linux.sync(NINE)
    until(lambda: [run for run in linux.runs() if run.status == 0])
    linux.assert_converged(NINE)
    linux.sync()
    assert extra.exists(), "what the user wrote is the user's"


def test_a_timer_that_lost_its_times_gets_them_again(linux: Linux) -> None:
    linux.sync(NINE)
    extra = linux.paths.unit_links / f"{linux.unit('one')}.d" / "none.conf"
    extra.parent.mkdir(parents=True)
    extra.write_text("[Timer]\nOnCalendar=\n")
    linux.manager.systemctl("daemon-reload")
    assert linux.sync(NINE) == {"one": Outcome.FAILED}, "the timer is active, and will not elapse"
    extra.unlink()
    assert linux.sync(NINE)["one"] is not Outcome.FAILED
    extra.write_text("[Timer]\nOnCalendar=\n")
    linux.manager.systemctl("daemon-reload")
    extra.unlink()
    linux.manager.systemctl("daemon-reload")
    assert linux.manager.systemctl("show", "-p", "SubState", "--value", linux.unit("one")) == "elapsed\n"
    assert linux.sync(NINE) == {"one": Outcome.RELOADED}
    assert linux.manager.systemctl("show", "-p", "SubState", "--value", linux.unit("one")) == "waiting\n"
    linux.assert_converged(NINE)
    assert not linux.runs()


def test_a_path_that_changes_starts_its_job(linux: Linux) -> None:
    watched, inbox = linux.root / "file", linux.root / "inbox"
    inbox.mkdir()
    clearing = Line(f"rm -f {inbox}/*")
    linux.sync(
        job("changes", schedule=Schedule(on_change=(str(watched),))),
        job("files", schedule=Schedule(on_files=(str(inbox),)), command=clearing),
    )
    assert not linux.runs("changes")
    assert not linux.runs("files")
    watched.write_text("x")
    (inbox / "letter").write_text("x")
    until(lambda: linux.runs("changes") and linux.runs("files"))
    until(lambda: not list(inbox.iterdir()))


def _rests(linux: Linux, name: str) -> bool:
    state = linux.manager.systemctl("show", "-p", "SubState", "--value", linux.unit(name, "service"))
    return state == "start-pre\n"


def _change_until_it_rests(linux: Linux) -> None:
    """systemd watches again a moment after a run only."""

    def rests() -> bool:
        (linux.root / "file").write_text("x")
        return _rests(linux, "changes")

    until(rests)


def _begun_twice_within_a_rest(linux: Linux) -> Job:
    """A job whose path has changed again just after its first run: its second one has to wait."""
    watched = linux.root / "file"
    changes = job("changes", schedule=Schedule(on_change=(str(watched),)))
    linux.sync(changes)
    watched.write_text("x")
    until(lambda: linux.runs("changes") and linux.runs("changes")[-1].ended is not None)
    until(lambda: linux.pid("changes") is None)
    _change_until_it_rests(linux)
    return changes


def test_a_path_that_changes_all_the_time_starts_its_job_now_and_then(linux: Linux) -> None:
    changes = _begun_twice_within_a_rest(linux)
    for _ in range(20):
        (linux.root / "file").write_text("z")
        time.sleep(0.1)
    assert len(linux.runs("changes")) == 1, "launchd rests between two starts, and so does systemd"
    assert linux.pid("changes") is None, "nothing of the job runs"
    linux.assert_converged(changes)
    until(lambda: len(linux.runs("changes")) == 2)
    time.sleep(0.5)
    assert len(linux.runs("changes")) == 2, "one run for all that changed before it"


@pytest.fixture
def short_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "REST", 2)


@pytest.mark.usefixtures("short_rest")
def test_a_start_that_rests_outlives_a_change_of_its_job(linux: Linux) -> None:
    changes = _begun_twice_within_a_rest(linux)
    other = replace(changes, limits=replace(changes.limits, grace=3), command=Line("echo other"))
    assert linux.sync(other)["changes"] is not Outcome.FAILED
    until(lambda: len(linux.runs("changes")) == 2 and linux.runs("changes")[-1].ended is not None)
    logs = linux.paths.job_logs("ada.changes").glob("*.log")
    assert "other" in "".join(log.read_text() for log in logs)


def test_a_start_that_rests_is_over_when_its_job_goes(linux: Linux) -> None:
    _begun_twice_within_a_rest(linux)
    began = time.monotonic()
    assert linux.sync() == {"changes": Outcome.REMOVED}
    assert time.monotonic() - began < 5
    assert linux.manager.systemctl("list-units", "--all", "--plain", "--no-legend", "ada.*") == ""
    assert len(linux.runs("changes")) == 1


def _starts_at_once_when_asked(linux: Linux, name: str) -> bool:
    count = len(linux.runs(name))
    tokens.ask(linux.paths.asked(name))
    began = time.monotonic()
    linux.manager.systemctl("start", "--no-block", linux.unit(name, "service"))
    until(lambda: len(linux.runs(name)) == count + 1)
    return time.monotonic() - began < 5


def test_whoever_asks_for_a_run_does_not_rest(linux: Linux) -> None:
    _begun_twice_within_a_rest(linux)
    assert _starts_at_once_when_asked(linux, "changes")


@pytest.mark.usefixtures("short_rest")
def test_a_path_that_changes_all_the_time_skips_now_and_then(linux: Linux) -> None:
    changes = _begun_twice_within_a_rest(linux)
    until(lambda: len(linux.runs("changes")) == 2)
    linux.paths.pause("changes").parent.mkdir(parents=True, exist_ok=True)
    linux.paths.pause("changes").write_text("0\n")
    for _ in range(2):
        _change_until_it_rests(linux)
        until(lambda: "inactive" in linux.manager.systemctl("is-active", "ada.changes.service", check=False))
    assert linux.paths.runs("changes").read_text().count("skip ") == 1, "the first one stands for the others"
    linux.assert_converged(changes)


def _has_run(linux: Linux, count: int) -> bool:
    return len(linux.runs("files")) == count


@pytest.mark.usefixtures("short_rest")
@pytest.mark.parametrize("place", ["inbox", "in %h {a,b}[c]*?\\d"])
def test_any_entry_of_a_directory_starts_its_job(linux: Linux, place: str) -> None:
    inbox = linux.root / place
    inbox.mkdir()
    clearing = Argv(("find", str(inbox), "-mindepth", "1", "-delete"))
    linux.sync(job("files", schedule=Schedule(on_files=(str(inbox),)), command=clearing))
    for count, name in enumerate((".hidden", "..hidden", "notes~", "report.old", "letter"), start=1):
        (inbox / name).mkdir()
        until(partial(_has_run, linux, count))
        until(lambda: "inactive" in linux.manager.systemctl("is-active", "ada.files.service", check=False))
        assert not list(inbox.iterdir())


def test_a_directory_that_cannot_be_listed_starts_its_job_now_and_then(linux: Linux) -> None:
    """As one that may not be read, or whose mount is gone."""
    inbox = linux.root / "inbox"
    inbox.symlink_to(inbox)
    linux.sync(job("files", schedule=Schedule(on_files=(str(inbox),))))
    until(lambda: linux.runs("files"))
    time.sleep(1)
    assert len(linux.runs("files")) == 1


@pytest.mark.parametrize("command", [Line("exit 3"), Line("true")])
def test_a_directory_that_stays_full_starts_its_job_now_and_then(linux: Linux, command: Line) -> None:
    inbox = linux.root / "in box's $HOME %h"
    inbox.mkdir()
    (inbox / "letter").write_text("x")
    files = job("files", schedule=Schedule(on_files=(str(linux.root / "none"), str(inbox))), command=command)
    linux.sync(replace(files, limits=Limits(grace=2)))
    until(lambda: linux.runs("files"))
    time.sleep(1)
    assert len(linux.runs("files")) == 1, "launchd rests between two starts, and so does systemd"
    until(lambda: len(linux.runs("files")) == 2)
    assert linux.manager.systemctl("show", "-p", "Result", linux.unit("files").replace(".timer", ".path")) == (
        "Result=success\n"
    )
    (inbox / "letter").unlink()


@pytest.mark.parametrize("is_running", [False, True])
def test_a_job_whose_directory_is_full_goes_at_once_and_is_not_started_again(linux: Linux, is_running: bool) -> None:
    inbox = linux.root / "inbox"
    inbox.mkdir()
    (inbox / "letter").write_text("x")
    linux.sync(job("files", schedule=Schedule(on_files=(str(inbox),)), command=SLEEP if is_running else Line("false")))
    until(lambda: linux.runs("files") and (is_running or linux.runs("files")[0].ended is not None))
    if not is_running:
        until(lambda: _rests(linux, "files"))
    began = time.monotonic()
    assert linux.sync() == {"files": Outcome.REMOVED}
    assert time.monotonic() - began < 5
    time.sleep(0.5)
    assert len(linux.runs("files")) == 1
    assert linux.manager.systemctl("list-units", "--all", "--plain", "--no-legend", "ada.*") == ""


def stamp(linux: Linux, name: str = "one") -> Path:
    return linux.paths.stamps / f"stamp-{linux.unit(name)}"


def backdate(path: Path) -> None:
    past = time.time() - 3 * DAY
    os.utime(path, (past, past))


@pytest.mark.parametrize("is_running", [False, True])
def test_a_changed_time_makes_up_for_nothing(linux: Linux, is_running: bool) -> None:
    command = SLEEP if is_running else Line("true")
    linux.sync(job(command=command))
    if is_running:
        linux.start()
    before = len(linux.runs())
    backdate(stamp(linux))
    # The new time came many times since the timer fired last.
    linux.sync(job(hour=10, command=command))
    linux.manager.systemctl("daemon-reload")
    linux.manager.systemctl("start", "timers.target")
    time.sleep(0.3)
    assert len(linux.runs()) == before
    assert linux.is_in_place(job(hour=10, command=command))


def test_a_job_that_was_stopped_by_hand_makes_up_for_nothing_when_it_is_loaded_again(linux: Linux) -> None:
    linux.sync(NINE)
    linux.unload("one")
    backdate(stamp(linux))
    assert linux.sync(NINE) == {"one": Outcome.RELOADED}
    time.sleep(0.3)
    assert not linux.runs()


def test_a_new_job_inherits_nothing_of_an_old_one_of_its_name(linux: Linux) -> None:
    linux.sync(NINE)
    linux.sync()
    assert not stamp(linux).exists()
    stamp(linux).touch()
    backdate(stamp(linux))
    linux.sync(NINE)
    time.sleep(0.3)
    assert not linux.runs()


@pytest.mark.parametrize("how", ["disable", "mask"])
def test_nothing_is_left_of_a_job_that_was_switched_off(linux: Linux, how: str) -> None:
    linux.sync(NINE)
    linux.manager.systemctl(how, "--now", linux.unit("one"))
    assert stamp(linux).exists()
    linux.sync()
    assert not stamp(linux).exists()


# -- the next boot


def test_after_a_reboot_all_is_as_it_was_and_one_missed_slot_is_made_up_for(linux: Linux) -> None:
    linux.sync(NINE, job("missed"), DAEMON, LOGIN)
    until(lambda: linux.runs("daemon"))
    linux.manager.stop()
    backdate(stamp(linux, "missed"))
    following = linux.root / "again"
    following.mkdir()
    with again(linux.manager, following) as manager:
        assert linux.config.systemd is not None
        linux.config = replace(linux.config, systemd=replace(linux.config.systemd, runtime=str(manager.runtime)))
        linux.manager = manager
        until(lambda: linux.runs("missed") and linux.runs("login") and len(linux.runs("daemon")) == 2)
        linux.assert_converged(NINE, job("missed"), DAEMON, LOGIN)
        counts = {name: len(linux.runs(name)) for name in ("one", "missed", "login", "daemon")}
        assert counts == {"one": 0, "missed": 1, "login": 1, "daemon": 2}


def test_a_login_is_not_held_up_by_a_login_job(linux: Linux) -> None:
    linux.sync(replace(LOGIN, command=SLEEP))
    linux.manager.stop()
    following = linux.root / "again"
    following.mkdir()
    with again(linux.manager, following, settled=False) as manager:
        until(lambda: linux.runs("login"))
        until(lambda: manager.systemctl("is-active", "default.target", check=False) == "active\n")
        assert "login.service" in manager.systemctl("list-units", "--state=activating", "--plain", "--no-legend")


# -- what the user says to systemd


@pytest.mark.parametrize("suffix", ["timer", "service"])
def test_a_mask_is_respected_until_it_is_lifted(linux: Linux, suffix: str) -> None:
    linux.sync(NINE, job("two"))
    linux.manager.systemctl("mask", linux.unit("one", suffix))
    linux.manager.systemctl("stop", linux.unit("one"))
    done = linux.results(TEN, job("two"))
    assert done.results["one"].outcome is Outcome.PAUSED
    assert f"`systemctl --user unmask {linux.unit('one', suffix)}`" in done.results["one"].cause
    assert done.results["two"].outcome is Outcome.UNCHANGED
    linux.manager.systemctl("unmask", linux.unit("one", suffix))
    linux.sync(TEN, job("two"))
    linux.assert_converged(TEN, job("two"))
    assert not linux.runs()


def test_what_was_masked_before_it_was_installed_is_respected_too(linux: Linux) -> None:
    linux.manager.systemctl("mask", linux.unit("one"))
    assert linux.sync(NINE) == linux.sync(NINE) == {"one": Outcome.PAUSED}
    way = linux.survey().disabled["ada.one"]
    environment = {**linux.manager.environment, "PATH": os.environ["PATH"]}
    subprocess.run(["/bin/sh", "-euc", way], env=environment, check=True, capture_output=True, timeout=60)
    assert not linux.survey().disabled
    linux.sync(NINE)
    linux.assert_converged(NINE)
    assert linux.loaded() == {"one"}


def test_a_copy_of_the_users_counts_and_is_left_alone(linux: Linux) -> None:
    linux.sync(NINE)
    copy = linux.paths.unit_links / linux.unit("one")
    copy.write_text("[Timer]\nOnCalendar=*-*-* 04:44:44\n[Install]\nWantedBy=timers.target\n")
    linux.manager.systemctl("daemon-reload")
    assert linux.sync(NINE) == {"one": Outcome.UNCHANGED}
    assert linux.sync(TEN) == {"one": Outcome.UPDATED}
    assert linux.sync(TEN) == {"one": Outcome.UNCHANGED}
    assert "04:44:44" in linux.manager.systemctl("show", "-p", "TimersCalendar", linux.unit("one"))
    copy.unlink()
    linux.manager.systemctl("daemon-reload")
    linux.assert_converged(TEN)


def test_a_missing_link_alone_is_put_back_for_the_next_boot(linux: Linux) -> None:
    linux.sync(NINE)
    link = linux.paths.wants("timers.target") / linux.unit("one")
    link.unlink()
    linux.every_call()
    assert linux.sync(NINE) == {"one": Outcome.REPAIRED}
    assert linux.calls() == [], "the timer went on waiting"
    assert linux.manager.systemctl("is-enabled", linux.unit("one")).strip() == "enabled"


def test_disabling_and_enabling_leaves_the_very_link_that_jobsync_writes(linux: Linux) -> None:
    linux.sync(NINE)
    linux.disable("one")
    linux.enable("one")
    linux.assert_converged(NINE)


def test_a_job_that_failed_leaves_no_ghost(linux: Linux) -> None:
    linux.sync(job(command=Line("exit 3")))
    linux.scheduler.start(linux.scheduler.label("one"))
    until(lambda: "failed" in linux.manager.systemctl("is-failed", linux.unit("one", "service"), check=False))
    assert linux.sync(job(command=Line("exit 3"))) == {"one": Outcome.UNCHANGED}, "a failed run is no drift"
    linux.sync()
    assert linux.manager.systemctl("list-units", "--all", "--plain", "--no-legend", "ada.*") == ""
    assert linux.manager.systemctl("show", "-p", "SystemState", "--value").strip() == "running"


def ended(linux: Linux) -> Run:
    """The run of a job that was started, once systemd is done with it too."""
    until(lambda: linux.runs() and linux.runs()[-1].is_over)
    until(lambda: linux.pid() is None)
    return linux.runs()[-1]


def test_a_success_code_is_no_failure_to_systemd_either(linux: Linux) -> None:
    linux.sync(job(command=Line("exit 3"), expect=Expect(success_codes=(0, 3))))
    linux.scheduler.start(linux.scheduler.label("one"))
    run = ended(linux)
    assert (run.status, run.reason, run.is_success) == (3, "", True)
    service = linux.unit("one", "service")
    until(lambda: linux.manager.systemctl("is-active", service, check=False) == "inactive\n")
    shown = linux.manager.systemctl("show", "-p", "Result,ExecMainStatus", service)
    assert set(shown.split()) == {"Result=success", "ExecMainStatus=3"}


def test_retry_and_expectation_hold_under_systemd(linux: Linux) -> None:
    tries = linux.root / "tries"
    flaky = Line(f'echo x >>{tries}; [ "$(wc -l <{tries})" -gt 2 ] || exit 5; echo done')
    supervised = job(
        command=flaky,
        retry=Retry(attempts=3, delay=0),
        limits=Limits(timeout=600, grace=2),
        expect=Expect(prints=("^done$",)),
    )
    linux.sync(supervised)
    linux.scheduler.start(linux.scheduler.label("one"))
    run = ended(linux)
    assert (run.status, run.reason, run.attempts, run.is_success) == (0, "", 3, True)
    assert run.digest == launcher.digest(linux.paths.launcher("one").read_bytes())

    linux.sync(replace(supervised, expect=Expect(prints=("^never$",)), retry=Retry(attempts=2, delay=0)))
    linux.scheduler.start(linux.scheduler.label("one"))
    until(lambda: len(linux.runs()) == 2)
    run = ended(linux)
    assert (run.status, run.attempts, run.is_success) == (launcher.BROKEN_EXPECTATION, 2, False)
    assert run.reason.startswith(records.EXPECTATION)
    assert linux.manager.systemctl("is-failed", linux.unit("one", "service"), check=False).strip() == "failed"


def test_a_run_that_takes_too_long_is_ended_under_systemd_with_all_that_it_started(linux: Linux) -> None:
    pid_file = linux.root / "pid"
    endless = Line(f"sleep 1000 & echo $! >{pid_file}; wait")
    linux.sync(job(command=endless, limits=Limits(timeout=1, grace=5), retry=Retry(attempts=3, delay=0)))
    linux.scheduler.start(linux.scheduler.label("one"))
    run = ended(linux)
    assert (run.status, run.reason, run.attempts) == (launcher.TIMED_OUT, records.TIMEOUT, 1)
    child = int(pid_file.read_text())
    until(lambda: not Path(f"/proc/{child}").exists())


def test_a_daemon_that_ended_well_is_not_started_again(linux: Linux) -> None:
    ends = replace(DAEMON, daemon=Restart.ON_FAILURE, command=Line("true"))
    linux.sync(ends)
    until(lambda: linux.runs("daemon") and linux.runs("daemon")[0].ended is not None)
    until(lambda: linux.pid("daemon") is None)
    linux.assert_converged(ends)
    assert len(linux.runs("daemon")) == 1


# -- the branch we sit on


def test_a_process_belongs_to_the_job_whose_group_it_is_in(linux: Linux) -> None:
    answer, script = linux.root / "answer", linux.root / "ask.py"
    script.write_text(
        "import sys; from pathlib import Path\n"
        "from tests.contract.rig import linux_at; from tests.user_manager import UserManager\n"
        "manager = UserManager.__new__(UserManager); manager.runtime = Path(sys.argv[2])\n"
        "rig = linux_at(Path(sys.argv[1]), manager)\n"
        "found = rig.scheduler.enclosing(rig.survey())\n"
        f"Path({str(answer)!r}).write_text(repr(sorted(found)))\n"
    )
    root = Path(__file__).resolve().parents[2]
    run = f"cd {root} && exec {sys.executable} {script} {linux.root} {linux.manager.runtime}"
    # A session of its own, and no ancestor left: only the control group still tells.
    orphan = Line(f"(PYTHONPATH={root} setsid sh -c '{run}' &) ; sleep 1000")
    linux.sync(job(command=orphan), job("two"))
    pid = linux.start()
    until(answer.exists)
    until(answer.read_text)
    assert answer.read_text() == repr([pid])
    assert linux.scheduler.enclosing(linux.survey()) == frozenset()


# -- quoting


def odd_texts(count: int) -> list[str]:
    dice = Random("quoting")
    pieces = [
        *"%$\"'\\;# \t\n\r\x01\x7f-@:+!|é早\u2028\ufeff*~\udce9",
        "%%",
        "%h",
        "$$",
        "${HOME}",
        "$HOME",
        "\\n",
        "a=b",
    ]
    found = [*pieces, "", "a", *(f"{one}{one}" for one in pieces)]
    return found + ["".join(dice.choices(pieces, k=dice.randint(2, 7))) for _ in range(count)]


def run_raw(linux: Linux, lines: Iterable[str]) -> bytes:
    """What a service with these lines prints."""
    out = linux.root / "out"
    unit = linux.paths.units / "raw.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join(["[Service]", "Type=oneshot", *lines, f"StandardOutput=truncate:{out}", ""])
    unit.write_bytes(text.encode("utf-8", "surrogateescape"))
    linux.manager.systemctl("daemon-reload")
    linux.manager.systemctl("start", "raw.service")
    return out.read_bytes()


def test_any_argument_arrives_as_it_was(linux: Linux) -> None:
    texts = odd_texts(300)
    line = units.command_line(["/usr/bin/printf", "%s\\0", *texts])
    printed = run_raw(linux, [f"ExecStart={line}"])
    assert printed.split(b"\0")[:-1] == [text.encode("utf-8", "surrogateescape") for text in texts]


def test_any_environment_arrives_as_it_was(linux: Linux) -> None:
    texts = {f"V{number}": text for number, text in enumerate(odd_texts(300)) if "\udce9" not in text}
    lines = [f"Environment={units.quoted(f'{name}={text}', dollar=False)}" for name, text in texts.items()]
    printed = run_raw(linux, [*lines, "ExecStart=/usr/bin/env -0"]).decode("utf-8", "surrogateescape")
    found = dict(entry.split("=", 1) for entry in printed.split("\0") if entry)
    assert {name: found.get(name) for name in texts} == texts


@pytest.mark.parametrize("place", ["da ta", "da'ta", 'da"ta', "da\\ta", "da%hta", "da$ta", "daéta"])
def test_a_launcher_is_found_wherever_it_is(linux: Linux, place: str) -> None:
    linux.config = replace(linux.config, data=f"{linux.root}/{place}")
    linux.sync(NINE)
    linux.scheduler.start(linux.scheduler.label("one"))
    until(lambda: linux.runs() and linux.runs()[0].status == 0)
    linux.assert_converged(NINE)


# -- kills

STEP = 1 if os.environ.get("TRUST_KILLS") == "all" else 15


def kill_at(linux: Linux, effect: int, wish: str) -> bool:
    """Whether the sync was still under way at its n-th effect."""
    argv = [
        sys.executable,
        "-m",
        "tests.contract.killed",
        str(linux.root),
        str(linux.manager.runtime),
        str(effect),
        wish,
    ]
    done = subprocess.run(argv, cwd=Path(__file__).parents[2], capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done
    return done.returncode != 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after"), [(None, "first"), ("first", "later"), ("first", "other"), ("other", "first")]
)
def test_the_next_sync_converges_after_a_kill_at_any_effect(linux: Linux, before: str | None, after: str) -> None:
    killed = 0
    for effect in range(1, 400, STEP):
        linux.sync(*(WISHES[before] if before else ()))
        if not kill_at(linux, effect, after):
            break
        killed += 1
        linux.sync(*WISHES[after])
        linux.assert_converged(*WISHES[after])
        assert not [name for name in linux.artefacts() if name.endswith(".jobsync-tmp")], effect
        assert not list(Path(linux.manager.runtime, "systemd/user").glob("*.d")), effect
    else:
        pytest.fail("the sync had more effects than that")
    assert not linux.runs("one"), "no kill made a run"
    assert not linux.runs("login")
    print(f"killed at {killed} effects")
    assert killed >= 3


def test_slots_are_kept_to_the_second(linux: Linux) -> None:
    linux.sync(job(schedule=Schedule(slots=(Slot(hour=9, minute=0), Slot(day=1, weekday=1, hour=3, minute=30)))))
    shown = linux.manager.systemctl("show", "-p", "AccuracyUSec,Persistent,TimersCalendar", linux.unit("one"))
    assert "AccuracyUSec=1us" in shown
    assert "Persistent=yes" in shown
    assert shown.count("TimersCalendar=") == 3, "a day of the month or a weekday: two lines, either of which counts"


def test_a_background_job_runs_with_less(linux: Linux) -> None:
    seen = linux.root / "nice"
    linux.sync(job(command=Argv(("sh", "-c", f"nice >{seen}")), systemd={"service": {"Nice": ("7",)}}))
    linux.scheduler.start(linux.scheduler.label("one"))
    until(lambda: seen.exists() and seen.read_text())
    assert seen.read_text().strip() == "7"


# -- without root


@pytest.mark.skipif(
    os.geteuid() != 0, reason="whoever runs this is an ordinary user: then all other tests are about one"
)
def test_an_ordinary_user_has_it_all() -> None:
    nobody = 65_534
    # Everything that is imported late, while files of root's can be read.
    with rigs.linux() as warm:
        warm.sync(NINE, DAEMON)
        warm.scheduler.away_meaning(NINE)
    with rigs.linux(owner=nobody) as linux:
        os.setresuid(nobody, nobody, 0)
        try:
            assert set(linux.sync(NINE, DAEMON, LOGIN).values()) == {Outcome.INSTALLED}
            linux.assert_converged(NINE, DAEMON, LOGIN)
            linux.sync(TEN, DAEMON)
            linux.assert_converged(TEN, DAEMON)
            linux.scheduler.start(linux.scheduler.label("one"))
            until(lambda: linux.runs() and linux.runs()[0].status == 0)
            linux.sync()
            assert linux.artefacts() == set()
        finally:
            os.setresuid(0, 0, 0)
