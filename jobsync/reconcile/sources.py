"""What the work tree held when the last sync left nothing to do: by it `jobsync sync` sees that this is still so.

As light as `index.py`, and as suspicious: bytes are compared, never times. Everything that the definitions were read
from is in here, also what must not be there; whatever is found otherwise, the long way looks at it. Only a work tree
that holds exactly what HEAD holds is remembered, so the ids are git's.
"""

import os
import stat

from jobsync import __version__
from jobsync.reconcile.index import RENDER_FORMAT, sealed, text_at, unsealed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jobsync.reconcile.index import Index

MAGIC = "jobsync-sources 2"
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_WORDS = (
    "version", "of", "jobs", "start", "shared", "own", "tidy", "directories", "absent", "others", "listed", "names",
    "files", "ids", "modes",
)  # fmt: skip


class Sources:
    """Paths are relative to the work tree."""

    __slots__ = (
        "absent",
        "directories",
        "files",
        "jobs",
        "listings",
        "of",
        "others",
        "own",
        "shared",
        "start",
        "tidy",
        "version",
    )

    def __init__(self) -> None:
        self.version = ""
        """Of the jobsync that read the definitions, with its render format."""
        self.of = ""
        """`binding` of the index that was left with this."""
        self.jobs: tuple[str, ...] = ()
        """Names, as a sync lists them."""
        self.start = ""
        """What every label of ours begins with."""
        self.shared: tuple[str, ...] = ()
        """Directories of others in which what begins like that must be a known artefact."""
        self.own: tuple[str, ...] = ()
        """Directories in which everything must be one."""
        self.tidy: tuple[str, ...] = ()
        """Directories in which no sync must have left an unfinished file."""
        self.directories: tuple[str, ...] = ()
        """What must be a directory of this repository, and no link."""
        self.listings: dict[str, tuple[str, ...]] = {}
        """Directories whose entries were looked at -> their names in order."""
        self.files: list[tuple[str, str, str]] = []
        """(mode as git writes it, blob id, path)."""
        self.absent: tuple[str, ...] = ()
        """Where nothing must be."""
        self.others: tuple[str, ...] = ()
        """What lies beside the jobs and is none, for it is a file."""


def version() -> str:
    """This jobsync, as far as the same files could mean something else to another one."""
    return f"{__version__} {RENDER_FORMAT}"


def binding(index: "Index") -> str:
    """What ties sources to their index: the artefacts and HEAD's objects of then."""
    return " ".join((index.pack, *(blob for blob, _ in index.objects)))


def render(sources: Sources) -> str | None:
    """The file's text; None where a name would break its lines."""
    modes, ids, paths = zip(*sources.files, strict=True) if sources.files else ((), (), ())
    fields = (
        (sources.version,), (sources.of,), sources.jobs, (sources.start,), sources.shared, sources.own, sources.tidy,
        sources.directories, sources.absent, sources.others, tuple(sources.listings),
        tuple("/".join(names) for names in sources.listings.values()), paths, ids, modes,
    )  # fmt: skip
    if any("\t" in text or "\n" in text for row in fields for text in row):
        return None
    rows = ("\t".join((word, *row)) for word, row in zip(_WORDS, fields, strict=True))
    return sealed(MAGIC, "\n".join(rows) + "\n")


def parse(text: str) -> Sources | None:
    """What `render` wrote; None for anything else."""
    lines = (unsealed(MAGIC, text) or "").split("\n")
    if lines[-1] or tuple(line.partition("\t")[0] for line in lines[:-1]) != _WORDS:
        return None
    rows = {word: tuple(fields) for word, *fields in (line.split("\t") for line in lines[:-1])}
    found = Sources()
    try:
        (found.version,), (found.of,), (found.start,) = rows["version"], rows["of"], rows["start"]
        found.jobs, found.shared, found.own, found.tidy = rows["jobs"], rows["shared"], rows["own"], rows["tidy"]
        found.directories, found.absent, found.others = rows["directories"], rows["absent"], rows["others"]
        names = (tuple(joined.split("/")) if joined else () for joined in rows["names"])
        found.listings = dict(zip(rows["listed"], names, strict=True))
        found.files = list(zip(rows["modes"], rows["ids"], rows["files"], strict=True))
    except ValueError:
        return None
    return found


def read(path: str) -> Sources | None:
    """The sources in the file at `path`; None when there are none that can be relied on."""
    return parse(text_at(path))


def blob_id(content: bytes, like: str = "") -> str:
    """git's id of a blob with this content, in the same hash as the id `like`; in SHA-1 where that is empty."""
    text = b"blob %d\0" % len(content) + content
    if len(like) == 64:
        from hashlib import sha256

        return sha256(text).hexdigest()
    # What hashlib hands out, without OpenSSL, which takes 5 ms to import.
    from _sha1 import sha1  # type: ignore[import-not-found]  # a part of CPython that typeshed passes over

    return str(sha1(text, usedforsecurity=False).hexdigest())


def file_at(path: str) -> "tuple[str, str] | None":
    """Mode and SHA-1 blob id of a regular file as git would store it, without filters; None where there is none.

    `OSError` when it cannot be read.
    """
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return None
    try:
        status = os.fstat(file)
        if not stat.S_ISREG(status.st_mode):
            return None
        content = b"".join(iter(lambda: os.read(file, status.st_size + 1), b""))
    finally:
        os.close(file)
    return "100755" if status.st_mode & stat.S_IXUSR else "100644", blob_id(content)


def is_directory(path: str) -> bool:
    """A real directory, and no repository of its own."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode) and not os.path.lexists(path + "/.git")
    except OSError:
        return False


def names_in(path: str) -> "tuple[str, ...]":
    """Entries of a directory in order. `OSError` when it cannot be read."""
    return tuple(sorted(os.listdir(path)))


def holds(sources: Sources, root: str) -> bool:
    """Whether the work tree at `root` is what it was. `OSError` when it cannot be read."""
    return (
        all(is_directory(f"{root}/{path}") for path in sources.directories)
        and all(names_in(f"{root}/{path}") == names for path, names in sources.listings.items())
        and all(file_at(f"{root}/{path}") == (mode, blob) for mode, blob, path in sources.files)
        and not any(os.path.lexists(f"{root}/{path}") for path in sources.absent)
        and all(stat.S_ISREG(os.lstat(f"{root}/{path}").st_mode) for path in sources.others)
    )


def has_strangers(sources: Sources, known: "Iterable[str]") -> bool:
    """Whether our places hold a file that none of the `known` paths explains: a sync by hand would look into it.

    `OSError` when a place cannot be read.
    """
    ours = set(known)
    marks = (sources.start, f".{sources.start}")
    shared = (path for path in _paths_in(sources.shared) if path.rpartition("/")[2].startswith(marks))
    unfinished = (path for path in _paths_in(sources.tidy) if path.rpartition("/")[2].startswith("."))
    return not (ours.issuperset(shared) and ours.issuperset(_paths_in(sources.own))) or any(unfinished)


def _paths_in(places: "Iterable[str]") -> "Iterator[str]":
    for place in places:
        try:
            names = os.listdir(place)
        except FileNotFoundError:
            continue
        yield from (f"{place}/{name}" for name in names)
