"""`jobsync sync` with nothing to do: people type that to be sure, and scripts at every turn.

Until something turns out to be left to do, nothing heavier is imported than by the hook; then `cli` takes the long way,
which is always right. Both say the same, in the same words.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jobsync import settled
    from jobsync.reconcile.sources import Sources

_UNDER_WAY = ("rebase-merge", "rebase-apply", "BISECT_LOG")
"""What git is in the middle of: the long way says what that means."""
_OWED = ("note", "deferred", "changing")
"""Files of the state that say that somebody has to do something; `settled.ask` looks for one more."""
_EMPTY = ("pause", "hold", "owed")
_BRANCH = "refs/heads/"


def _is_calm(git_dir: str, branch: str) -> bool:
    """On a branch, and in the middle of nothing."""
    return branch.startswith(_BRANCH) and not any(os.path.lexists(f"{git_dir}/{name}") for name in _UNDER_WAY)


def _is_owed(state: str) -> bool:
    """Whether something waits in the state for the next sync, or holds a job up. `OSError` when that cannot be read."""
    if any(os.path.lexists(f"{state}/{name}") for name in _OWED):
        return True
    for name in _EMPTY:
        try:
            if os.listdir(f"{state}/{name}"):
                return True
        except FileNotFoundError:
            continue
    return False


def _place(machine: "settled.Machine") -> "settled.Place | None":
    """The one registered repository around the working directory."""
    here = os.getcwd() + "/"
    around = [place for place in machine.places if here.startswith(place.work_tree.rstrip("/") + "/")]
    return around[0] if len(around) == 1 else None


def _settled(environ: "Mapping[str, str]") -> "Sources | None":
    """What the last sync left, where nothing at all is left to do; None where that takes a closer look."""
    from jobsync import settled

    machine = settled.machine(environ)
    place = _place(machine) if machine is not None else None
    if machine is None or place is None or _is_owed(place.state):
        return None
    from jobsync import process
    from jobsync.reconcile import sources

    remembered = sources.read(f"{place.state}/sources")
    if remembered is None or remembered.version != sources.version():
        return None
    # Conflicts that are in no file but git's index: those of `git stash pop`.
    conflicts = process.start(("git", "-C", place.work_tree, "ls-files", "--unmerged"), env=environ)
    answer = settled.ask(place, machine, environ, "--symbolic-full-name", "HEAD")
    unmerged = conflicts.finish(settled.TIMEOUT)
    if answer is None or unmerged.status or unmerged.stdout or not _is_calm(place.git_dir, "".join(answer.asked)):
        return None
    known = answer.known
    if remembered.of != sources.binding(known) or sources.has_strangers(remembered, [path for *_, path in known.files]):
        return None
    if settled.has_other_labels(answer, remembered.start) or not sources.holds(remembered, place.work_tree):
        return None
    return remembered


def _text(found: "Sources") -> str:
    """As `cli` prints it."""
    is_coloured = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()
    word = "\x1b[90munchanged\x1b[0m" if is_coloured else "unchanged"
    lines = [f"{word}  {name}" for name in found.jobs]
    return "\n".join((*lines, f"{len(found.jobs)} unchanged" if found.jobs else "no jobs", ""))


def _has_said_so(found: "Sources") -> bool:
    try:
        sys.stdout.write(_text(found))
        sys.stdout.flush()
    except OSError:
        return False
    return True


def _is_nothing_to_do() -> bool:
    """`sync` with nothing to do, and that has been said."""
    if sys.stdout is None or sys.stderr is None:
        return False
    try:
        found = _settled(os.environ)
    except Exception:  # whatever it is, the long way meets it too, and can say what it means
        return False
    return found is not None and _has_said_so(found)


def answer(arguments: "Sequence[str]") -> None:
    """Say that there is nothing to do, and end the process, where these are the words of a sync and that is so."""
    if list(arguments) == ["sync"] and _is_nothing_to_do():
        os._exit(0)  # taking the interpreter apart would cost 2 ms, and everything is said
