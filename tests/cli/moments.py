"""A fixed moment, and jobs as they may stand then: what screens are made of."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from jobsync.definitions.job import Job, Line
from jobsync.reconcile.standing import JobStatus, State
from jobsync.runs.records import Run

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 25, 10, 0, tzinfo=BERLIN)


def second(**ago: float) -> int:
    """The second (epoch) so long before the moment."""
    return int((NOW - timedelta(**ago)).timestamp())


def run(status: int | None = 0, seconds: int = 4, attempts: int = 1, reason: str = "", **ago: float) -> Run:
    """One that began so long ago and took so many seconds; `status=None`: it has no end."""
    began = second(**ago)
    ended = None if status is None else began + seconds
    return Run(f"id-{began}", began, pid=1, ended=ended, status=status, attempts=attempts, reason=reason)


def job(name: str) -> Job:
    return Job(name=name, description="", command=Line("true"), directory="/", home_directory="/")


def standing(
    name: str, state: State, schedule: str = "daily at 09:00", detail: str = "", last: Run | None = None,
    next_run: datetime | None = None, pid: int | None = None, since: int | None = None, until: int | None = None,
) -> JobStatus:  # fmt: skip
    return JobStatus(
        name, f"test.{name}", schedule, state, detail, pid, last, next_run, job(name), None, since, until, None
    )


TOMORROW = datetime(2026, 3, 26, 9, 0, tzinfo=BERLIN)
JOBS = (
    standing("backup", State.FAILING, "mon-fri at 09:00", last=run(78, hours=1), next_run=TOMORROW,
             since=second(days=2, hours=1)),
    standing("feed", State.MISSED, "every 15m", last=run(hours=9), next_run=NOW + timedelta(minutes=15)),
    standing("news", State.DRIFT, last=run(124, 61, attempts=3, reason="timeout", days=3)),
    standing("brief", State.PAUSED, "daily at 8:30; at login", until=second(hours=-4)),
    standing("inbox", State.OK, "when ~/In is not empty", last=run(0, 7384, minutes=125)),
    standing("tunnel", State.RUNNING, "daemon", last=run(None, days=3, hours=1), pid=7),
    standing("draft", State.LOCAL, next_run=TOMORROW),
    standing("old", State.ELSEWHERE),
)  # fmt: skip
