"""Everything that a repository is asked, in git's words; `place.py` finds and opens it.

git is asked by plumbing, with `-z`, in an environment of its own; GitPython is met for what is not hot. No function
here changes the repository, its index or its work tree; the one that writes at all writes our own keys in its
configuration, for carriers.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from jobsync import process
from jobsync.errors import JobsyncError
from jobsync.repo.affected import EXECUTABLE, LINK, REGULAR, SUBMODULE, Entries, Entry
from jobsync.repo.objects import Commit, Objects, failed
from jobsync.values import dataclass, replace

TIMEOUT = 30.0
"""Seconds that one git process may take; all of them answer within milliseconds unless a disk or filter hangs."""

_WHOLE = ("", ".")
_TREE = b"040000 tree "
_FINDERS = ".DS_Store"
"""macOS writes it into each directory that somebody looks at; a daemon must not be restarted for that."""
_MOST_COMMITS = 500
"""So many are looked through for the one that touched a path; messages only."""


@dataclass(frozen=True, slots=True)
class Head:
    """What HEAD is."""

    commit: str | None
    """None: unborn, there is no commit yet."""
    branch: str | None
    """Short name; None: detached."""


@dataclass(frozen=True, slots=True)
class IndexState:
    """What is odd about git's index."""

    has_conflicts: bool
    skipped: frozenset[str]
    """Files that the user keeps out of this work tree (sparse checkout)."""


@dataclass(frozen=True, slots=True)
class HooksPath:
    """A `core.hooksPath` that is in force."""

    scope: str
    """git's word for where it is set: `system`, `global`, `local`, `worktree`."""
    value: str


@dataclass(frozen=True, slots=True)
class Upstream:
    """What the current branch pulls from."""

    remote: str
    """Its name; `.` is this repository, and without a name of its own it is an address."""
    branch: str


def _decoded(name: bytes) -> str:
    # Never the locale's encoding: two callers with different locales must see the same name.
    return name.decode("utf-8", "surrogateescape")


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def branch_of(name: str) -> str | None:
    """The branch in HEAD's full name as `rev-parse --symbolic-full-name` gives it; None: detached."""
    return None if name == "HEAD" else name.removeprefix("refs/heads/")


def _argument(name: str) -> str:
    """A repository name as a process argument: whatever the locale is, git gets the very bytes."""
    return os.fsdecode(_encoded(name))


def failure(finished: process.Finished) -> JobsyncError:
    """What git said as it failed."""
    return failed(finished, finished.complaint_line)


def _listed(line: bytes) -> tuple[str, Entry]:
    facts, _, name = line.partition(b"\t")
    mode, _, blob = facts.decode("ascii").split(" ")
    return _decoded(name), Entry(int(mode, 8), blob)


def _staged(line: bytes) -> tuple[str, Entry]:
    facts, _, name = line.partition(b"\t")
    mode, blob, _ = facts.decode("ascii").split(" ")
    return _decoded(name), Entry(int(mode, 8), blob)


def _records(output: bytes) -> list[bytes]:
    return output.split(b"\0")[:-1]


