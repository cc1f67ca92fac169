"""Loads jobs under a scheduler's real manners. launchd's: refusals that pass or took, starts that never come."""

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from jobsync.errors import JobsyncError
from jobsync.schedulers.protocol import Answer, Failures, NoSession, Scheduler, SchedulerError, SessionAway, Survey

RETRY_PAUSE = 0.2
"""Seconds until a refused load is tried again for the first time; doubled each time after that."""
_LONGEST_PAUSE = 2.0
_TRIES = 5
"""A bootstrap may be refused while launchd still tidies up behind the old job, though its label is gone already."""
_SPAWN_PATIENCE = 2.0
"""Seconds for a daemon to be started after it was loaded."""
_PAUSE = 0.1

UNCONFIRMED = "the scheduler did not say whether it took"
FORGOTTEN = "the scheduler accepted it and does not know it"


class SessionEnded(JobsyncError):
    """The session that runs jobs went away while the job was loaded: the next login loads it."""


class Loader:
    """`progress` hears what takes time; `retry_pause` as `RETRY_PAUSE`."""

    def __init__(self, scheduler: Scheduler, progress: Callable[[str], None], retry_pause: float) -> None:
        self._scheduler = scheduler
        self._progress = progress
        self._retry_pause = retry_pause

    def load(self, meant: Mapping[str, str], reread: Collection[str] = ()) -> Failures:
        """Load; where one job after the other is loaded, look whether a refusal took all the same, and try again.

        `meant`: label -> load digest. `SchedulerError` for what is refused for good; `SessionEnded` when there is
        nothing left to load it into; another `JobsyncError` when the scheduler did not answer.
        """
        if self._scheduler.manners.loads_together:
            return self._scheduler.load(tuple(meant), reread)
        failures: dict[str, JobsyncError] = {}
        for label, digest in meant.items():
            try:
                self._load_patiently(label, digest)
            except JobsyncError as error:
                failures[label] = error
        return failures

    def _load_patiently(self, label: str, digest: str) -> None:
        pause = self._retry_pause
        for tries_left in reversed(range(_TRIES)):
            error = self._scheduler.load([label]).get(label)
            if error is None:
                return
            answer = self._scheduler.survey()
            if isinstance(answer, NoSession):
                raise SessionEnded(answer.reason) from error
            if self._took(label, digest, answer):
                return
            if not isinstance(error, SchedulerError):
                raise error
            if not tries_left:
                raise self._refusal(label, error) from error
            self._progress(f"loading {label} again: {error.message}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _took(self, label: str, digest: str, answer: Answer) -> bool:
        """Whether it is loaded, and is the one that was meant: a job that is still ending has the label too."""
        if not isinstance(answer, Survey) or label not in answer.services:
            return False
        try:
            identity = self._scheduler.identify(label)
        except JobsyncError:
            return False
        return identity is not None and identity.digest == digest

    def _refusal(self, label: str, error: SchedulerError) -> JobsyncError:
        if isinstance(error, SessionAway):
            return SessionEnded(error.message)
        return SchedulerError(f"{self._scheduler.why_refused(label)} ({error.message})")

    def confirm(self, label: str, *, is_daemon: bool) -> None:
        """Make sure that a load took, and that a daemon runs. `SchedulerError` when it did not, or nobody can tell."""
        answer = self.kick_pended([label] if is_daemon else [], self._scheduler.survey())
        if not isinstance(answer, Survey):
            raise SchedulerError(UNCONFIRMED)
        found = answer.services.get(label)
        if found is None or not found.is_armed:
            raise SchedulerError(FORGOTTEN)

    def kick_pended(self, daemons: Collection[str], answer: Answer) -> Answer:
        """Start the daemons among these labels that are loaded and were not started: launchd may pend that for ever.

        Never for other jobs: a start of theirs would be a run. `answer` is the newest survey; gives the newest then.
        """
        deadline = time.monotonic() + _SPAWN_PATIENCE
        while pended := [label for label in daemons if _never_started(answer, label)]:
            if time.monotonic() > deadline:
                for label in pended:
                    self._progress(f"starting {label}")
                    with suppress(JobsyncError):  # it is loaded all the same, and `status` says that it does not run
                        self._scheduler.start(label)
                return answer
            time.sleep(_PAUSE)
            answer = self._scheduler.survey()
        return answer


def _never_started(answer: Answer, label: str) -> bool:
    """Loaded, not running, and never ended."""
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    return loaded is not None and loaded.pid is None and loaded.status is None
