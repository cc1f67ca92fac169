"""A private, real `systemd --user` for tests and the demo's: its own home, its own control group, gone without a trace.

It needs Debian's package `systemd` and a control group that may be written; PID 1 may be anything. What is started here
is exactly what a login starts, except that it looks for units in the home and in the packaged places only.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from .hours import Noon
from .scratch import SCRATCH

SYSTEMD = "/usr/lib/systemd/systemd"
_PATIENCE = 30.0
_PAUSE = 0.02
_SCRIPT = (
    'for group in $JOBSYNC_GROUPS; do echo 0 >"$group/cgroup.procs" || exit 1; done; unset JOBSYNC_GROUPS; exec "$@"'
)


class CannotBe(Exception):
    """This machine cannot have a user manager; says why."""


def _hierarchies() -> list[tuple[str, str]]:
    """(`v2` or `v1`, mount point) of what systemd can live in: cgroup2, and the v1 hierarchy that is named after it."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, _, right = line.partition(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup2":
            found.append(("v2", left.split()[4]))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            found.append(("v1", left.split()[4]))
    return sorted(set(found))


def _own_group(kind: str) -> str:
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if (kind == "v2" and number == "0" and not controllers) or (kind == "v1" and controllers == "name=systemd"):
            return path.rstrip("/")
    return ""


def _make_groups(name: str, hierarchies: list[tuple[str, str]], owner: int) -> list[Path]:
    """An own control group, so that the manager neither moves other processes nor leaves any behind."""
    made = []
    for kind, mount in hierarchies:
        for parent in (f"{mount}{_own_group(kind)}", mount):
            group = Path(parent, name)
            with suppress(OSError):
                group.mkdir()
                _delegate(group, owner)
                made.append(group)
                break
    return made


