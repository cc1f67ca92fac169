"""What a sync leaves when nothing is outstanding: index and pack for the hook, sources for the next sync by hand."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from jobsync import config as configuration
from jobsync import files
from jobsync.definitions.job import Job
from jobsync.definitions.load import load
from jobsync.errors import JobsyncError
from jobsync.reconcile import compare, index, schedules, sources
from jobsync.reconcile.head import HeadState, head_tree
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.state import Observed, Source, Want, Wanted
from jobsync.repo.affected import lines

_ROW = 1 << 20
"""Bytes of the old pack that are copied at once, at least, where so many lie side by side."""


def _contents(want: Want, observed: Observed) -> dict[str, bytes]:
    """The bytes that stand at each path when everything that is wanted has been done."""
    found = {path: state.content for path, state in observed.files.items() if state.content is not None}
    for desired in want.jobs.values():
        if isinstance(desired, Wanted):
            found |= {one.path: one.content for one in desired.rendering.artefacts}
    return found


def settle(
    origin: Origin, ledger: Ledger, head: HeadState, want: Want, observed: Observed, former: Ledger
) -> index.Index | None:
    """The index of a ledger that leaves nothing outstanding, its pack written; None where it cannot be relied on.

    `former`: the ledger before, whose pack holds what was left untouched. `JobsyncError` when the new pack cannot be
    written.
    """
    known = _index(origin, ledger, head) if head.commit else None
    written = _contents(want, observed)
    untouched = {one.path for record in want.untouched.values() for one in record.artefacts}
    looked_at = (one for one in ledger.artefacts if one.path not in untouched)
    if known is None or any(index.digest(written.get(one.path, b"")) != one.digest for one in looked_at):
        return None
    pack = origin.paths.pack
    # Before the ledger: a pack that belongs to no index is only one that is not believed. Nor is what a power cut may
    # leave of it: every byte is compared with an installed one, and those are on the disk.
    if not compare.is_pack(str(pack), _parts(known, pack, former, written)):
        files.write_parts(pack, _parts(known, pack, former, written), 0o600, files.Safety.NONE)
    return known


def _parts(known: index.Index, pack: Path, former: Ledger, written: Mapping[str, bytes]) -> Iterator[bytes]:
    """Of the new pack; what was left untouched out of the old one."""
    parts = list(_rows(known, former, written))
    name = index.pack_name(one.digest for one in former.artefacts)
    copied = compare.passages(name, str(pack), (part for part in parts if isinstance(part, range)))
    yield index.pack_head(known.pack)
    for part in parts:
        content = next(copied, b"") if isinstance(part, range) else part
        if len(content) != len(part):
            raise JobsyncError(f"{pack} has changed meanwhile", hint="run `jobsync sync` again, and no other beside it")
        yield content


def _rows(known: index.Index, former: Ledger, written: Mapping[str, bytes]) -> Iterator[bytes | range]:
    """The bytes of each file that was looked at, and where the others lie in the old pack: those side by side at once
    (1,000 jobs: the pack takes 5 ms instead of 14)."""
    before = former.artefacts
    places = dict(zip((one.path for one in before), compare.places(one.size for one in before), strict=True))
    row = range(0)
    for path in known.paths:
        if (content := written.get(path)) is not None:
            yield from (row, content)
            row = range(0)
        elif places[path].start == row.stop and len(row) < _ROW:
            row = range(row.start, places[path].stop)
        else:
            yield row
            row = places[path]
    yield row


def _index(origin: Origin, ledger: Ledger, head: HeadState) -> index.Index | None:
    result, artefacts = index.Index(), ledger.artefacts
    result.config = configuration.digest(files.read(origin.config.file) or b"")
    query = origin.scheduler.query()
    result.scheduler, result.survey = origin.scheduler.manners.name, query.argv
    result.environment = list(query.environment)
    loaded = (record for record in ledger.records.values() if record.load_digest)
    result.labels = [text for one in loaded for text in origin.scheduler.evidence(one.label, one.load_digest)]
    result.files = [(one.mode, one.size, one.path) for one in artefacts]
    result.pack = index.pack_name(one.digest for one in artefacts)
    watched = sorted({head.jobs, "jobsync.toml", *_outer_inputs(ledger, head)})
    ids = {path: head.entries.id_of(path.rstrip("/")) for path in watched}
    if not all(ids.values()):
        # What HEAD lacks now has no id to be compared with later: then the whole tree must stay the same.
        ids = {"": head.tree}
    result.objects = [(blob or "", path) for path, blob in ids.items()]
    texts = [
        *result.survey,
        *(value for _, value in result.environment),
        *result.labels,
        *(path for _, path in result.objects),
        *(one.path for one in artefacts),
    ]
    return None if any("\t" in text or "\n" in text for text in texts) else result


def _outer_inputs(ledger: Ledger, head: HeadState) -> set[str]:
    start = head.jobs + "/"
    inputs = {path for record in ledger.records.values() for path in record.inputs}
    inputs.update(path for absence in ledger.absent.values() for path in absence.entries)
    return {path for path in inputs if not path.startswith(start)}


class _Differs(Exception):
    """The work tree is not what HEAD holds, so the hook's answer is none about it."""


