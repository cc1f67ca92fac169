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
        """Load, all in one call; where a refusal may have taken, or may pass, look and try again.

        `meant`: label -> load digest. `SchedulerError` for what is refused for good; `SessionEnded` when there is
        nothing left to load it into; another `JobsyncError` when the scheduler did not answer.
        """
        refused = self._scheduler.load(tuple(meant), reread)
        if self._scheduler.manners.loads_together:
            return refused
        failures: dict[str, JobsyncError] = {}
        self._insist(meant, self._after_all(meant, refused) if len(meant) > 1 else refused, failures)
        return failures

    def _after_all(self, meant: Mapping[str, str], refused: Failures) -> dict[str, JobsyncError]:
        """What one call for several left out, each tried by itself now: one may have spoilt it for all.

        launchctl's status is one for all of them, so they are looked for whatever it was.
        """
        answer = self._scheduler.survey()
        if not isinstance(answer, Survey):
            return dict(refused)
        left = [label for label in meant if label not in answer.services]
        left += [label for label in refused if label in answer.services and not self._took(label, meant[label], answer)]
        again = (self._scheduler.load([label]) for label in left)
        return {label: error for found in again for label, error in found.items()}

    def _insist(
        self, meant: Mapping[str, str], refused: Mapping[str, JobsyncError], failures: dict[str, JobsyncError]
    ) -> None:
        """Look whether a refusal took all the same, and try again, each job by itself. What stays out: `failures`."""
        pause = self._retry_pause
        for tries_left in reversed(range(_TRIES)):
            refused = self._left_out(meant, refused, failures)
            if refused and not tries_left:
                failures |= {label: self._refusal(label, error) for label, error in refused.items()}
            if not refused or not tries_left:
                return
            for label, error in refused.items():
                self._progress(f"loading {label} again: {error.message}")
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            again = (self._scheduler.load([label]) for label in refused)
            refused = {label: error for found in again for label, error in found.items()}

    def _left_out(
        self, meant: Mapping[str, str], refused: Mapping[str, JobsyncError], failures: dict[str, JobsyncError]
    ) -> dict[str, JobsyncError]:
        """Those of the refused ones that are worth another try; what is not goes into `failures`."""
        answer = self._scheduler.survey() if refused else None
        if isinstance(answer, NoSession):
            failures |= dict.fromkeys(refused, SessionEnded(answer.reason))
            return {}
        left = {label: error for label, error in refused.items() if not self._took(label, meant[label], answer)}
        # A call that did not end is not made again.
        failures |= {label: error for label, error in left.items() if not isinstance(error, SchedulerError)}
        return {label: error for label, error in left.items() if label not in failures}

    def _took(self, label: str, digest: str, answer: Answer | None) -> bool:
        """Whether it is loaded, and is the one that was meant: a job that is still ending has the label too."""
        if not isinstance(answer, Survey) or label not in answer.services:
            return False
        try:
            identity = self._scheduler.identities([label]).get(label)
        except JobsyncError:
            return False
        return identity is not None and identity.digest == digest

    def _refusal(self, label: str, error: JobsyncError) -> JobsyncError:
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
