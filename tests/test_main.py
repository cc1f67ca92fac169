"""`jobsync sync` and `jobsync status` where all is well: answered with few imports, in the same words, only there."""

import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from jobsync import at_once, cli, process
from jobsync import config as configuration
from jobsync import settled as settled_module
from jobsync.definitions.job import Machine
from jobsync.definitions.load import load
from jobsync.reconcile import schedules, sources
from jobsync.repo.trees import WorkTree

from . import forks
from .forks import command
from .laptop import Laptop
from .power_cut import leavings
from .test_entry import BUDGET, bare_modules, python

DAEMON = 'run = "sleep 1000"\ninputs = ["../../shared"]\n[daemon]\nrestart = "always"\n'
LONG_WAY = "import sys; from jobsync.cli import main; sys.exit(main())"
_SECONDS = re.compile(r"\b\d+s\b")
MORE = {"_blake2", "_sha1", "jobsync.__main__", "jobsync.at_once", "jobsync.reconcile.sources"}
"""What a sync by hand imports beside the hook's modules."""


@pytest.fixture
def settled(registered: Laptop) -> Laptop:
    """Registered, synced, and nothing outstanding: a plain job, one with a script, a daemon with files of its own."""
    registered.job("one")
    registered.job("script", "")
    registered.put("jobs/script/run", "#!/bin/sh\ntrue\n", mode=0o755)
    registered.job("daemon", DAEMON)
    registered.put("shared/list/words", "a\n")
    registered.put("jobs/README.md", "mine\n")
    registered.git("add", "-A")
    registered.git("-c", "core.hooksPath=/nonexistent", "commit", "-qm", "begin")
    command(registered, "sync")
    registered.wait_for((registered.state / "runs" / "daemon").exists)
    registered.simulator.settle()
    return registered


def long_way(arguments: list[str]) -> None:
    """The same as a program for forks."""
    sys.argv = ["jobsync", *arguments]
    sys.exit(cli.main())


def is_answered_at_once(laptop: Laptop, monkeypatch: pytest.MonkeyPatch, at: Path | None = None) -> bool:
    """A sync; and where that is not, `status` must not be either. A daemon of a home that came and went may be down."""
    with monkeypatch.context() as patch:
        patch.chdir(at or laptop.work)
        patch.setenv("HOME", str(laptop.home))
        synced, shown = at_once._sync(laptop.environment), at_once._status(laptop.environment)
    assert shown is None or synced is not None
    return synced is not None


def both_ways(laptop: Laptop, *words: str) -> tuple[str | None, str]:
    """What is said at once (None: nothing is), and what the long way says."""
    laptop.simulator.settle()  # `jobsync-login`, just loaded, changes nothing any more between the two
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(laptop.work)
        patch.setenv("HOME", str(laptop.home))
        quick = at_once._WORDS[words](laptop.environment)
    # A second may pass between the two.
    slow = forks.run(long_way, *words, at=laptop.work, env=laptop.environment).checked(0).out
    return quick and _SECONDS.sub("Ns", quick), _SECONDS.sub("Ns", slow)


def test_nothing_to_do_is_said_within_the_import_budget(settled: Laptop) -> None:
    imported, said = python(settled, "-c", "from jobsync.__main__ import main; main()", "sync")
    assert said == ""
    site = python(settled, "-c", "import os")[0]
    assert imported - site - bare_modules(settled) <= BUDGET | MORE


