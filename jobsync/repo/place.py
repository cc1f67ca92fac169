"""Finds a repository: where git says that it is, whether we may act on it, and how git is started for it.

Hooks are called with variables that point git at another place (`GIT_DIR`, a `GIT_WORK_TREE` of `.`, an index in the
making), so the place is asked for once with the environment as it is, and from then on named in full.
"""

import os
from _blake2 import blake2b  # what hashlib hands out, without its OpenSSL (5 ms at each start)
from collections.abc import Mapping
from pathlib import Path

from jobsync import process
from jobsync.errors import JobsyncError
from jobsync.repo.repository import TIMEOUT, Repository, failure
from jobsync.values import dataclass, replace

_DROPPED = ("GIT_", "GITHEAD_", "PRE_COMMIT", "_PRE_COMMIT")
_DISTRUSTS = ("unsafe repository", "dubious ownership")
"""How git says that a repository is another user's: before 2.36.1, and since."""
_ROOT = 0
_FIXED = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    # No network from a hook: a partial clone must say what it lacks, not fetch it (git 2.44 and later obey).
    "GIT_NO_LAZY_FETCH": "1",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where git says that we are; all paths absolute and physical."""

    git_dir: str
    common_dir: str
    """Differs from `git_dir` in a linked work tree."""
    work_tree: str
    superproject: str | None
    """Work tree of the repository that this one is a submodule of; nobody asks in a registered one."""


def _is_git_core(directory: str, exec_path: str | None) -> bool:
    return directory.rstrip("/").endswith("/git-core") or directory == exec_path


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` as git and everything else that we start shall see it: nothing of the git command around us.

    Not only what `git rev-parse --local-env-vars` lists: that misses GIT_REFLOG_ACTION, GIT_AUTHOR_* (the author of
    somebody's commit), GIT_EXEC_PATH, GIT_EDITOR. git's own directory of programs leaves PATH.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith(_DROPPED) and name != "VIRTUAL_ENV"}
    exec_path = environ.get("GIT_EXEC_PATH")
    if "PATH" in kept:
        directories = kept["PATH"].split(":")
        kept["PATH"] = ":".join(one for one in directories if not _is_git_core(one, exec_path))
    return kept | _FIXED


def _git_executable(environ: Mapping[str, str]) -> str:
    """Absolute path of git: from the clean PATH, else (a git bundled with some program) from the hook's own."""
    for path in (clean_environment(environ).get("PATH"), environ.get("PATH")):
        if found := process.find("git", path or os.defpath):
            return str(Path(found).absolute())
    raise JobsyncError("git is not found in PATH", hint="install git, or put its directory into PATH")


def _check_no_place(finished: process.Finished, cwd: str) -> None:
    """ "Not a repository" is an answer; the rest is trouble worth words."""
    if any(words in finished.complaint for words in _DISTRUSTS):
        raise JobsyncError(
            f"git refuses the repository around {cwd} because it belongs to another user",
            hint="run jobsync as its owner; `jobsync check` alone works where git's `safe.directory` names it",
        )
    if finished.status != 128:
        raise failure(finished)


def _may_be_submodule(cwd: str) -> bool:
    """A directory above is a work tree: only then is it worth asking, for git asks another git."""
    return any(os.path.lexists(one / ".git") for one in Path(os.path.realpath(cwd)).parents)


def locate(environ: Mapping[str, str], cwd: str) -> Place | None:
    """The repository and work tree that git means in `cwd`; None where there is none (or no work tree).

    `environ` is the caller's, unscrubbed: without its GIT_DIR a bare-repository setup cannot be found.
    """
    questions = ["--absolute-git-dir", "--git-common-dir", "--show-toplevel"]
    if _may_be_submodule(cwd):
        questions.append("--show-superproject-working-tree")
    argv = (_git_executable(environ), "-C", cwd, "rev-parse", "--path-format=absolute", *questions)
    finished = process.run(argv, env={**environ, "LC_ALL": "C"}, timeout=TIMEOUT)
    if finished.status != 0:
        _check_no_place(finished, cwd)
        return None
    # Not `splitlines`: to Python a form feed ends a line, and it may stand in a name.
    lines = os.fsdecode(finished.stdout).removesuffix("\n").split("\n")
    if len(lines) not in (3, 4) or not all(line.startswith("/") for line in lines):
        raise JobsyncError(
            f"cannot tell where the repository around {cwd} is: git said {' '.join(lines)!r}",
            hint="git must be 2.31 or newer, and the path must not hold a line break",
        )
    git_dir, common_dir, work_tree, *superproject = map(os.path.realpath, lines)
    return Place(git_dir, common_dir, work_tree, superproject[0] if superproject else None)