def _delegate(group: Path, owner: int) -> None:
    if owner == os.geteuid():
        return
    os.chown(group, owner, -1)
    for name in ("cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        if (group / name).exists():
            os.chown(group / name, owner, -1)


def _remove_group(group: Path) -> None:
    """End everything inside, then remove the tree."""
    deadline = time.monotonic() + _PATIENCE
    while group.is_dir():
        below = [Path(directory) for directory, _, _ in os.walk(group, topdown=False)]
        for one in below:
            with suppress(OSError, ValueError):
                for pid in (one / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
            with suppress(OSError):
                one.rmdir()
        assert time.monotonic() < deadline, f"the control group {group} cannot be removed"
        time.sleep(_PAUSE if group.is_dir() else 0)


def _visible(hierarchies: list[tuple[str, str]]) -> str:
    """Shell that shows the manager, in a mount namespace of its own, what it insists on."""
    steps = []
    if not Path("/run/systemd/system").is_dir():
        # For real it would make the scripts of packages believe in systemd.
        place = "/run/systemd" if Path("/run/systemd").is_dir() else "/run"
        steps.append(f"mount -t tmpfs -o mode=755 tmpfs {place} && mkdir -p /run/systemd/system")
    mounts = [mount for kind, mount in hierarchies if kind == "v2"]
    if mounts and mounts[0] != "/sys/fs/cgroup":  # systemd 258 and later know cgroup2 alone
        steps.append("mount -t cgroup2 cgroup2 /sys/fs/cgroup")
    return " && ".join(steps)


@dataclass
class UserManager:
    """A running one. `environment`: what its clients need."""

    home: Path
    runtime: Path
    process: subprocess.Popen[bytes]
    groups: list[Path]
    owner: int
    config: Path
    environment: dict[str, str] = field(default_factory=dict)

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        """What `systemctl --user` prints."""
        done = subprocess.run(
            as_owner(self.owner, ["systemctl", "--user", *arguments]),
            env={**self.environment, "PATH": os.environ["PATH"], "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert not check or not done.returncode, (arguments, done)
        return done.stdout

    def pid(self) -> int:
        """Of the manager itself."""
        return self.process.pid

    def _wait(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while self.systemctl("show", "-p", "SystemState", "--value", check=False).strip() not in (
            "running",
            "degraded",
        ):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise CannotBe(f"the user manager did not come up (status {self.process.poll()})")
            time.sleep(_PAUSE)

    def stop(self) -> None:
        """As a logout: everything of the user's ends."""
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for group in self.groups:
            _remove_group(group)
        # Of mode 000, for what units shall not see: whoever is not root could not remove their directory.
        for place in (self.runtime / "systemd" / "inaccessible").glob("*"):
            if place.is_dir():
                place.chmod(0o700)


def as_owner(owner: int, argv: list[str]) -> list[str]:
    """The argv under which that user runs it."""
    if owner == os.geteuid():
        return argv
    group = pwd.getpwuid(owner).pw_gid
    return ["setpriv", f"--reuid={owner}", f"--regid={group}", "--clear-groups", *argv]


def _check_possible(hierarchies: list[tuple[str, str]]) -> None:
    if not Path(SYSTEMD).exists() or shutil.which("systemctl") is None:
        raise CannotBe("needs Debian's package systemd")
    if not hierarchies:
        raise CannotBe("needs control groups: none are mounted")


def _begin(home: Path, directory: Path, owner: int, zone: str | None, settings: str) -> UserManager:
    hierarchies = _hierarchies()
    _check_possible(hierarchies)
    runtime = directory / "run"
    runtime.mkdir(mode=0o700, exist_ok=True)
    config = home / ".config" / "systemd" / "user.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(f"[Manager]\nDefaultTimeoutStopSec=2\n{settings}\n", encoding="utf-8")
    for path in (directory, runtime, home, *home.rglob("*")):
        if owner != os.geteuid() and not path.is_symlink():
            os.chown(path, owner, -1)
    own = (f"{home}/.config/systemd/user", f"{runtime}/systemd/user", f"{home}/.local/share/systemd/user")
    units = ":".join((*own, "/usr/lib/systemd/user"))
    environment = {"HOME": str(home), "XDG_RUNTIME_DIR": str(runtime), "SYSTEMD_UNIT_PATH": units}
    argv = as_owner(owner, [SYSTEMD, "--user", "--log-target=null"])
    seen = _visible(hierarchies)
    if seen and os.geteuid() == 0:
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{seen} && exec "$@"', "sh", *argv]
    groups = _make_groups(f"jobsync-test-{os.getpid()}-{directory.name}", hierarchies, owner)
    if not any(kind == "v2" for kind, _ in hierarchies[: len(groups)]) and "v2" in dict(hierarchies):
        for group in groups:
            _remove_group(group)
        raise CannotBe("needs a control group that may be written (read-only, or not delegated)")
    started = subprocess.Popen(
        ["sh", "-c", _SCRIPT, "sh", *argv],
        # Where it is noon no timer of 09:00 elapses while a test counts what was started.
        env={**environment, "TZ": zone or Noon.now().zone, "LANG": "C.UTF-8",
             "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "JOBSYNC_GROUPS": " ".join(map(str, groups))},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    return UserManager(home, runtime, started, groups, owner, config, environment)


@contextmanager
def running(
    home: Path, *, owner: int | None = None, zone: str | None = None, settings: str = "DefaultTimerAccuracySec=1ms"
) -> Iterator[UserManager]:
    """A manager of this home for a block. `CannotBe` where there can be none. `owner`: another user, as root."""
    # Short: the path of a socket may have no more than about a hundred bytes.
    directory = Path(tempfile.mkdtemp(prefix="jobsync-um-", dir=SCRATCH))
    manager = None
    try:
        manager = _begin(home, directory, os.geteuid() if owner is None else owner, zone, settings)
        manager._wait()
        yield manager
    finally:
        if manager is not None:
            manager.stop()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def again(manager: UserManager, directory: Path, *, settled: bool = True) -> Iterator[UserManager]:
    """After `manager.stop()`: the next login, with the same home. `settled`: and all that it starts has started."""
    following = _begin(manager.home, directory, manager.owner, None, "")
    try:
        if settled:
            following._wait()
        yield following
    finally:
        following.stop()