def test_a_git_that_does_not_end_leaves_no_question_to_launchd_behind(
    settled: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[process.Child] = []
    start = process.start

    def noted(argv: Sequence[str], *, env: Mapping[str, str]) -> process.Child:
        started.append(start(argv, env=env))
        return started[-1]

    git = settled.root / "bin" / "git"
    git.parent.mkdir()
    git.write_text("#!/bin/sh\nexec sleep 100\n")
    git.chmod(0o755)
    monkeypatch.setattr(process, "start", noted)
    monkeypatch.setattr(settled_module, "TIMEOUT", 0.3)
    monkeypatch.setenv("PATH", f"{git.parent}:{settled.environment['PATH']}")
    settled.simulator.fault("print", delay=5.0)
    monkeypatch.setenv("HOME", str(settled.home))
    monkeypatch.chdir(settled.work)
    for ask in (at_once._sync, at_once._status):
        with pytest.raises(process.TimedOut):
            ask(settled.environment)
    assert len(started) == 7 and not any(process.is_alive(one.pid) for one in started)


def test_status_is_said_without_what_reads_definitions_and_plans(settled: Laptop) -> None:
    imported, said = python(settled, "-c", "from jobsync.__main__ import main; main()", "status")
    assert said == ""
    assert "jobsync.overview" in imported
    heavy = {"click", "git", "tomlkit", "tomllib", "json", "hashlib", "dataclasses", "subprocess", "shutil"}
    ours = {"jobsync.cli", "jobsync.config", "jobsync.reconcile.plan", "jobsync.definitions.load", "jobsync.repo"}
    assert not imported & (heavy | ours) - python(settled, "-c", "import os")[0]


def test_nothing_to_do_asks_launchd_once_and_leaves_no_trace(settled: Laptop) -> None:
    before = settled.snapshot()
    settled.simulator.clear_calls()
    assert settled.jobsync("sync").out == "unchanged  daemon\nunchanged  one\nunchanged  script\n3 unchanged\n"
    assert [call[0] for call in settled.simulator.calls()] == ["print"]
    assert settled.snapshot() == before


def on_terminal(laptop: Laptop, *argv: str, **variables: str) -> str:
    """What a command prints where its stdout is a terminal."""
    ours, theirs = pty.openpty()
    environment = {**laptop.environment, "TERM": "xterm", **variables}
    done = subprocess.run(argv, cwd=laptop.work, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, timeout=60)
    os.close(theirs)
    assert done.returncode == 0
    said = b""
    while chunk := _chunk(ours):
        said += chunk
    os.close(ours)
    return said.decode()


def _chunk(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's way to say that the other end was closed
        return b""


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_both_ways_say_the_same(settled: Laptop, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_answered_at_once(settled, monkeypatch)
    quick = on_terminal(settled, sys.executable, "-m", "jobsync", "sync", **variables)
    assert quick == on_terminal(settled, sys.executable, "-c", LONG_WAY, "sync", **variables)
    assert ("\x1b[90m" in quick) is not bool(variables)


@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}, {"TERM": "dumb"}, {"COLUMNS": "60"}, {"COLUMNS": "30"}])
def test_both_ways_show_the_same_status(settled: Laptop, variables: dict[str, str]) -> None:
    quick, slow, bare = (
        _SECONDS.sub("Ns", on_terminal(settled, sys.executable, *words, **variables))
        for words in (("-m", "jobsync", "status"), ("-c", LONG_WAY, "status"), ("-m", "jobsync"))
    )
    assert quick == slow == bare
    assert "3 jobs, all well" in quick
    assert ("\x1b[32mrunning\x1b[0m" in quick) is ("COLUMNS" in variables or not variables)


ELSEWHERE = 'run = "true"\n[schedule]\nat = "10:00"\n[only]\nmachines = ["another"]\n'
RUNS = {
    "ran": "start {id} {ago} 1\nend {id} {ago} 0\n",
    "ran and was skipped": "start {id} {ago} 1\nend {id} {ago} 0\nskip {id}9 {ago} paused\n",
    "three attempts": "start {id} {ago} 1\nend {id} {ago} 0 attempts=3\n",
}
UNWELL = {
    "failed": "start {id} {ago} 1\nend {id} {ago} 1\n",
    "expectation": "start {id} {ago} 1\nend {id} {ago} 0 expectation: prints\n",
    "killed": "start {id} {ago} 1\n",
    "missed": "since {long_ago}\nstart {old_id} {long_ago} 1\nend {old_id} {long_ago} 0\n",
}


