"""One repository's sync without its git: wishes in, the real observation, plan and application against a simulator."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jobsync import files
from jobsync.config import Repo
from jobsync.definitions.job import Argv, Job, Line, Schedule, Slot
from jobsync.paths import Paths, paths_of
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile import observe
from jobsync.reconcile.apply import Applied, Applier
from jobsync.reconcile.budget import UNLIMITED, Budget
from jobsync.reconcile.ledger import Ledger, Store
from jobsync.reconcile.plan import Orders, make_plan
from jobsync.reconcile.state import Desired, Outcome, Plan, Record, Source, Unwanted, Want, Wanted
from jobsync.repo.affected import Entry
from jobsync.runs import records
from jobsync.schedulers.launchd import Launchd, domain
from jobsync.schedulers.protocol import Survey
from jobsync.simulator import Simulator
from jobsync.values import replace

from ..laptop import MUTATING
from ..launchds import Quick
from ..schedulers.samples import CONFIG
from ..scratch import SCRATCH

REPO = Repo("0f1e2d3c4b5a6978", "/w/.git", "/w", "ada")
LIMIT = 60.0


def job(name: str = "one", hour: int = 9, line: str = "true", **fields: object) -> Job:
    """A job with one slot."""
    made = Job(name, "", Line(line), "/", f"/w/jobs/{name}", inputs=(f"jobs/{name}",),
               schedule=Schedule(slots=(Slot(hour=hour, minute=0),)))  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]  # each caller names real fields


def until(claim: Callable[[], object]) -> None:
    """Poll until it holds."""
    deadline = time.monotonic() + LIMIT
    while not claim():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)


@dataclass
class Bench:
    """A Mac, and the places of one repository on it."""

    root: Path
    mac: Simulator
    paths: Paths
    launchd: Launchd
    said: list[str] = field(default_factory=list)
    """What the progress line showed."""

    # -- wishes

    def want(self, *jobs: Job, without: tuple[str, ...] = ()) -> Want:
        """These jobs as HEAD has them, all others that the ledger knows no longer."""
        wishes: dict[str, Desired] = {
            name: Unwanted("no longer defined") for name in (*self.ledger().records, *without)
        }
        for one in jobs:
            wishes[one.name] = self.wanted(one)
        return Want(wishes)

    def wanted(self, one: Job) -> Wanted:
        rendering = self.launchd.render(one)
        return Wanted(
            rendering=rendering,
            source=Source.HEAD,
            entries={f"jobs/{one.name}/job.toml": Entry(0o100644, rendering.load_digest)},
            inputs=one.inputs,
            in_head=True,
            launch_digest=rendering.artefacts[0].content.hex() if one.daemon else "",
            is_daemon=one.daemon is not None,
            at_login=one.schedule.at_login,
            cause="changed",
        )

    # -- the sync

    def ledger(self) -> Ledger:
        return ledgers.read(self.paths.ledger) or Ledger()

    def record(self, name: str = "one") -> Record:
        return self.ledger().records[name]

    def plan(self, want: Want, orders: Orders | None = None) -> Plan:
        known = self.ledger()
        seen = observe.observe(want, known, self.paths, self.launchd, whole=True)
        return make_plan(want, seen, known, self.launchd, orders or Orders(allow_removals=True))

    def apply(self, plan: Plan, budget: Budget = UNLIMITED) -> Applied:
        def save(ledger: Ledger) -> None:
            ledgers.write(self.paths.ledger, ledger, None)

        files.make_directory(self.paths.state)
        applier = Applier(self.launchd, self.paths, save, self.said.append, retry_pause=0.01, budget=budget)
        done = applier.apply(plan, self.ledger())
        save(done.ledger)
        return done

    def sync(self, *jobs: Job, orders: Orders | None = None) -> dict[str, Outcome]:
        """Everything at once; what became of each job."""
        done = self.apply(self.plan(self.want(*jobs), orders))
        return {name: result.outcome for name, result in done.results.items()}

    def causes(self, *jobs: Job, orders: Orders | None = None) -> dict[str, str]:
        """The same; what is said of each job."""
        done = self.apply(self.plan(self.want(*jobs), orders))
        return {name: result.cause for name, result in done.results.items()}

    # -- what is there

    def label(self, name: str = "one") -> str:
        return self.launchd.label(name)

    def plist(self, name: str = "one") -> Path:
        return self.paths.plist(self.label(name))

    def is_installed_as(self, one: Job) -> bool:
        """Every artefact is exactly what the job renders to."""
        return all(
            Path(artefact.path).is_file()
            and Path(artefact.path).read_bytes() == artefact.content
            and Path(artefact.path).stat().st_mode & 0o7777 == artefact.mode
            for artefact in self.launchd.render(one).artefacts
        )

    def is_loaded_as(self, one: Job) -> bool:
        """The scheduler has it with the digest that the job renders to."""
        identity = self.launchd.identities([self.label(one.name)]).get(self.label(one.name))
        return identity is not None and identity.digest == self.launchd.render(one).load_digest

    def loaded(self) -> set[str]:
        answer = self.launchd.survey()
        assert isinstance(answer, Survey)
        return {label.removeprefix("ada.") for label in answer.services}

    def pid(self, name: str = "one") -> int | None:
        answer = self.launchd.survey()
        assert isinstance(answer, Survey)
        found = answer.services.get(self.label(name))
        return found.pid if found else None

    def start(self, name: str = "one") -> int:
        """Start it and wait until its command runs; the pid of its launcher."""
        before = len(self.runs(name))
        self.launchd.start(self.label(name))
        until(lambda: len(self.runs(name)) > before)
        pid = self.pid(name)
        assert pid is not None
        return pid

    def runs(self, name: str = "one") -> tuple[records.Run, ...]:
        return records.read(self.paths.runs(name))

    def mutations(self) -> list[list[str]]:
        """Calls that could change launchd, since the last time."""
        found = [call for call in self.mac.calls() if call and call[0] in MUTATING]
        self.mac.clear_calls()
        return found

    def verbs(self) -> list[str]:
        """The same, only what was done."""
        return [call[0] for call in self.mutations()]

    def launchctl(self, *argv: str) -> None:
        """Behind jobsync's back."""
        subprocess.run([self.mac.launchctl, *argv], check=True, capture_output=True)

    def target(self, name: str = "one") -> str:
        return f"{domain()}/{self.label(name)}"

    def bootout(self, name: str = "one") -> None:
        """Behind jobsync's back, and wait until it is gone."""
        self.launchctl("bootout", self.target(name))
        until(lambda: name not in self.loaded())

    def snapshot(self) -> Mapping[str, tuple[int, int, int, int]]:
        """Every file of the repository's places, with all that a write would change."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if not path.is_relative_to(self.mac.directory):
                status = path.lstat()
                found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_size, status.st_mode)
        return found

    def rest(self) -> Mapping[str, tuple[int, int, int, int]]:
        """The same, once what was told to end has ended and nothing is written any more."""
        self.mac.settle(patience=0.2)
        found: Mapping[str, object] = {}
        while (now := self.snapshot()) != found or any(path.endswith(".stop") for path in now):
            found = now
            time.sleep(0.1)
        return now

    def hold_files(self) -> list[str]:
        directory = self.paths.hold("x").parent
        return sorted(os.listdir(directory)) if directory.is_dir() else []  # noqa: PTH208 - names are compared

    def kept(self) -> list[bytes]:
        """Contents of the copies of hand edits, oldest first."""
        return [path.read_bytes() for path in sorted(self.paths.kept.glob("*"))]

    def store(self) -> Store:
        return Store(self.paths.store)


def at(root: Path, mac: Simulator) -> Bench:
    """The places below `root`, which a simulator serves."""
    config = replace(
        CONFIG,
        launchctl=str(mac.launchctl),
        home=str(root / "home"),
        state=f"{root}/state",
        data=f"{root}/data",
        logs=f"{root}/logs",
        path=os.environ["PATH"],
    )
    paths = paths_of(config, REPO)
    return Bench(root, mac, paths, Launchd(config, REPO, paths))


@contextmanager
def start() -> Iterator[Bench]:
    """A machine for a block."""
    root = Path(tempfile.mkdtemp(prefix="jobsync-test-", dir=SCRATCH))
    try:
        with Quick.start(root / "mac", root / "home") as mac:
            yield at(root, mac)
    finally:
        shutil.rmtree(root)


SLEEP = Argv(("sleep", "1000"))
