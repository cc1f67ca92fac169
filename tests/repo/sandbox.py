"""Real git with a home of its own, and hooks that write down the verdict of every event."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobsync.repo.events import EVENTS
from jobsync.repo.place import identity, open_repository
from jobsync.repo.repository import Repository

CHECKOUT = Path(__file__).resolve().parents[2]
RECORDER = Path(__file__).with_name("verdict_hook.py")

_NOT_UTF8 = [] if os.uname().sysname == "Darwin" else ["latin-\udce9"]  # APFS refuses such names
ODD = ["new\nline", "tab\there", '"quoted"', "back\\slash", "*", ":colon", "-dash", " space", "ü", *_NOT_UTF8]
"""File names that break whoever forgets `-z`, pathspec magic, or that names are bytes."""

_GITCONFIG = """\
[user]
    name = Ada
    email = ada@example.org
[init]
    defaultBranch = main
[advice]
    detachedHead = false
[protocol "file"]
    allow = always
[rebase]
    autoSquash = false
"""


def sandbox_environment(home: Path) -> dict[str, str]:
    """What git and hooks see: nothing of whoever runs the tests but PATH and what coverage needs."""
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
    return kept | {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONPATH": str(CHECKOUT),
    }


@dataclass
class Event:
    """What one hook call saw and decided."""

    event: str
    arguments: list[str]
    sync: bool
    row: int
    notice: str | None
    commit: str | None

    @property
    def short(self) -> tuple[str, int, bool]:
        """Event, row, verdict."""
        return self.event, self.row, self.sync


@dataclass
class Sandbox:
    """A home, and git in it."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.joinpath(".gitconfig").write_text(_GITCONFIG)
        self.environ = sandbox_environment(self.home) | self.environ

    def run(
        self,
        *argv: str,
        cwd: Path,
        check: bool = True,
        environ: Mapping[str, str] | None = None,
        stdin: bytes = b"",
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program in the sandbox; with `check`, anything but status 0 fails the test with its output."""
        result = subprocess.run(
            argv, cwd=cwd, env={**self.environ, **(environ or {})}, input=stdin, capture_output=True, timeout=120
        )
        assert not check or result.returncode == 0, (argv, result.returncode, result.stdout, result.stderr)
        return result

    def repository(self, path: Path) -> "Work":
        """A new repository with one commit."""
        path.mkdir(parents=True)
        work = Work(self, path)
        work.git("init", "-q")
        work.commit("first", {"README": "hello\n"})
        return work

    def clone(self, origin: Path, path: Path) -> "Work":
        """A clone."""
        self.run("git", "clone", "-q", str(origin), str(path), cwd=self.home)
        return Work(self, path)


@dataclass
class Work:
    """A work tree and what is done in it."""

    box: Sandbox
    path: Path
    environ: dict[str, str] = field(default_factory=dict)

    def git(self, *arguments: str, check: bool = True, environ: Mapping[str, str] | None = None) -> str:
        """Run git here; its stdout without the last line break."""
        merged = {**self.environ, **(environ or {})}
        result = self.box.run("git", *arguments, cwd=self.path, check=check, environ=merged)
        return os.fsdecode(result.stdout).removesuffix("\n")

    def status(self, *arguments: str) -> int:
        """Run git here; its exit status."""
        return self.box.run("git", *arguments, cwd=self.path, check=False, environ=self.environ).returncode

    def write(self, files: Mapping[str, str]) -> None:
        """Write files into the work tree."""
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)

    def commit(self, subject: str, files: Mapping[str, str]) -> str:
        """Write files and commit them; the commit's id."""
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.head

    @property
    def head(self) -> str:
        """HEAD's commit."""
        return self.git("rev-parse", "HEAD")

    @property
    def git_dir(self) -> Path:
        """The git directory."""
        return Path(self.git("rev-parse", "--absolute-git-dir"))

    def opened(self) -> Repository:
        """As jobsync opens it."""
        return open_repository(str(self.git_dir), str(self.path), {**self.box.environ, **self.environ})


@dataclass
class Recorder:
    """Hooks that record the verdict of each event."""

    box: Sandbox
    wanted_branch: str = ""

    @property
    def log(self) -> Path:
        """One JSON value a line."""
        return self.box.home / "verdicts"

    @property
    def registrations(self) -> Path:
        """Ids of the registered repositories, one a line."""
        return self.box.home / "registered"

    def watch(self, work: Work, *, register: bool = True) -> None:
        """Install the recording hooks."""
        self.fill(work.git_dir / "hooks")
        if register:
            with self.registrations.open("a") as file:
                file.write(identity(str(work.git_dir), str(work.path)) + "\n")

    def fill(self, directory: Path) -> None:
        """Write the recording hooks to a directory."""
        directory.mkdir(exist_ok=True, parents=True)
        for event in EVENTS:
            hook = directory / event
            variables = f"LOG='{self.log}' REGISTERED='{self.registrations}' WANTED='{self.wanted_branch}'"
            hook.write_text(f'#!/bin/sh\n{variables} exec {sys.executable} {RECORDER} {event} "$@" </dev/null\n')
            hook.chmod(0o755)

    def events(self) -> list[Event]:
        """What was recorded since the last call."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines()
        self.log.unlink()
        return [Event(**json.loads(line)) for line in lines]

    def forget(self) -> None:
        """Drop what was recorded."""
        self.log.unlink(missing_ok=True)

    def shorts(self) -> list[tuple[str, int, bool]]:
        """Event, row and verdict of what was recorded since the last call."""
        return [event.short for event in self.events()]


def tool(name: str) -> str:
    """Path of a program that stands beside this Python or in PATH."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    assert found, f"{name} is needed for this test"
    return found
