"""The main job, for real, in a throwaway home: pulls that install, change and remove jobs which really run.

Real git, real hooks, the commands that anyone types; only launchd is the built-in simulator. Every claim that is
printed was checked: a demo that does not show what it says ends with an error.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import jobsync
from jobsync import files, process
from jobsync.errors import JobsyncError
from jobsync.simulator import Simulator

PREFIX = "demo"
_TIMEOUT = 60.0
_MUTATING = (
    "bootstrap",
    "bootout",
    "kickstart",
    "kill",
    "enable",
    "disable",
    "load",
    "unload",
    "remove",
    "start",
    "stop",
)

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


class Stage:
    """The throwaway machine: a home, an origin, two clones and a launchd."""

    def __init__(self, root: Path, simulator: Simulator, say: Say) -> None:
        self.home = root / "home"
        self.origin = root / "origin.git"
        self.laptop = self.home / "dotfiles"
        self.editor = root / "editor"
        self._root = root
        self._simulator = simulator
        self._say = say
        self._environment = _environment(self.home)

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

    def changes(self) -> int:
        """How many calls since the last time could have changed launchd's state."""
        count = sum(1 for call in self._simulator.calls() if call and call[0] in _MUTATING)
        self._simulator.clear_calls()
        return count

    def snapshot(self) -> dict[str, tuple[int, int, int]]:
        """Everything of jobsync's in the home."""
        return _snapshot(self.home / ".local") | _snapshot(self.home / "Library") | _snapshot(self.home / ".config")

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
        self.run("git", "init", "-q", "--bare", "-b", "main", str(self.origin), at=self._root, quiet=True)
        self.run("git", "clone", "-q", str(self.origin), str(self.editor), at=self._root, quiet=True)
        self.run("git", "switch", "-q", "-c", "main", at=self.editor, quiet=True)
        for name in ("jobsync.toml", "README.md"):
            shutil.copy(template() / name, self.editor / name)
        self.run("git", "add", "-A", at=self.editor, quiet=True)
        self.run("git", "commit", "-qm", "begin", at=self.editor, quiet=True)
        self.run("git", "push", "-q", "-u", "origin", "main", at=self.editor, quiet=True)
        self.run("git", "clone", "-q", str(self.origin), str(self.laptop), at=self._root, quiet=True)


def _register(stage: Stage, launchctl: Path) -> None:
    stage.tell("1. A laptop with a clone of a dotfiles repository registers it once.")
    stage.run("jobsync", "init", "--prefix", PREFIX, "--launchctl", str(launchctl), "--yes", "--sync")


def _install(stage: Stage) -> None:
    stage.tell("2. Somebody adds jobs to the repository. A plain `git pull` installs them.")
    shutil.copytree(template() / "jobs", stage.editor / "jobs")
    shutil.copytree(template() / "lib", stage.editor / "lib")
    stage.publish("add jobs")
    shown = stage.run("git", "pull", "-q")
    stage.expect("installed backup" in shown, "the pull installs the job backup")
    stage.expect((stage.home / "Library/LaunchAgents" / f"{PREFIX}.backup.plist").is_file(), "its plist is there")


def _converged(stage: Stage) -> None:
    stage.tell("3. Running it again, at any time, does nothing at all.")
    stage.run("jobsync", "sync", quiet=True)
    stage.changes()
    before = stage.snapshot()
    shown = stage.run("jobsync", "sync")
    written = sum(1 for path, state in stage.snapshot().items() if before.get(path) != state)
    changes = stage.changes()
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
    stage.tell(f"   scheduler changes: {stage.changes()} (one bootout, one bootstrap)")


def _edit_by_hand(stage: Stage) -> None:
    stage.tell("5. Somebody edits an installed plist by hand. The next sync repairs it and keeps the edit.")
    plist = stage.home / "Library" / "LaunchAgents" / f"{PREFIX}.report.plist"
    wanted = plist.read_bytes()
    plist.write_bytes(wanted.replace(b"<integer>8</integer>", b"<integer>23</integer>"))
    shown = stage.run("jobsync", "sync", "report")
    stage.expect("repaired" in shown and plist.read_bytes() == wanted, "the plist is repaired")
    stage.expect("kept a copy" in shown, "the edit is kept")


def _remove(stage: Stage) -> None:
    stage.tell("6. A job's directory is deleted upstream. The pull removes the job.")
    shutil.rmtree(stage.editor / "jobs" / "heartbeat")
    stage.publish("no heartbeat any more")
    shown = stage.run("git", "pull", "-q")
    stage.expect("removed heartbeat" in shown, "the pull removes heartbeat")
    stage.expect(not list((stage.home / "Library/LaunchAgents").glob("*heartbeat*")), "its plist is gone")


def _run_a_job(stage: Stage) -> None:
    stage.tell("7. A job runs, now, through launchd, with its own log and exit status.")
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
    left = [path for path in (stage.home / "Library/LaunchAgents").iterdir() if path.name.startswith(PREFIX)]
    stage.expect(not left, "no plist is left")


_SCENES: Iterable[Callable[[Stage], None]] = (
    _install, _converged, _edit_upstream, _edit_by_hand, _remove, _run_a_job, _look, _leave,
)  # fmt: skip


@contextmanager
def _throwaway() -> Iterator[tuple[Path, Simulator]]:
    """A directory and a launchd that both go, whatever happens in between."""
    # Short and below /tmp: a socket's path may have no more than about a hundred bytes.
    root = Path(tempfile.mkdtemp(prefix="jobsync-demo-"))
    try:
        (root / "home").mkdir()
        simulator = Simulator.start(root / "launchd", root / "home", prefixes=(PREFIX,))
        try:
            yield root, simulator
        finally:
            simulator.stop()
    finally:
        files.remove_tree(root)


def play(say: Say, environ: Mapping[str, str] = os.environ) -> None:
    """Play the demo; `say` gets every line. `JobsyncError` when something is not as it says."""
    if shutil.which("git", path=environ.get("PATH")) is None:
        raise JobsyncError("git is not found in PATH", hint="install git")
    started = time.monotonic()
    with _throwaway() as (root, simulator):
        say(f"A throwaway home in {root}, a simulated launchd, real git.")
        stage = Stage(root, simulator, say)
        stage.prepare()
        _register(stage, simulator.launchctl)
        for scene in _SCENES:
            scene(stage)
    say(f"\nEverything was as it says, and is cleaned up again ({time.monotonic() - started:.0f} s).")
