"""A throwaway machine: a home, a simulated launchd, an origin, the laptop's clone and the editor's that pushes to it.

Commands are typed as a user types them; state is read from disk and scheduler.
"""

import atexit
import os
import plistlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.own import is_own
from jobsync.reconcile.state import Record
from jobsync.simulator import Simulator

from .launchds import Quick
from .scratch import SCRATCH

MUTATING = frozenset(
    {"bootstrap", "bootout", "kickstart", "kill", "enable", "disable", "load", "unload", "remove", "start", "stop"}
)
JOB = 'run = "true"\n\n[schedule]\nat = "09:00"\n'
"""The smallest job with a schedule."""
GITCONFIG = """\
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[gc]
	auto = 0
[maintenance]
	auto = false
[receive]
	autogc = false
"""
"""The user's. That git tidies up by itself after every commit proves nothing here, and is two processes each time."""
Snapshot = dict[str, tuple[int, int, int, int]]


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    argv: tuple[str, ...]
    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """Both streams."""
        return self.out + self.err

    def checked(self, status: int | None) -> "Ran":
        """Itself: no traceback, and this exit status, where any is asked for."""
        assert "Traceback" not in self.text, self
        assert status is None or self.status == status, self
        return self

    @property
    def told(self) -> str:
        """What hooks wrote, with `COMMIT` in the place of every commit."""
        return re.sub(r"(?<= in )[0-9a-f]{7,}", "COMMIT", self.err)


def _environment(home: Path) -> dict[str, str]:
    """A user's, with nothing of whoever runs the tests but PATH, what coverage needs and which jobsync is meant."""
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE_", "PYTHONPATH"))}
    return kept | {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "USER": "ada",
        # A session that is over: without any, the systemd of whoever runs the tests would be found.
        "XDG_RUNTIME_DIR": f"{home}/no-session",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.org",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.org",
    }


def variables(printed: str) -> dict[str, str]:
    """What a job that is `env` printed."""
    return {name: value for name, equals, value in (line.partition("=") for line in printed.splitlines()) if equals}


@cache
def _first() -> Path:
    """An origin with one commit, and a clone of it, made once for all machines: git starts many processes for them."""
    root = Path(tempfile.mkdtemp(prefix="jobsync-origin-", dir=SCRATCH))
    atexit.register(shutil.rmtree, root)
    (root / ".gitconfig").write_text(GITCONFIG)
    (root / "jobsync.toml").write_text('jobs = "jobs"\n')
    lines = """
        git init -q .; git add jobsync.toml; git commit -qm begin
        git init -q --bare origin.git; git push -q origin.git main; git clone -q "$PWD/origin.git" clone
    """
    subprocess.run(["/bin/sh", "-euc", lines], cwd=root, env=_environment(root), check=True, timeout=120)
    return root


def _of_users(call: list[str]) -> list[str]:
    """The call without jobsync's own jobs; nothing of it where it was about them alone."""
    rest = [word for word in call if "jobsync-" not in Path(word).name]
    is_about_them = len(rest) < len(call) and not any("." in Path(word).name for word in rest)
    return [] if is_about_them else rest


