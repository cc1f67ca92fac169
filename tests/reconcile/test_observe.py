"""The snapshot: what stands where, who sits above us, and what is ours without being remembered."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.reconcile import observe
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.state import FileState, Want
from jobsync.schedulers.protocol import Identity, NoSession, Unknown

from ..programs import beside
from ..unprivileged import as_somebody_else
from .bench import SLEEP, Bench, job


def test_a_file_is_its_bytes_and_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    path.chmod(0o4751)
    assert observe.file_state(str(path)) == FileState(b"abc", 0o4751)
    assert not observe.file_state(str(path)).is_missing


def test_nothing_is_nothing_also_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file" / "below"):
        assert observe.file_state(str(path)) == FileState()
        assert observe.file_state(str(path)).is_missing


def test_what_is_no_regular_file_is_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "dangling").symlink_to("none")
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "pipe")
    found = {name: observe.file_state(str(tmp_path / name)) for name in ("link", "dangling", "directory", "pipe")}
    assert found == {
        "link": FileState(problem="is a symbolic link", target=b"file"),
        "dangling": FileState(problem="is a symbolic link", target=b"none"),
        "directory": FileState(problem="is a directory"),
        "pipe": FileState(problem="is no regular file"),
    }
    assert not any(state.is_missing for state in found.values())


def test_what_may_not_be_read_is_there_all_the_same() -> None:
    with as_somebody_else() as directory:
        (directory / "closed").mkdir()
        (directory / "closed" / "file").touch()
        (directory / "file").touch(mode=0)
        (directory / "closed").chmod(0)
        for path, closed in (("file", "file"), ("closed/file", "closed")):
            state = observe.file_state(str(directory / path))
            problem = f"cannot be read: Permission denied; `chmod u+rwX {directory / closed}`"
            assert state == FileState(problem=problem) and state.is_unreadable


def test_all_our_ancestors_are_known() -> None:
    program = "import os; from jobsync.reconcile.observe import branch; print(*branch())"
    line = f'"{sys.executable}" -c "{program}"; :'
    with beside(["sh", "-c", line], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        found = {int(pid) for pid in shell.stdout.read().split()}
    assert {shell.pid, os.getpid()} <= found
    assert 1 not in found


@pytest.mark.parametrize(
    ("above", "found"),
    [
        ([(9, "post-merge"), (8, "git"), (7, "git"), (6, "sh"), (5, "one"), (4, "git")], 7),
        ([(9, "post-commit"), (8, "git"), (7, "bash"), (6, "git"), (5, "one")], 6),
        ([(9, "bash"), (5, "one"), (4, "git")], None),
        ([(9, "bash"), (8, "git")], 8),
    ],
    ids=["pull", "a git within another one's alias", "no git, but above the job", "a job that is not above us"],
)
def test_the_command_of_a_job_that_we_are_part_of_is_gits_from_its_beginning(
    above: list[tuple[int, str]], found: int | None
) -> None:
    assert observe.errand(dict(above), {5}) == (found or os.getpid())


@pytest.mark.parametrize("ps", ["exit 3", None])
def test_without_an_answer_of_ps_nothing_is_concluded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ps: str | None
) -> None:
    if ps is not None:
        (tmp_path / "ps").write_text(f"#!/bin/sh\n{ps}\n", encoding="utf-8")
        (tmp_path / "ps").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JobsyncError, match="ps"):
        observe.branch()


def test_a_sync_that_cannot_tell_where_it_runs_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sync(job(command=SLEEP))
    bench.start()
    monkeypatch.setenv("PATH", str(bench.root))
    with pytest.raises(JobsyncError, match="cannot tell whether this sync runs inside one of its jobs"):
        bench.plan(bench.want(job(command=SLEEP)))


def test_who_sits_above_us_is_asked_only_where_a_job_of_ours_runs(bench: Bench) -> None:
    bench.sync(job(command=SLEEP))
    want = bench.want(job(command=SLEEP))
    assert observe.observe(want, bench.ledger(), bench.paths, bench.launchd, whole=True).ancestors == frozenset()
    bench.start()
    assert os.getppid() in observe.observe(want, bench.ledger(), bench.paths, bench.launchd, whole=True).ancestors


def test_a_running_orphan_counts_as_a_job_of_ours(bench: Bench) -> None:
    bench.sync(job(command=SLEEP))
    bench.start()
    bench.paths.ledger.unlink()
    assert os.getppid() in observe.observe(Want({}), Ledger(), bench.paths, bench.launchd, whole=True).ancestors


def test_jobs_are_asked_themselves_only_where_the_ledger_does_not_know(bench: Bench) -> None:
    bench.sync(job(), job("two"))
    want = bench.want(job(), job("two"))
    bench.mac.clear_calls()
    observe.observe(want, bench.ledger(), bench.paths, bench.launchd, whole=True)
    assert len(bench.mac.calls()) == 1, "the survey and nothing else"
    seen = observe.observe(want, Ledger(), bench.paths, bench.launchd, whole=True)
    digests = {name: bench.launchd.render(job(name)).load_digest for name in ("one", "two")}
    assert seen.identities == {
        f"ada.{name}": Identity(bench.launchd.owner, digest, str(bench.plist(name))) for name, digest in digests.items()
    }


def test_a_job_that_is_about_to_be_unloaded_is_asked_whose_it_is(bench: Bench) -> None:
    bench.sync(job(), job("two"))
    seen = observe.observe(bench.want(job(hour=10)), bench.ledger(), bench.paths, bench.launchd, whole=True)
    assert set(seen.identities) == {"ada.one", "ada.two"}


def test_orphans_and_leftovers_are_looked_for_only_by_a_whole_sync(bench: Bench) -> None:
    bench.sync(job())
    bench.paths.ledger.unlink()
    (bench.paths.launchers / "gone").touch()
    whole = observe.observe(Want({}), Ledger(), bench.paths, bench.launchd, whole=True)
    part = observe.observe(Want({}), Ledger(), bench.paths, bench.launchd, whole=False)
    assert whole.orphans == {"one": "ada.one"}
    assert whole.leftovers == (str(bench.paths.launchers / "gone"),)
    assert (part.orphans, part.leftovers, part.belongings) == ({}, (), {})


def test_strangers_are_no_orphans(bench: Bench) -> None:
    bench.sync(job())
    for name, owner in (("ada.x", b"ffffffffffffffff"), ("com.x", bench.launchd.owner.encode())):
        content = bench.plist().read_bytes().replace(bench.launchd.owner.encode(), owner)
        (bench.paths.agents / f"{name}.plist").write_bytes(content)
    (bench.paths.agents / "ada.link.plist").symlink_to(bench.plist())
    seen = observe.observe(bench.want(job()), bench.ledger(), bench.paths, bench.launchd, whole=True)
    assert seen.orphans == {}


@pytest.mark.parametrize("code", [64, 125])
def test_without_a_survey_nothing_is_asked_further(bench: Bench, code: int) -> None:
    bench.sync(job())
    want = bench.want(job())
    bench.mac.clear_calls()
    bench.mac.fault("print", code=code, times=None)
    seen = observe.observe(want, Ledger(), bench.paths, bench.launchd, whole=True)
    assert isinstance(seen.answer, NoSession if code == 125 else Unknown)
    assert seen.identities == {}
    assert len(bench.mac.calls()) == 1
