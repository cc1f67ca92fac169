"""The flat head of the ledger file: all that `jobsync-hook` needs to answer *nothing to do*.

Light on purpose: no import but `os` and the C digest. The file is one, so that head and body cannot disagree:
lines up to the first empty one are this index, the rest is `ledger.py`'s. Fields are separated by tabs; a path with a
tab or newline keeps the ledger from being *settled*, and then nobody reads further.
"""

import os
from _blake2 import blake2b  # what hashlib hands out; importing hashlib costs a tenth of the hook's budget

MAGIC = "jobsync-ledger 1"
_LINK = 0o120000
"""The mode of an artefact that is a symbolic link; its content is where it leads."""


def digest(content: bytes) -> str:
    """The digest of an artefact's bytes, as ledger and store name it."""
    return blake2b(content, digest_size=16).hexdigest()


class Index:
    """What the last sync left behind. `None` from `read` when it left nothing that can be relied on."""

    __slots__ = ("config", "environment", "files", "labels", "objects", "scheduler", "survey")

    def __init__(self) -> None:
        self.config = ""
        self.scheduler = ""
        """Name of the reader that understands the answer to `survey`: see `entry.py`."""
        self.survey: tuple[str, ...] = ()
        """argv of the one query."""
        self.environment: list[tuple[str, str]] = []
        """What that query needs beside PATH and locale."""
        self.objects: list[tuple[str, str]] = []
        """(object id, path in HEAD), for every path whose change would matter."""
        self.files: list[tuple[int, int, str, str]] = []
        """(mode, size, digest, absolute path) of every artefact."""
        self.labels: list[str] = []
        """What that reader must find: for each job that must be loaded, in the words of its scheduler."""


def render(index: Index) -> str:
    """The text of a settled index."""
    lines = [MAGIC, f"config\t{index.config}", f"scheduler\t{index.scheduler}", "\t".join(("survey", *index.survey))]
    lines += [f"environment\t{name}\t{value}" for name, value in index.environment]
    lines += [f"object\t{blob}\t{path}" for blob, path in index.objects]
    lines += [f"label\t{label}" for label in index.labels]
    lines += [f"file\t{mode:o}\t{size}\t{digest}\t{path}" for mode, size, digest, path in index.files]
    return "\n".join(lines) + "\n\n"


def unsettled() -> str:
    """The text of an index from which nobody may conclude that there is nothing to do."""
    return MAGIC + "\nunsettled\n\n"


def parse(text: str) -> "Index | None":
    """The index at the head of a ledger; None when it is not settled, not whole or not of this format.

    `ValueError` for a line with too few or odd fields.
    """
    head, end, _ = text.partition("\n\n")
    lines = head.split("\n")
    if not end or lines[0] != MAGIC:
        return None
    index = Index()
    for line in lines[1:]:
        word, *fields = line.split("\t")
        if word == "file":
            mode, size, sum_, path = fields
            index.files.append((int(mode, 8), int(size), sum_, path))
        elif word == "label":
            (label,) = fields
            index.labels.append(label)
        elif word == "object":
            blob, path = fields
            index.objects.append((blob, path))
        elif word == "config":
            (index.config,) = fields
        elif word == "scheduler":
            (index.scheduler,) = fields
        elif word == "environment":
            name, value = fields
            index.environment.append((name, value))
        elif word == "survey":
            index.survey = tuple(fields)
        else:
            return None
    return index


def read(path: str) -> "Index | None":
    """The index of the ledger file at `path`; None when there is none that can be relied on."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123 - pathlib is heavy
            return parse(file.read())
    except (OSError, ValueError):
        return None


def differs(mode: int, size: int, expected: str, path: str) -> bool:
    """Whether what stands at `path` is anything but the regular file, or the link, that was written there."""
    try:
        if mode == _LINK:
            return digest(os.readlink(os.fsencode(path))) != expected  # noqa: PTH115 - pathlib is heavy
        status = os.lstat(path)
        if status.st_mode != mode | 0o100000 or status.st_size != size:
            return True
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            return digest(os.read(descriptor, size + 1)) != expected
        finally:
            os.close(descriptor)
    except OSError:
        return True
