"""A laptop with two registered repositories, each with an origin, an editor's clone and hooks of its own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jobsync import config
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.reconcile.sync import uninstall

from ..forks import Warm
from ..laptop import JOB, Laptop
from ..scratch import SCRATCH

FOREIGN = "test.theirs"
"""Label of a job that is not ours, though it begins like the first repository's."""
_FOREIGN_PLIST = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0"><dict><key>Label</key><string>{FOREIGN}</string>
<key>ProgramArguments</key><array><string>/bin/true</string></array></dict></plist>
"""


class Second(Warm):
    """The second repository of the same machine."""

    @property
    def origin(self) -> Path:
        return self.root / "second.git"

    @property
    def editor(self) -> Path:
        return self.root / "second-editor"

    @property
    def work(self) -> Path:
        return self.home / "second"


@dataclass
class Pair:
    """The machine as its two repositories see it."""

    first: Laptop
    second: Laptop

    @property
    def places(self) -> tuple[Laptop, Laptop]:
        return self.first, self.second

    @property
    def foreign(self) -> Path:
        return self.first.agents / f"{FOREIGN}.plist"

    def registration(self, place: Laptop) -> Origin:
        """The registered repository, opened as a command does it."""
        found = config.load(place.config_file)
        (repo,) = [one for one in found.repos if one.prefix == place.prefix]
        return open_origin(found, repo, place.environment)

    def ledgers(self) -> list[Path]:
        return sorted((self.first.home / ".local/state/jobsync").glob("*/ledger"))

    def files(self) -> dict[str, tuple[int, int, int, int]]:
        """Every file of the home outside both repositories, with all that a write would change."""
        return {path: state for path, state in self.first.snapshot().items() if f"{self.second.work}" not in path}

    def begin_anew(self) -> None:
        """Everything as after `jobsync init`: nothing installed, nothing remembered, both clones where they began."""
        for place in self.places:
            uninstall(self.registration(place))
            shutil.rmtree(self.registration(place).paths.state)
            place.git("reset", "-q", "--hard", "start", at=place.editor)
            place.git("push", "-qf", at=place.editor)
            place.git("fetch", "-q")
            place.git("reset", "-q", "--hard", "origin/main")
            place.git("clean", "-fdq")


def _prepare(place: Laptop) -> None:
    place.job("ant", JOB, at=place.editor)
    place.push("begin with a job")
    place.git("tag", "start", at=place.editor)
    place.pull()
    place.init()


def _place_a_foreign_job(pair: Pair) -> None:
    pair.foreign.parent.mkdir(parents=True, exist_ok=True)
    pair.foreign.write_text(_FOREIGN_PLIST)
    pair.first.launchctl("bootstrap", f"gui/{os.getuid()}", str(pair.foreign))


@contextmanager
def two_repositories() -> Iterator[Pair]:
    """The machine, for a block."""
    with (
        tempfile.TemporaryDirectory(prefix="jobsync-trust-", dir=SCRATCH) as root,
        Warm.start(Path(root), teardown=0.05) as first,
    ):
        second = Second(first.root, first.simulator, prefix="second", environment=first.environment)
        second._make_clones()
        pair = Pair(first, second)
        for place in pair.places:
            _prepare(place)
        _place_a_foreign_job(pair)
        yield pair
