"""How jobs stand in a repository in which nothing is left to do: from what the last sync left, and the run records.

Light: `at_once` says with it that all is well.
"""

from datetime import datetime

from jobsync.definitions.job import Slot
from jobsync.definitions.slots import next_runs
from jobsync.reconcile import index, schedules
from jobsync.reconcile.schedules import in_force_since
from jobsync.reconcile.standing import JobStatus, State, run_state
from jobsync.runs import missed, records
from jobsync.runs.records import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from jobsync.reconcile.schedules import Row

_WELL = (State.RUNNING, State.OK, State.NEVER_RAN)


def _content(path: str) -> bytes:
    """`OSError` when it is there and cannot be read."""
    try:
        with open(path, "rb", opener=index.regular) as file:
            return file.read()
    except FileNotFoundError:
        return b""


def _is_complete(row: "Row", slots: tuple[Slot, ...], content: bytes, runs: tuple[Run, ...], now: datetime) -> bool:
    """No run is missed that nothing has made up for."""
    begin = max(records.known_since(content) or 0, in_force_since(row.definitions))
    return not slots or not missed.of_late(slots, runs, begin, now, "", only_open=True)


def _one(row: "Row", content: bytes, now: datetime, *, is_running: bool) -> JobStatus | None:
    runs = records.parse(content)
    slots, last = tuple(Slot(*fields) for fields in row.slots), records.last(runs)
    is_here, pid = row.kind != schedules.ELSEWHERE, 0 if is_running else None
    state, upcoming = State.ELSEWHERE, None
    if is_here:
        if not _is_complete(row, slots, content, runs, now):
            return None
        state, _ = run_state(pid, runs, None, now, is_daemon=row.kind == schedules.DAEMON, is_local=False)
        if state not in _WELL:
            return None
        upcoming = next(iter(next_runs(slots, now, 1)), None) if slots else None
    return JobStatus(row.name, row.label, row.words, state, "", pid if is_here else None, last, upcoming, None)


def standing(
    rows: "Iterable[Row]", state: str, running: "Collection[str]", now: datetime
) -> tuple[JobStatus, ...] | None:
    """The status of every job, in the order of `status`; None where one of them is not well.

    `state`: the repository's directory of state; `running`: labels. `OSError` when records cannot be read.
    """
    found = []
    for row in rows:
        one = _one(row, _content(f"{state}/runs/{row.name}"), now, is_running=row.label in running)
        if one is None:
            return None
        found.append(one)
    return tuple(sorted(found, key=lambda one: (one.state is State.ELSEWHERE, one.name)))
