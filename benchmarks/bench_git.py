"""What a hook adds to a git command: an empty sh hook, ours, and the frameworks' with a hook that does nothing.

Whole git commands, for that is what people wait for; nothing has changed for any job.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from jobsync.repo.events import EVENTS

from .bench import Bench
from .machines import CC, Machine, stubbed
from .runner import Alternative
from .tables import Claim, Table

_STAGES = EVENTS[:4]
_TOOLS = Path(sys.executable).parent
_OFF = ("-c", "core.hooksPath=/dev/null")
_COMMANDS = {
    "commit": ("post-commit", ("commit", "-q", "--allow-empty", "-m", "x")),
    "switch": ("post-checkout", ("switch", "-q", "-")),
    "merge": ("post-merge", ("merge", "-q", "later")),
}
"""The events that one command each is enough for."""


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((100,)) if CC else ():
        with stubbed(bench, jobs) as machine:
            places = _places(machine)
            for name, (event, argv) in _COMMANDS.items():
                yield _table(bench, jobs, machine, places, name, event, argv)


def _table(
    bench: Bench, jobs: int, machine: Machine, places: dict[str, Path], name: str, event: str, argv: tuple[str, ...]
) -> Table:
    alternatives = [
        Alternative(way, ("git", *argv), cwd=place, env=machine.environment, prepare=_back(machine, place, name))
        for way, place in places.items()
    ]

    def added(way: str) -> Callable[[Mapping[str, float]], float]:
        return lambda run: run[way] - run["no hook"]

    claims = [Claim(f"{way} - no hook", added(way), unit="s") for way in places if way != "no hook"]
    return bench.table(
        f"git-{name}", f"`git {name}` ({event}), {jobs:,} jobs, native scheduler", alternatives, claims=claims,
        facts=("pre-commit and prek run one hook of `language: system` that does nothing.",),
    )  # fmt: skip


def _back(machine: Machine, place: Path, name: str) -> Callable[[], None]:
    """Have the command do the same again."""

    def prepare() -> None:
        if name == "merge":
            machine.run("git", *_OFF, "switch", "-q", "-C", "main", "earlier", at=place)

    return prepare


def _places(machine: Machine) -> dict[str, Path]:
    """A repository for each way, with a commit on the side that touches no job."""
    work = machine.work
    machine.run("git", "tag", "earlier")
    machine.run("git", *_OFF, "switch", "-q", "-c", "later")
    (work / "notes").write_text("later\n", encoding="utf-8")
    machine.commit("later")
    machine.run("git", *_OFF, "switch", "-q", "main")
    found = {"no hook": _clone(machine, "none"), "empty sh hook": _clone(machine, "empty"), "jobsync": work}
    for event in _STAGES:
        hook = found["empty sh hook"] / ".git/hooks" / event
        hook.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
        hook.chmod(0o755)
    for tool in ("prek", "pre-commit"):
        if (_TOOLS / tool).exists():
            found[tool] = _with_framework(machine, tool)
    return found


def _clone(machine: Machine, name: str) -> Path:
    place = machine.root / name
    machine.run("git", "clone", "-q", str(machine.work), str(place), at=machine.root)
    machine.run("git", *_OFF, "switch", "-q", "later", at=place)
    machine.run("git", *_OFF, "switch", "-q", "main", at=place)
    machine.run("git", "tag", "-f", "earlier", at=place)
    return place


def _with_framework(machine: Machine, tool: str) -> Path:
    place = _clone(machine, tool)
    hooks = "".join(
        f"  - {{id: {event}, name: {event}, entry: 'true', language: system, stages: [{event}],\n"
        "     always_run: true, pass_filenames: false}\n"
        for event in _STAGES
    )
    (place / ".pre-commit-config.yaml").write_text(f"repos:\n- repo: local\n  hooks:\n{hooks}", encoding="utf-8")
    machine.run("git", "add", "-A", at=place)
    machine.run("git", *_OFF, "commit", "-qm", tool, at=place)
    machine.run("git", "tag", "-f", "earlier", at=place)
    machine.run("git", *_OFF, "branch", "-f", "later", at=place)
    machine.run("git", *_OFF, "switch", "-q", "later", at=place)
    (place / "notes").write_text("later\n", encoding="utf-8")
    machine.run("git", "add", "-A", at=place)
    machine.run("git", *_OFF, "commit", "-qm", "later", at=place)
    machine.run("git", *_OFF, "switch", "-q", "main", at=place)
    types = [word for event in _STAGES for word in ("-t", event)]
    machine.run(_TOOLS / tool, "install", *types, at=place)
    return place
