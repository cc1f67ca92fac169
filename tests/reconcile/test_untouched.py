"""What a hook's plan leaves out changes nothing about that plan: made for all jobs, it is the same."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync import config as configuration
from jobsync import process
from jobsync.reconcile import compare, from_head, index
from jobsync.reconcile.head import head_state
from jobsync.reconcile.origin import Heard, Origin, open_origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.planning import plan
from jobsync.reconcile.state import Caller, Outcome, Plan
from jobsync.reconcile.sync import _follow_up, no_progress
from jobsync.schedulers.launchd import domain
from jobsync.values import replace

from .. import linux
from ..laptop import JOB, Laptop
from ..linux import LinuxLaptop
from ..user_manager import CannotBe

OTHERS = ("daemon", "three", "two")


@pytest.fixture
def settled(registered: Laptop) -> Laptop:
    """Nothing is outstanding."""
    for name in ("one", "two", "three"):
        registered.job(name)
    registered.job("daemon", 'run = "sleep 1000"\n[daemon]\nrestart = "always"\n')
    registered.commit()
    registered.jobsync("sync")
    return registered


def origin(laptop: Laptop) -> Origin:
    found = configuration.load(laptop.config_file)
    (repo,) = found.repos
    return open_origin(found, repo, laptop.environment)


def planned(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], Plan]:
    """What a hook's plan leaves out, and that plan, which is the one for all jobs."""
    made = plan(origin(laptop), Orders(Caller.HOOK))
    with monkeypatch.context() as patch:
        patch.setattr(from_head, "find_untouched", lambda *_: {})
        whole = plan(origin(laptop), Orders(Caller.HOOK))
    assert not whole.want.untouched
    assert made.plan == whole.plan
    return {*made.want.untouched}, made.plan


def _commit(laptop: Laptop, text: str) -> None:
    laptop.job("one", text)
    laptop.git("-c", "core.hooksPath=/nonexistent", "commit", "-qam", "change")


def _drop(laptop: Laptop) -> None:
    laptop.drop("jobs/one")
    laptop.git("-c", "core.hooksPath=/nonexistent", "commit", "-qam", "gone")


def _launcher(laptop: Laptop) -> Path:
    return next(laptop.home.glob(".local/share/jobsync/*/one"))


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/bin/true")


def _hold(laptop: Laptop) -> None:
    """The brake holds its removal."""
    path = laptop.state / "ledger"
    path.write_text(path.read_text().replace('"held": []', '"held": ["one"]'))


def _fail(laptop: Laptop) -> None:
    """It was another definition that could not be loaded, and the former job is back."""
    path = laptop.state / "ledger"
    head, mark, tail = path.read_text().partition('"one": ')
    path.write_text(head + mark + tail.replace('"message": ""', '"message": "refused"', 1))


def _unsettle(laptop: Laptop) -> None:
    path = laptop.state / "ledger"
    _, end, body = path.read_text().partition("\n\n")
    path.write_text(f"jobsync-ledger 1\nunsettled{end}{body}")


def _settings(laptop: Laptop) -> None:
    laptop.put("jobsync.toml", "# mine\n")
    laptop.git("add", "jobsync.toml")
    laptop.git("-c", "core.hooksPath=/nonexistent", "commit", "-qm", "settings")


SPOILED: dict[str, Callable[[Laptop], object]] = {
    "changed": lambda laptop: _commit(laptop, 'run = "false"\n'),
    "a fault": lambda laptop: _commit(laptop, "rum = 1\n"),
    "gone": _drop,
    "plist edited": lambda laptop: _append(laptop.plist_path("one")),
    "plist with another mode": lambda laptop: laptop.plist_path("one").chmod(0o600),
    "plist gone": lambda laptop: laptop.plist_path("one").unlink(),
    "launcher edited": lambda laptop: _append(_launcher(laptop)),
    "launcher gone": lambda laptop: _launcher(laptop).unlink(),
    "launcher a link": lambda laptop: _link(_launcher(laptop)),
    "paused": lambda laptop: laptop.put(str(laptop.state / "pause" / "one"), "0"),
    "held by the brake": _hold,
    "went wrong last time": _fail,
}
LEFT_OUT_NONE: dict[str, Callable[[Laptop], object]] = {
    "ledger not settled": _unsettle,
    "no pack": lambda laptop: (laptop.state / "pack").unlink(),
    "another pack": lambda laptop: (laptop.state / "pack").write_bytes(b"jobsync-pack 1 0\n"),
    "settings changed": _settings,
    "no ledger": lambda laptop: (laptop.state / "ledger").unlink(),
}


