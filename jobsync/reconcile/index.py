"""The flat head of the ledger file, and the pack beside it: all that `jobsync-hook` needs to answer *nothing to do*.

Light on purpose: nothing is imported that the hook does without. The ledger's file is one, so that head and body
cannot disagree: lines up to the first empty one are this index, the rest is `ledger.py`'s. Fields are separated by
tabs, and a line holds a whole column (1,000 jobs: 0.4 ms to read; with a line for each file, 1.7); a path with a tab or
newline keeps the ledger from being *settled*, and then nobody reads further.

The pack beside it holds the bytes of all artefacts, one after the other, and carries the digest of the index that it
belongs to; `compare.py` reads it.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    File = tuple[int, int, str]
    """Mode, size and absolute path of an artefact."""

MAGIC = "jobsync-ledger 1"
RENDER_FORMAT = 11
"""Raised when the same definitions come to other bytes or other own jobs: then every job is affected."""
PACK_MAGIC = "jobsync-pack 1"
_KIND = 0o170000
_REGULAR = 0o100000
"""The module stat is one that nothing else here needs."""
LINK = 0o120000
"""The mode of an artefact that is a symbolic link; its content is where it leads."""


def digest(content: bytes) -> str:
    """The digest of an artefact's bytes, as ledger and store name it."""
    # What hashlib hands out, imported late: the hook compares bytes and needs none.
    from _blake2 import blake2b

    return blake2b(content, digest_size=16).hexdigest()


class Index:
    """What the last sync left behind. `None` from `read` when it left nothing that can be relied on."""

    __slots__ = (
        "config", "environment", "labels", "modes", "objects", "pack", "paths", "scheduler", "sizes", "survey",
    )  # fmt: skip

    def __init__(self) -> None:
        self.config = ""
        self.scheduler = ""
        """Name of the reader that understands the answer to `survey`: see `settled.py`."""
        self.survey: tuple[str, ...] = ()
        """argv of the one query."""
        self.environment: list[tuple[str, str]] = []
        """What that query needs beside PATH and locale."""
        self.objects: list[tuple[str, str]] = []
        """(object id, path in HEAD), for every path whose change would matter."""
        self.modes: list[int] = []
        """Of every artefact, as all three."""
        self.sizes: list[int] = []
        self.paths: list[str] = []
        self.pack = ""
        """What the pack with their bytes, in this order, says of itself."""
        self.labels: list[str] = []
        """What that reader must find: for each job that must be loaded, in the words of its scheduler."""

    @property
    def files(self) -> "list[File]":
        """Every artefact. Columns are what is kept: of 20,000 files such a list takes 2 ms."""
        return list(zip(self.modes, self.sizes, self.paths, strict=True))

    @files.setter
    def files(self, files: "list[File]") -> None:
        self.modes, self.sizes, self.paths = map(list, zip(*files, strict=True)) if files else ([], [], [])


def render(index: Index) -> str:
    """The text of a settled index."""
    names, values = zip(*index.environment, strict=True) if index.environment else ((), ())
    ids, places = zip(*index.objects, strict=True) if index.objects else ((), ())
    rows = {
        "config": (index.config, str(RENDER_FORMAT)), "scheduler": (index.scheduler,), "survey": index.survey,
        "names": names, "values": values, "ids": ids, "places": places, "labels": index.labels, "pack": (index.pack,),
        "modes": (f"{mode:o}" for mode in index.modes), "sizes": map(str, index.sizes), "paths": index.paths,
    }  # fmt: skip
    return "\n".join((MAGIC, *("\t".join((word, *fields)) for word, fields in rows.items()))) + "\n\n"


def unsettled() -> str:
    """The text of an index from which nobody may conclude that there is nothing to do."""
    return MAGIC + "\nunsettled\n\n"


_ROWS = (
    "config",
    "scheduler",
    "survey",
    "names",
    "values",
    "ids",
    "places",
    "labels",
    "pack",
    "modes",
    "sizes",
    "paths",
)


def _fields(lines: "list[str]", word: str) -> "list[str]":
    """`ValueError` where the line of that word is not in its place."""
    first, *fields = lines[1 + _ROWS.index(word)].split("\t")
    if first != word:
        raise ValueError(word)
    return fields


