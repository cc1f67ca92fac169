"""A simulated Mac as tests use it: plists are written, launchctl is called, files are looked at."""

import os
import plistlib
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobsync.simulator import Simulator

LIMIT = 60.0
"""Real seconds after which something that must come about counts as missing."""
HINT = "Try re-running the command as root for richer errors.\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call of launchctl gave."""

    status: int
    out: str
    err: str


DEAF = "trap '' TERM; echo deaf >~/deaf; while :; do sleep 0.05; done"
"""A script for a job that hears no TERM, from the moment for which `Mac.until_deaf` waits."""


def until(is_so: Callable[[], bool], what: str = "the condition") -> None:
    """Poll until it holds."""
    end = time.monotonic() + LIMIT
    while not is_so():
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody has reaped yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Mac:
    """One simulator with uid 501, and what its user does."""

    def __init__(self, simulator: Simulator, home: Path) -> None:
        self.simulator = simulator
        self.home = home
        self.agents = home / "Library" / "LaunchAgents"

    def launchctl(self, *argv: str | Path, **extra: str) -> Reply:
        """Call it; `extra` is its environment beside HOME."""
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **extra}
        argv_all = [str(self.simulator.launchctl), *map(str, argv)]
        done = subprocess.run(argv_all, capture_output=True, text=True, env=environment, timeout=60, cwd=self.home)
        return Reply(done.returncode, done.stdout, done.stderr)

    def background(self, *argv: str | Path) -> "subprocess.Popen[str]":
        """Call it without waiting."""
        argv_all = [str(self.simulator.launchctl), *map(str, argv)]
        return subprocess.Popen(argv_all, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def plist(self, label: str, script: str = "true", /, *, at: Path | None = None, **keys: Any) -> Path:
        """Write an agent's plist that runs a line of sh."""
        values = {"Label": label, "ProgramArguments": ["/bin/sh", "-c", script], **keys}
        path = at or self.agents / f"{label}.plist"
        path.write_bytes(plistlib.dumps({name: value for name, value in values.items() if value is not None}))
        path.chmod(0o644)
        return path

    def bootstrap(self, label: str, script: str = "true", /, **keys: Any) -> Path:
        """Write and load it."""
        path = self.plist(label, script, **keys)
        assert self.launchctl("bootstrap", "gui/501", path) == Reply(0, "", "")
        return path

    def text(self, label: str) -> str:
        """`print` of a loaded agent."""
        return self.launchctl("print", f"gui/501/{label}").out

    def value(self, label: str, key: str) -> str | None:
        """One top-level value of `print`, read as a careful client reads it."""
        for line in self.text(label).splitlines():
            name, separator, value = line.removeprefix("\t").partition(" = ")
            if separator and name == key and not line.startswith("\t\t"):
                return value
        return None

    def until_state(self, label: str, state: str) -> None:
        """Wait for a state."""
        until(lambda: self.value(label, "state") == state, f"state {state} of {label}")

    def until_pid(self, label: str) -> int:
        """Wait until it runs; its pid."""
        self.until_state(label, "running")
        return int(self.value(label, "pid") or 0)

    def until_deaf(self, label: str) -> int:
        """Wait until it runs, and its script `DEAF` hears no TERM any more; its pid."""
        until(lambda: bool(self.read("deaf")), f"deafness of {label}")
        return self.until_pid(label)

    def is_loaded(self, label: str) -> bool:
        """Whether launchd knows it."""
        return self.launchctl("print", f"gui/501/{label}").status == 0

    def until_gone(self, label: str) -> None:
        """Wait until launchd has forgotten it."""
        until(lambda: self.launchctl("print", f"gui/501/{label}").status == 113, f"absence of {label}")

    def read(self, name: str) -> str:
        """A file of the home; empty when there is none."""
        path = self.home / name
        return path.read_text(encoding="utf-8") if path.exists() else ""


def own_uid() -> int:
    """Whose files these are."""
    return os.getuid()
