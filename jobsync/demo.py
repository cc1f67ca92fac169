"""The main job, for real, in a throwaway home: pulls that install, change and remove jobs which really run.

Real git, real hooks, the commands that anyone types; launchd is the built-in simulator, systemd is your own user
manager, which gets the demo's units in its runtime directory and nothing in your home. Every claim that is
printed was checked: a demo that does not show what it says ends with an error.
"""

import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import jobsync
from jobsync import files, process
from jobsync.errors import JobsyncError
from jobsync.schedulers import choose
from jobsync.simulator import Simulator
from jobsync.values import dataclass

PREFIX = "demo"
_TIMEOUT = 60.0
_READING = ("print", "list", "version", "managername", "list-units", "show")
"""What schedulers are asked, and what changes nothing."""

Say = Callable[[str], None]


def template() -> Path:
    """The dotfiles repository that comes with jobsync: in the wheel inside the package, in a checkout beside it."""
    package = Path(jobsync.__file__).parent
    shipped = package / "_template"
    return shipped if shipped.is_dir() else package.parent / "template-repo"


def _environment(home: Path) -> dict[str, str]:
    """A new user's: nothing of the caller's but PATH, so that the demo shows what anyone would see."""
    programs = Path(sys.executable).parent
    return {
        "HOME": str(home),
        "PATH": f"{programs}:{os.environ.get('PATH', os.defpath)}",
        "USER": "demo",
        "LOGNAME": "demo",
        "TERM": "dumb",
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "demo",
        "GIT_AUTHOR_EMAIL": "demo@example.org",
        "GIT_COMMITTER_NAME": "demo",
        "GIT_COMMITTER_EMAIL": "demo@example.org",
    }


