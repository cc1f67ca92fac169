"""Why a job is looked at: what HEAD, the configuration, the render format or the end of a pause changed about it, and
which commit that was."""

from collections.abc import Mapping
from pathlib import PurePosixPath

from jobsync.definitions.load import SETTINGS_FILE as SETTINGS
from jobsync.reconcile.head import HeadState
from jobsync.reconcile.ledger import RENDER_FORMAT, Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.state import Record
from jobsync.repo.affected import Entry, affected
from jobsync.runs import pauses
from jobsync.values import dataclass

_SHORT = 7
"""Digits of a commit's id that people are shown."""
LOST = "its stored bytes were lost"
_RECONFIGURED = "this machine's configuration changed"
_UPGRADED = "this jobsync renders differently"
_FAILED = "the last sync of it failed"
_RESUMED = "its pause is over"
_NO_COMMITS_DOING = (_RECONFIGURED, _UPGRADED, LOST, _FAILED, _RESUMED)


def cause_of(entries: Mapping[str, Entry], known: Mapping[str, Entry] | None, record: Record | None) -> str | None:
    """`affected`, but of a job whose entries were forgotten, for it failed, no file is `added`."""
    cause = affected(entries, known)
    return _FAILED if cause and record and record.message and not record.entries else cause


def concerns_all(origin: Origin, ledger: Ledger, head: HeadState) -> str:
    """The cause that concerns every job; empty where there is none."""
    if ledger.rendering != origin.rendering:
        return _RECONFIGURED
    if ledger.render_format != RENDER_FORMAT:
        return _UPGRADED
    return f"changed: {SETTINGS}" if ledger.settings != head.settings else ""


def affected_jobs(origin: Origin, ledger: Ledger, head: HeadState) -> dict[str, str]:
    """Names and causes of the jobs that HEAD, the configuration, the render format or the end of a pause concern."""
    causes = {}
    everything = concerns_all(origin, ledger, head)
    for name in sorted({*head.names(), *ledger.records}):
        record, absence = ledger.records.get(name), ledger.absent.get(name)
        known = record.entries if record else absence.entries if absence else None
        inputs = record.inputs if record else (f"{head.jobs}/{name}", *(known or ()))
        was_paused = record is None and absence is not None and absence.paused
        resumed = _RESUMED if was_paused and not pauses.words(origin.paths.pause(name)) else ""
        if cause := cause_of(head.entries.under(inputs), known, record) or everything or resumed:
            causes[name] = cause
    return causes


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a job is looked at, and which commit brought it."""

    text: str
    commit: str
    """Short id; empty where no commit did it."""

    def with_commit(self, text: str) -> str:
        """A cause that it brought, in words."""
        return f"{text} in {self.commit}" if self.commit else text


def attributed(origin: Origin, ledger: Ledger, head: HeadState, causes: Mapping[str, str]) -> dict[str, Cause]:
    """Every cause with the newest commit since the last sync that touched the job, in order of name.

    Where there is none to be found (history is gone, or HEAD went back to something older), HEAD itself is named.
    """
    touched: dict[str, list[str]] = {}
    for name in (name for name, cause in causes.items() if cause not in _NO_COMMITS_DOING):
        record = ledger.records.get(name)
        for path in record.inputs if record else (f"{head.jobs}/{name}",):
            touched.setdefault(path, []).append(name)
    commits: dict[str, str] = {}
    # One commit since then: whatever has changed, that one did it.
    is_asked = bool(touched) and head.parents != (ledger.commit,)
    found = origin.repository.commits_by_path(ledger.commit, [*touched, SETTINGS]) if is_asked else {}
    for path, commit in found.items():
        for above in (path, *map(str, PurePosixPath(path).parents)):
            for name in touched.get(above, ()):
                commits.setdefault(name, commit)
    otherwise = found.get(SETTINGS, head.commit[:_SHORT])
    return {
        name: Cause(cause, "" if cause in _NO_COMMITS_DOING else commits.get(name, otherwise))
        for name, cause in sorted(causes.items())
    }
