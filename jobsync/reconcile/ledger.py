"""What jobsync did last, per job, and the bytes that it wrote. The machine is the truth; this only remembers.

One text file: a flat index for the hook (`index.py`), an empty line, JSON for everybody else. The bytes lie in a
content-addressed store beside it, read only for repair, rollback and drift. A ledger that is missing or broken is an
empty one: files are recognised by their owner mark, and the next sync writes a new one.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.reconcile import index
from jobsync.reconcile.state import Absence, Placed, Record, Source
from jobsync.repo.affected import Entry
from jobsync.schedulers.protocol import Artefact
from jobsync.values import dataclass, field, replace

RENDER_FORMAT = index.RENDER_FORMAT
_WORD, _, _NUMBER = index.MAGIC.rpartition(" ")
_FORMAT = int(_NUMBER)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All records, and the state of the world that they were made in."""

    records: Mapping[str, Record] = field(default_factory=dict)
    absent: Mapping[str, Absence] = field(default_factory=dict)
    held: tuple[str, ...] = ()
    """Names whose removal the brake holds: until released or wanted again, no other change lets them go."""
    render_format: int = RENDER_FORMAT
    rendering: str = ""
    """`config.rendering_digest` of then."""
    settings: Entry | None = None
    """HEAD's entry of `jobsync.toml`."""
    commit: str = ""
    """HEAD when this was written, or the last one before that touched nothing of ours; for messages only."""
    changed_at: int = 0
    """Second (epoch) at which a sync last changed something."""
    changed_in: str = ""
    """HEAD of then."""

    @property
    def artefacts(self) -> list[Placed]:
        """Of all jobs, in the order in which the index names them and the pack holds them."""
        return [one for record in self.records.values() for one in record.artefacts]

    def with_record(self, name: str, record: Record | None) -> "Ledger":
        """The same ledger with one record put or taken."""
        records = {known: value for known, value in self.records.items() if known != name}
        if record is not None:
            records[name] = record
        return replace(self, records=dict(sorted(records.items())))


def is_of_here(ledger: Ledger, paths: Paths) -> bool:
    """Every file that it names is in our own places. A home that was copied or moved brings another one's ledger."""
    ours = {str(place) for place in (*paths.shared, paths.launchers)}
    return {one.path.rpartition("/")[0] for one in ledger.artefacts} <= ours


def placed(artefact: Artefact) -> Placed:
    """An artefact as the ledger remembers it."""
    return Placed(artefact.path, artefact.mode, len(artefact.content), index.digest(artefact.content))


def _entries_out(entries: Mapping[str, Entry]) -> list[list[object]]:
    return [[path, entry.mode, entry.blob] for path, entry in sorted(entries.items())]


def _entries_in(rows: Iterable[tuple[str, int, str]]) -> dict[str, Entry]:
    return {path: Entry(mode, blob) for path, mode, blob in rows}


def _record_out(record: Record) -> dict[str, object]:
    return {
        "label": record.label,
        "source": record.source.value,
        "load_digest": record.load_digest,
        "launch_digest": record.launch_digest,
        "artefacts": [[one.path, one.mode, one.size, one.digest] for one in record.artefacts],
        "entries": _entries_out(record.entries),
        "inputs": list(record.inputs),
        "in_head": record.in_head,
        "is_daemon": record.is_daemon,
        "at_login": record.at_login,
        "needs_login": record.needs_login,
        "failed": record.failed,
        "message": record.message,
        **({"definition": record.definition} if record.definition else {}),
    }


def _record_in(name: str, table: Mapping[str, Any]) -> Record:
    return Record(
        name=name,
        label=str(table["label"]),
        source=Source(table["source"]),
        load_digest=str(table["load_digest"]),
        launch_digest=str(table["launch_digest"]),
        artefacts=tuple(Placed(str(p), int(m), int(s), str(d)) for p, m, s, d in table["artefacts"]),
        entries=_entries_in(table["entries"]),
        inputs=tuple(str(path) for path in table["inputs"]),
        in_head=bool(table["in_head"]),
        is_daemon=bool(table["is_daemon"]),
        at_login=bool(table["at_login"]),
        needs_login=bool(table.get("needs_login", True)),  # younger than the format
        failed=str(table["failed"]),
        message=str(table["message"]),
        definition=str(table.get("definition", "")),  # younger than the format
    )


def _absence_out(absence: Absence) -> list[object]:
    return [absence.source.value, _entries_out(absence.entries), *([True] if absence.paused else [])]


def _absence_in(source: str, entries: Iterable[tuple[str, int, str]], *paused: object) -> Absence:
    return Absence(Source(source), _entries_in(entries), any(paused))


def _rows(table: Mapping[str, object]) -> list[str]:
    return [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in table.items()]


