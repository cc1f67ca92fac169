"""Where everything of one registered repository lives. Built once, passed down; nobody else joins these names."""

from pathlib import Path

from jobsync.config import Config, Repo
from jobsync.values import dataclass

WANTING = ("default.target", "timers.target", "paths.target")
"""The targets of systemd's that want our units."""
_NOWHERE = Path("/nonexistent")


@dataclass(frozen=True, slots=True)
class Paths:
    """All absolute, all decided by `config.toml`."""

    agents: Path
    """`~/Library/LaunchAgents`: shared with others, so only our own files there are ours."""
    state: Path
    launchers: Path
    """Ours alone: one launcher per job, named after it."""
    logs: Path
    """Parent of one directory per label."""
    secrets: Path
    """The user's own: what jobs get beside `[env]`. jobsync reads and writes nothing there, launchers read."""
    units: Path = _NOWHERE
    """systemd's units: shared with others, as `agents` is."""
    unit_links: Path = _NOWHERE
    """Parent of the directories `*.wants`; the user's own units, masks and drop-ins stand there too."""
    stamps: Path = _NOWHERE
    """Where systemd remembers when a timer fired that makes up for missed slots."""

    @property
    def shared(self) -> tuple[Path, ...]:
        """Where the scheduler looks for definitions and links: beside ours there are others'."""
        return (self.agents, self.units, *(self.wants(target) for target in WANTING))

    def wants(self, target: str) -> Path:
        """Directory of links to what a target of systemd's wants."""
        return self.unit_links / f"{target}.wants"

    def overriding(self, runtime: str) -> tuple[Path, ...]:
        """Where the user, or the machine's admin, can mask or replace one of our units: searched before `units`."""
        control = self.unit_links.with_name("user.control")
        places = (control, Path(runtime, "systemd/user.control"), self.unit_links, Path("/etc/systemd/user"),
                  Path(runtime, "systemd/user"), Path("/run/systemd/user"))  # fmt: skip
        return tuple(place for place in places if place != self.units)

    @property
    def ledger(self) -> Path:
        """What jobsync did last."""
        return self.state / "ledger"

    @property
    def pack(self) -> Path:
        """The bytes of all artefacts in one file, for the hook to compare with."""
        return self.state / "pack"

    @property
    def sources(self) -> Path:
        """What the work tree held then, for `jobsync sync`. `settled.py` knows its name."""
        return self.state / "sources"

    @property
    def schedules(self) -> Path:
        """What `jobsync status` says of the definitions then. `settled.py` knows its name."""
        return self.state / "schedules"

    @property
    def lock(self) -> Path:
        """Held while a sync runs."""
        return self.state / "lock"

    @property
    def note(self) -> Path:
        """Left by a hook that found the lock held: whoever holds it looks again for it."""
        return self.state / "note"

    @property
    def changing(self) -> Path:
        """Labels that a sync is changing, or failed to: what is missing of them is nobody's wish."""
        return self.state / "changing"

    @property
    def deferred(self) -> Path:
        """Which changes wait for a run to end."""
        return self.state / "deferred"

    @property
    def waiter(self) -> Path:
        """Lock of whoever waits for that."""
        return self.state / "waiter"

    @property
    def background(self) -> Path:
        """What a hook handed on to the background, and what came of it. `settled.py` knows its name."""
        return self.state / "background"

    @property
    def worker(self) -> Path:
        """Lock of whoever is about that."""
        return self.state / "worker"

    @property
    def told(self) -> Path:
        """Digest of the trouble that a hook has told in full: until it is another one, a line is enough."""
        return self.state / "told"

    @property
    def telling(self) -> Path:
        """Lock of whoever writes down, outside of a sync, what was said or handed on."""
        return self.state / "telling"

    @property
    def store(self) -> Path:
        """Bytes of the artefacts as written, each in a file named after its digest."""
        return self.state / "store"

    @property
    def kept(self) -> Path:
        """Copies of hand-edited artefacts, made before they were overwritten."""
        return self.state / "kept"

    @property
    def notices(self) -> Path:
        """The commit for which a hook last said that it defers: one notice per HEAD."""
        return self.state / "notices"

    def plist(self, label: str) -> Path:
        """launchd's file for a label."""
        return self.agents / f"{label}.plist"

    def launcher(self, job: str) -> Path:
        """What the scheduler runs for a job."""
        return self.launchers / job

    def job_logs(self, label: str) -> Path:
        """Directory with one log for each run."""
        return self.logs / label

    def runs(self, job: str) -> Path:
        """The job's run records."""
        return self.state / "runs" / job

    def env(self, job: str) -> Path:
        """Variables of the job that belong into no repository; optional."""
        return self.secrets / f"{job}.env"

    def of_job(self, job: str, label: str) -> tuple[Path, ...]:
        """What is kept of a job beside its artefacts, and goes with it when it gets another name."""
        told = self.failing(job), self.announced(job)
        return self.runs(job), *told, self.job_logs(label), self.pause(job), self.env(job)

    def pause(self, job: str) -> Path:
        """There while the job is paused; holds the second (epoch) at which that ends, or 0."""
        return self.state / "pause" / job

    def hold(self, job: str) -> Path:
        """There while a sync replaces the job: a launcher that starts now must not start the command."""
        return self.state / "hold" / job

    def owed(self, job: str) -> Path:
        """There while the job is owed a start that a hold swallowed. `at_once.py` knows the directory's name."""
        return self.state / "owed" / job

    def asked(self, job: str) -> Path:
        """One use: tells the launcher that its user asked for the run; holds the second (epoch) until which it does."""
        return self.state / "asked" / job

    def announced(self, job: str) -> Path:
        """The state of the job that its user was last told of."""
        return self.state / "announced" / job

    def failing(self, job: str) -> Path:
        """There from a run of the job that failed to one that did not. `settled.py` knows the directory's name."""
        return self.state / "failing" / job

    def shared_lock(self, name: str) -> Path:
        """What jobs with one `limits.lock` hold in turn, those of other repositories on this machine included."""
        return self.state.parent / "locks" / name

    def token(self, job: str) -> Path:
        """One use: tells the launcher that a sync, not a login, loaded the job."""
        return self.state / "token" / job


def paths_of(config: Config, repo: Repo) -> Paths:
    """The places of one registered repository."""
    manager = config.systemd
    return Paths(
        agents=Path(config.home) / "Library" / "LaunchAgents",
        state=Path(config.state) / repo.id,
        launchers=Path(config.data) / repo.id,
        logs=Path(config.logs),
        # Physical: by which way a caller found the configuration must not show in what is rendered.
        secrets=config.file.parent / "env",
        units=Path(manager.units) if manager else _NOWHERE,
        unit_links=Path(manager.links) if manager else _NOWHERE,
        stamps=Path(manager.stamps) if manager else _NOWHERE,
    )