def record(laptop: Laptop, job: str, text: str) -> None:
    """Runs of a job, as a launcher records them, and its definition older than they are."""
    now = int(time.time())
    words = {"ago": now - 90, "long_ago": now - 5 * 86_400}
    ids = {"id": "20261123T070000Z-1", "old_id": "20261120T070000Z-1"}
    laptop.put(str(laptop.state / "runs" / job), text.format(**words, **ids))
    os.utime(laptop.plist_path(job), (now - 9 * 86_400,) * 2)


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS)
def test_status_is_said_at_once_of_jobs_that_ran_well(settled: Laptop, text: str) -> None:
    settled.job("other", ELSEWHERE)
    settled.commit()
    settled.jobsync("sync")
    record(settled, "script", text)
    quick, slow = both_ways(settled, "status")
    assert quick == slow
    assert "m ago, ok" in slow and "not for this machine" in slow


@pytest.mark.parametrize("text", UNWELL.values(), ids=UNWELL)
def test_status_of_jobs_that_are_not_well_takes_the_long_way(settled: Laptop, text: str) -> None:
    record(settled, "one", text)
    quick, slow = both_ways(settled, "status")
    assert quick is None
    assert "1 to look at: one" in slow
    assert both_ways(settled, "sync")[0] is not None


def test_a_daemon_that_is_down_takes_the_long_way(settled: Laptop) -> None:
    settled.job("daemon", 'run = "true"\n[daemon]\nrestart = "on-failure"\n')
    settled.commit()
    settled.jobsync("sync")
    settled.wait_for(lambda: b" 0 " in (settled.state / "runs" / "daemon").read_bytes())
    settled.wait_for(lambda: "\tpid = " not in settled.launchctl("print", settled.target("daemon")).out)
    quick, slow = both_ways(settled, "status")
    assert quick is None
    assert "1 to look at: daemon" in slow


def test_a_hook_keeps_what_status_says_of_jobs_that_it_did_not_read(settled: Laptop) -> None:
    settled.job("other", ELSEWHERE)
    settled.commit()
    settled.jobsync("sync")
    settled.job("one", 'run = "true"\n[schedule]\nat = "23:59"\n')
    settled.commit()
    quick, slow = both_ways(settled, "status")
    assert quick == slow
    assert "daily at 23:59" in slow and "not for this machine" in slow


def test_a_hook_reads_what_status_says_of_a_job_where_that_is_lost(settled: Laptop) -> None:
    path = settled.state / "schedules"
    left = schedules.read(str(path))
    assert left
    left.rows = [row for row in left.rows if row.name != "script"] + [schedules.Row("job", "foreign", "x.foreign", "")]
    path.write_text(schedules.render(left) or "")
    settled.job("one", 'run = "true"\n[schedule]\nat = "23:59"\n')
    settled.commit()
    quick, slow = both_ways(settled, "status")
    assert quick == slow
    assert "script" in slow and "foreign" not in slow


