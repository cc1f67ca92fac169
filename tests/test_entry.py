"""`jobsync-hook` where nothing has changed: what it imports, spawns and says. And that it never fails git."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import counting
from benchmarks.runner import Alternative
from jobsync import entry
from jobsync.reconcile.hook import wake

from .forks import command
from .laptop import Laptop
from .unprivileged import as_somebody_else

START = str(Path(entry.__file__).with_name("start.py"))
HOOK = str(Path(sys.executable).with_name("jobsync-hook"))
FAST = ("-I", "-S", START, HOOK)
"""What the hooks give to the interpreter."""
BUDGET = {
    "gc",  # to do without
    "select",  # reading two pipes at once
    "time",
    "jobsync",
    "jobsync.entry",
    "jobsync.errors",
    "jobsync.process",
    "jobsync.reconcile",
    "jobsync.reconcile.compare",
    "jobsync.reconcile.index",
    "jobsync.repo",
    "jobsync.repo.events",
    "jobsync.schedulers",
    "jobsync.schedulers.launchd_print",
    "jobsync.settled",
}
"""All that the answer *nothing to do* may import beyond a bare `python -I -S -c pass`, `os` and what that imports."""


def environment(laptop: Laptop) -> dict[str, str]:
    """Without coverage, which imports much before anything of ours."""
    return {name: value for name, value in laptop.environment.items() if not name.startswith("COVERAGE_")}


def python(laptop: Laptop, *argv: str, env: dict[str, str] | None = None) -> tuple[set[str], str]:
    """What an interpreter imported, in its own words, and what else it said on stderr."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *argv],
        cwd=laptop.work,
        env={**environment(laptop), **(env or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines(keepends=True)
    imports = [line for line in lines if line.startswith("import time:")]
    said = "".join(line for line in lines if not line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in imports}, said


def bare_modules(laptop: Laptop) -> set[str]:
    return python(laptop, "-I", "-S", "-c", "import os")[0]


def probe(laptop: Laptop, *argv: str, env: dict[str, str] | None = None) -> tuple[set[str], str]:
    """What a hook imported, started as git's hooks start it, and what it said."""
    return python(laptop, *FAST, *argv, env=env)


@pytest.fixture
def settled(registered: Laptop) -> Laptop:
    """Registered, synced, and nothing outstanding. Nothing of that is a process, for what comes then is tested."""
    registered.job("one")
    registered.job("two")
    registered.git("add", "-A")
    registered.git("-c", "core.hooksPath=/nonexistent", "commit", "-qm", "begin")
    command(registered, "sync")
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
    assert {"json", "pathlib", "jobsync.values", "jobsync.reconcile.sync"} <= imported
    # GitPython and click are for other commands, `dataclasses` is too slow for all: no hook pays for them.
    assert not imported & {"git", "click", "dataclasses"}


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


@pytest.mark.parametrize("what", ["plist", "launcher", "mode", "ledger", "pack", "config", "loaded"])
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
        case "pack":
            pack = settled.state / "pack"
            pack.write_bytes(pack.read_bytes().replace(b"set -u", b"set -x", 1))
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


def test_a_job_whose_last_run_failed_takes_the_long_way_until_it_is_gone(settled: Laptop) -> None:
    mark = settled.put(str(settled.state / "failing" / "one"), "")
    for _ in range(2):
        imported, said = probe(settled, "post-merge")
        assert "jobsync.reconcile.sync" in imported
        assert said == "jobsync: the last run of one failed; `jobsync status one` says why\n"
    mark.unlink()
    imported, said = probe(settled, "post-merge")
    assert said == "" and imported - bare_modules(settled) <= BUDGET, "an empty directory is no mark"
    # A directory that cannot be looked at is no proof that all is well.
    mark.parent.rmdir()
    mark.parent.touch()
    assert "jobsync.reconcile.sync" in probe(settled, "post-merge")[0]


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


# -- the fast way in, and the ways round it


def breakages(laptop: Laptop) -> dict[str, tuple[str, str]]:
    """What may become of what a hook recorded -> the interpreter and the file that it then finds."""
    fails = laptop.put("../fails", "#!/bin/sh\nexit 1\n", mode=0o755)
    dangling = laptop.home / "dangling"
    dangling.symlink_to("/nonexistent/python3.99")
    half = laptop.put("../half/jobsync/start.py", Path(START).read_text(encoding="utf-8"))
    laptop.put("../half/jobsync/__init__.py", "")
    laptop.put("../half/jobsync/entry.py", "import jobsync.what_is_not_there_yet\n")
    return {
        "the interpreter is gone": ("/nonexistent/python", START),
        "the interpreter leads nowhere": (str(dangling), START),
        "the interpreter does not run": (str(fails), START),
        "the package has moved": (sys.executable, "/nonexistent/start.py"),
        "the package is half installed": (sys.executable, str(half)),
        "another executable was recorded": ("", ""),
    }


def test_a_hook_finds_another_way_when_the_fast_one_is_broken(registered: Laptop) -> None:
    hook = registered.work / ".git" / "hooks" / "post-merge"
    text = hook.read_text(encoding="utf-8")
    fast = f"python={shlex.quote(sys.executable)} start={shlex.quote(START)} hook={shlex.quote(HOOK)}\n"
    assert fast in text
    for number, (what, (python, start)) in enumerate(breakages(registered).items()):
        other = f"python={shlex.quote(python)} start={shlex.quote(start)} hook={shlex.quote(HOOK)}\n"
        hook.write_text(text.replace(fast, other), encoding="utf-8")
        registered.upstream(f"job{number}")
        ran = registered.pull()
        assert f"installed job{number}" in ran.err, what
        assert f"job{number}" in registered.loaded(), what


def test_without_interpreter_and_script_the_one_in_the_path_does_it(registered: Laptop) -> None:
    hook = registered.work / ".git" / "hooks" / "post-merge"
    text = hook.read_text(encoding="utf-8")
    recorded = registered.put("../gone/jobsync-hook", "#!/nonexistent/python\n", mode=0o755)
    for python in (sys.executable, "/nonexistent/python"):
        hook.write_text(
            text.replace(f"python={sys.executable}", f"python={python}").replace(START, "/nonexistent")
            .replace(f"hook={HOOK}", f"hook={recorded if python != sys.executable else '/nonexistent'}"),
            encoding="utf-8",
        )  # fmt: skip
        registered.upstream("fast" if python == sys.executable else "slow")
        registered.pull()
    assert registered.loaded() == {"fast", "slow"}


def test_a_recorded_executable_that_cannot_be_started_is_done_without(registered: Laptop) -> None:
    recorded = registered.put("../gone/jobsync-hook", "#!/nonexistent/python\n", mode=0o755)
    registered.jobsync("config", "hook", str(recorded))
    registered.job("one")
    registered.commit()
    assert registered.loaded() == {"one"}


def test_started_with_site_it_does_the_same(settled: Laptop) -> None:
    settled.bootout("one")
    assert "reloaded one" in settled.run(sys.executable, START, HOOK, "post-merge", "0").err


def test_what_is_installed_beside_us_cannot_stand_in_for_the_standard_library(settled: Laptop) -> None:
    copy = settled.home / "site"
    shutil.copytree(Path(START).parent, copy / "jobsync", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("select", "time", "os", "json", "dataclasses"):
        (copy / f"{name}.py").write_text("raise SystemExit(9)\n", encoding="utf-8")
    settled.bootout("one")
    start = str(copy / "jobsync" / "start.py")
    assert "reloaded one" in settled.run(sys.executable, "-I", "-S", start, HOOK, "post-merge", "0").err


@pytest.mark.parametrize(
    "owner", [os.geteuid(), pytest.param(12345, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can"))]
)
def test_nothing_is_compiled_into_another_users_installation(settled: Laptop, owner: int) -> None:
    """As root does in a pull through sudo: what it left there its owner could neither upgrade nor remove."""
    site = settled.home / "site"
    shutil.copytree(Path(START).parent, site / "jobsync", ignore=shutil.ignore_patterns("__pycache__"))
    start = site / "jobsync" / "start.py"
    os.chown(start, owner, -1)
    settled.bootout("one")
    plain = {"PYTHONDONTWRITEBYTECODE": ""}
    assert "reloaded one" in settled.run(sys.executable, "-I", "-S", str(start), HOOK, "post-merge", "0", env=plain).err
    assert bool(list(site.rglob("__pycache__"))) is (owner == os.geteuid())


@pytest.fixture
def changed(settled: Laptop) -> Laptop:
    """A commit has changed one job of two, and no hook has heard of it yet."""
    settled.job("one", 'run = "true"\n\n[schedule]\nat = "11:11"\n')
    settled.git("add", "-A")
    settled.git("-c", "core.hooksPath=/nonexistent", "commit", "-q", "-m", "change")
    return settled


UNNEEDED = {
    "hashlib", "_hashlib", "shutil", "difflib", "subprocess", "tempfile", "logging", "threading", "selectors", "random",
    "traceback", "inspect", "dataclasses", "click", "tomlkit", "git", "cronsim", "jobsync.schedulers.systemd",
    "jobsync.schedulers.units", "jobsync.schedulers.launchd_doctor", "jobsync.schedulers.away",
}  # fmt: skip
"""Modules that take a millisecond or more between them, and that an ordinary change does without."""


def test_one_changed_job_imports_nothing_that_only_others_need(changed: Laptop) -> None:
    imported, said = probe(changed, "post-merge", "0")
    assert "updated one (changed: jobs/one/job.toml" in said
    assert {"json", "tomllib", "plistlib", "jobsync.schedulers.launchd", "jobsync.reconcile.apply"} <= imported
    assert imported & UNNEEDED == set()
    assert not {name for name in imported if name.startswith(("jobsync.doctor", "jobsync.cli"))}


def test_one_changed_job_starts_git_four_times(changed: Laptop) -> None:
    log, wrapper = changed.root / "calls", changed.root / "counted" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {shutil.which("git")} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)
    _, said = probe(changed, "post-merge", "0", env={"PATH": f"{wrapper.parent}:{changed.environment['PATH']}"})
    assert "updated one (changed: jobs/one/job.toml" in said
    calls = [line.partition("--literal-pathspecs ")[2] or line for line in log.read_text(encoding="utf-8").splitlines()]
    # Where we are, which branch that is and what HEAD holds; conflicts and sparse checkout; the commit and contents;
    # all entries. The commit to be named is known without a walk: it is the only one since the last sync.
    assert [call.split()[0] for call in calls] == ["rev-parse", "ls-files", "cat-file", "ls-tree"]


@pytest.mark.parametrize(("move", "said"), [
    ("commit -q --allow-empty -m more", "updated one"),
    ("switch -q -c other", "updated one"),
    ("switch -q --detach side", ""),
])  # fmt: skip
def test_a_verdict_is_about_the_very_commit_that_is_synced(changed: Laptop, move: str, said: str) -> None:
    """Somebody moves HEAD from another terminal, without hooks, when the hook has asked where it is."""
    without_hooks = ("-c", "core.hooksPath=/nonexistent")
    changed.git(*without_hooks, "switch", "-q", "-c", "side")
    changed.job("one", 'run = "true"\n\n[schedule]\nat = "13:13"\n')
    changed.git(*without_hooks, "commit", "-q", "-a", "-m", "side")
    changed.git(*without_hooks, "switch", "-q", "main")
    done, wrapper = changed.root / "moved", changed.root / "moving" / "git"
    wrapper.parent.mkdir()
    git = shutil.which("git")
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *ls-files*) [ -e {done} ] || {{ touch {done}; '
        f"(unset GIT_DIR; {git} -C {changed.work} -c core.hooksPath=/nonexistent {move}) >/dev/null 2>&1; }};; esac\n"
        f'exec {git} "$@"\n',
        encoding="utf-8",
    )
    wrapper.chmod(0o755)
    found = probe(changed, "post-merge", "0", env={"PATH": f"{wrapper.parent}:{changed.environment['PATH']}"})[1]
    assert done.exists()
    assert said in found if said else found == ""
    assert changed.hour("one") == (11 if said else 9)


@pytest.mark.skipif(counting.STRACE is None, reason="needs strace, which macOS has not")
def test_one_changed_job_waits_for_the_disk_four_times(changed: Laptop) -> None:
    hook = Alternative("hook", (sys.executable, *FAST, "post-merge", "0"), changed.work, environment(changed))
    found = counting.count(hook, "fsync,fdatasync")
    # The property list, the ledger, and the directory of each. What is looked at before it is believed may be lost in
    # a power cut.
    assert found.calls == {"fsync": 4}
    assert "updated" not in changed.run("jobsync-hook", "post-merge", "0").err


@pytest.mark.skipif(counting.STRACE is None, reason="needs strace, which macOS has not")
def test_one_changed_job_has_every_other_file_read_once(changed: Laptop, tmp_path: Path) -> None:
    trace, other = tmp_path / "trace", changed.plist_path("two")
    strace = (str(counting.STRACE), "-f", "-qq", "-e", "signal=none", "-e", "trace=open,openat", "-o", str(trace))
    changed.run(*strace, "-P", str(other), sys.executable, *FAST, "post-merge", "0")
    assert changed.hour("one") != 9
    assert len(trace.read_text(encoding="utf-8").splitlines()) == 1


def test_a_repository_with_longer_ids_is_synced_and_settled_as_any_other(settled: Laptop) -> None:
    shutil.rmtree(settled.work / ".git")
    settled.git("init", "-q", "-b", "main", "--object-format=sha256")
    settled.commit()
    assert len(settled.git("rev-parse", "HEAD").out.strip()) == 64
    settled.jobsync("sync")
    settled.job("one", 'run = "true"\n\n[schedule]\nat = "11:11"\n')
    settled.put("jobs/two/job.toml", 'run = "true"\n\n[schedule]\nat = "12:12"\n')
    settled.git("add", "-A")
    settled.git("commit", "-q", "-m", "change")
    said = probe(settled, "post-commit")[1]
    assert "updated one (changed: jobs/one/job.toml in " in said and "updated two" in said
    assert (settled.hour("one"), settled.hour("two")) == (11, 12)
    imported, said = probe(settled, "post-commit")
    assert said == ""
    assert imported - bare_modules(settled) <= BUDGET


def test_a_configuration_that_a_hook_may_not_look_at_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with as_somebody_else() as directory:
        directory.chmod(0o000)
        wake("post-commit", (), {"JOBSYNC_CONFIG": f"{directory}/config.toml"})
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"jobsync: cannot look at {directory}/config.toml: Permission denied"
