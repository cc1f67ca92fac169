"""One unit that systemd refuses costs no other one anything, whether it refuses that one or the whole call."""

from collections.abc import Callable, Sequence

import pytest

from jobsync.process import Finished
from jobsync.schedulers.together import for_all

UNKNOWN, REFUSED = 5, 4


def systemctl(faults: dict[str, int], done: list[str], *, as_a_whole: bool) -> Callable[[Sequence[str]], Finished]:
    """As 262 does it, or as all before it."""

    def call(names: Sequence[str]) -> Finished:
        wrong = [name for name in names if name in faults]
        if wrong and as_a_whole:
            said = f"Failed to enqueue jobs: Unit {wrong[0]} not loaded.\n"
            return Finished(("systemctl", *names), faults[wrong[0]], b"", said.encode())
        done.extend(name for name in names if name not in faults)
        said = "".join(f"Failed to stop {name}: Unit {name} not loaded.\n" for name in wrong)
        status = max((faults[name] for name in wrong), key=lambda status: status != UNKNOWN, default=0)
        return Finished(("systemctl", *names), status, b"", said.encode())

    return call


@pytest.mark.parametrize("as_a_whole", [False, True])
@pytest.mark.parametrize(
    ("faults", "status"),
    [
        ({}, 0),
        ({"b.timer": UNKNOWN}, UNKNOWN),
        ({"a.timer": UNKNOWN, "c.timer": UNKNOWN}, UNKNOWN),
        ({"a.timer": UNKNOWN, "c.timer": REFUSED}, REFUSED),
        ({"a.timer": 1, "b.timer": 1, "c.timer": 1, "a.timer.timer": 1}, 1),
    ],
)
def test_all_others_are_seen_to(faults: dict[str, int], status: int, *, as_a_whole: bool) -> None:
    names, done = ["a.timer", "b.timer", "c.timer", "a.timer.timer"], list[str]()
    answer = for_all(systemctl(faults, done, as_a_whole=as_a_whole), names)
    assert done == [name for name in names if name not in faults]
    assert answer.status == status
    assert all(name in answer.complaint.split() or f"{name}:" in answer.complaint for name in faults)


def test_a_refusal_that_names_nobody_ends_it() -> None:
    calls = []

    def call(names: Sequence[str]) -> Finished:
        calls.append(list(names))
        return Finished(("systemctl",), 1, b"", b"Failed to enqueue jobs: Connection timed out\n")

    assert for_all(call, ["a.timer", "b.timer"]).status == 1
    assert len(calls) == 1