def test_a_repository_without_jobs_is_answered_in_the_same_words(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.put("jobs/README.md", "none yet\n")
    registered.commit()
    said = registered.jobsync("sync").out
    assert is_answered_at_once(registered, monkeypatch)
    assert registered.jobsync("sync").out == said == "no jobs\n"


def test_after_a_pull_the_hook_has_left_the_answer(settled: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    settled.git("push", "-q")
    settled.git("pull", "-q", at=settled.editor)
    settled.upstream("later")
    assert "installed later" in settled.pull().err
    assert is_answered_at_once(settled, monkeypatch)


def _skip_worktree(laptop: Laptop) -> None:
    laptop.git("update-index", "--skip-worktree", "jobs/one/job.toml")
    laptop.job("one", 'run = "false"\n[schedule]\nat = "10:00"\n')
    assert laptop.git("status", "--porcelain").out == ""


def _same_size_and_time(laptop: Laptop) -> None:
    path = laptop.work / "jobs/one/job.toml"
    before, content = path.stat(), path.read_bytes()
    path.write_bytes(content.replace(b"0", b"1", 1))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _conflict(laptop: Laptop) -> None:
    laptop.put("shared/list/words", "b\n")
    laptop.git("stash", "-q")
    laptop.put("shared/list/words", "c\n")
    laptop.git("-c", "core.hooksPath=/nonexistent", "commit", "-qam", "other")
    laptop.jobsync("sync")
    laptop.git("stash", "pop", "-q", status=None)
    laptop.put("shared/list/words", "c\n")


def _rebase(laptop: Laptop) -> None:
    (laptop.work / ".git/rebase-merge").mkdir()


def _link_instead(laptop: Laptop) -> None:
    shutil.move(laptop.work / "jobs", laptop.root / "elsewhere")
    (laptop.work / "jobs").symlink_to(laptop.root / "elsewhere")


def _ago(laptop: Laptop) -> None:
    path = laptop.state / "sources"
    made = sources.read(str(path))
    assert made
    made.version = "0.0.9 1"
    path.write_text(sources.render(made) or "")


def _foreign(laptop: Laptop) -> None:
    """A job of another index: sources that were left with another state of HEAD."""
    path = laptop.state / "sources"
    text = path.read_text()
    laptop.put("jobs/one/notes", "more\n")
    laptop.commit()
    laptop.jobsync("sync")
    path.write_text(text)


def _load_by_hand(laptop: Laptop) -> None:
    path = laptop.plist_path("one")
    copy = laptop.root / "copy.plist"
    copy.write_bytes(path.read_bytes().replace(laptop.label("one").encode(), laptop.label("stranger").encode()))
    laptop.launchctl("bootstrap", laptop.target("one").rpartition("/")[0], str(copy))


def _configure(laptop: Laptop) -> None:
    """Edited, and then something else than a sync has read it."""
    laptop.config_file.write_text(laptop.config_file.read_text() + "# mine\n")
    configuration.refresh_index(configuration.load(laptop.config_file))


def _job_in_place_of_a_file(laptop: Laptop) -> None:
    (laptop.work / "jobs/README.md").unlink()
    laptop.put("jobs/README.md/job.toml", 'run = "true"\n')


SPOILED: dict[str, Callable[[Laptop], object]] = {
    "edited": lambda laptop: laptop.job("one", 'run = "false"\n'),
    "edited, and git told not to look": _skip_worktree,
    "edited, with size and time as before": _same_size_and_time,
    "settings": lambda laptop: laptop.put("jobsync.toml", 'jobs = "jobs"\ntags = []\n'),
    "new job": lambda laptop: laptop.job("new"),
    "new job of a directory that was there": lambda laptop: laptop.put("jobs/one/run", "#!/bin/sh\n", mode=0o755),
    "job gone": lambda laptop: shutil.rmtree(laptop.work / "jobs/script"),
    "not executable": lambda laptop: (laptop.work / "jobs/script/run").chmod(0o644),
    "file became a job": _job_in_place_of_a_file,
    "input of a daemon": lambda laptop: laptop.put("shared/list/words", "b\n"),
    "new input of a daemon": lambda laptop: laptop.put("shared/list/more", "b\n"),
    "input that is gone": lambda laptop: (laptop.work / "shared/list/words").unlink(),
    "script of a daemon": lambda laptop: laptop.put("jobs/daemon/more", "b\n"),
    "repository inside": lambda laptop: laptop.git("init", "-q", "jobs/one"),
    "linked from elsewhere": _link_instead,
    "plist": lambda laptop: laptop.plist_path("one").unlink(),
    "plist of ours that nobody knows": lambda laptop: shutil.copy(
        laptop.plist_path("one"), laptop.plist_path("stranger")
    ),
    "launcher that nobody knows": lambda laptop: laptop.put(
        str(next(laptop.home.glob(".local/share/jobsync/*/one")).with_name("x")), ""
    ),
    "unfinished file": lambda laptop: laptop.put(str(laptop.state / "store" / ".x.jobsync-new"), ""),
    "detached": lambda laptop: laptop.git("-c", "core.hooksPath=/nonexistent", "checkout", "-q", "--detach"),
    "rebase": _rebase,
    "conflict": _conflict,
    "commit": lambda laptop: (
        laptop.job("one", 'run = "false"\n'),
        laptop.git("-c", "core.hooksPath=/nonexistent", "commit", "-qam", "change"),
    ),
    "paused": lambda laptop: laptop.put(str(laptop.state / "pause" / "one"), "0"),
    "held": lambda laptop: laptop.put(str(laptop.state / "hold" / "one"), ""),
    "owed a start": lambda laptop: laptop.put(str(laptop.state / "owed" / "one"), ""),
    "note of a hook": lambda laptop: laptop.put(str(laptop.state / "note"), ""),
    "deferred": lambda laptop: laptop.put(str(laptop.state / "deferred"), '{"one": ["hook", 1]}'),
    "changing": lambda laptop: laptop.put(str(laptop.state / "changing"), laptop.label("one")),
    "in the background": lambda laptop: laptop.put(str(laptop.state / "background"), ""),
    "older jobsync": _ago,
    "other index": _foreign,
    "broken": lambda laptop: (laptop.state / "sources").write_text("jobsync-sources 2\n"),
    "no sources": lambda laptop: (laptop.state / "sources").unlink(),
    "configuration, and its index made anew": _configure,
    "configuration": lambda laptop: laptop.config_file.write_text(laptop.config_file.read_text() + "# mine\n"),
}


def test_whatever_differs_takes_the_long_way(settled: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = settled.root / "copy"
    shutil.copytree(settled.home, copy, symlinks=True)
    for what, spoil in SPOILED.items():
        assert is_answered_at_once(settled, monkeypatch), f"before: {what}"
        spoil(settled)
        assert not is_answered_at_once(settled, monkeypatch), what
        below = settled.work / "jobs" / "daemon"
        assert not below.is_dir() or not is_answered_at_once(settled, monkeypatch, below), f"from below: {what}"
        shutil.rmtree(settled.home)
        shutil.rmtree(settled.root / "elsewhere", ignore_errors=True)
        shutil.copytree(copy, settled.home, symlinks=True)


def test_what_launchd_holds_otherwise_takes_the_long_way(settled: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    _load_by_hand(settled)
    assert not is_answered_at_once(settled, monkeypatch)
    settled.bootout("stranger")
    assert is_answered_at_once(settled, monkeypatch)
    settled.bootout("one")
    assert not is_answered_at_once(settled, monkeypatch)


def test_outside_of_the_work_tree_nothing_is_answered_at_once(settled: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_answered_at_once(settled, monkeypatch, settled.work / "jobs" / "one")
    assert not is_answered_at_once(settled, monkeypatch, settled.home)
    other = settled.work / "jobs" / "one" / "other"
    settled.git("init", "-q", str(other))
    assert not is_answered_at_once(settled, monkeypatch, other), "another repository in ours"


class Recording:
    """A work tree that notes what it was asked."""

    is_gits = False

    def __init__(self, root: Path) -> None:
        self._tree = WorkTree(str(root))
        self.listed: set[str] = set()
        self.asked: set[str] = set()

    def names(self, directory: str) -> tuple[str, ...] | None:
        self.listed.add(directory)
        return self._tree.names(directory)

    def read(self, path: str) -> bytes | None:
        self.asked.add(path)
        return self._tree.read(path)

    def mode(self, path: str) -> int | None:
        self.asked.add(path)
        return self._tree.mode(path)

    def real(self, path: str) -> str:
        return self._tree.real(path)


def test_all_that_definitions_are_read_from_is_remembered(settled: Laptop) -> None:
    tree = Recording(settled.work)
    made = load(tree, Machine("host", (), "macos", str(settled.home), "ada", str(settled.work), "launchd"))
    assert {job.name for job in made.jobs} == {"daemon", "one", "script"}
    remembered = sources.read(str(settled.state / "sources"))
    assert remembered is not None
    assert tree.listed <= remembered.listings.keys()
    known = {path for *_, path in remembered.files}
    assert tree.asked <= known | {*remembered.directories, *remembered.absent, *remembered.others}


def test_a_work_tree_that_is_not_what_head_holds_is_not_remembered(
    settled: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled.job("one", 'run = "false"\n')
    for _ in range(2):
        assert "unchanged" in settled.jobsync("sync").out
        assert not (settled.state / "sources").exists()
    settled.git("commit", "-qam", "mine")
    settled.jobsync("sync")
    assert is_answered_at_once(settled, monkeypatch)


def test_what_is_written_is_read_again() -> None:
    made = sources.Sources()
    made.version, made.of, made.start = "1 2", "a b", "ada."
    made.jobs, made.directories, made.listings = ("one",), ("jobs",), {"jobs": ("one",), "empty": ()}
    made.files = [("100644", "0" * 40, "jobs/one/job.toml")]
    text = sources.render(made)
    assert text is not None
    found = sources.parse(text)
    assert found is not None
    assert all(getattr(found, name) == getattr(made, name) for name in sources.Sources.__slots__)
    assert sources.parse(text + "\n") is None and sources.parse(text[:-9]) is None and sources.parse("") is None
    made.jobs = ("with\ttab",)
    assert sources.render(made) is None


@pytest.mark.parametrize("kind", ["sources", "schedules"])
def test_a_part_of_what_was_written_is_nothing(tmp_path: Path, kind: str) -> None:
    if kind == "sources":
        made, of = sources.Sources(), schedules.Schedules("a b")
        made.version, made.of, made.start, made.jobs = "1 2", "a b", "ada.", ("one", "t\udcff")
        made.files = [("100644", "0" * 40, "jobs/one/job.toml"), ("100644", "0" * 40, "jobs/two/job.toml")]
        text = sources.render(made)
    else:
        of = schedules.Schedules("a b")
        of.rows = [schedules.Row(schedules.JOB, name, f"ada.{name}", "daily at 10:00") for name in ("one", "t\udcff")]
        text = schedules.render(of)
    assert text
    path, whole = tmp_path / kind, text.encode("utf-8", "surrogateescape")
    read = {"sources": sources.read, "schedules": schedules.read}[kind]
    path.write_bytes(whole)
    assert read(str(path)) is not None
    for left in leavings(whole):
        path.write_bytes(left)
        assert read(str(path)) is None, left


def test_schedules_that_are_written_are_read_again() -> None:
    made = schedules.Schedules("a b")
    made.changed_at, made.commit = 7, "c" * 40
    row = schedules.Row(schedules.JOB, "one", "ada.one", "daily at 10:00")
    row.key, row.slots, row.definitions = "k", ((None, None, 1, 10, 0), (12, 31, None, None, 5)), ("/a", "/b")
    made.rows = [row, schedules.Row(schedules.DAEMON, "two", "ada.two", "daemon")]
    text = schedules.render(made)
    assert text is not None
    found = schedules.parse(text)
    assert found is not None
    assert (found.of, found.changed_at, found.commit) == ("a b", 7, "c" * 40)
    for one, other in zip(found.rows, made.rows, strict=True):
        assert all(getattr(one, name) == getattr(other, name) for name in schedules.Row.__slots__)
    for broken in (text + "\n", text[:-9], "", text.replace("10", "x"), text.replace("jobsync", "other")):
        assert schedules.parse(broken) is None
    row.words = "with\ttab"
    assert schedules.render(made) is None
