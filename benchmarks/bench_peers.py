"""What users could have instead: each does nothing, for as many things as jobsync has jobs, where it can express that.

None of them asks a scheduler anything; jobsync's hook does, on the native one.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

from .bench import Bench
from .installation import install
from .machines import CC, Machine, stubbed
from .runner import Alternative
from .tables import Claim, Table

_HOOK = """\
repos:
- repo: local
  hooks: [{id: nothing, name: nothing, entry: "true", language: system, always_run: true, stages: [post-merge]}]
"""


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((10, 100)) if CC else ():
        with stubbed(bench, jobs) as machine:
            made = () if bench.short else tuple(make(bench, machine, jobs) for make in _makers(jobs))
            yield bench.table(
                f"peers-{jobs}",
                f"Nothing to do, {jobs} jobs, links, files or tasks",
                (machine.bare(), machine.hook("jobsync, hook"), *made),
                claims=[_claim(other) for other in made],
                uncounted=True,
            )


def _claim(other: Alternative) -> Claim:
    """Ahead of all but a native no-op, and within 1.6 times of that."""
    return Claim(
        f"jobsync, hook ÷ {other.name}",
        lambda run: run["jobsync, hook"] / run[other.name],
        1.6 if other.name.startswith("prek") else 1.0,
    )


def _makers(jobs: int) -> tuple[Callable[[Bench, Machine, int], Alternative], ...]:
    # Minutes for a hundred tasks, and nothing to be learnt from them that ten do not show.
    slow = (_pyinfra, _ansible) if jobs <= 10 else ()
    return (_prek, _pre_commit, _dotbot, *slow)


def _peer(bench: Bench, package: str) -> Path:
    """Its programs, installed once."""
    directory = bench.cache / package
    return directory / "bin" if (directory / "bin" / "pip").exists() else install(directory, package)


def _framework(bench: Bench, machine: Machine, package: str) -> Alternative:
    """A repository whose post-merge hook is the framework's, with one hook that is `true`."""
    program = _peer(bench, package) / package
    work = machine.root / package
    work.mkdir()
    (work / ".pre-commit-config.yaml").write_text(_HOOK, encoding="utf-8")
    machine.run("git", "init", "-q", "-b", "main", at=work)
    machine.run("git", "add", "-A", at=work)
    machine.run("git", "commit", "-qm", "begin", at=work)
    machine.run(program, "install", "--hook-type", "post-merge", at=work)
    environment = {**machine.environment, "GIT_DIR": ".git"}
    return Alternative(f"{package}, one hook that is true", (work / ".git/hooks/post-merge", "0"), work, environment)


def _prek(bench: Bench, machine: Machine, jobs: int) -> Alternative:
    del jobs
    return _framework(bench, machine, "prek")


def _pre_commit(bench: Bench, machine: Machine, jobs: int) -> Alternative:
    del jobs
    return _framework(bench, machine, "pre-commit")


def _files(machine: Machine, jobs: int) -> list[tuple[Path, Path]]:
    """Sources and the places for them."""
    source, target = machine.root / "source", machine.root / "target"
    target.mkdir(exist_ok=True)
    source.mkdir(exist_ok=True)
    pairs = [(source / str(number), target / str(number)) for number in range(jobs)]
    for one, _ in pairs:
        one.write_text("content\n", encoding="utf-8")
    return pairs


def _dotbot(bench: Bench, machine: Machine, jobs: int) -> Alternative:
    program = _peer(bench, "dotbot") / "dotbot"
    links = machine.root / "links"
    links.mkdir()
    lines = [f"    {links / source.name}: {source}" for source, _ in _files(machine, jobs)]
    plan = machine.root / "dotbot.yaml"
    plan.write_text("\n".join(("- link:", *lines)) + "\n", encoding="utf-8")
    return machine.alternative(f"dotbot, {jobs} links", program, "-q", "-d", machine.root, "-c", plan)


def _pyinfra(bench: Bench, machine: Machine, jobs: int) -> Alternative:
    program = _peer(bench, "pyinfra") / "pyinfra"
    lines = [f"files.put(src={str(source)!r}, dest={str(target)!r})" for source, target in _files(machine, jobs)]
    plan = machine.root / "deploy.py"
    plan.write_text("\n".join(("from pyinfra.operations import files", *lines)) + "\n", encoding="utf-8")
    return machine.alternative(f"pyinfra, {jobs} files", program, "-y", "@local", plan)


def _ansible(bench: Bench, machine: Machine, jobs: int) -> Alternative:
    program = _peer(bench, "ansible-core") / "ansible-playbook"
    tasks = [f"  - copy: {{src: {source}, dest: {target}}}" for source, target in _files(machine, jobs)]
    plan = machine.root / "play.yaml"
    head = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:"
    plan.write_text("\n".join((head, *tasks)) + "\n", encoding="utf-8")
    return machine.alternative(f"ansible, {jobs} tasks", program, "-i", "localhost,", plan)
