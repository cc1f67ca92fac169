"""`jobsync-hook` where nothing has changed: what it imports, spawns and says. And that it never fails git."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .laptop import Laptop

BUDGET = {
    "__future__",  # annotations that are not evaluated
    "_blake2",  # digests
    "select",  # reading two pipes at once
    "time",
    "jobsync",
    "jobsync.entry",
    "jobsync.errors",
    "jobsync.process",
    "jobsync.reconcile",
    "jobsync.reconcile.index",
    "jobsync.repo",
    "jobsync.repo.events",
    "jobsync.schedulers",
    "jobsync.schedulers.launchd_print",
}
"""All that the answer *nothing to do* may import beyond a bare `python -c pass`."""
_PROBE = """
import sys
before = set(sys.modules)
sys.argv = sys.argv[1:]
from jobsync.entry import main
status = main()
print("\\n".join(sorted(set(sys.modules) - before)))
sys.exit(status)
"""
"""An interpreter that has imported only what it does by itself."""


def bare_modules(laptop: Laptop) -> set[str]:
    program = "import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], env=environment(laptop), capture_output=True, text=True)
    return set(done.stdout.split())


def environment(laptop: Laptop) -> dict[str, str]:
    """Without coverage, which imports much before anything of ours."""
    return {name: value for name, value in laptop.environment.items() if not name.startswith("COVERAGE_")}


def probe(laptop: Laptop, *argv: str, env: dict[str, str] | None = None) -> tuple[set[str], str]:
    """What a hook imported, and what it said."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(Path(sys.executable).with_name("jobsync-hook")), *argv],
        cwd=laptop.work,
        env={**environment(laptop), **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()), done.stderr


@pytest.fixture
def settled(registered: Laptop) -> Laptop:
    """Registered, synced, and nothing outstanding."""
    registered.job("one")
    registered.job("two")
    registered.commit()
    registered.jobsync("sync")
    registered.mutations()
    return registered


HEAVY = {
    "click", "tomlkit", "tomllib", "git", "rich", "dataclasses", "json", "typing", "pathlib", "subprocess", "hashlib",
    "enum", "re", "collections.abc", "contextlib", "functools", "signal", "selectors", "threading", "logging",
    "plistlib",
}  # fmt: skip


@pytest.mark.parametrize("event", ["post-merge", "post-commit"])
def test_nothing_to_do_is_answered_within_the_import_budget(settled: Laptop, event: str) -> None:
    imported, said = probe(settled, event)
    assert said == ""
    beyond = imported - bare_modules(settled)
    assert beyond <= BUDGET
    assert not imported & HEAVY - bare_modules(settled)


def test_the_probe_sees_what_the_long_way_imports(settled: Laptop) -> None:
    settled.bootout("one")
    imported, said = probe(settled, "post-merge")
    assert "reloaded one" in said
    assert {"dataclasses", "json", "pathlib", "jobsync.reconcile.sync"} <= imported
    # GitPython and click are for other commands: no hook pays for them.
    assert not imported & {"git", "click"}


def test_nothing_to_do_asks_git_once_and_launchd_once(settled: Laptop) -> None:
    settled.simulator.clear_calls()
    trace = settled.root / "trace"
    probe(settled, "post-merge", env={"GIT_TRACE2_EVENT": str(trace)})
    assert [call[0] for call in settled.simulator.calls()] == ["print"]
    events = [json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines()]
    assert [event["argv"][1] for event in events if event["event"] == "start"] == ["rev-parse"]


def test_nothing_to_do_leaves_no_trace(settled: Laptop) -> None:
    before = settled.snapshot()
    probe(settled, "post-merge")
    assert settled.snapshot() == before


@pytest.mark.parametrize("what", ["plist", "launcher", "mode", "ledger", "config", "loaded"])
def test_whatever_differs_takes_the_long_way(settled: Laptop, what: str) -> None:
    (launcher,) = settled.home.glob(".local/share/jobsync/*/one")
    match what:
        case "plist":
            settled.plist_path("one").unlink()
        case "launcher":
            launcher.write_bytes(launcher.read_bytes().replace(b"set -u", b"set -x"))
        case "mode":
            launcher.chmod(0o755)
        case "ledger":
            (settled.state / "ledger").unlink()
        case "config":
            settled.config_file.write_text(
                settled.config_file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8"
            )
        case "loaded":
            settled.bootout("two")
    imported, _ = probe(settled, "post-merge")
    assert "jobsync.reconcile.sync" in imported
    # And that was repaired: the next one finds nothing to do again.
    imported, said = probe(settled, "post-merge")
    assert "jobsync.reconcile.sync" not in imported
    assert said == ""


def test_a_change_in_head_takes_the_long_way(settled: Laptop) -> None:
    settled.drop("jobs/two")
    settled.git("-c", "core.hooksPath=/nonexistent", "commit", "-qam", "drop")
    imported, said = probe(settled, "post-merge")
    assert "jobsync.reconcile.sync" in imported
    assert "removed two" in said


def test_single_files_checked_out_are_answered_without_asking_anybody(settled: Laptop) -> None:
    settled.simulator.clear_calls()
    probe(settled, "post-checkout", "a", "b", "0")
    probe(settled, "post-checkout", "a", "b", "1", env={"_PRE_COMMIT_SKIP_POST_CHECKOUT": "1"})
    assert settled.simulator.calls() == []


@pytest.mark.parametrize("argv", [(), ("post-nothing",), ("post-merge", "0"), ("post-checkout",), ("finish",)])
def test_it_never_fails_git(settled: Laptop, argv: tuple[str, ...]) -> None:
    assert settled.run("jobsync-hook", *argv).status == 0


def test_without_a_configuration_it_is_silent(laptop: Laptop) -> None:
    assert laptop.run("jobsync-hook", "post-merge").text == ""


def test_in_a_repository_of_others_it_is_silent(settled: Laptop) -> None:
    assert settled.run("jobsync-hook", "post-merge", at=settled.editor).text == ""


def test_a_launchctl_that_is_gone_is_one_line_and_no_failure(settled: Laptop) -> None:
    settled.simulator.launchctl.unlink()
    done = settled.run("jobsync-hook", "post-merge")
    assert (done.status, done.out) == (0, "")
    assert "could not ask the scheduler" in done.err


def test_a_copy_hands_over_to_the_installation_that_was_recorded(registered: Laptop, tmp_path: Path) -> None:
    other = tmp_path / "other-hook"
    other.write_text('#!/bin/sh\necho "other: $*"\n', encoding="utf-8")
    other.chmod(0o755)
    registered.jobsync("config", "hook", str(other))
    assert registered.run("jobsync-hook", "post-merge", "0").out == "other: post-merge 0\n"
    other.unlink()
    assert registered.run("jobsync-hook", "post-merge", "0").out == ""