class _Gathering:
    """Collects what the definitions were read from, and compares it with HEAD."""

    def __init__(self, root: str, head: HeadState, result: sources.Sources, former: sources.Sources | None) -> None:
        """`former`: what was so last time is not looked at again, for whoever believes `result` compares all of it."""
        former = former or sources.Sources()
        self._known = {path: (mode, blob) for mode, blob, path in former.files}
        self._were_directories, self._were_absent = {*former.directories}, {*former.absent}
        self._root = root
        self._entries = head.entries
        self._result = result
        self._directories: dict[str, None] = {}
        self._files: dict[str, tuple[str, str, str]] = {}
        self._absent: dict[str, None] = {}

    def directory(self, path: str) -> None:
        """It, and all above it, must be directories of this repository."""
        if path in ("", ".") or path in self._directories:
            return
        self.directory(path.rpartition("/")[0])
        if not self._was_directory(path) and not sources.is_directory(f"{self._root}/{path}"):
            raise _Differs
        self._directories[path] = None

    def _was_directory(self, path: str) -> bool:
        return path in self._were_directories and path not in self._entries

    def names(self, path: str) -> tuple[str, ...]:
        """Its entries."""
        self.directory(path)
        self._result.listings[path] = found = sources.names_in(f"{self._root}/{path}")
        return found

    def file(self, path: str) -> None:
        """It must be what HEAD holds, or be nowhere."""
        entry, place = self._entries.get(path), f"{self._root}/{path}"
        if entry is None and (path in self._were_absent or not os.path.lexists(place)):
            self._absent[path] = None
            return
        held = entry and (f"{entry.mode:o}", entry.blob)
        if held is None or (self._known.get(path) != held and sources.file_at(place) != held):
            raise _Differs
        self._files[path] = (*held, path)

    def tree(self, path: str) -> None:
        """Everything at and below it; HEAD must hold nothing else there."""
        if not Path(self._root, path).is_dir():
            self.directory(path.rpartition("/")[0])
            self.file(path)
            return
        names = self.names(path)
        below = {one.removeprefix(f"{path}/").partition("/")[0] for one in self._entries.under((path,))}
        if not below <= set(names):
            raise _Differs
        for name in names:
            self.tree(f"{path}/{name}")

    def jobs(self, directory: str) -> None:
        """What makes each entry of the jobs directory a job, or none."""
        for name in self.names(directory):
            path = f"{directory}/{name}"
            if not self._was_directory(path) and stat.S_ISREG(os.lstat(f"{self._root}/{path}").st_mode):
                self._result.others += (path,)
                continue
            self.directory(path)
            self.file(f"{path}/job.toml")
            self.file(f"{path}/run")

    def finish(self) -> None:
        """Into the result."""
        self._result.directories, self._result.absent = tuple(self._directories), tuple(self._absent)
        self._result.files = list(self._files.values())


