"""Linux, for real: service and timer pairs with a systemd user manager, beside mise, which does it from TOML too.

`mise bootstrap linux systemd-units` writes units, enables and starts them; it is taken from its npm package. Each of
the two has a private user manager and a home of its own; both run in turn.
"""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests import user_manager
from tests.user_manager import CannotBe, UserManager

from .bench import Bench
from .installation import installation
from .machines import Machine
from .runner import Alternative
from .tables import Claim, Table

MISE = "2026.9.15"
_ROUNDS = 5
"""Of what takes mise many seconds."""


Clean = Callable[[], None]


def _nothing() -> None:
    """Where the machine is ready as it is."""


@dataclass(frozen=True)
class Linux(Machine):
    """A machine whose scheduler is a real user manager."""

    manager: UserManager = field(kw_only=True)

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "XDG_RUNTIME_DIR": str(self.manager.runtime), "MISE_OFFLINE": "1"}

    def systemctl(self, *arguments: str) -> None:
        """Whatever comes of it."""
        self.manager.systemctl(*arguments, check=False)

    def forget(self, pattern: str, *directories: Path) -> Callable[[], None]:
        """Makes the machine one on which neither units nor anything else of these jobs has ever been."""

        def clean() -> None:
            self.systemctl("stop", f"{pattern}.timer", f"{pattern}.service")
            for place in (self.home / ".config/systemd/user", self.home / ".local/share/systemd"):
                for path in place.rglob(f"*{pattern}"):
                    path.unlink()
            for directory in directories:
                shutil.rmtree(directory, ignore_errors=True)
            self.systemctl("daemon-reload")
            self.systemctl("reset-failed")

        return clean


def mise(bench: Bench) -> Path | None:
    """The program, from npm; None where there is no npm, or in a short session that does not have it yet."""
    program = bench.cache / "mise" / MISE / "node_modules" / "@jdxcode" / "mise-linux-x64" / "bin" / "mise"
    npm = shutil.which("npm")
    if not program.exists() and npm is not None and not bench.short:
        directory = str(bench.cache / "mise" / MISE)
        argv = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", directory]
        subprocess.run([*argv, f"@jdxcode/mise-linux-x64@{MISE}"], check=True)
    return program if program.exists() else None


def _mises(machine: Linux, jobs: int) -> None:
    units = []
    for number in range(jobs):
        time = f"{number % 24:02}:{number % 60:02}:00"
        units.append(f"""\
[bootstrap.linux.systemd.units.rival{number}]
exec_start = "/bin/true"
type = "oneshot"
start = false
wanted_by = []
[bootstrap.linux.systemd.units.rival{number}-timer]
unit = "dev.mise.rival{number}.service"
on_calendar = "*-*-* {time}"
persistent = true
wanted_by = ["timers.target"]
""")
    file = machine.home / ".config" / "mise" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("\n".join(units), encoding="utf-8")


def _ours(machine: Linux, jobs: int) -> None:
    machine.work.mkdir()
    machine.run("git", "init", "-q", "-b", "main")
    (machine.work / "jobsync.toml").write_text('jobs = "jobs"\n', encoding="utf-8")
    for number in range(jobs):
        machine.put_job(number)
    machine.commit("begin")
    machine.run(machine.installed.jobsync, "init", "--prefix", "ours", "--yes", "--no-sync")


def _state(machine: Linux) -> list[Path]:
    return [path for path in (machine.home / ".local/state/jobsync").iterdir() if path.is_dir()]


def tables(bench: Bench) -> Iterator[Table]:
    program = mise(bench)
    for jobs in bench.pick((100,)):
        try:
            with ExitStack() as stack:
                ours, rival, floor = (_machine(bench, stack, f"{name}{jobs}") for name in ("ours", "rival", "floor"))
                _ours(ours, jobs)
                _ours(floor, jobs)
                floor.run(floor.installed.jobsync, "sync")
                _mises(rival, jobs)
                yield from _tables(bench, jobs, ours, rival, floor, program)
        except CannotBe as error:
            print(f"skipped: {error}")


def _machine(bench: Bench, stack: ExitStack, name: str) -> Linux:
    root = stack.enter_context(bench.passing_directory(name))
    (root / "home").mkdir()
    manager = stack.enter_context(user_manager.running(root / "home"))
    return Linux(root, installation(bench), manager=manager)


def _systemd_alone(floor: Linux, jobs: int) -> Alternative:
    """What no first sync can do without: the manager reads the units that are there already, and starts the timers."""
    timers = [f"ours.job{number}.timer" for number in range(jobs)]
    words = f"systemctl --user daemon-reload && systemctl --user start {' '.join(timers)}"
    return Alternative(
        "systemd's own two calls", ("sh", "-c", words), floor.home, floor.environment,
        lambda: floor.systemctl("stop", *timers),
    )  # fmt: skip


def _share(name: str, rival: str) -> Claim:
    return Claim(f"{name} ÷ mise", lambda run: run[name] / run[rival])


def _tables(bench: Bench, jobs: int, ours: Linux, rival: Linux, floor: Linux, program: Path | None) -> Iterator[Table]:
    argv: tuple[str | Path, ...] = (program or "mise", "bootstrap", "linux", "systemd-units")

    def pair(verb: str, arguments: tuple[str, ...], theirs: tuple[str, ...], target: float,
             clean_ours: Clean = _nothing, clean_rival: Clean = _nothing, *more: Alternative) -> Table:  # fmt: skip
        alternatives = [*more, ours.alternative("jobsync", ours.installed.jobsync, *arguments, prepare=clean_ours)]
        claims: tuple[Claim, ...] = ()
        if program is not None:
            name = f"mise {MISE}"
            alternatives.append(Alternative(name, (*argv, *theirs), rival.home, rival.environment, clean_rival))
            claims = (Claim(f"{verb}: jobsync ÷ mise", lambda run: run["jobsync"] / run[name], target),)
            claims += tuple(_share(one.name, name) for one in more)
        title = f"systemd user manager, {jobs:,} service and timer pairs: {verb}"
        slug = f"systemd-{verb.replace(' ', '-')}-{jobs}"
        return bench.table(slug, title, alternatives, claims=claims, rounds=_ROUNDS, uncounted=True)

    yield pair(
        "first sync", ("sync",), ("apply", "--yes"), 1 / 20,
        ours.forget("ours.job*", *_state(ours), *(ours.home / ".local/share/jobsync").iterdir()),
        rival.forget("dev.mise.rival*", rival.home / ".local/state/mise", rival.home / ".local/share/mise"),
        _systemd_alone(floor, jobs),
    )  # fmt: skip
    yield pair("nothing to do", ("sync",), ("apply", "--yes"), 1 / 15)
    yield pair("status", ("status",), ("status",), 1 / 15)
