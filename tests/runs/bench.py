"""One job's launcher and its places, and every sh to run it with."""

import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobsync import files
from jobsync.config import SYSTEM_PATH
from jobsync.definitions.job import Job
from jobsync.paths import Paths
from jobsync.runs import launcher, records
from jobsync.runs.records import Run
from jobsync.values import replace

_SHELLS = {
    "dash": ("dash",),
    "bash": ("bash",),
    "bash as sh": ("bash", "--posix"),
    # What macOS calls sh; no Debian has it, so it is met where somebody built it and put it into PATH by this name.
    "bash 3.2 as sh": ("bash-3.2", "--posix"),
    "busybox": ("busybox", "sh"),
    "zsh as sh": ("zsh", "--emulate", "sh"),
}
SHELLS = {name: argv for name, argv in _SHELLS.items() if shutil.which(argv[0])}
every_shell = pytest.mark.parametrize("sh", SHELLS)
ODD = 'it\'s "odd" $HOME `id` \\ * ; & | < > ~ # ! é 早 -x'
LIMIT = 60.0


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not claim():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


@dataclass
class Bench:
    """One job's launcher and its places."""

    paths: Paths
    job: Job
    label: str = "test.one"
    tools: Path | None = None
    """A directory whose programs the launcher calls instead of the system's."""

    def write(self, **changes: object) -> Path:
        """Render and install the launcher."""
        self.job = replace(self.job, **changes)  # type: ignore[arg-type]  # each caller names real fields
        path = self.paths.launcher(self.job.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        # As a sync does it, in one step: a shell reads the file while it runs it.
        content = launcher.render(self.job, self.label, "jobs/one/job.toml", self.paths)
        if self.tools is not None:
            former, new = f" PATH={SYSTEM_PATH}", f" PATH={shlex.quote(str(self.tools))}:{SYSTEM_PATH}"
            assert content.count(former.encode()) == 1
            content = content.replace(former.encode(), new.encode())
        files.write_atomically(path, content, 0o700)
        return path

    def argv(self, sh: str) -> list[str]:
        return [*SHELLS[sh], str(self.paths.launcher(self.job.name))]

    def run(self, sh: str, **changes: object) -> "subprocess.CompletedProcess[bytes]":
        """Render, install, run."""
        done = self.run_aloud(sh, **changes)
        assert done.stderr == b"", "a launcher prints nothing: all output is in the log"
        return done

    def run_aloud(self, sh: str, **changes: object) -> "subprocess.CompletedProcess[bytes]":
        """The same where the shell itself says what it cannot write, or which signal it saw."""
        self.write(**changes)
        done = subprocess.run(self.argv(sh), capture_output=True, timeout=60, env=ENV, stdin=subprocess.DEVNULL)
        assert done.stdout == b"", "a launcher prints nothing: all output is in the log"
        return done

    def runs(self) -> tuple[Run, ...]:
        return records.read(self.paths.runs(self.job.name))

    def logs(self) -> list[Path]:
        return sorted(self.paths.job_logs(self.label).glob("*.log"))

    def log(self) -> str:
        (found,) = self.logs()
        return found.read_text(encoding="utf-8")

    def place(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
