"""Machines to measure on: a home, a dotfiles repository with many jobs, and a scheduler.

Three of those: a real systemd of its own; the simulator, which behaves as launchd does but is a Python program; and a
launchctl in C that costs next to nothing (`stub_launchctl.c`), so that what remains is our own time.
"""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from jobsync.reconcile import index
from jobsync.simulator import Simulator
from tests import user_manager

from .bench import Bench
from .installation import Installation, installation
from .runner import SYSTEM_PATH, Alternative

CC = shutil.which("cc")
"""None where there is no C compiler: then nothing can be measured on the native scheduler."""
JOB = 'run = "true"\n\n[schedule]\nat = "{hour:02}:{minute:02}"\n'


class Start(Protocol):
    """Starts a machine with so many jobs, for a block."""

    def __call__(self, bench: Bench, jobs: int, text: str = ...) -> AbstractContextManager["Machine"]: ...


@dataclass(frozen=True)
class Machine:
    """One machine, its jobs synced, its hooks installed."""

    root: Path
    installed: Installation
    launchctl: Path | None = None
    """None: systemd."""
    session: Mapping[str, str] = field(default_factory=dict)
    """Variables of a login."""

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def work(self) -> Path:
        """The dotfiles repository."""
        return self.home / "dotfiles"

    @property
    def state(self) -> Path:
        """Where the repository's ledger is."""
        (found,) = (self.home / ".local/state/jobsync").glob("*/ledger")
        return found.parent

    @property
    def settled(self) -> index.Index:
        """What the last sync left for the hook."""
        found = index.read(str(self.state / "ledger"))
        assert found is not None, "there is something to do, so nothing can be measured"
        return found

    @property
    def environment(self) -> dict[str, str]:
        """A user's."""
        return {
            "HOME": str(self.home), "PATH": f"{self.installed.bin}:{SYSTEM_PATH}", "USER": "ada", "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.org", **self.session,
        }  # fmt: skip

    def run(self, *argv: str | Path, at: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """What a command printed; raises when it fails."""
        done = subprocess.run(
            argv, cwd=at or self.work, env={**self.environment, **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert not done.returncode, f"{argv}: status {done.returncode}: {done.stdout}"
        return done.stdout

    def alternative(self, name: str, *argv: str | Path, **fields: object) -> Alternative:
        """A command, run in the repository with the user's environment."""
        return Alternative(name, argv, cwd=self.work, env=self.environment, **fields)  # type: ignore[arg-type]  # each caller names real fields

    def hook(self, name: str, event: str = "post-merge", **fields: object) -> Alternative:
        """The installed hook, with the arguments and variables that git gives it."""
        environment = {**self.environment, "GIT_DIR": ".git"}
        script = self.work / ".git" / "hooks" / event
        return Alternative(name, (script, "0"), cwd=self.work, env=environment, **fields)  # type: ignore[arg-type]  # as above

    def query(self, name: str) -> Alternative:
        """What the hook's one question to the scheduler costs by itself."""
        known = self.settled
        environment = {"PATH": SYSTEM_PATH, "LC_ALL": "C", **dict(known.environment)}
        return Alternative(name, known.survey, cwd=self.work, env=environment)

    def bare(self, name: str = "bare Python") -> Alternative:
        """`python3 -c pass` of the same virtual environment."""
        return self.alternative(name, self.installed.python, "-c", "pass")

    def put_job(self, number: int, text: str = JOB) -> None:
        """Write a definition into the work tree."""
        directory = self.work / "jobs" / f"job{number}"
        directory.mkdir(parents=True, exist_ok=True)
        filled = text.replace("{hour:02}", f"{number % 24:02}").replace("{minute:02}", f"{number % 60:02}")
        (directory / "job.toml").write_text(filled, encoding="utf-8")

    def commit(self, message: str = "change") -> None:
        """Everything; no hook runs."""
        self.run("git", "add", "-A")
        self.run("git", "-c", "core.hooksPath=/nonexistent", "commit", "-qm", message)

    def forget_nothing(self) -> None:
        """After this a sync has nothing to do, or the benchmark would measure something else."""
        self.run(self.installed.jobsync, "sync")
        assert self.settled


@contextmanager
def simulated(bench: Bench, jobs: int, text: str = JOB) -> Iterator[Machine]:
    """A machine whose launchd is the simulator."""
    root = bench.directory(f"s{jobs}-{len(list(bench.root.iterdir()))}")
    (root / "home").mkdir()
    with Simulator.start(root / "mac", root / "home") as simulator:
        yield _furnish(Machine(root, installation(bench), Path(simulator.launchctl)), jobs, text)
    shutil.rmtree(root)


@contextmanager
def stubbed(bench: Bench, jobs: int, text: str = JOB) -> Iterator[Machine]:
    """A machine whose launchctl is the one in C; only where `CC` is."""
    root = bench.directory(f"c{jobs}-{len(list(bench.root.iterdir()))}")
    (root / "home").mkdir()
    launchctl = root / "launchctl"
    source = Path(__file__).with_name("stub_launchctl.c")
    assert CC, "there is no C compiler"
    subprocess.run([CC, "-O2", "-o", str(launchctl), str(source)], check=True)
    yield _furnish(Machine(root, installation(bench), launchctl), jobs, text)
    shutil.rmtree(root)


@contextmanager
def on_systemd(bench: Bench, jobs: int, text: str = JOB) -> Iterator[Machine]:
    """A machine with a real systemd user manager of its own. `user_manager.CannotBe` where there can be none."""
    root = bench.directory(f"l{jobs}-{len(list(bench.root.iterdir()))}")
    (root / "home").mkdir()
    try:
        with user_manager.running(root / "home") as manager:
            yield _furnish(Machine(root, installation(bench), session=manager.environment), jobs, text)
    finally:
        shutil.rmtree(root)


def has_systemd(bench: Bench) -> bool:
    """Whether this machine can have a user manager of its own."""
    root = bench.directory("manager")
    try:
        with user_manager.running(root):
            return True
    except user_manager.CannotBe:
        return False
    finally:
        shutil.rmtree(root)


def _furnish(machine: Machine, jobs: int, text: str) -> Machine:
    machine.work.mkdir()
    machine.run("git", "init", "-q", "-b", "main")
    (machine.work / "jobsync.toml").write_text('jobs = "jobs"\n', encoding="utf-8")
    for number in range(jobs):
        machine.put_job(number, text)
    machine.commit("begin")
    jobsync = machine.installed.jobsync
    choice = ("--launchctl", machine.launchctl) if machine.launchctl else ()
    machine.run(jobsync, "init", "--prefix", "bench", *choice, "--yes", "--no-sync")
    machine.forget_nothing()
    return machine
