"""One repository's sync without its git, on either scheduler: wishes in; real observation, plan and application."""

import os
import shutil
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jobsync import files
from jobsync.config import Config, Repo
from jobsync.config import UserManager as Reached
from jobsync.definitions.job import Job
from jobsync.paths import Paths, paths_of
from jobsync.reconcile import changing, observe
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.apply import Applied, Applier
from jobsync.reconcile.budget import UNLIMITED, Budget
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.plan import Orders, make_plan
from jobsync.reconcile.state import Desired, Outcome, Plan, Record, Source, Unwanted, Want, Wanted
from jobsync.repo.affected import Entry
from jobsync.runs import records
from jobsync.schedulers.launchd import Launchd, domain
from jobsync.schedulers.protocol import Loaded, Scheduler, Survey
from jobsync.schedulers.systemd import Systemd
from jobsync.simulator import Simulator
from jobsync.values import replace

from .. import user_manager
from ..laptop import MUTATING
from ..launchds import Quick
from ..reconcile.bench import REPO, until
from ..schedulers.samples import CONFIG
from ..scratch import SCRATCH
from ..user_manager import UserManager


@dataclass
class Rig(ABC):
    """A machine with one of the schedulers, and the places of one repository on it."""

    root: Path
    config: Config
    prefix: str = "ada"
    said: list[str] = field(default_factory=list)
    """What the progress line showed."""

    # -- what differs

    @property
    @abstractmethod
    def scheduler(self) -> Scheduler:
        """As a new process sees it."""

    @abstractmethod
    def calls(self) -> list[str]:
        """Verbs that could change the scheduler, since the last time."""

    @abstractmethod
    def unload(self, name: str) -> None:
        """Behind jobsync's back."""

    @abstractmethod
    def disable(self, name: str) -> None:
        """As a user who does not want it here."""

    @abstractmethod
    def enable(self, name: str) -> None:
        """The same user, later."""

    @abstractmethod
    def edit(self, name: str) -> Path:
        """Somebody moves the installed job to another time; the file that he edited."""

    @abstractmethod
    def refuse_loads(self, count: int) -> None:
        """The scheduler will refuse the next loads."""

    def refuse_change(self) -> None:
        """The scheduler will refuse to load the next job that is changed."""
        self.refuse_loads(1)

    @abstractmethod
    def end_session(self) -> None:
        """Nothing of the user's runs any more, the scheduler included."""

    @abstractmethod
    def break_calls(self, program: str) -> None:
        """From now on this program gives the scheduler's answers."""

    # -- the sync

    @property
    def repo(self) -> Repo:
        return replace(REPO, prefix=self.prefix)

    @property
    def paths(self) -> Paths:
        return paths_of(self.config, self.repo)

    def wanted(self, one: Job) -> Wanted:
        rendering = self.scheduler.render(one)
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

    def want(self, *jobs: Job) -> Want:
        """These jobs as HEAD has them, all others that the ledger knows no longer."""
        wishes: dict[str, Desired] = {name: Unwanted("no longer defined") for name in self.ledger().records}
        return Want({**wishes, **{one.name: self.wanted(one) for one in jobs}})

    def ledger(self) -> Ledger:
        return ledgers.read(self.paths.ledger) or Ledger()

    def record(self, name: str = "one") -> Record:
        return self.ledger().records[name]

    def plan(self, want: Want, scheduler: Scheduler, orders: Orders | None = None) -> Plan:
        known = self.ledger()
        seen = observe.observe(want, known, self.paths, scheduler, whole=True)
        return make_plan(want, seen, known, scheduler, orders or Orders(allow_removals=True))

    def apply(self, plan: Plan, scheduler: Scheduler, budget: Budget = UNLIMITED) -> Applied:
        def save(ledger: Ledger) -> None:
            ledgers.write(self.paths.ledger, ledger, None)

        files.make_directory(self.paths.state)
        applier = Applier(scheduler, self.paths, save, self.said.append, retry_pause=0.01, budget=budget)
        done = applier.apply(plan, self.ledger())
        save(done.ledger)
        changing.write(self.paths, done.changing)
        return done

    def results(self, *jobs: Job, orders: Orders | None = None, budget: Budget = UNLIMITED) -> Applied:
        """Everything at once. `OutOfTime` when the budget is used up."""
        scheduler = self.scheduler
        return self.apply(self.plan(self.want(*jobs), scheduler, orders), scheduler, budget)

    def sync(self, *jobs: Job, orders: Orders | None = None) -> dict[str, Outcome]:
        """What became of each job."""
        results = self.results(*jobs, orders=orders).results
        for result in results.values():
            if result.outcome is Outcome.FAILED:
                print(result.name, result.outcome, result.cause)  # pytest shows it beside what fails
        return {name: result.outcome for name, result in results.items()}

    # -- what is there

    def survey(self) -> Survey:
        answer = self.scheduler.survey()
        assert isinstance(answer, Survey), answer
        return answer

    def service(self, name: str = "one") -> Loaded | None:
        return self.survey().services.get(self.scheduler.label(name))

    def loaded(self) -> set[str]:
        """Names of the jobs that will start, or run, by themselves."""
        start = self.scheduler.label("")
        return {label.removeprefix(start) for label, one in self.survey().services.items() if one.is_armed}

    def pid(self, name: str = "one") -> int | None:
        found = self.service(name)
        return found.pid if found else None

    def start(self, name: str = "one") -> int:
        """Start it and wait until its command runs; the pid of its launcher."""
        before = len(self.runs(name))
        self.scheduler.start(self.scheduler.label(name))
        until(lambda: len(self.runs(name)) > before)
        pid = self.pid(name)
        assert pid is not None
        return pid

    def printed(self, name: str) -> str:
        """What all runs of it have printed."""
        logs = sorted(self.paths.job_logs(self.scheduler.label(name)).glob("*.log"))
        return "".join(log.read_text() for log in logs)

    def runs(self, name: str = "one") -> tuple[records.Run, ...]:
        """Those in which the command was started."""
        return tuple(run for run in records.read(self.paths.runs(name)) if not run.skipped)

    def is_in_place(self, *jobs: Job) -> bool:
        """Every artefact is exactly what the jobs render to, and all are loaded with that."""
        for one in jobs:
            rendering = self.scheduler.render(one)
            found = self.service(one.name)
            if found is None or not found.is_armed or found.digest not in ("", rendering.load_digest):
                return False
            for artefact in rendering.artefacts:
                state = observe.file_state(artefact.path)
                if (state.target if artefact.is_link else state.content) != artefact.content:
                    return False
        return True

    def ours(self) -> dict[str, tuple[int, int, int]]:
        """Every file that jobsync could write, with what a write would change; none that a launcher writes or takes."""
        places = (*self.paths.shared, self.paths.launchers, self.paths.state)
        launchers = {self.paths.runs("x").parent, self.paths.token("x").parent}
        found = {}
        for path in sorted(path for place in places for path in place.rglob("*")):
            if not launchers & {path, path.parent}:
                status = path.lstat()
                found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return found

    def artefacts(self) -> set[str]:
        """Names of all files and links in the places of the scheduler and of the launchers."""
        places = (*self.paths.shared, self.paths.launchers)
        return {path.name for place in places if place.is_dir() for path in place.iterdir() if not path.is_dir()}

    def kept(self) -> list[bytes]:
        """Contents of the copies of hand edits, oldest first."""
        return [path.read_bytes() for path in sorted(self.paths.kept.glob("*"))]

    def assert_converged(self, *jobs: Job) -> None:
        """All is in place, and another sync does nothing at all."""
        assert self.is_in_place(*jobs)
        assert self.loaded() == {one.name for one in jobs}
        self.calls()
        before = self.ours()
        assert set(self.sync(*jobs).values()) <= {Outcome.UNCHANGED}
        assert self.calls() == []
        assert self.ours() == before


