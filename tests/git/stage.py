"""Where scenarios are played: a laptop whose repository can be brought back to its beginning, and copies without us."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import jobsync
from jobsync import config as configuration
from jobsync.repo.carriers import hook_text
from jobsync.repo.events import EVENTS

from ..forks import Warm
from ..laptop import JOB, Laptop
from ..scratch import SCRATCH
from .scenarios import BRANCHES, PRELUDE, Scenario

PACKAGE = Path(jobsync.__file__).parent
PROBE = Path(__file__).with_name("probe.py")
_PASSING = ("dotfiles", "other", "linked", "moved", "c.patch", "d.patch")
"""What a scenario may leave in the home."""


@dataclass(frozen=True)
class Played:
    """What came of a scenario."""

    statuses: tuple[int, ...]
    """How each line ended."""
    said: tuple[str, ...]
    """What each line wrote, on either stream."""


@dataclass
class Place:
    """A directory in which a scenario can be played: an origin, a home, and hooks."""

    root: Path
    hooks: Path | None
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        return self.root / "home" / "dotfiles"

    def begin(self, template: Path) -> None:
        """Bring repository and origin back to the beginning."""
        for path in (self.root / "origin.git", *(self.root / "home" / name for name in _PASSING)):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for name in ("origin.git", "home/dotfiles"):
            shutil.copytree(template / name, self.root / name, symlinks=True)
        if self.hooks:
            for target in (self.work / ".git/hooks", self.root / "home/template/hooks"):
                shutil.rmtree(target, ignore_errors=True)
                shutil.copytree(self.hooks, target)
        else:
            (self.root / "home/template/hooks").mkdir(parents=True, exist_ok=True)

    def prepare(self, scenario: Scenario) -> None:
        """Play what came before."""
        off = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": "/dev/null"}
        if scenario.before:
            before = self._sh(f"set -e\n{scenario.before}", off)
            assert before.returncode == 0, (before.stdout, before.stderr)

    def play(self, scenario: Scenario) -> Played:
        """Play it, line by line."""
        ended = []
        here = self.work
        for line in scenario.do.splitlines():
            ended.append(self._sh(f"{line}\n", {}, here if here.exists() else here.parent))
            if line == "cd ..":
                here = here.parent
        return Played(
            tuple(one.returncode for one in ended),
            tuple((one.stdout + one.stderr).decode(errors="replace") for one in ended),
        )

    def _sh(self, line: str, environment: dict[str, str], at: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        places = {"ORIGIN": str(self.root / "origin.git"), "LIB": str(self.root / "home" / "lib.git")}
        return subprocess.run(
            ["/bin/sh", "-c", PRELUDE + line], cwd=at or self.work, stdin=subprocess.DEVNULL, capture_output=True,
            env={**self.environment, **places, **environment}, timeout=120, check=False,
        )  # fmt: skip


@dataclass
class Stage:
    """The laptop with everything of ours, and places without it."""

    laptop: Laptop
    ours: Place
    without: Place
    failing: Place
    missing: Place
    template: Path
    ledger: bytes = b""

    @classmethod
    @contextmanager
    def build(cls, path: str = "", *install: str) -> Iterator[Self]:
        """`path`: a directory to be put in front of PATH, for another git. `install`: options of `hooks install`."""
        with (
            tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root,
            Warm.start(Path(root)) as laptop,
        ):
            if path:
                laptop.environment["PATH"] = f"{path}:{laptop.environment['PATH']}"
            yield cls._built(laptop, install)

    @classmethod
    def _built(cls, laptop: Laptop, install: tuple[str, ...]) -> Self:
        root = laptop.root
        hook = _probe(laptop)
        laptop.environment |= {"PROBE_LOG": str(root / "events"), "PROBE_REPOS": ""}
        _fill(laptop)
        laptop.init()
        laptop.jobsync("config", "hook", str(hook))
        laptop.jobsync("hooks", "install", *install)
        laptop.jobsync("sync")
        (repo,) = configuration.load(laptop.config_file).repos
        laptop.environment["PROBE_REPOS"] = repo.id
        hooks = root / "hooks"
        shutil.copytree(laptop.work / ".git/hooks", hooks)
        shutil.rmtree(laptop.work / ".git/hooks")
        shutil.rmtree(laptop.origin / "hooks")
        # Copied some four times for each scenario: few files.
        for repository in (laptop.origin, laptop.work):
            laptop.git("repack", "-adq", at=repository)
        template = root / "begin"
        (template / "home").mkdir(parents=True)
        shutil.copytree(laptop.origin, template / "origin.git")
        shutil.copytree(laptop.work, template / "home/dotfiles")
        return cls(
            laptop,
            Place(root, hooks, laptop.environment),
            _elsewhere(laptop, "without", None),
            _elsewhere(laptop, "failing", _hook_that_fails(laptop)),
            _elsewhere(laptop, "missing", root / "nowhere/jobsync-hook"),
            template,
            (laptop.state / "ledger").read_bytes(),
        )

    def begin(self, scenario: Scenario) -> None:
        """Bring machine and repository to the beginning of a scenario."""
        self.ours.begin(self.template)
        if (self.laptop.state / "ledger").read_bytes() != self.ledger:
            self.laptop.jobsync("sync", "--allow-removals")
            self.ledger = (self.laptop.state / "ledger").read_bytes()
        self.ours.prepare(scenario)
        (self.laptop.state / "notices").unlink(missing_ok=True)
        (self.laptop.root / "events").unlink(missing_ok=True)
        self.laptop.simulator.clear_calls()

    def events(self) -> str:
        """What woke jobsync up, and the verdicts, since the beginning."""
        log = self.laptop.root / "events"
        return " ".join(log.read_text().split()) if log.exists() else ""


def _probe(laptop: Laptop) -> Path:
    # As `jobsync/start.py` is started: it finds what is installed beside us when it must.
    script = f"#!{sys.executable} -IS\nimport sys\nsys.path += [{str(PROBE.parent)!r}, {str(PACKAGE.parent)!r}]\n"
    script += "import probe\nprobe.run()\n"
    return laptop.put("bin/jobsync-hook", script, at=laptop.root, mode=0o755)


def _hook_that_fails(laptop: Laptop) -> Path:
    return laptop.put("bin/failing", "#!/bin/sh\nexit 3\n", at=laptop.root, mode=0o755)


def _elsewhere(laptop: Laptop, name: str, hook: Path | None) -> Place:
    """A place whose hooks wake up something else, or nothing."""
    root = laptop.root / name
    (root / "home").mkdir(parents=True)
    shutil.copytree(laptop.home / "lib.git", root / "home/lib.git")
    hooks = None
    if hook is not None:
        hooks = root / "hooks"
        hooks.mkdir()
        for event in EVENTS:
            (hooks / event).write_bytes(hook_text(event, str(hook), str(laptop.config_file)))
            (hooks / event).chmod(0o755)
    search = laptop.environment["PATH"].replace(f"{Path(sys.executable).parent}:", "")
    return Place(root, hooks, {**laptop.environment, "PATH": f"{root.parent}/commands:{search}"})


def _fill(laptop: Laptop) -> None:
    """Origin with a branch for whatever may come, and a library that can be a submodule."""
    # A `jobsync` that is not there for the hooks of those places, and that `before` may call all the same.
    laptop.put("commands/jobsync", "#!/bin/sh\n", at=laptop.root, mode=0o755)
    for job in ("a", "b"):
        laptop.job(job, JOB, at=laptop.editor)
    for name in ("notes", "shared", "count", "lib/helper"):
        laptop.put(name, "begin\n", at=laptop.editor)
    laptop.push("begin")
    laptop.run("/bin/sh", "-euc", BRANCHES, at=laptop.editor)
    laptop.git("push", "-q", "--all", at=laptop.editor)
    laptop.git("clone", "-q", "--bare", str(laptop.origin), str(laptop.home / "lib.git"), at=laptop.root)
    laptop.git("pull", "-q")
    laptop.git("fetch", "-q")
    # Relative, so that a copy of both finds its own.
    laptop.git("config", "remote.origin.url", "../../origin.git")