def begin(lines: "list[str]") -> "Index | None":
    """What is to be asked, out of the lines of an index: all but labels, pack and files, which `complete` puts in.

    None when it is not settled, not of this format, or of a jobsync that rendered otherwise. Of 10,000 jobs this takes
    none of the 20 ms, so that git and the scheduler answer meanwhile.
    """
    if len(lines) != 1 + len(_ROWS) or lines[0] != MAGIC:
        return None
    index = Index()
    try:
        (index.config, rendered), (index.scheduler,) = _fields(lines, "config"), _fields(lines, "scheduler")
        index.survey = tuple(_fields(lines, "survey"))
        index.environment = list(zip(_fields(lines, "names"), _fields(lines, "values"), strict=True))
        index.objects = list(zip(_fields(lines, "ids"), _fields(lines, "places"), strict=True))
    except ValueError:
        return None
    return index if rendered == str(RENDER_FORMAT) else None


def complete(index: Index, lines: "list[str]") -> bool:
    """Put in the rest of what the lines say; False where they have too few or odd fields."""
    try:
        index.labels, (index.pack,) = _fields(lines, "labels"), _fields(lines, "pack")
        index.modes, index.sizes = _numbers(lines, "modes", 8), _numbers(lines, "sizes", 10)
        index.paths = _fields(lines, "paths")
    except ValueError:
        return False
    return len(index.modes) == len(index.sizes) == len(index.paths)


def _numbers(lines: "list[str]", word: str, base: int) -> "list[int]":
    """Of many files few differ, and to look one up takes a third of the time that reading it does."""
    fields = _fields(lines, word)
    known = {one: int(one, base) for one in set(fields)}
    return list(map(known.__getitem__, fields))


def stamp(path: str) -> tuple[int, ...]:
    """Which file is at `path`: another one after each write of the ledger. Empty when there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - pathlib is heavy
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def regular(path: str, flags: int) -> int:
    """What `open` shall open a file with that only we write: as `files.opened`, which is too heavy here.

    A pipe in its place would hold us up until somebody writes into it; `OSError` instead.
    """
    file = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if os.fstat(file).st_mode & _KIND == _REGULAR:
        return file
    os.close(file)
    raise OSError(f"{path} is no regular file")


def head(path: str) -> "list[str]":
    """The lines of the index of the ledger file at `path`; none where it cannot be read, or is cut."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n", opener=regular) as file:
            return _head(file)
    except (OSError, ValueError):
        return []


def read(path: str) -> "Index | None":
    """The index of the ledger file at `path`; None when there is none that can be relied on."""
    return _index(head(path))


def parse(text: str) -> "Index | None":
    """The index at the head of a ledger's text; as `read`."""
    return _index(_head(f"{line}\n" for line in text.split("\n")[:-1]))


def _index(lines: "list[str]") -> "Index | None":
    found = begin(lines)
    return found if found is not None and complete(found, lines) else None


def text_at(path: str) -> str:
    """A whole text file that a sync left; empty where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n", opener=regular) as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def sealed(magic: str, body: str) -> str:
    """A file's text with the digest of its body in the first line: it is believed whole or not at all, so that nobody
    has to wait until the disk holds it."""
    return f"{magic} {digest(body.encode('utf-8', 'surrogateescape'))}\n{body}"


def unsealed(magic: str, text: str) -> "str | None":
    """The body; None where this is not what `sealed` made: cut, zeroed, of another time, of another kind."""
    body = text.partition("\n")[2]
    return body if text == sealed(magic, body) else None


def _head(lines: "Iterable[str]") -> "list[str]":
    """Those before the first empty one, which must be there."""
    found: list[str] = []
    for line in lines:
        if line == "\n":
            return found
        found.append(line[:-1])
    return []


def pack_name(digests: "Iterable[str]") -> str:
    """What a pack of artefacts with these digests says of itself."""
    return digest("".join(digests).encode())


def pack_head(name: str) -> bytes:
    """The first line of that pack; the bytes follow without anything between them."""
    return f"{PACK_MAGIC} {name}\n".encode()
