"""What `jobsync-login` does at login: make up for missed runs, and sync by the rules of the hooks where that is wanted.

It is there for nearly everybody, asked for or not. So without `init --at-login` it changes no job and says nothing of
git: a login starts what the schedule promised, and no more. The sync is for everything that no hook announced: `git
reset`, a pull by a program that runs no hooks, a hook that was killed.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from jobsync import local_zone, report
from jobsync.columns import cell
from jobsync.errors import JobsyncError
from jobsync.reconcile.catching_up import catch_up
from jobsync.reconcile.origin import Origin, open_registered, situation_now
from jobsync.reconcile.sync import sync_from_hook
from jobsync.repo.verdict import Verdict, decide


def verdict(origin: Origin, environ: Mapping[str, str]) -> Verdict:
    """What a hook would do now, were there one: for syncs of HEAD that nobody watches."""
    return decide(situation_now(origin, environ, wanted_branch=origin.repo.branch))


def run(repo_id: str, environ: Mapping[str, str]) -> None:
    """`jobsync-hook login REPO`. What changed, and what went wrong, goes into the log of this run."""
    origin = None
    with _told():
        origin = open_registered(repo_id, environ)
    if origin is None:
        return
    if origin.repo.at_login:
        with _told():
            _sync(origin, environ)
    with _told():
        _say(catch_up(origin, local_zone.now()))


@contextmanager
def _told() -> Iterator[None]:
    """Known trouble becomes lines, and what comes behind it is done all the same."""
    try:
        yield
    except JobsyncError as error:
        _say([error.message, *([f"  {error.hint}"] if error.hint else [])])


def _sync(origin: Origin, environ: Mapping[str, str]) -> None:
    decided = verdict(origin, environ)
    if decided.sync and (done := sync_from_hook(origin)):
        _say(report.hook_lines(done))
    elif decided.notice:
        _say([decided.notice])


def _say(lines: list[str]) -> None:
    for line in lines:
        sys.stderr.write(f"jobsync: {cell(line)}\n")
