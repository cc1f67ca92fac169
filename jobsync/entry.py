"""`jobsync-hook EVENT [ARGUMENT...]`: answers *nothing to do* fast, and hands everything else to the sync.

Runs at every pull, switch and commit. Until something turns out to have changed, it imports nothing heavier than os,
sys, process.py and the ledger's index (a test reads `sys.modules`), and spawns two processes, git and the scheduler's
query, which answer while the installed files are compared. Never fails a git command: always exits 0.

`jobsync-hook finish REPO` is what a sync starts to have its deferred changes finished, `jobsync-hook login REPO` what
our own job at login runs.
"""

import gc
import os
import sys

from jobsync import process, settled
from jobsync.errors import JobsyncError
from jobsync.repo.events import EVENTS, event_from_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

_SKIP = "_PRE_COMMIT_SKIP_POST_CHECKOUT"
_HANDED_OVER = "JOBSYNC_HANDED_OVER"
_PROOF = "JOBSYNC_PROOF"
"""Names a directory: `jobsync hooks status` only wants to know that a hook leads here."""


def _is_elsewhere(machine: "settled.Machine", environ: "Mapping[str, str]") -> bool:
    """We are a copy (pre-commit's environment): the installation that `init` recorded shall do it, so that two
    versions never fight. If that is gone, we are the best there is."""
    # Once only: a wrapper at that place (nix, pyenv) may lead back to this very file.
    if _HANDED_OVER in environ or not os.access(machine.hook, os.X_OK):
        return False
    return machine.hook != sys.argv[0] and os.path.realpath(machine.hook) != os.path.realpath(sys.argv[0])


def _skips(event: str, arguments: "tuple[str, ...]", environ: "Mapping[str, str]") -> bool:
    """The rows of the verdict table that need nothing but the call itself: 1 and 4."""
    if _SKIP in environ:
        return True
    return event == "post-checkout" and arguments[2:3] == ("0",)


def _has_marks(directory: str) -> bool:
    """Whether a job's last run failed, or that cannot be told."""
    try:
        return bool(os.listdir(directory))
    except FileNotFoundError:
        return False
    except OSError:
        return True


def _prove(event: str, environ: "Mapping[str, str]") -> None:
    _complete_path()
    from jobsync.reconcile.hook import prove

    prove(event, environ[_PROOF])


def _complete_path() -> None:
    """For what imports packages that are installed: `start.py` goes without them."""
    if sys.flags.no_site:
        import site

        site.main()


def _hand_over(
    event: str, arguments: "tuple[str, ...]", environ: "Mapping[str, str]", place: "settled.Place | None" = None
) -> None:
    """`place`: the one registered repository that we are in, if that is known."""
    _complete_path()
    from jobsync.reconcile.hook import Seen, wake
    from jobsync.reconcile.origin import Heard

    seen = None
    if place is not None and place.is_here:
        heard = Heard(place.stamp, place.said, place.compared) if place.said is not None else None
        seen = Seen(place.git_dir, place.work_tree, *place.head, heard)
    wake(event, arguments, environ, seen)


def _finish(repo: str, environ: "Mapping[str, str]") -> None:
    from jobsync.reconcile.finish import run

    run(repo, environ)


def _login(repo: str, environ: "Mapping[str, str]") -> None:
    from jobsync.reconcile.login import run

    run(repo, environ)


def _run(argv: "list[str]", environ: "Mapping[str, str]") -> None:
    if not argv:
        print("usage: jobsync-hook EVENT [ARGUMENT...]", file=sys.stderr)
        return
    if argv[0] in ("finish", "login") and len(argv) == 2:
        (_finish if argv[0] == "finish" else _login)(argv[1], environ)
        return
    event, arguments = event_from_environment(argv[0], tuple(argv[1:]), environ)
    if event not in EVENTS:
        print(f"jobsync-hook: {argv[0]!r} is none of {', '.join(EVENTS)}, auto", file=sys.stderr)
    elif _PROOF in environ:
        _prove(event, environ)
    elif not _skips(event, arguments, environ):
        _answer(event, arguments, environ)


def _answer(event: str, arguments: "tuple[str, ...]", environ: "Mapping[str, str]") -> None:
    """*Nothing to do*, where that is so, or what there is to do."""
    # All that is made here stays until the end, which is near: looking for garbage in it finds none, and takes 5 ms
    # where there is something to do or 10,000 jobs are compared.
    gc.disable()
    machine = settled.machine(environ)
    if machine is None:
        _hand_over(event, arguments, environ)
        return
    here = os.getcwd()  # git calls hooks at the physical top of the work tree
    places = [place for place in machine.places if place.work_tree == here]
    if not places:
        if not all(os.path.exists(one) for place in machine.places for one in (place.git_dir, place.work_tree)):
            # One of them may have been moved to here.
            _hand_over(event, arguments, environ)
        return
    if _is_elsewhere(machine, environ):
        _go_elsewhere((machine.hook, event, *arguments), environ)
    is_squash = event == "post-merge" and arguments[:1] == ("1",)  # HEAD is what it was, and something waits
    if len(places) > 1 or is_squash or not _is_known_settled(places[0], machine, environ):
        _hand_over(event, arguments, environ, places[0] if len(places) == 1 else None)


def _go_elsewhere(argv: "tuple[str, ...]", environ: "Mapping[str, str]") -> None:
    """Become that process; returns where it cannot be started (its interpreter is gone): then we do it."""
    try:
        process.hand_over(argv, env={**environ, _HANDED_OVER: "1"})
    except process.NotStarted:
        return


def _is_known_settled(place: "settled.Place", machine: "settled.Machine", environ: "Mapping[str, str]") -> bool:
    try:
        return not _has_marks(place.failing) and settled.ask(place, machine, environ) is not None
    except JobsyncError:
        return False


def main() -> "NoReturn":
    """The console script. Whatever happens, git must not notice: the status is 0."""
    try:
        _run(sys.argv[1:], os.environ)
    except KeyboardInterrupt:
        pass
    except BaseException as error:
        _report_bug(error)
    process.end(0)


def _report_bug(error: BaseException) -> None:
    """A bug of ours must neither fail nor flood a git command."""
    try:
        from jobsync.reconcile.hook import report_bug
    except BaseException:  # then the installation itself is broken
        print(f"jobsync: this installation is broken ({error}); install jobsync again", file=sys.stderr)
    else:
        report_bug(os.environ)


if __name__ == "__main__":
    main()
