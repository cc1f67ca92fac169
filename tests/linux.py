"""A throwaway machine with a real systemd user manager: as `laptop.py`, with another scheduler."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from jobsync.reconcile.own import is_own
from jobsync.simulator import Simulator

from . import user_manager
from .forks import Warm
from .laptop import GITCONFIG, Ran, _environment
from .scratch import SCRATCH
from .user_manager import UserManager

_NO_SIMULATOR = cast("Simulator", None)
"""What only a simulator can do is not there, and fails loudly."""


@dataclass
class LinuxLaptop(Warm):
    """One machine. `init` finds the user manager by itself."""

    manager: UserManager = field(kw_only=True)

    @property
    def units(self) -> Path:
        return self.home / ".local" / "share" / "systemd" / "user"

    @property
    def wants(self) -> Path:
        return self.home / ".config" / "systemd" / "user"

    def unit(self, job: str, suffix: str = "timer") -> str:
        return f"{self.label(job)}.{suffix}"

    def init(self, *options: str, run: "Callable[..., Ran] | None" = None) -> Ran:
        """Register without syncing. `run`: instead of our own `jobsync`."""
        return (run or self.jobsync)("init", "--prefix", self.prefix, "--yes", "--no-sync", *options)

    def loaded(self) -> set[str]:
        """Names of our jobs whose timer waits, whose path is watched or whose daemon runs."""
        table = self.manager.systemctl("list-units", "--plain", "--no-legend", "--state=active", f"{self.prefix}.*")
        names = {line.split()[0].rpartition(".")[0].removeprefix(f"{self.prefix}.") for line in table.splitlines()}
        return {name for name in names if not is_own(name)}

    def installed(self) -> set[str]:
        """Names of the jobs whose service is there."""
        found = self.units.glob(f"{self.prefix}.*.service") if self.units.is_dir() else ()
        names = (path.name.removeprefix(f"{self.prefix}.").removesuffix(".service") for path in found)
        return {name for name in names if not is_own(name)}


@contextmanager
def running() -> Iterator[LinuxLaptop]:
    """The machine, for a block. `user_manager.CannotBe` where there can be no user manager."""
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as directory:
        root = Path(directory)
        home = root / "home"
        home.mkdir()
        (home / ".gitconfig").write_text(GITCONFIG)
        with user_manager.running(home) as manager:
            environment = {**_environment(home), "XDG_RUNTIME_DIR": str(manager.runtime)}
            machine = LinuxLaptop(root, _NO_SIMULATOR, environment=environment, manager=manager)
            machine._make_clones()
            yield machine
