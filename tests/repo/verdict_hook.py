"""Run by a git hook: looks at the situation as jobsync does, and appends the verdict to a file."""

import json
import os
import sys
from pathlib import Path

from jobsync.repo.events import event_from_environment
from jobsync.repo.place import identity, locate, open_repository
from jobsync.repo.situation import situation
from jobsync.repo.verdict import decide


def main() -> None:
    """Arguments: the event, then what git gave to the hook."""
    environ = dict(os.environ)
    event, arguments = event_from_environment(sys.argv[1], tuple(sys.argv[2:]), environ)
    place = locate(environ, str(Path.cwd()))
    assert place is not None
    registered = identity(place.git_dir, place.work_tree) in Path(environ["REGISTERED"]).read_text().split()
    repository = open_repository(place.git_dir, place.work_tree, environ)
    wanted = environ["WANTED"] or None
    facts = situation(repository, place, event, arguments, environ, wanted_branch=wanted, registered=registered)
    verdict = decide(facts)
    record = {
        "event": event,
        "arguments": arguments,
        "sync": verdict.sync,
        "row": verdict.row,
        "notice": verdict.notice,
        "commit": repository.head().commit,
    }
    with Path(environ["LOG"]).open("a") as log:
        log.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
