"""Which paths a definition may name, and what they are on this machine."""

import posixpath
import re

from jobsync.definitions.document import shown
from jobsync.definitions.job import Machine, Tree
from jobsync.errors import JobsyncError
from jobsync.values import dataclass

LINK = 0o120000
DIRECTORY = 0o040000
"""As git has it in `Tree.mode`."""


def _check_place(text: str) -> None:
    if not text.strip():
        raise JobsyncError("is empty; write the path, or leave it out")
    if "$" in text:
        raise JobsyncError(f"{shown(text)}: variables are not expanded; write the path, or ~ for your home")
    if re.search(r"[*?]", text):
        raise JobsyncError(f"{shown(text)}: patterns are not expanded; write one path")
    if text.startswith("~") and not text.startswith("~/") and text != "~":
        raise JobsyncError(f"{shown(text)}: other people's homes are not looked up; write an absolute path")
    if text.startswith(("/", "~")) and ".." in text.split("/"):
        raise JobsyncError(f"{shown(text)}: write the path without `..`")


def place(text: str, *, home: str, directory: str, root: str) -> str:
    """The absolute path that a text names: absolute, from `~`, or with `./` or `../` from the job's directory.

    Errors: `JobsyncError` with what to write.
    """
    _check_place(text)
    if text.startswith("/"):
        return "/" + posixpath.normpath(text).lstrip("/")
    if text.startswith("~"):
        return posixpath.normpath(home + text[1:])
    if text.split("/")[0] not in {".", ".."}:
        raise JobsyncError(f'{shown(text)} is not clear; write "~/{text}", "/{text}", or "./{text}" beside job.toml')
    found = posixpath.normpath(posixpath.join(directory, text))
    if found != root and not found.startswith(f"{root.rstrip('/')}/"):
        raise JobsyncError(f"{shown(text)} leaves the repository; write it from / or ~")
    return found


def repository_path(text: str, directory: str) -> str:
    """The repository-relative path of an input, from the job's directory (also repository-relative).

    Errors: `JobsyncError` where it is not a part of the repository.
    """
    _check_place(text)
    if text.startswith(("/", "~")):
        raise JobsyncError(f'{shown(text)} is not a path from the job\'s directory; write "../../lib"')
    found = posixpath.normpath(posixpath.join(directory, text))
    if found == ".." or found.startswith("../"):
        raise JobsyncError(f"{shown(text)} leaves the repository; only its own files can be inputs, so leave it out")
    if found == ".":
        raise JobsyncError(f"{shown(text)} is the whole repository; name the directories that the job uses")
    if ".git" in found.split("/"):
        raise JobsyncError(f"{shown(text)} is git's own, and no file of the repository; leave it out")
    return found


def first_link(tree: Tree, path: str) -> str | None:
    """The first part of a repository-relative path that is a link; None where none is.

    git holds a link and nothing below it: what is named by way of one is in no list of a commit's files.
    Errors: `JobsyncError` where it cannot be looked at.
    """
    parts = path.split("/")
    heads = ("/".join(parts[:number]) for number in range(1, len(parts) + 1))
    return next((head for head in heads if tree.mode(head) == LINK), None)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a definition is read in: its files, its machine, and where in the repository it stands."""

    tree: Tree
    machine: Machine
    name: str
    directory: str
    """Of the job, repository-relative."""

    @property
    def home_directory(self) -> str:
        """Of the job, absolute."""
        return f"{self.machine.work_tree.rstrip('/')}/{self.directory}"

    @property
    def label(self) -> str:
        """What the scheduler calls the job."""
        return f"{self.machine.prefix}.{self.name}"

    def place(self, text: str) -> str:
        """The absolute path that a text names. Errors: `JobsyncError`."""
        return place(text, home=self.machine.home, directory=self.home_directory, root=self.machine.work_tree)
