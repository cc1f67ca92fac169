"""`cat`, `logs`: looking, without touching anything."""

import click

from jobsync import local_zone
from jobsync.cli.console import ExitCode, paint, say, say_bytes
from jobsync.cli.context import Context, pass_context
from jobsync.errors import JobsyncError
from jobsync.reconcile import status as statuses
from jobsync.reconcile.origin import Origin
from jobsync.report import Tone
from jobsync.runs import logs as log_files
from jobsync.runs import records
from jobsync.schedulers.protocol import Survey


@click.command()
@click.argument("job")
@pass_context
def cat(context: Context, /, job: str) -> int:
    """Print the files that a sync writes for JOB."""
    origin = context.origin_of(job)
    planned, _ = statuses.gather(origin, local_zone.now())
    definition = planned.want.definitions.get(job)
    if definition is None:
        raise JobsyncError(f"{job} has no valid definition", hint="`jobsync check` says what is wrong")
    for artefact in origin.scheduler.render(definition).artefacts:
        say(paint(f"# {artefact.path}", Tone.QUIET))
        say(artefact.content.decode("utf-8", "replace"))
    return ExitCode.OK


@click.command()
@click.argument("job")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, until the run ends.")
@click.option("--path", "path_only", is_flag=True, help="Print the path of the log, not what is in it.")
@pass_context
def logs(context: Context, /, job: str, *, follow: bool, path_only: bool) -> int:
    """Print the log of the last run of JOB."""
    origin = context.origin_of(job)
    label = origin.scheduler.label(job)
    log = log_files.newest(origin.paths.job_logs(label), job)
    if path_only:
        say(str(log))
        return ExitCode.OK

    def is_over() -> bool:
        run = next((one for one in records.read(origin.paths.runs(job)) if one.id == log.stem), None)
        return not follow or run is None or run.ended is not None or not _is_running(origin, label)

    for chunk in log_files.follow(log, is_over):
        say_bytes(chunk)
    return ExitCode.OK


def _is_running(origin: Origin, label: str) -> bool:
    answer = origin.scheduler.survey()
    loaded = answer.services.get(label) if isinstance(answer, Survey) else None
    return loaded is not None and loaded.pid is not None