@dataclass
class Laptop:
    """One machine. `work` is the dotfiles repository, `editor` another clone of the same origin."""

    root: Path
    simulator: Simulator
    prefix: str = "test"
    environment: dict[str, str] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def start(cls, root: Path, **settings: Any) -> Iterator[Self]:
        """The machine, for a block; all its processes end with it."""
        home = root / "home"
        home.mkdir()
        (home / ".gitconfig").write_text(GITCONFIG)
        with Quick.start(root / "mac", home, **settings) as simulator:
            machine = cls(root, simulator, environment=_environment(home))
            machine._make_clones()
            yield machine

    def _make_clones(self) -> None:
        shutil.copytree(_first() / "origin.git", self.origin)
        for clone in (self.editor, self.work):
            shutil.copytree(_first() / "clone", clone)
            config = clone / ".git" / "config"
            config.write_text(config.read_text().replace(str(_first() / "origin.git"), str(self.origin)))

    # -- places

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def origin(self) -> Path:
        return self.root / "origin.git"

    @property
    def editor(self) -> Path:
        return self.root / "editor"

    @property
    def work(self) -> Path:
        return self.home / "dotfiles"

    @property
    def agents(self) -> Path:
        return self.home / "Library" / "LaunchAgents"

    @property
    def config_file(self) -> Path:
        return self.home / ".config" / "jobsync" / "config.toml"

    @property
    def state(self) -> Path:
        """The state directory of the only registered repository."""
        (found,) = [path for path in (self.home / ".local/state/jobsync").iterdir() if (path / "lock").exists()]
        return found

    def label(self, job: str) -> str:
        return f"{self.prefix}.{job}"

    def plist_path(self, job: str) -> Path:
        return self.agents / f"{self.label(job)}.plist"

    def plist(self, job: str) -> dict[str, Any]:
        loaded: dict[str, Any] = plistlib.loads(self.plist_path(job).read_bytes())
        return loaded

    def older_git(self) -> None:
        """From now on git is one that takes no hooks from its configuration, whatever this machine's is."""
        front = self.root / "front"
        front.mkdir()
        real = shutil.which("git")
        text = f'#!/bin/sh\ncase $* in *--version) echo git version 2.39.5 ;; *) exec {real} "$@" ;; esac\n'
        (front / "git").write_text(text)
        (front / "git").chmod(0o755)
        self.environment["PATH"] = f"{front}:{self.environment['PATH']}"

    # -- typing

    def run(
        self, *argv: str, at: Path | None = None, env: Mapping[str, str] | None = None, status: int | None = 0
    ) -> Ran:
        """Run a command; `status=None` accepts any exit status."""
        answer = subprocess.run(
            argv,
            cwd=at or self.work,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=240,  # pre-commit builds environments
            check=False,
        )
        ran = Ran(
            argv, answer.returncode, answer.stdout.decode(errors="replace"), answer.stderr.decode(errors="replace")
        )
        return ran.checked(status)

    def jobsync(self, *arguments: str, at: Path | None = None, env: Mapping[str, str] | None = None,
                status: int | None = 0) -> Ran:  # fmt: skip
        return self.run("jobsync", *arguments, at=at, env=env, status=status)

    def git(self, *arguments: str, at: Path | None = None, env: Mapping[str, str] | None = None,
            status: int | None = 0) -> Ran:  # fmt: skip
        return self.run("git", *arguments, at=at, env=env, status=status)

    def init(self, *options: str, run: "Callable[..., Ran] | None" = None) -> Ran:
        """Register without syncing. `run`: instead of our own `jobsync`."""
        launchctl = str(self.simulator.launchctl)
        words = ("init", "--prefix", self.prefix, "--launchctl", launchctl, "--yes", "--no-sync", *options)
        ran = (run or self.jobsync)(*words)
        self.simulator.clear_calls()
        return ran

    # -- the repository

    def put(self, path: str, text: str, *, at: Path | None = None, mode: int = 0o644) -> Path:
        """Write a file into the work tree."""
        file = (at or self.work) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)
        return file

    def job(self, name: str, text: str = JOB, *, at: Path | None = None) -> Path:
        """Write a job's definition into the work tree."""
        return self.put(f"jobs/{name}/job.toml", text, at=at)

    def drop(self, path: str, *, at: Path | None = None) -> None:
        shutil.rmtree((at or self.work) / path)

    def commit(self, message: str = "change", *, at: Path | None = None) -> Ran:
        """Commit everything; gives what the hooks said."""
        self.git("add", "-A", at=at)
        return self.git("commit", "-qm", message, at=at)

    def push(self, message: str = "change") -> None:
        """Commit and push what was written at the editor."""
        self.commit(message, at=self.editor)
        self.git("push", "-q", at=self.editor)

    def pull(self, *options: str) -> Ran:
        return self.git("pull", "-q", *options)

    def path_to_git(self) -> str:
        """A line of job.toml: with it the job finds the git that the tests use."""
        return f'path = ["{Path(self.run("which", "git").out).parent}"]\n'

    def upstream(self, name: str, text: str = JOB) -> None:
        """Push a job's definition from the editor."""
        self.job(name, text, at=self.editor)
        self.push(f"write {name}")

    # -- what is there

    def record(self, job: str) -> Record | None:
        """What the ledger holds of a job."""
        known = ledgers.read(self.state / "ledger")
        return known.records.get(job) if known else None

    def hour(self, job: str) -> int:
        """The hour at which the installed definition starts the job."""
        (slot,) = self.plist(job)["StartCalendarInterval"]
        found: int = slot["Hour"]
        return found

    def loaded(self) -> set[str]:
        """Names of our jobs that launchd knows."""
        rows = self.launchctl("list").out.splitlines()[1:]
        labels = (row.split("\t")[2] for row in rows)
        names = (label.removeprefix(f"{self.prefix}.") for label in labels if label.startswith(f"{self.prefix}."))
        return {name for name in names if not is_own(name)}

    def installed(self) -> set[str]:
        """Names of the jobs whose plist is there."""
        found = self.agents.glob(f"{self.prefix}.*.plist")
        names = (path.name.removeprefix(f"{self.prefix}.").removesuffix(".plist") for path in found)
        return {name for name in names if not is_own(name)}

    def launchctl(self, *arguments: str, status: int | None = 0) -> Ran:
        return self.run(str(self.simulator.launchctl), *arguments, at=self.root, status=status)

    def target(self, job: str) -> str:
        return f"gui/{os.getuid()}/{self.label(job)}"

    def bootout(self, job: str) -> None:
        """Take a job out of launchd behind jobsync's back, and wait until it is gone."""
        self.launchctl("bootout", self.target(job))
        self.wait_for(lambda: job not in self.loaded())

    def mutations(self) -> list[list[str]]:
        """The calls since the last time that could change launchd's state; of jobsync's own jobs nothing is told."""
        found = [call for call in self.simulator.calls() if call and call[0] in MUTATING]
        self.simulator.clear_calls()
        return [rest for call in found if (rest := _of_users(call))]

    def runs(self, job: str) -> int:
        """How often launchd started the job."""
        return self.simulator.runs(self.label(job))

    def age_job(self, job: str, days: int) -> None:
        """As if the job had been installed, and its records had begun, so many days ago; nothing has run it since."""
        past = int(time.time()) - days * 86_400
        runs = self.state / "runs" / job
        runs.parent.mkdir(mode=0o700, exist_ok=True)
        runs.write_text(f"since {past}\n", encoding="utf-8")
        os.utime(self.plist_path(job), (past, past))

    def hours_ago(self, hours: int) -> str:
        """A time of day that is so long ago. From now on launchd goes by the very clock that commands go by."""
        now = time.time()
        self.simulator.set_time(now)
        return f"{datetime.fromtimestamp(now - hours * 3600):%H:%M}"

    def snapshot(self) -> Snapshot:
        """Every file of the home outside the repository, with all that a write would change, once nothing is due."""
        if self.simulator is not None:  # a machine with systemd has none
            self.simulator.settle(patience=5)  # `jobsync-login`, just loaded, records that this was no login
        found = {}
        for path in sorted(self.home.rglob("*")):
            if not path.is_relative_to(self.work):
                with suppress(FileNotFoundError):  # of a run that just ends
                    status = path.lstat()
                    found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode)
        return found

    def wait_for(self, claim: Callable[[], bool], seconds: float = 60) -> None:
        """Poll until the claim holds."""
        deadline = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < deadline, "what was waited for did not come"
            time.sleep(0.02)
