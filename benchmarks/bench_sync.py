"""`jobsync sync` where nothing has changed, beside what people write themselves: a loop of cmp and one query a job."""

from collections.abc import Iterator
from pathlib import Path

from .bench import Bench
from .machines import CC, Machine, Start, has_systemd, on_systemd, simulated, stubbed
from .runner import Alternative
from .tables import Claim, Table

_LOOP = """\
#!/bin/bash
# What is installed against a copy of what it should be, and whether the scheduler knows it: for each job.
while read -r file copy; do cmp -s "$file" "$copy" || echo "differs: $file"; done <"$1"
while read -r label; do {query} >/dev/null || echo "not loaded: $label"; done <"$2"
"""


def tables(bench: Bench) -> Iterator[Table]:
    if has_systemd(bench):
        for jobs in bench.pick((100, 1000)):
            yield _beside_the_loop(bench, jobs, "systemd", "real systemd", on_systemd)
    for jobs in bench.pick((100,)):
        yield _beside_the_loop(bench, jobs, "simulated", "simulated launchd", simulated)
    for jobs in bench.pick((100, 1000)) if CC else ():
        yield _beside_the_loop(bench, jobs, "native", "native scheduler", stubbed)


def loop(machine: Machine, name: str = "bash loop") -> Alternative:
    """The loop over all jobs of this machine."""
    known = machine.settled
    copies = machine.root / "copies"
    copies.mkdir()
    pairs = []
    for number, (_, _, path) in enumerate(known.files):
        if Path(path).is_file():
            copy = copies / str(number)
            copy.write_bytes(Path(path).read_bytes())
            pairs.append(f"{path} {copy}")
    (machine.root / "pairs").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    labels = sorted({label.partition(" ")[0] for label in known.labels})
    (machine.root / "labels").write_text("\n".join(labels) + "\n", encoding="utf-8")
    domain = known.survey[-1]
    query = (
        f'{machine.launchctl} print "{domain}/$label"' if machine.launchctl else 'systemctl --user is-active "$label"'
    )
    script = machine.root / "loop"
    script.write_text(_LOOP.replace("{query}", query), encoding="utf-8")
    return machine.alternative(name, "bash", script, machine.root / "pairs", machine.root / "labels")


def _beside_the_loop(bench: Bench, jobs: int, word: str, scheduler: str, start: Start) -> Table:
    at_most = {100: 1 / 3, 1000: 1 / 8}.get(jobs)
    with start(bench, jobs) as machine:
        return bench.table(
            f"sync-{word}-{jobs}",
            f"`jobsync sync`, nothing changed, {jobs:,} jobs, {scheduler}",
            (machine.bare(), loop(machine), machine.alternative("sync", machine.installed.jobsync, "sync")),
            claims=(
                Claim("sync ÷ bash loop", lambda run: run["sync"] / run["bash loop"], at_most),
                Claim("sync ÷ bare Python", lambda run: run["sync"] / run["bare Python"]),
            ),
            uncounted=jobs > 100,
        )