def _snapshot(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Every file below, with what a write would change."""
    found = {}
    for path in sorted(directory.rglob("*")):
        status = path.lstat()
        found[str(path)] = (status.st_ino, status.st_mtime_ns, status.st_size)
    return found


@dataclass(frozen=True)
class Backend:
    """What differs between schedulers, as far as the demo shows it."""

    name: str
    options: tuple[str, ...]
    """Of `init`."""
    environment: Mapping[str, str]
    definitions: Path
    """Where they are installed."""
    suffix: str
    """Of the one that holds the time."""
    edit: tuple[bytes, bytes]
    """A hand edit of a time in it: these bytes become those."""
    calls: Callable[[], list[str]]
    """Verbs of all calls since the last time."""

    def definition(self, job: str) -> Path:
        """The installed definition that holds the time of a job."""
        return self.definitions / f"{PREFIX}.{job}{self.suffix}"

    def changes(self) -> list[str]:
        """Calls since the last time that could have changed the scheduler's state."""
        return [call for call in self.calls() if call not in _READING]


class Stage:
    """The throwaway machine: a home, an origin, two clones and a scheduler."""

    def __init__(self, root: Path, backend: Backend, say: Say) -> None:
        self.backend = backend
        self.home = root / "home"
        self.origin = root / "origin.git"
        self.laptop = self.home / "dotfiles"
        self.editor = root / "editor"
        self._root = root
        self._say = say
        self._environment = {**_environment(self.home), **backend.environment}

    def tell(self, text: str) -> None:
        """Narrate."""
        self._say(f"\n{text}")

    def run(self, *argv: str, at: Path | None = None, quiet: bool = False) -> str:
        """Run a command as the user would, show it and its output; returns that. `JobsyncError` when it fails."""
        place = at or self.laptop
        answer = process.run(["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(place), *argv],
                             env=self._environment, timeout=_TIMEOUT)  # fmt: skip
        text = (answer.stdout + answer.stderr).decode("utf-8", "replace").rstrip("\n")
        if not quiet or answer.status:
            self._say(f"  {place.name}$ {' '.join(argv)}")
            for line in text.splitlines():
                self._say(f"    {line.replace(str(self.home), '~')}")
        if answer.status:
            raise JobsyncError(f"the demo stopped: `{' '.join(argv)}` ended with status {answer.status}")
        return text

    def expect(self, claim: bool, what: str) -> None:
        """`JobsyncError` unless the claim holds."""
        if not claim:
            raise JobsyncError(f"the demo did not show what it says: {what}")

    def snapshot(self) -> dict[str, tuple[int, int, int]]:
        """Everything of jobsync's on the machine."""
        places = (self.home / ".local", self.home / "Library", self.home / ".config", self.backend.definitions)
        return {path: state for place in places for path, state in _snapshot(place).items()}

    def publish(self, message: str) -> None:
        """Commit and push from the other machine."""
        self.run("git", "add", "-A", at=self.editor, quiet=True)
        self.run("git", "commit", "-qm", message, at=self.editor, quiet=True)
        self.run("git", "push", "-q", at=self.editor, quiet=True)
        self._say(f"  (somebody pushes: {message})")

    def prepare(self) -> None:
        """An origin with an empty dotfiles repository, and two clones of it."""
        for directory in (self.home / "notes", self.home / "Inbox"):
            directory.mkdir(parents=True, exist_ok=True)
        (self.home / "notes" / "today.md").write_text("remember the milk\n", encoding="utf-8")
        # Where pipx and uv put it: the job watchdog, which starts at every full hour, looks for it there.
        (self.home / ".local/bin").mkdir(parents=True)
        (self.home / ".local/bin/jobsync").symlink_to(Path(sys.executable).with_name("jobsync"))
        self.run("git", "init", "-q", "--bare", "-b", "main", str(self.origin), at=self._root, quiet=True)
        self.run("git", "clone", "-q", str(self.origin), str(self.editor), at=self._root, quiet=True)
        self.run("git", "switch", "-q", "-c", "main", at=self.editor, quiet=True)
        for name in ("jobsync.toml", "README.md"):
            shutil.copy(template() / name, self.editor / name)
        self.run("git", "add", "-A", at=self.editor, quiet=True)
        self.run("git", "commit", "-qm", "begin", at=self.editor, quiet=True)
        self.run("git", "push", "-q", "-u", "origin", "main", at=self.editor, quiet=True)
        self.run("git", "clone", "-q", str(self.origin), str(self.laptop), at=self._root, quiet=True)


def _register(stage: Stage) -> None:
    stage.tell("1. A laptop with a clone of a dotfiles repository registers it once.")
    stage.run("jobsync", "init", "--prefix", PREFIX, *stage.backend.options, "--yes", "--sync")


def _install(stage: Stage) -> None:
    stage.tell("2. Somebody adds jobs to the repository. A plain `git pull` installs them.")
    shutil.copytree(template() / "jobs", stage.editor / "jobs")
    shutil.copytree(template() / "lib", stage.editor / "lib")
    stage.publish("add jobs")
    shown = stage.run("git", "pull", "-q")
    stage.expect("installed backup" in shown, "the pull installs the job backup")
    stage.expect(stage.backend.definition("backup").is_file(), "its definition is there")


def _converged(stage: Stage) -> None:
    stage.tell("3. Running it again, at any time, does nothing at all.")
    stage.run("jobsync", "sync", quiet=True)
    stage.backend.changes()
    before = stage.snapshot()
    shown = stage.run("jobsync", "sync")
    written = sum(1 for path, state in stage.snapshot().items() if before.get(path) != state)
    changes = len(stage.backend.changes())
    stage.expect((changes, written) == (0, 0), "the second sync changes nothing")
    stage.expect("installed" not in shown, "the second sync says unchanged")
    stage.tell(f"   scheduler changes: {changes}, files written: {written}")


def _edit_upstream(stage: Stage) -> None:
    stage.tell("4. A schedule is edited upstream. The pull touches that job alone.")
    definition = stage.editor / "jobs" / "backup" / "job.toml"
    text = definition.read_text(encoding="utf-8")
    definition.write_text(text.replace('at = "04:15"', 'at = "05:30"'), encoding="utf-8")
    stage.publish("back up later")
    shown = stage.run("git", "pull", "-q")
    stage.expect("updated backup" in shown and "report" not in shown, "only backup is updated")
    calls = stage.backend.changes()
    stage.tell(f"   scheduler changes: {len(calls)} ({', '.join(calls)})")


def _edit_by_hand(stage: Stage) -> None:
    stage.tell("5. Somebody edits what is installed by hand. The next sync repairs it and keeps the edit.")
    installed = stage.backend.definition("report")
    wanted = installed.read_bytes()
    installed.write_bytes(wanted.replace(*stage.backend.edit))
    stage.expect(installed.read_bytes() != wanted, "there is something to edit")
    shown = stage.run("jobsync", "sync", "report")
    stage.expect("repaired" in shown and installed.read_bytes() == wanted, "the definition is repaired")
    stage.expect("kept a copy" in shown, "the edit is kept")


def _remove(stage: Stage) -> None:
    stage.tell("6. A job's directory is deleted upstream. The pull removes the job.")
    shutil.rmtree(stage.editor / "jobs" / "heartbeat")
    stage.publish("no heartbeat any more")
    shown = stage.run("git", "pull", "-q")
    stage.expect("removed heartbeat" in shown, "the pull removes heartbeat")
    stage.expect(not list(stage.backend.definitions.glob(f"{PREFIX}.heartbeat.*")), "its definition is gone")


def _run_a_job(stage: Stage) -> None:
    stage.tell("7. A job runs, now, through the scheduler, with its own log and exit status.")
    stage.run("jobsync", "run", "backup")
    archives = list((stage.home / "Backups").rglob("*.tar.gz"))
    stage.expect(bool(archives), "the backup job really packs ~/notes")


def _look(stage: Stage) -> None:
    stage.tell("8. How everything stands:")
    shown = stage.run("jobsync", "status")
    stage.expect("all well" in shown, "all jobs are well")


def _leave(stage: Stage) -> None:
    stage.tell("9. Leaving again leaves nothing behind.")
    stage.run("jobsync", "uninstall", "--yes")
    left = list(stage.backend.definitions.glob(f"**/{PREFIX}.*"))
    stage.expect(not left, "no definition is left")


_SCENES: Iterable[Callable[[Stage], None]] = (
    _install, _converged, _edit_upstream, _edit_by_hand, _remove, _run_a_job, _look, _leave,
)  # fmt: skip


@contextmanager
def _launchd(root: Path) -> Iterator[Backend]:
    """The built-in simulator, whose clock begins far from every slot: what starts by itself would belie the rest."""
    begin = datetime.now().replace(hour=12, minute=20, fold=0)
    with Simulator.start(root / "launchd", root / "home", prefixes=(PREFIX,), at=begin) as simulator:

        def calls() -> list[str]:
            found = [call[0] for call in simulator.calls() if call]
            simulator.clear_calls()
            return found

        yield Backend(
            name="a simulated launchd",
            options=("--launchctl", str(simulator.launchctl)),
            environment={},
            definitions=root / "home/Library/LaunchAgents",
            suffix=".plist",
            edit=(b"<integer>8</integer>", b"<integer>23</integer>"),
            calls=calls,
        )


_COUNTING = """\
#!/bin/sh
printf '%s\\n' "$*" >>{log}
exec {systemctl} "$@"
"""


def _verbs(log: Path) -> list[str]:
    lines = (files.read(log) or b"").decode("utf-8", "replace").splitlines()
    files.remove(log)
    return [next(word for word in line.split() if not word.startswith("-")) for line in lines]


@contextmanager
def _systemd(root: Path) -> Iterator[Backend]:
    """The caller's own user manager. `JobsyncError` when none answers, or when it knows jobs of a demo already."""
    throwaway = {**os.environ, "HOME": str(root / "home"), "XDG_CONFIG_HOME": "", "XDG_DATA_HOME": ""}
    manager = choose.user_manager(throwaway)
    if manager is None:
        raise JobsyncError(
            "no systemd user manager answers here", hint="log in as this user, or play the demo with launchd: make demo"
        )
    if list(Path(manager.units).glob(f"{PREFIX}.*")):
        raise JobsyncError(f"{manager.units} holds units of an earlier demo", hint="remove them and try again")
    log, wrapper = root / "calls", root / "bin" / "systemctl"
    files.make_directory(wrapper.parent)
    text = _COUNTING.format(log=shlex.quote(str(log)), systemctl=shlex.quote(manager.systemctl))
    files.write_atomically(wrapper, text.encode(), 0o755)
    programs = Path(sys.executable).parent
    yield Backend(
        name="your own systemd user manager",
        options=(),
        environment={
            "XDG_RUNTIME_DIR": manager.runtime,
            "PATH": f"{programs}:{wrapper.parent}:{os.environ.get('PATH', os.defpath)}",
        },
        definitions=Path(manager.units),
        suffix=".timer",
        edit=(b" 08:", b" 23:"),
        calls=lambda: _verbs(log),
    )


BACKENDS = {"launchd": _launchd, "systemd": _systemd}


@contextmanager
def _throwaway() -> Iterator[Path]:
    """A directory with a home that goes, whatever happens in between."""
    # Short and below /tmp: a socket's path may have no more than about a hundred bytes.
    root = Path(tempfile.mkdtemp(prefix="jobsync-demo-", dir="/tmp"))
    try:
        (root / "home").mkdir()
        yield root
    finally:
        files.remove_tree(root)


def play(say: Say, scheduler: str = "launchd", environ: Mapping[str, str] = os.environ) -> None:
    """Play the demo on one of `BACKENDS`; `say` gets every line. `JobsyncError` when something is not as it says."""
    if shutil.which("git", path=environ.get("PATH")) is None:
        raise JobsyncError("git is not found in PATH", hint="install git")
    started = time.monotonic()
    with _throwaway() as root, BACKENDS[scheduler](root) as backend:
        say(f"A throwaway home in {root}, {backend.name}, real git.")
        stage = Stage(root, backend, say)
        stage.prepare()
        try:
            _register(stage)
            for scene in _SCENES:
                scene(stage)
        except BaseException:
            # What runs outside of the throwaway home must go too.
            with suppress(JobsyncError):
                stage.run("jobsync", "uninstall", "--yes", quiet=True)
            raise
    say(f"\nEverything was as it says, and is cleaned up again ({time.monotonic() - started:.0f} s).")