def _sources(origin: Origin, ledger: Ledger, head: HeadState, known: index.Index) -> sources.Sources | None:
    paths, records = origin.paths, ledger.records.values()
    if not all(one.source is Source.HEAD and one.load_digest and not one.failed for one in records):
        return None
    if any(one.source is Source.WORK_TREE or one.paused for one in ledger.absent.values()):
        return None  # it may be there again: hooks leave it to the next sync by hand
    result = sources.Sources()
    result.version, result.of = sources.version(), sources.binding(known)
    result.jobs = tuple(sorted(one.name for one in records if not is_own(one.name)))
    result.start = origin.scheduler.label("")
    result.shared = tuple(map(str, paths.shared))
    result.own = (str(paths.launchers),)
    result.tidy = tuple(map(str, (paths.kept, paths.token("x").parent, paths.launchers, paths.store, paths.state)))
    gathering = _Gathering(origin.repo.work_tree, head, result, sources.read(str(paths.sources)))
    try:
        gathering.file("jobsync.toml")
        gathering.jobs(head.jobs)
        for record in records:
            for path in record.inputs if not is_own(record.name) else ():
                if record.is_daemon or not path.startswith(f"{head.jobs}/"):
                    gathering.tree(path)
    except (_Differs, OSError):
        return None
    gathering.finish()
    return result


def _key(name: str, ledger: Ledger) -> str:
    """Of all in HEAD that a job's definition is read from, beside `jobsync.toml`."""
    known = ledger.records.get(name) or ledger.absent[name]
    return index.digest("\n".join(lines(known.entries)).encode("utf-8", "surrogateescape"))


def _row(origin: Origin, ledger: Ledger, name: str, job: Job) -> schedules.Row:
    record = ledger.records.get(name)
    kind = schedules.ELSEWHERE if record is None else schedules.JOB if job.daemon is None else schedules.DAEMON
    label = record.label if record else origin.scheduler.label(name)
    row = schedules.Row(kind, name, label, job.triggers)
    row.slots = tuple((one.month, one.day, one.weekday, one.hour, one.minute) for one in job.schedule.slots)
    row.definitions = origin.scheduler.definitions(label) if record else ()
    return row


def _definitions(origin: Origin, head: HeadState, read: Mapping[str, Job], unread: set[str]) -> dict[str, Job]:
    """Those that this sync has read, and the others: only a work tree that is what HEAD holds is remembered."""
    if not unread:
        return dict(read)
    jobs = load(head_tree(origin, head), origin.machine, names=unread).jobs
    return {**read, **{job.name: job for job in jobs}}


def _schedules(
    origin: Origin, ledger: Ledger, head: HeadState, known: index.Index, read: Mapping[str, Job]
) -> schedules.Schedules | None:
    """What `status` says of all jobs: of those whose definition was not read again, what it said before."""
    former = schedules.read(str(origin.paths.schedules))
    names = sorted(name for name in {*ledger.records, *ledger.absent} if not is_own(name))
    keys = {name: _key(name, ledger) for name in names}
    rows = {
        row.name: row
        for row in (former.rows if former else ())
        if row.key == keys.get(row.name) and (row.kind == schedules.ELSEWHERE) is (row.name not in ledger.records)
    }
    definitions = _definitions(origin, head, read, {*names} - rows.keys() - read.keys())
    if not {*names} <= rows.keys() | definitions.keys():
        return None
    result = schedules.Schedules(sources.binding(known))
    if ledger.changed_at:  # else the state was lost: without a commit the long way answers, which says nothing of it
        result.changed_at, result.commit = ledger.changed_at, ledger.changed_in
    for name in names:
        row = _row(origin, ledger, name, definitions[name]) if name in definitions else rows[name]
        row.key = keys[name]
        result.rows.append(row)
    return result


def remember_work_tree(
    origin: Origin, ledger: Ledger, head: HeadState, known: index.Index | None, definitions: Mapping[str, Job]
) -> None:
    """Leave what work tree and definitions hold, where that is what HEAD holds, else nothing: by it `jobsync sync` and
    `jobsync status` answer at once.

    `known`: the index that `settle` made of the same ledger; None where jobs are left that are not just `unchanged`.
    `definitions`: those that this sync has read.
    """
    found = _sources(origin, ledger, head, known) if known is not None else None
    shown = _schedules(origin, ledger, head, known, definitions) if known is not None and found is not None else None
    text = sources.render(found) if found and shown else None
    # Both or neither: a sync that is answered at once would never write what is missing for `status`.
    _leave(origin.paths.sources, text)
    _leave(origin.paths.schedules, schedules.render(shown) if text and shown else None)


def _leave(path: Path, text: str | None) -> None:
    if text is None:
        files.remove(path)
    else:
        files.write_if_changed(path, text.encode("utf-8", "surrogateescape"), 0o600, files.Safety.NONE)
