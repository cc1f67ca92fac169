"""`jobsync sync` with nothing to do, and `jobsync status` where all is well: typed to be sure, and at every turn.

Until something turns out to be otherwise, nothing is imported that this does not need; then `cli` takes the long way,
which is always right. Both say the same, in the same words.
"""

import os
import sys

from jobsync import process

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


def _here(environ: "Mapping[str, str]") -> "tuple[settled.Machine, settled.Place] | None":
    """This machine and the one registered repository around the working directory."""
    from jobsync import settled

    machine = settled.machine(environ)
    place = _place(machine) if machine is not None else None
    return (machine, place) if machine is not None and place is not None else None


def _at_rest(
    environ: "Mapping[str, str]", machine: "settled.Machine", place: "settled.Place"
) -> "tuple[Sources, settled.Answer] | None":
    """What the last sync left, and what was answered now, where nothing at all is left to do; None where that takes a
    closer look."""
    if _is_owed(place.state):
        return None
    from jobsync import settled
    from jobsync.reconcile import sources

    remembered = sources.read(place.sources)
    if remembered is None or remembered.version != sources.version():
        return None
    # Conflicts that are in no file but git's index: those of `git stash pop`.
    conflicts = process.start(("git", "-C", place.work_tree, "ls-files", "--unmerged"), env=environ)
    try:
        answer = settled.ask(place, machine, environ)
    except BaseException:  # nobody will read what git says
        conflicts.kill()
        raise
    unmerged = conflicts.finish(settled.TIMEOUT)
    if answer is None or unmerged.status or unmerged.stdout or not _is_calm(place.git_dir, place.head[1]):
        return None
    known = answer.known
    if remembered.of != sources.binding(known) or sources.has_strangers(remembered, known.paths):
        return None
    if settled.has_other_labels(answer, remembered.start) or not sources.holds(remembered, place.work_tree):
        return None
    return remembered, answer


def _sync(environ: "Mapping[str, str]") -> str | None:
    """What a sync with nothing to do prints; None where it has something to do, or that takes a closer look."""
    here = _here(environ)
    found = _at_rest(environ, *here) if here is not None else None
    if found is None:
        return None
    jobs = found[0].jobs
    # As `tones.is_coloured`, whose module makes an enum: 1.4 ms.
    is_coloured = not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and sys.stdout.isatty()
    word = "\x1b[90munchanged\x1b[0m" if is_coloured else "unchanged"
    lines = [f"{word}  {name}" for name in jobs]
    return "\n".join((*lines, f"{len(jobs)} unchanged" if jobs else "no jobs", ""))


def _status(environ: "Mapping[str, str]") -> str | None:
    """What `status` prints where all is well; None where it is not, or that takes a closer look."""
    here = _here(environ)
    if here is None:
        return None
    from jobsync import settled
    from jobsync.reconcile import schedules

    machine, place = here
    shown = schedules.read(place.schedules)
    if shown is None or not shown.rows or not shown.commit:
        return None
    words = ("--max-count=1", "--format=%s", "--encoding=UTF-8", shown.commit, "--")
    subject = process.start(("git", "rev-list", *words), env=environ)
    try:
        found = _at_rest(environ, machine, place)
    except BaseException:  # as above
        subject.kill()
        raise
    text = os.fsdecode(subject.finish(settled.TIMEOUT).stdout)
    if found is None or shown.of != found[0].of:
        return None
    from jobsync import local_zone, overview, tones
    from jobsync.reconcile import resting

    now = local_zone.now()
    jobs = resting.standing(shown.rows, place.state, settled.running(found[1]), now)
    if jobs is None:
        return None
    # As `Repository.subject`: a line `commit ID` comes first, and nothing at all where the commit is gone.
    past = overview.history(shown.changed_at, shown.commit, text.removesuffix("\n").partition("\n")[2] or None, now)
    return "\n".join((*overview.table(jobs, now, tones.width()), past, overview.summary(jobs), ""))


_WORDS = {("sync",): _sync, ("status",): _status, (): _status}


def _is_said(text: str) -> bool:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except (OSError, ValueError):
        return False
    return True


def _is_answered(words: "tuple[str, ...]") -> bool:
    if sys.stdout is None or sys.stderr is None:
        return False
    try:
        text = _WORDS[words](os.environ)
    except Exception:  # whatever it is, the long way meets it too, and can say what it means
        return False
    return text is not None and _is_said(text)


def answer(arguments: "Sequence[str]") -> None:
    """Say what there is to say, and end the process, where these are words that can be answered at once, and now."""
    words = tuple(arguments)
    if words in _WORDS and _is_answered(words):
        process.end(0)
