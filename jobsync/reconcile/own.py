"""jobsync's own jobs: artefacts of a registration, rendered and compared like any other.

`jobsync-finish` has no trigger. A sync that runs inside one of the jobs that it would have to replace kickstarts it:
launchd ends everything that a job started together with the job, so the rest must be done from outside of it.
`jobsync-login` starts at login and does what waits for one: it makes up for runs that launchd forgets, so it is there
wherever some job may be owed one, and it syncs only where `init --at-login` asked for that.
"""

from collections.abc import Iterable

from jobsync.definitions.job import Argv, Job, Priority, Schedule
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.state import Source, Wanted

FINISH = "jobsync-finish"
LOGIN = "jobsync-login"
RESERVED = "jobsync-"
"""No definition may have a name that begins like this."""


def is_own(name: str) -> bool:
    """Whether it is a job of jobsync's own, not of the user's."""
    return name.startswith(RESERVED)


def finish_job(origin: Origin) -> Job:
    """The definition of `jobsync-finish`."""
    return _job(origin, FINISH, "finish", "Finishes what a sync inside a job had to leave", Schedule())


def login_job(origin: Origin) -> Job:
    """The definition of `jobsync-login`."""
    what = "Syncs at login what no git hook announced, and s" if origin.repo.at_login else "S"
    at_login = Schedule(at_login=True, words=("at login",))
    return _job(origin, LOGIN, "login", f"{what}tarts what was missed while this machine was off", at_login)


def needs_login(origin: Origin, jobs: Iterable[Job]) -> bool:
    """Whether one of these jobs needs `jobsync-login` here: launchd forgets what was missed while off."""
    if origin.config.scheduler != "launchd":
        return False
    return any(job.schedule.slots and job.schedule.catch_up != 0 and job.unwanted is None for job in jobs)


def _job(origin: Origin, name: str, verb: str, description: str, schedule: Schedule) -> Job:
    """A job that runs `jobsync-hook VERB REPO` of the recorded installation."""
    config = origin.config
    return Job(
        name=name,
        description=description,
        command=Argv((config.hook, verb, origin.repo.id)),
        directory=config.home,
        home_directory=origin.repo.work_tree,
        schedule=schedule,
        environment=(("JOBSYNC_CONFIG", str(config.file)),),
        priority=Priority.NORMAL,
    )


def own_jobs(origin: Origin, *, needs_login: bool = False) -> dict[str, Wanted]:
    """What the registration has, whatever the repository defines. `needs_login`: some job needs `jobsync-login`."""
    jobs = [finish_job(origin)]
    if origin.repo.at_login or needs_login:
        jobs.append(login_job(origin))
    return {job.name: _wanted(origin, job) for job in jobs}


def _wanted(origin: Origin, job: Job) -> Wanted:
    return Wanted(
        rendering=origin.scheduler.render(job),
        source=Source.HEAD,
        entries={},
        inputs=(),
        in_head=False,
        at_login=job.schedule.at_login,
        cause="this registration's own",
    )
