"""All that the checks look at, read once. Changes nothing."""

import os
import shlex
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path

from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin, situation_now
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.planning import Planned, plan
from jobsync.reconcile.state import Change, Outcome, Unwanted
from jobsync.repo import waking
from jobsync.repo.verdict import refusal_by_hand
from jobsync.repo.waking import Way
from jobsync.runs import records
from jobsync.runs.records import Run
from jobsync.schedulers.protocol import Answer, Loaded, Survey
from jobsync.values import dataclass, field


@dataclass
class View:
    """One repository on this machine, as one `doctor` sees it. Every part is read when first asked for."""

    origin: Origin
    now: datetime
    """Aware, in the machine's zone."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of whoever called."""
    only: str = ""
    """The one job that is asked about; empty: all."""

    @cached_property
    def planned(self) -> Planned:
        """What a sync would do now. `JobsyncError` as `planning.plan` says."""
        return plan(self.origin, Orders())

    @cached_property
    def unrest(self) -> str:
        """Why a sync by hand would refuse now, as `a bisect is under way`; empty where it would not."""
        return refusal_by_hand(situation_now(self.origin, self.environment, wanted_branch=None)) or ""

    @property
    def answer(self) -> Answer:
        """What the scheduler said."""
        return self.planned.observed.answer

    def is_meant(self, name: str) -> bool:
        """Whether this job is asked about."""
        return self.only in ("", name)

    @cached_property
    def jobs(self) -> Mapping[str, Job]:
        """The valid definitions that this machine shall have, by name."""
        return {
            name: job
            for name, job in sorted(self.planned.want.definitions.items())
            if job.unwanted is None and self.is_meant(name)
        }

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every job of the user's that is defined, well or badly, or installed."""
        known = {*self.planned.want.jobs, *self.planned.want.definitions, *self.planned.observed.orphans}
        return tuple(name for name in sorted(known) if not is_own(name) and self.is_meant(name))

    def changes(self, *outcomes: Outcome) -> Iterable[Change]:
        """What a sync would do, of these kinds; jobsync's own jobs included."""
        return [one for one in self.planned.plan.changes if one.outcome in outcomes and self._concerns(one.name)]

    def _concerns(self, name: str) -> bool:
        return self.is_meant(name) or is_own(name)

    def label(self, name: str) -> str:
        """The label of a job, as it is installed or would be."""
        record = self.planned.ledger.records.get(name)
        return record.label if record else self.origin.scheduler.label(name)

    def loaded(self, name: str) -> Loaded | None:
        """What the scheduler says of it; None: not loaded, or not known."""
        return self.answer.services.get(self.label(name)) if isinstance(self.answer, Survey) else None

    def runs(self, name: str) -> tuple[Run, ...]:
        """Its recorded runs, oldest first; none where they are `hidden`."""
        return self._known(name)[0]

    def hidden(self, name: str) -> JobsyncError | None:
        """Why its runs cannot be told; None where they can."""
        return self._known(name)[1]

    def _known(self, name: str) -> tuple[tuple[Run, ...], JobsyncError | None]:
        if name not in self._runs:
            self._runs[name] = records.known(self.origin.paths.runs(name))
        return self._runs[name]

    @cached_property
    def _runs(self) -> dict[str, tuple[tuple[Run, ...], JobsyncError | None]]:
        return {}

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """How each event of git reaches us, tried out once, as `jobsync hooks status` does it."""
        return waking.ways_tried(self.origin.repository, self.origin.config, self.origin.paths.state)

    @cached_property
    def scheduler_version(self) -> str:
        """The scheduler's own words; empty where it cannot be asked."""
        return self.origin.scheduler.version()

    def is_unwanted(self, name: str) -> bool:
        """Defined, and not for this machine or not any more."""
        return isinstance(self.planned.want.jobs.get(name), Unwanted)

    @property
    def git(self) -> str:
        """git as somebody types it for the repository: see `typed`."""
        return typed(self.origin.repo.git_dir, self.origin.repo.work_tree)

    def path_of(self, job: Job) -> str:
        """PATH as the job sees it."""
        return ":".join((*job.path, self.origin.config.path))


def typed(git_dir: str, work_tree: str) -> str:
    """git as somebody types it for this repository, from any directory; a path behind it starts at the work tree.

    A bare repository with the home as its work tree is found by no `git -C`.
    """
    there = shlex.quote(work_tree)
    inside = Path(work_tree, ".git")
    if inside.is_file() or os.path.realpath(inside) == os.path.realpath(git_dir):
        return f"git -C {there}"
    return f"git -C {there} --git-dir {shlex.quote(git_dir)} --work-tree {there}"
