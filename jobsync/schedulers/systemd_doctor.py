"""What only systemd knows of a job's health: lingering, masks and overriding copies, links that a boot follows.

Reads only. Facts: loginctl(1); units of `~/.local/share/systemd/user` are overridden from `~/.config/systemd/user`.
"""

import os
import shlex
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from jobsync import files
from jobsync.definitions.job import Job
from jobsync.findings import Finding, Subject, Sync, error, info, warning
from jobsync.paths import Paths
from jobsync.schedulers import units
from jobsync.schedulers.protocol import Answer, Rendering, Survey
from jobsync.schedulers.units_list import Unit

_UNREADABLE = ("bad-setting", "error")


def _reboot(jobs: Collection[Job], *, lingers: bool) -> Iterator[Finding]:
    if jobs and not lingers:
        yield info(
            "jobs run only while you are logged in",
            meaning="after a boot nothing runs before your first login, and nothing after your last logout",
            command="loginctl enable-linger",
        )


def _overrides(
    jobs: Collection[Job], answer: Answer, held: Mapping[str, Unit], prefix: str, paths: Paths, runtime: str
) -> Iterator[Finding]:
    disabled = answer.disabled if isinstance(answer, Survey) else {}
    for job in jobs:
        label = f"{prefix}.{job.name}"
        if label in disabled:
            yield info(
                "you switched it off in systemd",
                job.name,
                meaning="it is not started, and jobsync leaves it so",
                command=f"{disabled[label]} && jobsync sync",
            )
        for suffix in units.SUFFIXES:
            yield from _of_unit(job.name, f"{label}.{suffix}", paths, runtime)
            yield from _refused(job.name, f"{label}.{suffix}", held)


def _removal(path: Path) -> str:
    """The command that removes a file, as whoever may."""
    return f"{'' if os.access(path.parent, os.W_OK) else 'sudo '}rm {shlex.quote(str(path))}"


def _of_unit(job: str, unit: str, paths: Paths, runtime: str) -> Iterator[Finding]:
    for place in paths.overriding(runtime):
        copy, extra = place / unit, place / f"{unit}.d"
        if files.is_file(copy) and not files.is_link(copy):
            yield warning(
                f"{copy} is used instead of jobsync's",
                job,
                meaning="what a sync changes there takes no effect",
                # Not `systemctl revert`, which takes copies away of units below /usr alone.
                command=f"{_removal(copy)} && systemctl --user daemon-reload",
            )
        if any(extra.glob("*.conf")):
            yield info(f"{extra} changes it", job, meaning="jobsync leaves that to you")


def _refused(job: str, unit: str, held: Mapping[str, Unit]) -> Iterator[Finding]:
    """Ours are well-formed: it is what somebody added or put in their place. A timer goes on, and starts nothing."""
    if unit in held and held[unit].load in _UNREADABLE:
        yield error(
            f"systemd cannot use {unit} as it is ({held[unit].load})",
            job,
            meaning="it does not start; mend what you added to it, then `systemctl --user daemon-reload`",
            command=f"systemctl --user status {unit}",
        )


def _links(renderings: Collection[tuple[str, Rendering]], answer: Answer) -> Iterator[Finding]:
    disabled = answer.disabled if isinstance(answer, Survey) else {}
    for name, rendering in renderings:
        gone = [one.path for one in rendering.artefacts if one.is_link and not files.is_link(Path(one.path))]
        if gone and rendering.label not in disabled:
            yield error(
                f"{', '.join(gone)} is not there",
                name,
                meaning="it would not start after the next boot or login",
                command="jobsync sync",
                repair=Sync(),
            )


def inspect(
    subject: Subject,
    jobs: Collection[Job],
    answer: Answer,
    held: Mapping[str, Unit],
    renderings: Collection[tuple[str, Rendering]],
    paths: Paths,
    *,
    prefix: str,
    runtime: str,
    lingers: bool,
) -> Collection[Finding] | None:
    """See the protocol; `JobsyncError` where a directory of units or links cannot be looked into.

    `held`: the manager's table. `renderings`: name of a job, and what it renders to.
    """
    match subject:
        case Subject.REBOOT:
            return tuple(_reboot(jobs, lingers=lingers))
        case Subject.OVERRIDES:
            return tuple(_overrides(jobs, answer, held, prefix, paths, runtime))
        case Subject.LINKS:
            return tuple(_links(renderings, answer))
        case Subject.PRIVACY | Subject.DOMAIN | Subject.NOTIFICATIONS:
            return None