@dataclass
class Mac(Rig):
    """launchd, simulated."""

    simulator: Simulator = field(kw_only=True)

    @property
    def scheduler(self) -> Launchd:
        return Launchd(self.config, self.repo, self.paths)

    def _launchctl(self, *arguments: str) -> None:
        subprocess.run([self.simulator.launchctl, *arguments], check=True, capture_output=True)

    def calls(self) -> list[str]:
        found = [call[0] for call in self.simulator.calls() if call and call[0] in MUTATING]
        self.simulator.clear_calls()
        return found

    def unload(self, name: str) -> None:
        self._launchctl("bootout", f"{domain()}/{self.scheduler.label(name)}")
        until(lambda: name not in self.loaded())

    def disable(self, name: str) -> None:
        self._launchctl("disable", f"{domain()}/{self.scheduler.label(name)}")
        self.unload(name)

    def enable(self, name: str) -> None:
        self._launchctl("enable", f"{domain()}/{self.scheduler.label(name)}")

    def edit(self, name: str) -> Path:
        path = self.paths.plist(self.scheduler.label(name))
        path.write_bytes(path.read_bytes().replace(b"<integer>9</integer>", b"<integer>23</integer>"))
        return path

    def refuse_loads(self, count: int) -> None:
        # One after the other, each is tried five times.
        self.simulator.fault("bootstrap", code=5, times=5 * count)

    def end_session(self) -> None:
        self.simulator.logout()

    def break_calls(self, program: str) -> None:
        self.config = replace(self.config, launchctl=program)


_WRAPPER = """\
#!/bin/sh
printf '%s\\n' "$*" >>{log}
case "$*" in
  *' restart '*) if [ -e {slow} ]; then sleep 1; fi ;;
  *' daemon-reload') if [ -s {late} ]; then sleep "$(cat {late})"; rm {late}; fi ;;
  *' start '*)
    if [ -s {refusals} ]; then
      sed -i 1d {refusals}
      echo 'Failed to start: refused by the test' >&2
      exit 1
    fi
    ;;
esac
exec {systemctl} "$@"
"""
_READING = ("list-units", "show", "is-active")


