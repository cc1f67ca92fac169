"""What `jobsync status` says of the definitions, left by a sync that leaves nothing to do.

Light, as `sources.py` is, and believed only beside it: where the work tree and all that is installed are what they
were, so are the definitions. What can change without a definition, such as runs and the clock, is not in here.
"""

import os

from jobsync.reconcile.index import sealed, text_at, unsealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAGIC = "jobsync-schedules 2"
JOB, DAEMON, ELSEWHERE = "job", "daemon", "elsewhere"
"""Kinds of rows; the last is a job that this machine is not to have."""


class Row:
    """One job."""

    __slots__ = ("definitions", "key", "kind", "label", "name", "slots", "words")

    def __init__(self, kind: str, name: str, label: str, words: str) -> None:
        self.kind = kind
        self.name = name
        self.label = label
        self.words = words
        """Its schedule, as people read it."""
        self.key = ""
        """Of HEAD's entries that the definition was read from: while they stay, so does the row."""
        self.slots: tuple[tuple[int | None, ...], ...] = ()
        """Month, day, weekday, hour and minute of each."""
        self.definitions: tuple[str, ...] = ()
        """Paths of what the scheduler reads."""


class Schedules:
    """All rows, and when a sync last changed something."""

    __slots__ = ("changed_at", "commit", "of", "rows")

    def __init__(self, of: str) -> None:
        self.of = of
        """`sources.binding` of the index that was left with this."""
        self.changed_at = 0
        """Second (epoch)."""
        self.commit = ""
        """HEAD of then."""
        self.rows: list[Row] = []


def _slots_out(slots: "Iterable[tuple[int | None, ...]]") -> str:
    return " ".join(",".join("" if one is None else str(one) for one in slot) for slot in slots)


def _slots_in(text: str) -> "tuple[tuple[int | None, ...], ...]":
    return tuple(tuple(int(one) if one else None for one in slot.split(",")) for slot in text.split(" ") if slot)


def render(schedules: Schedules) -> "str | None":
    """The file's text; None where a word would break its lines."""
    head = (schedules.of, str(schedules.changed_at), schedules.commit)
    rows = [
        (row.kind, row.name, row.label, row.words, row.key, _slots_out(row.slots), *row.definitions)
        for row in schedules.rows
    ]
    if any("\t" in text or "\n" in text for line in (head, *rows) for text in line):
        return None
    return sealed(MAGIC, "\n".join("\t".join(line) for line in (head, *rows)) + "\n")


def parse(text: str) -> "Schedules | None":
    """What `render` wrote; None for anything else."""
    lines = (unsealed(MAGIC, text) or "").split("\n")
    if len(lines) < 2 or lines[-1]:
        return None
    try:
        of, changed_at, commit = lines[0].split("\t")
        found = Schedules(of)
        found.changed_at, found.commit = int(changed_at), commit
        for line in lines[1:-1]:
            kind, name, label, words, key, slots, *definitions = line.split("\t")
            row = Row(kind, name, label, words)
            row.key, row.slots, row.definitions = key, _slots_in(slots), tuple(definitions)
            found.rows.append(row)
    except ValueError:
        return None
    return found


def read(path: str) -> "Schedules | None":
    """The schedules in the file at `path`; None when there are none that can be relied on."""
    return parse(text_at(path))


def in_force_since(definitions: "Iterable[str]") -> float:
    """Second (epoch) since when the installed definitions are what they are: what was due before is another's slot."""
    seconds = []
    for path in definitions:
        try:
            seconds.append(os.lstat(path).st_mtime)
        except OSError:
            continue
    return max(seconds, default=0.0)