def test_a_plan_that_leaves_jobs_out_is_the_plan_for_all(settled: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = settled.root / "copy"
    shutil.copytree(settled.home, copy, symlinks=True)
    for what, spoil in {"nothing": lambda _: None, **SPOILED, **LEFT_OUT_NONE}.items():
        spoil(settled)
        found, made = planned(settled, monkeypatch)
        others = set[str]() if what in LEFT_OUT_NONE else {*OTHERS}
        assert found == others | ({"one"} if what == "nothing" else set()), what
        assert what != "nothing" or not made.would_change
        shutil.rmtree(settled.home)
        shutil.copytree(copy, settled.home, symlinks=True)


def test_what_launchd_does_not_have_or_the_user_switched_off_is_planned(
    settled: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.launchctl("disable", settled.target("two"))
    assert planned(settled, monkeypatch)[0] == {"one", "three", "daemon"}
    settled.bootout("one")
    assert planned(settled, monkeypatch)[0] == {"three", "daemon"}


def test_where_the_scheduler_does_not_answer_nothing_is_left_out(
    settled: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled.config_file
    path.write_text(path.read_text().replace("launchctl = ", 'launchctl = "/bin/false" # '))
    found, made = planned(settled, monkeypatch)
    assert not found
    assert {change.outcome for change in made.changes} == {Outcome.FAILED}


def test_a_hook_that_leaves_jobs_out_leaves_the_same_behind(settled: Laptop) -> None:
    settled.job("one", JOB.replace("09:00", "10:00"))
    assert "updated one" in settled.commit().err
    left = ("pack", "ledger", "sources", "schedules")
    behind = {name: (settled.state / name).read_bytes() for name in left}
    report = settled.jobsync("sync").out
    assert "4 unchanged" in report
    # Not answered at once: the long way has nothing to do either, and leaves the same.
    (settled.state / "sources").unlink()
    assert settled.jobsync("sync").out == report
    assert {name: (settled.state / name).read_bytes() for name in left} == behind


def test_units_that_stand_are_left_out_and_all_others_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        with linux.running() as machine:
            _plan_units(machine, monkeypatch)
    except CannotBe as error:
        pytest.skip(str(error))


def _plan_units(machine: LinuxLaptop, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.init()
    for name in ("one", "two", "three", "four"):
        machine.job(name)
    machine.commit()
    machine.jobsync("sync")
    assert planned(machine, monkeypatch)[0] == {"one", "two", "three", "four"}
    machine.manager.systemctl("stop", machine.unit("one"))
    machine.manager.systemctl("mask", machine.unit("two"))
    _append(machine.units / machine.unit("three", "service"))
    assert planned(machine, monkeypatch)[0] == {"four"}


def test_what_a_hook_saw_of_git_is_believed_of_that_commit_only(settled: Laptop) -> None:
    here = origin(settled)
    commit = settled.git("rev-parse", "HEAD").out.strip()
    files = frozenset({"jobs/one/job.toml"})
    believed = head_state(replace(here, seen=commit, skipped=files))
    assert (believed.holds("one"), believed.holds("two")) == (False, True)
    assert head_state(replace(here, seen="0" * 40, skipped=files)).holds("one")


def test_what_it_saw_is_old_when_another_hook_has_come_meanwhile(settled: Laptop) -> None:
    here = origin(settled)
    commit = settled.git("rev-parse", "HEAD").out.strip()
    stale = replace(here, seen=commit, skipped=frozenset({"jobs/one/job.toml"}))
    here.paths.note.touch()
    done = _follow_up(stale, no_progress)
    assert done is not None
    assert not done.would_change
    assert settled.loaded() >= {"one"}


def _heard(laptop: Laptop) -> Origin:
    """As a hook leaves it: a moment ago the scheduler has answered, and the files were as the ledger says."""
    here = origin(laptop)
    query = here.scheduler.query()
    said = process.run(query.argv, env={"PATH": "/usr/bin:/bin"}, timeout=20)
    known = index.read(str(here.paths.ledger))
    assert known is not None
    return replace(here, heard=Heard(index.stamp(str(here.paths.ledger)), said.stdout, known.pack))


def _surveys(laptop: Laptop) -> int:
    return sum(call == ["print", domain()] for call in laptop.simulator.calls())


def test_what_the_scheduler_told_the_hook_is_not_asked_again(settled: Laptop) -> None:
    _commit(settled, JOB.replace("09:00", "10:00"))
    heard = _heard(settled)
    before = _surveys(settled)
    told = plan(heard, Orders(Caller.HOOK))
    assert _surveys(settled) == before
    assert told.plan == plan(origin(settled), Orders(Caller.HOOK)).plan
    assert _surveys(settled) == before + 1


def test_what_the_hook_has_compared_is_not_compared_again(settled: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    _commit(settled, JOB.replace("09:00", "10:00"))
    compared = []

    def found_touched(*given: object) -> set[str]:
        compared.append(given)
        return set()

    monkeypatch.setattr(compare, "intact", found_touched)
    made = plan(_heard(settled), Orders(Caller.HOOK))
    assert {*made.want.untouched} == {*OTHERS}
    assert not compared
    heard = _heard(settled)
    assert heard.heard is not None
    made = plan(replace(heard, heard=replace(heard.heard, pack="")), Orders(Caller.HOOK))
    assert not made.want.untouched
    assert len(compared) == 1


def test_what_it_told_is_old_when_another_sync_has_changed_something_since(settled: Laptop) -> None:
    heard = _heard(settled)
    settled.job("four")
    settled.git("add", "-A")
    settled.git("-c", "core.hooksPath=/nonexistent", "commit", "-qm", "change")
    settled.jobsync("sync")
    made = plan(heard, Orders(Caller.HOOK))
    assert {*made.want.untouched} == {"daemon", "four", "one", "three", "two"}
    assert not made.plan.would_change


def test_what_it_told_is_old_when_another_hook_has_come_meanwhile(settled: Laptop) -> None:
    heard = _heard(settled)
    settled.bootout("one")
    heard.paths.note.touch()
    done = _follow_up(heard, no_progress)
    assert done is not None
    assert {one.name for one in done.results if one.outcome is Outcome.RELOADED} == {"one"}