def identity(git_dir: str, work_tree: str) -> str:
    """The repository's id: 12 hex digits, the same whenever these two places are, by whatever path, the same."""
    places = (os.fsencode(os.path.realpath(place)) for place in (git_dir, work_tree))
    return blake2b(b"\0".join(places), digest_size=6).hexdigest()


def is_there(git_dir: str, work_tree: str) -> bool:
    """Both are still directories: neither was moved, deleted, or is on a disk that is elsewhere now."""
    return Path(git_dir).is_dir() and Path(work_tree).is_dir()


def check_user(user: int, environ: Mapping[str, str]) -> None:
    """`JobsyncError` for root through sudo, and in another user's home: what that writes would not be its owner's, and
    what it starts would not run as him.

    Root in its own home is a user like any other (a container), and so is whom sudo makes somebody in his own
    (`sudo -u ada -H`, Ansible's `become_user`). A home that is not there decides nothing.
    """
    hint = (
        "run jobsync as the user whose jobs these are: without sudo, or with `sudo -u NAME -H`; for root's own, "
        "log in as root"
    )
    caller = environ.get("SUDO_UID", "")
    if user == _ROOT and caller.isdecimal() and int(caller) != user:
        raise JobsyncError(f"jobsync does not act through sudo (you are uid {user}, called by uid {caller})", hint=hint)
    home = environ.get("HOME", "")
    try:
        owner = Path(home).stat().st_uid if home else user
    except OSError:
        return
    if owner != user:
        raise JobsyncError(f"the home {home} belongs to another user (uid {owner}, you are {user})", hint=hint)


def _check_owner(place: str, user: int) -> None:
    try:
        owner = Path(place).stat().st_uid
    except OSError as error:
        import shlex  # a hook that finds its repository does without

        raise JobsyncError(
            f"the registered repository is not reachable: {place}: {error.strerror}",
            hint=f"bring it back, or `jobsync --repo {shlex.quote(place)} uninstall`, then `jobsync init` where it is",
        ) from error
    if owner != user:
        raise JobsyncError(
            f"{place} belongs to another user (uid {owner}, you are {user})",
            hint="run jobsync as its owner: what it defines would run as you",
        )


def open_repository(git_dir: str, work_tree: str, environ: Mapping[str, str]) -> Repository:
    """The repository at these places, for reading.

    `JobsyncError` when either place is gone or belongs to another user: an explicit `--git-dir` makes git skip its
    own ownership check, and root on a user's repository would run that user's jobs as root. The same where the caller
    came to be root through sudo, or with another user's HOME.
    """
    check_user(os.geteuid(), environ)
    for place in (git_dir, work_tree):
        _check_owner(place, os.geteuid())
    return Repository(git_dir, work_tree, clean_environment(environ), _git_executable(environ))


def open_to_read(place: Place, environ: Mapping[str, str]) -> Repository:
    """The repository that git found, whoever owns it, for whoever acts on nothing that it defines: git has looked whose
    it is, and the user may have told it that it is safe (`safe.directory`, in CI that of another uid)."""
    return Repository(place.git_dir, place.work_tree, clean_environment(environ), _git_executable(environ))


def about_to_commit(repository: Repository, environ: Mapping[str, str], cwd: str) -> Repository:
    """The same repository with the index that the `git commit` around us is making, if there is one."""
    index = environ.get("GIT_INDEX_FILE")
    if not index:
        return repository
    # Relative as git gave it to a hook, and then to the directory of that hook.
    return replace(repository, environment={**repository.environment, "GIT_INDEX_FILE": f"{Path(cwd, index)}"})
