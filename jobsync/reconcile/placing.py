"""Puts artefacts in place and takes them away: what somebody else wrote there is kept first, or left alone."""

import os
from pathlib import Path

from jobsync import files
from jobsync.errors import JobsyncError
from jobsync.paths import Paths
from jobsync.reconcile import kept
from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import Store
from jobsync.reconcile.state import Change, Record, Remove, Write
from jobsync.schedulers.protocol import LINK, Artefact, Scheduler


class InTheWay(JobsyncError):
    """A file that is not ours came into the place of ours while the sync was under way."""


class Placer:
    """The writes of one application; `copies` says which hand edits it kept."""

    def __init__(self, scheduler: Scheduler, paths: Paths) -> None:
        self._scheduler = scheduler
        self._paths = paths
        self._shared = frozenset(paths.shared)
        self._store = Store(paths.store)
        self._unsynced: set[Path] = set()
        """Directories with names of ours that a power cut may still take."""
        self.copies: list[str] = []

    def put(self, change: Change, step: Write | Remove, former: Record | None) -> None:
        """Carry out one step. `former`: the ledger's record. `InTheWay`; another `JobsyncError` of the disk."""
        if isinstance(step, Write):
            self._write(change, step, former)
        else:
            self.remove(step)

    def _write(self, change: Change, step: Write, former: Record | None) -> None:
        path = Path(step.artefact.path)
        content = _content(path)
        if content is not None and digest(content) != step.saw:
            self._check_is_ours(change, path, content, former)
        self._keep_edit(path, content, step)
        self._store.put(step.artefact.content)
        self._put(step.artefact)
        self._unsynced.add(path.parent)

    def remove(self, step: Remove) -> None:
        """Take a file away. `JobsyncError` of the disk."""
        path = Path(step.path)
        self._keep_edit(path, _content(path), step)
        files.remove(path)

    def _keep_edit(self, path: Path, content: bytes | None, step: Write | Remove) -> None:
        """Copy an edit before it goes: the one that the plan saw, or one that was made since."""
        if content is not None and (step.keeps or digest(content) != step.saw):
            self.keep(path)

    def _check_is_ours(self, change: Change, path: Path, content: bytes, former: Record | None) -> None:
        """What came into the place of a definition after the plan was made may be somebody else's."""
        is_known = former is not None and any(one.path == str(path) for one in former.artefacts)
        is_definition = str(path) in self._scheduler.definitions(change.label)
        if is_definition and not is_known and not self._scheduler.is_ours(content):
            raise InTheWay(f"{path} is not jobsync's; move it away, or rename the job")

    def keep(self, path: Path) -> None:
        """Copy what is about to go."""
        if copy := kept.keep(self._paths, path):
            self.copies.append(str(copy))

    def _put(self, artefact: Artefact) -> None:
        path = Path(artefact.path)
        # ~/Library/LaunchAgents and systemd's places may not exist on a fresh account: 0755 is what a system gives.
        files.make_directory(path.parent, 0o755 if path.parent in self._shared else 0o700)
        if artefact.is_link:
            files.link_atomically(path, artefact.content)
        else:
            files.write_atomically(path, artefact.content, artefact.mode, files.Safety.NAME)

    def sync_directories(self) -> None:
        """What was written so far survives a power cut: once for all files of a directory, for each costs a write."""
        while self._unsynced:
            files.sync_directory(max(self._unsynced))
            self._unsynced.remove(max(self._unsynced))

    def put_back(self, former: Record, meant: Record) -> None:
        """The former artefacts, from the store. `JobsyncError` before anything is touched when one is lost."""
        contents = {one: self._store.get(one.digest) for one in former.artefacts}
        ours = {one.digest for one in (*former.artefacts, *meant.artefacts)}
        for one, content in contents.items():
            if content is None:
                raise JobsyncError(f"the bytes of {one.path} are lost")
        for one, content in contents.items():
            if one.mode == LINK:
                continue
            found = files.read(Path(one.path))
            if found is not None and digest(found) not in ours:
                self.keep(Path(one.path))
            files.write_if_changed(Path(one.path), content or b"", one.mode)
        for path in {one.path for one in meant.artefacts} - {one.path for one in former.artefacts}:
            files.remove(Path(path))

    def put_links_back(self, former: Record) -> None:
        """Behind the loading, as in every change."""
        for one in former.artefacts:
            if one.mode == LINK:
                self._put(Artefact(one.path, self._store.get(one.digest) or b"", one.mode))
                files.sync_directory(Path(one.path).parent)


def _content(path: Path) -> bytes | None:
    """What would go with the file at `path`. With a link nothing goes: what it leads to stays where it is. A pipe may
    not even be opened: that waits for whoever writes into it."""
    return files.read(path) if files.is_file(path) and not files.is_link(path) else None


def is_there(artefact: Artefact) -> bool:
    """Whether it stands in its place, byte by byte."""
    path = Path(artefact.path)
    try:
        return (os.fsencode(path.readlink()) if artefact.is_link else files.read(path)) == artefact.content
    except (OSError, JobsyncError):
        return False
