"""A launchd that is known by its launchctl alone: the simulator's, or a real Mac's. For the conformance tests only.

Plists lie in the test's own directory, never in a home. Every label is throwaway, and booted out when its test ends.
"""

import os
import plistlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .mac import Reply, until

PREFIX = "io.jobsync.conformance"
Version = tuple[int, ...]


def on_old_releases_too(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test whose answers depend on the release: the simulator is asked as an old one, too."""
    test.__dict__["is_for_old_releases"] = True
    return test


class Machine:
    """Whoever answers `launchctl`, as its user meets it."""

    def __init__(self, launchctl: Path, uid: int, macos: Version, directory: Path) -> None:
        self.uid = uid
        self.domain = f"gui/{uid}"
        self.macos = macos
        self.directory = directory
        self._launchctl = launchctl
        self._used: set[str] = set()

    def launchctl(self, *argv: str | Path) -> Reply:
        """Call it, with nothing of ours in its environment."""
        environment = {"HOME": os.environ["HOME"], "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"}
        done = subprocess.run(
            [str(self._launchctl), *map(str, argv)], capture_output=True, text=True, env=environment, timeout=120
        )
        return Reply(done.returncode, done.stdout, done.stderr)

    def label(self, name: str) -> str:
        """A label of this run's own."""
        return f"{PREFIX}.{os.getpid()}.{name}"

    def target(self, name: str) -> str:
        """The service target of a name; it is booted out when the test ends."""
        self._used.add(name)
        return f"{self.domain}/{self.label(name)}"

    def plist(self, name: str, script: str = "true", /, *, file: str | None = None, **keys: Any) -> Path:
        """Write a plist that runs a line of sh."""
        self._used.add(name)
        values = {"Label": self.label(name), "ProgramArguments": ["/bin/sh", "-c", script], **keys}
        path = self.directory / (file or f"{name}.plist")
        path.write_bytes(plistlib.dumps({key: value for key, value in values.items() if value is not None}))
        path.chmod(0o644)
        return path

    def load(self, path: Path) -> Reply:
        """Bootstrap a plist."""
        return self.launchctl("bootstrap", self.domain, path)

    def bootstrap(self, name: str, script: str = "true", /, **keys: Any) -> Path:
        """Write a plist and load it."""
        path = self.plist(name, script, **keys)
        assert self.load(path) == Reply(0, "", "")
        return path

    def text(self, name: str) -> str:
        """`print`."""
        return self.launchctl("print", self.target(name)).out

    def value(self, name: str, key: str) -> str | None:
        """One value of `print`: only lines with exactly one tab count."""
        for line in self.text(name).splitlines():
            found, separator, value = line.removeprefix("\t").partition(" = ")
            if separator and found == key and line.startswith("\t") and not line.startswith("\t\t"):
                return value
        return None

    def is_loaded(self, name: str) -> bool:
        """Whether launchd knows it."""
        return self.launchctl("print", self.target(name)).status == 0

    def until_value(self, name: str, key: str, value: str) -> None:
        """Wait for a value of `print`."""
        until(lambda: self.value(name, key) == value, f"{key} = {value}")

    def until_pid(self, name: str) -> str:
        """Wait until it runs; its pid."""
        self.until_value(name, "state", "running")
        return self.value(name, "pid") or ""

    def until_gone(self, name: str) -> None:
        """Wait until launchd has forgotten it."""
        until(lambda: self.launchctl("print", self.target(name)).status == 113, f"absence of {name}")

    def ask_as_aqua(self) -> None:
        """Skip the test where the caller's session is not the GUI's: verbs without a domain go elsewhere then."""
        session = self.launchctl("managername").out.strip()
        if session != "Aqua":
            pytest.skip(f"verbs without a domain act on the session, and this one is {session}, not Aqua")

    def clean(self) -> None:
        """Boot out whatever the test named."""
        for name in sorted(self._used):
            self.launchctl("bootout", self.target(name))
        for name in sorted(self._used):
            self.until_gone(name)


def this_mac(launchctl: Path, directory: Path, uid: int) -> Machine:
    """The Mac that the tests run on, whose user has that uid."""
    if uid == 0:
        pytest.fail("the conformance tests are a user's: run them without sudo")
    version = subprocess.run(["sw_vers", "-productVersion"], capture_output=True, text=True, check=True).stdout
    machine = Machine(launchctl, uid, tuple(map(int, version.split("."))), directory)
    if machine.launchctl("print", machine.domain).status:
        pytest.fail(f"there is no {machine.domain}: log in at the screen first")
    return machine