def _pathspecs(paths: Iterable[str]) -> list[str]:
    """As the end of an argv; nothing for the whole repository."""
    wanted = [path.rstrip("/") for path in paths]
    return [] if any(path in _WHOLE for path in wanted) else ["--", *map(_argument, wanted)]


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository and its work tree. Made by `place.open_repository`.

    Every method starts git (one process unless it says more) and raises `JobsyncError` when git fails.
    """

    git_dir: str
    work_tree: str
    environment: Mapping[str, str]
    """Clean; also what a child that has nothing to do with git may be started with."""
    executable: str
    objects: Objects | None = None
    """Of one that is `kept_open`."""

    @contextmanager
    def kept_open(self) -> Iterator["Repository"]:
        """The same repository, for which one process answers for commits and contents until the end of the `with`."""
        with self._asked() as objects:
            yield replace(self, objects=objects)

    def _started(self) -> Objects:
        return Objects(self._argv("cat-file", "--batch", "--filters"), self.environment, TIMEOUT)

    @contextmanager
    def _asked(self) -> Iterator[Objects]:
        if self.objects is not None and not self.objects.has_ended:
            yield self.objects
            return
        objects = self._started()
        try:
            yield objects
        finally:
            objects.close()

    def _argv(self, *arguments: str) -> tuple[str, ...]:
        places = ("-C", self.work_tree, f"--git-dir={self.git_dir}", f"--work-tree={self.work_tree}")
        return (self.executable, *places, "--literal-pathspecs", *arguments)

    def _git(self, *arguments: str, stdin: bytes = b"") -> process.Finished:
        return process.run(self._argv(*arguments), env=self.environment, timeout=TIMEOUT, stdin=stdin)

    def _output(self, *arguments: str, stdin: bytes = b"") -> bytes:
        finished = self._git(*arguments, stdin=stdin)
        if finished.status != 0:
            raise failure(finished)
        return finished.stdout

    def _answer(self, *arguments: str) -> str | None:
        """One line; None when git has no answer (a status other than 0, or nothing)."""
        finished = self._git(*arguments)
        text = finished.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")
        return text if finished.status == 0 and text else None

    def head(self) -> Head:
        """Commit and branch; two processes when there is no commit yet."""
        lines = (self._answer("rev-parse", "HEAD", "--symbolic-full-name", "HEAD", "--") or "").split("\n")
        if len(lines) == 3:
            commit, name, _ = lines
            return Head(commit, branch_of(name))
        # Unborn; or a branch or tag is itself named HEAD, and rev-parse will not choose.
        target = self._answer("symbolic-ref", "-q", "HEAD")
        return Head(self._commit("HEAD"), target and target.removeprefix("refs/heads/"))

    def _commit(self, name: str) -> str | None:
        return self._answer("rev-parse", "-q", "--verify", f"{name}^{{commit}}")

    def branches_at(self, commit: str) -> tuple[str, ...]:
        """Local branches that end at `commit`; none when it is not there."""
        names = self._answer("for-each-ref", "--format=%(refname)", f"--points-at={commit}", "refs/heads")
        return tuple(name.removeprefix("refs/heads/") for name in (names or "").split("\n") if name)

    def commit(self) -> Commit | None:
        """The commit that HEAD is; None: unborn. No process where the repository is `kept_open`."""
        with self._asked() as objects:
            return objects.head()

    def index_state(self, pathspecs: Sequence[str] = ()) -> IndexState:
        """What is odd about the index."""
        tagged = _records(self._output("ls-files", "-t", "-z", "--full-name", *pathspecs))
        marked = (_decoded(line[2:]) for line in tagged if line.startswith(b"S "))
        # Who keeps an edit of his own from git with `update-index --skip-worktree` has the file here all the same.
        skipped = frozenset(path for path in marked if not os.path.lexists(self._on_disk(path)))
        return IndexState(any(line.startswith(b"M ") for line in tagged), skipped)

    def entries(self, paths: Iterable[str], *, commit: str = "HEAD", skipped: frozenset[str] | None = None) -> Entries:
        """All files that HEAD, or another commit, holds at or below `paths`, without those that sparse checkout leaves
        out (`skipped`, where that has been asked already).

        `""` or `"."` = the whole repository; paths that HEAD lacks add nothing. Two processes, one with `skipped`.
        """
        wanted = tuple(paths)
        if not wanted:
            return Entries()
        pathspecs = _pathspecs(wanted)
        records = _records(self._output("ls-tree", "-r", "-t", "-z", "--full-tree", commit, *pathspecs))
        without = self.index_state(pathspecs).skipped if skipped is None else skipped
        found = map(_listed, (line for line in records if not line.startswith(_TREE)))
        trees = (line.removeprefix(_TREE).partition(b"\t") for line in records if line.startswith(_TREE))
        return Entries(
            {path: entry for path, entry in found if path not in without},
            {_decoded(name): tree.decode("ascii") for tree, _, name in trees},
        )

    def staged_entries(self, paths: Iterable[str]) -> dict[str, Entry]:
        """As `entries`, of the index: what the next commit will hold. Files with conflicts are left out."""
        output = self._output("ls-files", "-s", "-z", "--full-name", *_pathspecs(paths))
        return dict(_staged(line) for line in _records(output) if line.partition(b"\t")[0].endswith(b" 0"))

    def work_tree_entries(self, paths: Iterable[str]) -> dict[str, Entry]:
        """The files at or below `paths` as they lie in the work tree, as `entries` would list them once committed.

        Tracked ones and untracked ones that are not ignored, but what Finder leaves where somebody looked; nothing is
        written to the object store. Three processes, and one more for each link and each name that git's line format
        cannot hold.
        """
        pathspecs = _pathspecs(paths)
        tracked = dict(map(_staged, _records(self._output("ls-files", "-s", "-z", "--full-name", *pathspecs))))
        others = self._output("ls-files", "-o", "-z", "--exclude-standard", "--full-name", *pathspecs)
        untracked = (path for path in map(_decoded, _records(others)) if path.rpartition("/")[2] != _FINDERS)
        modes = {path: self._mode_on_disk(path) for path in (*tracked, *untracked)}
        ids = self._ids_on_disk([path for path, mode in modes.items() if mode in (REGULAR, EXECUTABLE)])
        ids |= {path: self._link_id(path) for path, mode in modes.items() if mode == LINK}
        found = {path: Entry(mode, blob) for path, mode in modes.items() if (blob := ids.get(path))}
        # A submodule is the commit that the index points to, not what lies there.
        return found | {path: entry for path, entry in tracked.items() if entry.mode == SUBMODULE}

    def _on_disk(self, path: str) -> Path:
        return Path(self.work_tree, _argument(path))

    def _mode_on_disk(self, path: str) -> int:
        """git's mode of a file or a link; 0 for anything else, and where nothing is."""
        try:
            mode = self._on_disk(path).lstat().st_mode
        except OSError:
            return 0
        if stat.S_ISLNK(mode):
            return LINK
        if not stat.S_ISREG(mode):
            return 0
        return EXECUTABLE if mode & stat.S_IXUSR else REGULAR

    def _ids_on_disk(self, paths: Sequence[str]) -> dict[str, str]:
        """Blob ids of regular files; none of what is gone by now, or may not be read."""
        try:
            return self._hashed(paths)
        except JobsyncError:
            there = [path for path in paths if os.access(self._on_disk(path), os.R_OK)]
            if len(there) == len(paths):
                raise
            return self._ids_on_disk(there)

    def _hashed(self, paths: Sequence[str]) -> dict[str, str]:
        """Filters applied: by relative names, for attributes match no absolute ones."""
        plain = [path for path in paths if "\n" not in path and not path.startswith('"')]
        odd = [path for path in paths if path not in set(plain)]
        ids = {path: self._output("hash-object", "--", _argument(path)).decode("ascii").strip() for path in odd}
        if plain:
            questions = b"".join(_encoded(path) + b"\n" for path in plain)
            answer = self._output("hash-object", "--stdin-paths", stdin=questions).decode("ascii").split()
            ids |= dict(zip(plain, answer, strict=True))
        return ids

    def _link_id(self, path: str) -> str:
        """Empty where the link is gone by now."""
        try:
            target = os.fsencode(self._on_disk(path).readlink())
        except OSError:
            return ""
        return self._output("hash-object", "--stdin", stdin=target).decode("ascii").strip()

    def blobs(self, wanted: Iterable[tuple[str, str]]) -> dict[str, bytes]:
        """Contents as a checkout would write them (smudge filters, line ends), for pairs of path and blob id.

        One process, none where the repository is `kept_open`, and one more for each name with a line break.
        `JobsyncError` when one of them cannot be had.
        """
        pairs = tuple(wanted)
        plain = [(path, blob) for path, blob in pairs if "\n" not in path]
        contents = {path: self._filtered(path, blob) for path, blob in pairs if "\n" in path}
        return contents | (self._batch(plain) if plain else {})

    def _filtered(self, path: str, blob: str) -> bytes:
        return self._output("cat-file", "--filters", f"--path={_argument(path)}", blob)

    def _batch(self, pairs: Sequence[tuple[str, str]]) -> dict[str, bytes]:
        with self._asked() as objects:
            contents = objects.contents([b"%s %s" % (blob.encode(), _encoded(path)) for path, blob in pairs])
        return {path: self._there(path, content) for (path, _), content in zip(pairs, contents, strict=True)}

    def _there(self, path: str, content: bytes | None) -> bytes:
        if content is None:
            raise JobsyncError(f"{path}: its content is missing from {self.git_dir}", hint="run `git fetch`")
        return content

    def raw(self, blob: str) -> bytes:
        """A blob as it is stored: no filters. For links, whose blob is the target."""
        return self._output("cat-file", "blob", blob)

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`; False also when either is not there (null ids)."""
        return self._git("merge-base", "--is-ancestor", old, new).status == 0

    def last_move(self) -> str | None:
        """Subject of HEAD's newest reflog entry; None without one."""
        # rev-list does not know %gs.
        return self._answer("log", "-g", "-1", "--no-show-signature", "--format=%gs", "HEAD", "--")

    def subject(self, commit: str) -> str | None:
        """First line of a commit's message; None when the commit is gone (gc, force-push, shallow clone)."""
        text = self._answer("rev-list", "--max-count=1", "--format=%s", "--encoding=UTF-8", commit, "--")
        # A line `commit ID` comes first; the option that leaves it out is younger than our oldest git.
        return text.partition("\n")[2] if text else None

    def commits_since(self, commit: str, paths: Iterable[str]) -> int | None:
        """How many commits after `commit` touch `paths`; None when `commit` is gone."""
        answer = self._answer("rev-list", "--count", f"{commit}..HEAD", *_pathspecs(paths))
        return int(answer) if answer else None

    def tracked(self, directory: Path) -> tuple[str, ...]:
        """Tracked files at or below an absolute directory, as absolute paths; none where it is not in the work tree."""
        physical = Path(os.path.realpath(directory))
        if not physical.is_relative_to(self.work_tree):
            return ()
        below = str(physical.relative_to(self.work_tree))
        output = self._output("ls-files", "-z", "--full-name", *_pathspecs([below]))
        return tuple(str(self._on_disk(_decoded(name))) for name in _records(output))

    def version(self) -> str:
        """What git says of itself: `git version 2.39.5`."""
        return self._answer("--version") or ""

    def commits_by_path(self, since: str, paths: Iterable[str]) -> dict[str, str]:
        """Short ids: of each path at or below `paths`, the newest commit after `since` that touched it.

        Nothing when `since` is gone, or when HEAD has not moved on from it (a switch to something older).
        """
        if not since:
            return {}
        options = ("--no-show-signature", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color")
        form = ("--format=%x01%h", "--name-only", "-z", f"--max-count={_MOST_COMMITS}")
        finished = self._git("log", *options, *form, f"{since}..HEAD", *_pathspecs(paths))
        found: dict[str, str] = {}
        commit = ""
        for token in _records(finished.stdout + b"\0") if finished.status == 0 else ():
            name = token.removeprefix(b"\n")
            if name.startswith(b"\1"):
                commit = name[1:].partition(b"\n")[0].decode("ascii")
            elif name:
                found.setdefault(_decoded(name), commit)
        return found

    def common_directory(self) -> Path:
        """The git directory that all linked work trees share."""
        return Path(os.fsdecode(self._output("rev-parse", "--path-format=absolute", "--git-common-dir")[:-1]))

    def hooks_directory(self) -> Path:
        """Where git looks for hooks now: `core.hooksPath` respected, `~` and relative paths resolved."""
        answer = self._output("rev-parse", "--path-format=absolute", "--git-path", "hooks")
        return Path(os.fsdecode(answer[:-1]))

    def hooks_path(self) -> HooksPath | None:
        """The `core.hooksPath` in force and where it is set; None when there is none."""
        finished = self._git("config", "--show-scope", "-z", "--get", "core.hooksPath")
        if finished.status != 0:
            return None
        scope, value = _records(finished.stdout)
        return HooksPath(_decoded(scope), _decoded(value))

    def version_number(self) -> tuple[int, ...]:
        """`(2, 39, 5)`; what vendors add to it is left out."""
        numbers = self.version().removeprefix("git version ").partition(" ")[0].split(".")
        return tuple(int(number) for number in numbers[:3] if number.isdecimal())

    def settings(self, pattern: str) -> list[tuple[str, str]]:
        """Keys of the repository's own configuration that match, each with one value, in order."""
        finished = self._git("config", "--local", "-z", "--get-regexp", pattern)
        pairs = (_decoded(one).partition("\n") for one in _records(finished.stdout))
        return [(key, value) for key, _, value in pairs]

    def shows_untracked(self) -> bool:
        """Whether `git status` tells of untracked files; where the home is the work tree, people switch that off."""
        value = self._answer("config", "--get", "status.showUntrackedFiles")
        return value not in ("no", "false", "off", "0")

    def add_setting(self, key: str, value: str) -> None:
        """Add one value to the repository's own configuration: the one thing here that writes."""
        self._output("config", "--local", "--add", key, value)

    def drop_settings(self, section: str) -> None:
        """Take a section out of it."""
        self._output("config", "--local", "--remove-section", section)

    def run_hook(
        self, event: str, arguments: Sequence[str], variables: Mapping[str, str], *, names: Sequence[str],
        with_file: bool,
    ) -> int | None:  # fmt: skip
        """Have git run hooks for `event` as it would by itself; their status, None where git is too old (2.36).

        `names`: the hooks from the configuration that shall run. `with_file`: the hook file too.
        """
        options = [] if with_file else ["-c", "core.hooksPath=/dev/null"]
        for one in self._configured_hooks():
            options += ["-c", f"hook.{one}.enabled={'true' if one in names else 'false'}"]
        argv = (self.executable, "-C", self.work_tree, *options, "hook", "run", "--ignore-missing", event, "--")
        place = {"GIT_DIR": self.git_dir, "GIT_WORK_TREE": self.work_tree}
        finished = process.run((*argv, *arguments), env={**self.environment, **place, **variables}, timeout=TIMEOUT)
        return None if "is not a git command" in finished.complaint else finished.status

    def _configured_hooks(self) -> list[str]:
        """Names of all hooks from the configuration, the user's own one included."""
        finished = self._git("config", "-z", "--get-regexp", r"^hook\..*\.event$")
        keys = (_decoded(one).partition("\n")[0] for one in _records(finished.stdout))
        return [key.removeprefix("hook.").removesuffix(".event") for key in keys]

    def upstream(self) -> Upstream | None:
        """What the current branch is set to pull from; None when detached, or where nothing is set. For people."""
        # Late: GitPython is heavy, and looks for a git executable while it is imported.
        from git import Repo

        branch = self.head().branch
        # Of GitPython only its reader of configurations: it knows no reftable, and no remote that is a path or a URL.
        try:
            # A directory may be named `$HOME`, and it is no variable then.
            with Repo(self.git_dir, expand_vars=False) as repo, repo.config_reader() as settings:
                found = [str(settings.get_value(f'branch "{branch}"', key, "")) for key in ("remote", "merge")]
        except UnicodeDecodeError:  # a configuration in another encoding, which git takes
            return None
        remote, merged = found
        return Upstream(remote, merged.removeprefix("refs/heads/")) if remote and merged else None