@dataclass
class Linux(Rig):
    """systemd, for real."""

    manager: UserManager = field(kw_only=True)

    @property
    def scheduler(self) -> Systemd:
        return Systemd(self.config, self.repo, self.paths)

    @property
    def _log(self) -> Path:
        return self.root / "calls"

    def every_call(self) -> list[str]:
        """Verbs of all calls since the last time, with how many units each was about."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.write_text("")
        found = []
        for line in lines:
            words = [word for word in line.split() if not word.startswith("-")]
            count = sum(word.endswith((".service", ".timer", ".path")) for word in words)
            found.append(f"{words[0]} {count}" if count else words[0])
        return found

    def calls(self) -> list[str]:
        return [call.split()[0] for call in self.every_call() if call.split()[0] not in _READING]

    def unit(self, name: str, suffix: str = "timer") -> str:
        return f"{self.scheduler.label(name)}.{suffix}"

    def unload(self, name: str) -> None:
        self.manager.systemctl("stop", self.unit(name))

    def disable(self, name: str) -> None:
        # Not with --now: newer ones refuse that in a container.
        self.manager.systemctl("stop", self.unit(name))
        self.manager.systemctl("disable", self.unit(name))

    def enable(self, name: str) -> None:
        self.manager.systemctl("enable", self.unit(name))
        self.manager.systemctl("start", self.unit(name))

    def edit(self, name: str) -> Path:
        path = self.paths.units / self.unit(name)
        path.write_bytes(path.read_bytes().replace(b" 09:00:00", b" 23:00:00"))
        return path

    def refuse_loads(self, count: int) -> None:
        (self.root / "refusals").write_text("x\n" * count)

    def refuse_change(self) -> None:
        # What a reload was to forget is stopped and started once more.
        self.refuse_loads(2)

    def slow_restarts(self) -> None:
        """From now on systemctl takes a second until it asks for one."""
        (self.root / "slow").touch()

    def reload_late(self, seconds: int) -> None:
        """The next daemon-reload takes so many seconds until it is asked for."""
        (self.root / "late").write_text(str(seconds))

    def start_late(self, name: str, seconds: int) -> None:
        """Once ended, that service is not started again before so many seconds from now."""
        first = self.paths.unit_links / "first.service"
        extra = self.paths.unit_links / f"{self.unit(name, 'service')}.d"
        first.write_text(f"[Service]\nType=oneshot\nExecStart=/bin/sleep {seconds}\n")
        extra.mkdir(parents=True)
        (extra / "late.conf").write_text(f"[Unit]\nAfter={first.name}\n")
        self.manager.systemctl("daemon-reload")
        self.manager.systemctl("start", "--no-block", first.name)

    def end_session(self) -> None:
        self.manager.stop()

    def break_calls(self, program: str) -> None:
        assert self.config.systemd is not None
        self.config = replace(self.config, systemd=replace(self.config.systemd, systemctl=program))


def _places(root: Path) -> Config:
    return replace(CONFIG, home=f"{root}/home", state=f"{root}/state", data=f"{root}/data", logs=f"{root}/logs",
                   path=os.environ["PATH"], file=root / "home/.config/jobsync/config.toml")  # fmt: skip


def linux_at(root: Path, manager: UserManager) -> Linux:
    """The places below `root`, which that manager serves; calls are written down."""
    wrapper, systemctl = root / "systemctl", shutil.which("systemctl")
    told = {"log": root / "calls", "refusals": root / "refusals", "slow": root / "slow", "late": root / "late"}
    wrapper.write_text(_WRAPPER.format(**told, systemctl=systemctl))
    wrapper.chmod(0o755)
    reached = Reached(str(wrapper), str(manager.runtime), f"{root}/home/.local/share/systemd/user",
                      f"{root}/home/.config/systemd/user", f"{root}/home/.local/share/systemd/timers")  # fmt: skip
    config = replace(_places(root), os="linux", scheduler="systemd", launchctl="", systemd=reached)
    return Linux(root, config, manager=manager)


@contextmanager
def _root() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="jobsync-test-", dir=SCRATCH))
    (root / "home").mkdir()
    try:
        yield root
    finally:
        shutil.rmtree(root)


@contextmanager
def mac() -> Iterator[Mac]:
    """launchd for a block."""
    with _root() as root, Quick.start(root / "mac", root / "home", prefixes=("ada", "eve")) as simulator:
        yield Mac(root, replace(_places(root), launchctl=str(simulator.launchctl)), simulator=simulator)


@contextmanager
def linux(owner: int | None = None) -> Iterator[Linux]:
    """systemd for a block; `user_manager.CannotBe` where there can be none. `owner`: as another user, for root."""
    with _root() as root:
        if owner is not None:
            os.chown(root, owner, -1)
            os.chown(root / "home", owner, -1)
        with user_manager.running(root / "home", owner=owner) as manager:
            yield linux_at(root, manager)
