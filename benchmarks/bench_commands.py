"""What a person waits for at the prompt."""

from collections.abc import Iterator

from .bench import Bench
from .machines import CC, stubbed
from .tables import Claim, Table

_COMMANDS = {"--help": ("--help",), "status": ("status",), "sync -n": ("sync", "-n"), "check": ("check",)}


def tables(bench: Bench) -> Iterator[Table]:
    for jobs in bench.pick((20,)) if CC else ():
        with stubbed(bench, jobs) as machine:
            commands = [
                machine.alternative(name, machine.installed.jobsync, *words) for name, words in _COMMANDS.items()
            ]
            yield bench.table(
                f"commands-{jobs}",
                f"Commands, {jobs} jobs, native scheduler",
                (machine.bare(), *commands),
                claims=(
                    Claim("--help ÷ bare Python", lambda run: run["--help"] / run["bare Python"], 8),
                    Claim("status ÷ bare Python", lambda run: run["status"] / run["bare Python"], 8),
                ),
            )
