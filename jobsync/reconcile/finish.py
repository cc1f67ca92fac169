"""Finishes what others left: first what a hook had no time for, then deferred changes as the runs in their way end.

Runs detached in a session of its own, or as the job `jobsync-finish`. What is to be done stands in a file that every
sync keeps true, so it does not matter who waits, whether somebody waits at all, or whether a waiter is killed.
"""

import time
from collections.abc import Mapping
from contextlib import suppress

from jobsync import files, lock, process, report
from jobsync.errors import JobsyncError
from jobsync.reconcile import background, deferred
from jobsync.reconcile import sync as syncing
from jobsync.reconcile.background import Background
from jobsync.reconcile.deferred import Request
from jobsync.reconcile.origin import Origin, not_registered, open_registered, situation_now
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Caller
from jobsync.repo.verdict import decide, refusal_by_hand

LONGEST_WAIT = 12 * 3600.0
"""Seconds after which a waiter gives up; the next sync finishes it all the same."""
_MOST_FAILURES = 60
"""So many syncs in a row that could not be done at all: what lasts for five minutes is no trouble of the moment."""
_FRESH = 5.0
"""Seconds that a waiter trusts itself to be what is installed."""
_PAUSE = 0.5
_LONGEST_PAUSE = 5.0
_LONGEST_REST = 60.0
"""Seconds between two looks at git where its state forbids the change: the hook that ends that state syncs too."""


def _carry_on(origin: Origin) -> None:
    """Do what a hook has handed on, and remember what came of it; nothing handed on: nothing is done.

    Nor where somebody else is about it.
    """
    if _owed(origin) is None:
        return
    with suppress(lock.Locked), lock.hold(origin.paths.worker, timeout=0):
        owed = _owed(origin)
        if owed is None:
            return
        while owed.errand and process.is_alive(owed.errand):
            time.sleep(_PAUSE)
        if told := _sync_from_hook(origin):
            background.write(origin, Background(owed.begun, int(time.time()), told))
        else:
            background.forget(origin)


def _as_it_is_now(origin: Origin) -> Origin:
    """Opened anew, for the configuration may be another one than hours ago. `JobsyncError`: registered no longer."""
    found = open_registered(origin.repo.id, deferred.environment(origin))
    if found is None:
        raise not_registered(origin.repo)
    return found


def _owed(origin: Origin) -> Background | None:
    """What a hook has handed on and nobody has finished."""
    found = background.read(origin)
    return None if found is None or found.is_over else found


def _sync_from_hook(origin: Origin) -> tuple[str, ...]:
    """What came of it, in the words of a hook."""
    try:
        done = syncing.sync_from_hook(_as_it_is_now(origin))
    except JobsyncError as error:
        return (error.message,)
    return tuple(report.hook_lines(done)) if done else ()


def _ready(requests: Mapping[str, Request]) -> dict[str, Request]:
    """Those whose run is over."""
    return {name: one for name, one in requests.items() if not process.is_alive(one.pid)}


def _wait(origin: Origin, deadline: float) -> bool:
    """Wait until something can be finished; False when the deadline comes first or nothing is left to wait for."""
    pause = _PAUSE
    while requests := deferred.read(origin):
        if time.monotonic() > deadline:
            return False
        if _ready(requests):
            return True
        with suppress(JobsyncError):  # `status` says of it that it was not finished
            _carry_on(origin)  # a hook inside of a job found us at work, and could start nobody else
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
    return False


def _finish_once(origin: Origin) -> None:
    """What git's state forbids to whoever asked for it is left: a run may end in the middle of a rebase."""
    origin = _as_it_is_now(origin)
    now = situation_now(origin, {}, wanted_branch=origin.repo.branch)
    ready = _ready(deferred.read(origin))
    by_hand = {name: one.removes for name, one in ready.items() if one.caller is Caller.HAND}
    for removes in set(by_hand.values()) if refusal_by_hand(now) is None else ():
        # A job that was to be changed may be gone from the work tree by now, be it for a moment.
        names = [name for name in by_hand if by_hand[name] is removes]
        syncing.sync(origin, Orders(removes=removes), names)
    if len(by_hand) < len(ready) and decide(now).sync:
        syncing.sync_from_hook(origin)


def _rest(origin: Origin, seconds: float) -> None:
    """Sleep so long, or until something else is ready."""
    until = time.monotonic() + seconds
    before = _ready(deferred.read(origin))
    while time.monotonic() < until and _ready(deferred.read(origin)) == before:
        time.sleep(_LONGEST_PAUSE)


def _renew(origin: Origin) -> None:
    """Become the program that is installed by now, which looks at once at what is ready. What this one has not imported
    yet may be of another version since an upgrade."""
    with suppress(JobsyncError):  # no program any more: this one does it as well as it can
        now = _as_it_is_now(origin)
        process.hand_over(deferred.finisher(now), env=deferred.environment(now))


def _finish_all(origin: Origin, deadline: float) -> None:
    failures, rest = 0, _LONGEST_PAUSE
    begun, has_looked = time.monotonic(), False
    while _wait(origin, deadline):
        if not has_looked and time.monotonic() - begun > _FRESH:
            _renew(origin)
        has_looked = True
        before = deferred.read(origin)
        try:
            _finish_once(origin)
            failures = 0
        except JobsyncError:  # a run may end with the machine about to sleep, or in the middle of a long sync
            failures += 1
            if failures == _MOST_FAILURES:
                raise
        is_stuck = deferred.read(origin) == before
        if failures or not is_stuck:
            rest = _LONGEST_PAUSE
        if is_stuck:
            _rest(origin, rest)
            rest = min(rest * 2, _LONGEST_REST)


def finish(origin: Origin, patience: float = LONGEST_WAIT) -> None:
    """Finish everything that is deferred, as it becomes possible. Returns at once when somebody else is at it.

    `JobsyncError` when no sync can be done at all, for minutes.
    """
    files.make_directory(origin.paths.state)
    deadline = time.monotonic() + patience
    _carry_on(origin)
    try:
        # Again: who came for something else to wait for, while we had stopped to look and had the lock, went away.
        while deferred.read(origin) and time.monotonic() <= deadline:
            with lock.hold(origin.paths.waiter, timeout=0):
                _finish_all(origin, deadline)
    except lock.Locked:
        return


def run(repo_id: str, environ: Mapping[str, str]) -> None:
    """`jobsync-hook finish REPO`. Nobody listens: what goes wrong stays visible in `status`."""
    with suppress(JobsyncError):
        if origin := open_registered(repo_id, environ):
            finish(origin)