def _in_lines(table: Mapping[str, object]) -> str:
    return "{\n" + ",\n".join(_rows(table)) + "\n}" if table else "{}"


def dumps(ledger: Ledger) -> str:
    """The JSON part."""
    facts = {
        "render_format": ledger.render_format,
        "written_by": RENDER_FORMAT,  # as long as one job stays behind, the others are of this one already
        "rendering": ledger.rendering,
        "settings": [ledger.settings.mode, ledger.settings.blob] if ledger.settings else None,
        "held": list(ledger.held),
        "commit": ledger.commit,
        "changed_at": ledger.changed_at,
        "changed_in": ledger.changed_in,
    }
    jobs = {name: _record_out(record) for name, record in sorted(ledger.records.items())}
    absent = {name: _absence_out(one) for name, one in sorted(ledger.absent.items())}
    # A line for each job: json's own indentation takes ten times as long (1,000 jobs: 100 ms).
    rows = (*_rows(facts), f'"jobs": {_in_lines(jobs)}', f'"absent": {_in_lines(absent)}')
    return "{\n" + ",\n".join(rows) + "\n}\n"


def loads(text: str) -> Ledger | None:
    """The ledger in the JSON part; None when it is none of ours."""
    return _ledger_in(_json(text))


def _json(text: str) -> Any:
    """What JSON says; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _ledger_in(table: Any) -> Ledger | None:
    try:
        settings = table["settings"]
        return Ledger(
            records={name: _record_in(name, record) for name, record in table["jobs"].items()},
            absent={name: _absence_in(*row) for name, row in table["absent"].items()},
            held=tuple(str(name) for name in table["held"]),
            render_format=int(table["render_format"]),
            rendering=str(table["rendering"]),
            settings=Entry(int(settings[0]), str(settings[1])) if settings else None,
            commit=str(table["commit"]),
            changed_at=int(table["changed_at"]),
            changed_in=str(table.get("changed_in", table["commit"])),  # younger than the format
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError):
        return None


def read(path: Path) -> Ledger | None:
    """The ledger at `path`; None when there is none, or none that can be read as one.

    `JobsyncError` when it was written by a newer jobsync: this one must not write over what it does not understand.
    """
    content = files.read(path)
    return None if content is None else parse(content)


def parse(content: bytes) -> Ledger | None:
    """The ledger in a file's content; as `read`."""
    head, _, body = content.decode("utf-8", "surrogateescape").partition("\n\n")
    word, _, number = head.partition("\n")[0].rpartition(" ")
    if word != _WORD or not (number.isascii() and number.isdigit()):
        return None
    if int(number[:9]) > _FORMAT:
        raise _too_new(f"ledger format {number[:9]}; this one knows {_FORMAT}")
    table = _json(body)
    # Whatever else a later jobsync may have changed in there.
    formats = [table.get(key) for key in ("render_format", "written_by")] if isinstance(table, dict) else []
    rendered = max((one for one in formats if isinstance(one, int)), default=0)
    if rendered > RENDER_FORMAT:
        raise _too_new(f"render format {rendered}; this one knows {RENDER_FORMAT}")
    return _ledger_in(table) if int(number[:9]) == _FORMAT else None


def _too_new(what: str) -> JobsyncError:
    return JobsyncError(
        f"a newer jobsync has synced this repository ({what})",
        hint="upgrade this jobsync, for example: pipx upgrade jobsync",
    )


def write(path: Path, ledger: Ledger, settled: index.Index | None) -> bool:
    """Write ledger and index in one; True when the file changed. Equal bytes are not written."""
    head = index.unsettled() if settled is None else index.render(settled)
    content = (head + dumps(ledger)).encode("utf-8", "surrogateescape")
    return files.write_if_changed(path, content, 0o600)


class Store:
    """Bytes by digest, in a directory of ours."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def put(self, content: bytes) -> None:
        """Keep these bytes; they may be there already. A power cut may take them: `get` believes no other bytes."""
        files.make_directory(self._directory)
        files.write_if_changed(self._directory / index.digest(content), content, 0o600, files.Safety.NONE)

    def holds(self, digest: str) -> bool:
        """Whether a file of that name is there; `get` says whether it is whole."""
        return files.is_file(self._directory / digest)

    def get(self, digest: str) -> bytes | None:
        """The bytes, or None when they are lost or no longer what they were."""
        content = files.read(self._directory / digest)
        return content if content is not None and index.digest(content) == digest else None

    def sweep(self, ledger: Ledger, standing: Iterable[str] = ()) -> None:
        """Remove what no record refers to. `standing`: digests to keep all the same."""
        used = {*(one.digest for one in ledger.artefacts), *standing}
        for name in files.names(self._directory):
            if name not in used:
                files.remove(self._directory / name)
