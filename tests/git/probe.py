"""Stands in the place of `jobsync-hook`: writes down event and verdict, then is `jobsync-hook`."""

import os
import sys
from pathlib import Path

from jobsync.entry import main
from jobsync.repo.events import event_from_environment
from jobsync.repo.place import identity, locate, open_repository
from jobsync.repo.situation import situation
from jobsync.repo.verdict import Verdict, decide


def _verdict(event: str, arguments: tuple[str, ...]) -> Verdict:
    environ = dict(os.environ)
    place = locate(environ, str(Path.cwd()))
    assert place is not None
    registered = identity(place.git_dir, place.work_tree) in environ["PROBE_REPOS"].split()
    repository = open_repository(place.git_dir, place.work_tree, environ)
    wanted = environ.get("PROBE_BRANCH")
    return decide(situation(repository, place, event, arguments, environ, wanted_branch=wanted, registered=registered))


def run() -> None:
    """As the executable that the configuration names."""
    event, arguments = event_from_environment(sys.argv[1], tuple(sys.argv[2:]), os.environ)
    found = _verdict(event, arguments)
    with Path(os.environ["PROBE_LOG"]).open("a") as log:
        log.write(f"{event.removeprefix('post-')}:{found.row}{'+' if found.sync else ''}\n")
    main()
