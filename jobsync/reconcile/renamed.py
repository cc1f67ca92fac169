"""Jobs that a commit, or a hand, has given another name while they were paused: the pause is the job's, not the name's.
Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping

from jobsync.reconcile.ledger import Ledger
from jobsync.repo.affected import Entry

_Entries = Mapping[str, Entry]


def _essence(directory: str, entries: _Entries) -> str:
    """What tells a job from others whatever its name: its script, or without one its definition; empty: neither."""
    found = entries.get(f"{directory}/run") or entries.get(f"{directory}/job.toml")
    return found.blob if found else ""


def former_names(
    ledger: Ledger,
    jobs: str,
    defined: Collection[str],
    paused: Iterable[str],
    entries_of: Callable[[Collection[str]], _Entries],
) -> dict[str, str]:
    """New name -> former name, of the jobs that came as others went which are the same and paused.

    `jobs`: the jobs directory. `entries_of`: what lies below such paths now; asked only where such jobs went and came.
    """
    known = {name: one.entries for ones in (ledger.absent, ledger.records) for name, one in ones.items()}
    gone = [name for name in paused if name in known and name not in defined]
    came = {name: f"{jobs}/{name}" for name in defined if name not in known}
    if not gone or not came:
        return {}
    now = entries_of(came.values())
    were = {_essence(f"{jobs}/{name}", known[name]): name for name in gone}
    found = {name: were.get(_essence(directory, now), "") for name, directory in came.items()}
    return {name: former for name, former in found.items() if former and _essence(came[name], now)}


def notices(renamed: Mapping[str, str]) -> tuple[str, ...]:
    """What people are told of them."""
    return tuple(
        f"{name}: paused, as {former} was, which ran the same; `jobsync rename {former} {name}` takes its history along"
        for name, former in sorted(renamed.items())
    )
