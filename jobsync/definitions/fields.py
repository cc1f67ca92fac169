"""The meaning of a job's keys: the tables of one definition become a `Job`, and faults are noted on the way.

The readers of single keys serve job.toml and `[defaults]` alike.
"""

import re
from collections.abc import Collection
from enum import Enum
from fnmatch import fnmatchcase
from typing import TypeVar

from jobsync.definitions.command import read_command
from jobsync.definitions.document import shown, unfit
from jobsync.definitions.job import SHELLS_OWN, Job, Line, Machine, Priority, Restart, Schedule
from jobsync.definitions.launchd_keys import PRIORITY_KEYS, launchd_fault
from jobsync.definitions.places import DIRECTORY, LINK, Surroundings, first_link, repository_path
from jobsync.definitions.secrets import secret_fault
from jobsync.definitions.section import Section
from jobsync.definitions.supervision import (
    check_daemon,
    check_wait,
    read_expect,
    read_limits,
    read_notify,
    read_retry,
    read_when,
)
from jobsync.definitions.systemd_keys import ALLOWED as UNIT_KEYS
from jobsync.definitions.systemd_keys import PRIORITY_KEYS as UNIT_PRIORITY_KEYS
from jobsync.definitions.systemd_keys import systemd_fault, unit_value
from jobsync.definitions.triggers import CLOCK_KEYS, PLACE_KEYS, read_schedule
from jobsync.definitions.vocabulary import OPEN_TABLES, TABLES, keys_of, top_level_keys, unknown
from jobsync.errors import JobsyncError

E = TypeVar("E", bound=Enum)

_MOST_UNKNOWN = 50

SYSTEMS = ("macos", "linux")
_OTHER_SYSTEMS = {"darwin": "macos", "mac": "macos", "osx": "macos", "mac os": "macos"}
ENV_NAME = "[A-Za-z_][A-Za-z0-9_]*"


def check_keys(section: Section) -> None:
    """A fault for each key that is not job.toml's, in the top level and in the tables below it."""
    check_known(section, keys_of(""))
    for name in TABLES:
        if name not in OPEN_TABLES:
            check_known(section.table(name), keys_of(name))


def check_known(section: Section, known: tuple[str, ...]) -> None:
    """A fault for each key of the section that is not known; from so many on, one for all the others."""
    found = [key for key in section.values if key not in known]
    for key in found[:_MOST_UNKNOWN]:
        section.fault(key, unknown(section.name, key, known))
    if len(found) > _MOST_UNKNOWN:
        section.fault(
            "", f"{len(found) - _MOST_UNKNOWN} further keys are not known; is this a job's definition? Take them out"
        )


def _choice(section: Section, key: str, choices: type[E], default: E) -> E:
    text = section.text(key)
    if text is None:
        return default
    try:
        return choices(text)
    except ValueError:
        known = " or ".join(f'"{choice.value}"' for choice in choices)
        section.fault(key, f"{shown(text)} is not known; write {known}")
        return default


def _path_entry(text: str, around: Surroundings) -> str:
    found = around.place(text)
    if ":" in found:
        raise JobsyncError(f"{shown(text)} holds a colon, which separates directories; write one per text")
    return found


def read_path(section: Section, around: Surroundings) -> tuple[str, ...]:
    """Directories in front of the machine's PATH."""
    found = section.parsed("path", section.texts("path", may_be_empty=True), lambda text: _path_entry(text, around))
    return tuple(dict.fromkeys(found))


def read_directory(section: Section, around: Surroundings) -> str | None:
    """Where the command runs; None when absent or faulty."""
    return next(iter(section.parsed("dir", [section.text("dir")], around.place)), None)


def _input(text: str, around: Surroundings) -> str:
    found = repository_path(text, around.directory)
    above, _, _ = found.rpartition("/")
    if above and (link := first_link(around.tree, above)):
        raise JobsyncError(
            f"{shown(text)} leads through the link {link}, and git sees no change behind one; name the file where it is"
        )
    mode = around.tree.mode(found)
    if mode is None or (mode == DIRECTORY and not around.tree.names(found)):  # git holds no empty directory
        raise JobsyncError(
            f"{shown(text)} is {found} in the repository, where no file of it is, submodules aside; correct it"
        )
    return found


def read_inputs(section: Section, around: Surroundings) -> tuple[str, ...]:
    """The job's directory, then the declared inputs that are not inside it, and what these and its files lead to."""
    own = around.directory
    found = section.parsed("inputs", section.texts("inputs", may_be_empty=True), lambda text: _input(text, around))
    links = [path for path in (f"{own}/job.toml", f"{own}/run") if around.tree.mode(path) == LINK]
    # git holds of a link where it leads: an edit of what is there leaves it as it is.
    outside = (*found, *(path for link in (*links, *found) if (path := _real(link, around))))
    return (own, *dict.fromkeys(path for path in outside if path != own and not path.startswith(f"{own}/")))


def _real(path: str, around: Surroundings) -> str:
    """Empty where it leads out of the repository, which whoever reads it has said, or to the whole of it."""
    try:
        return around.tree.real(path)
    except JobsyncError:
        return ""


def _env_fault(name: str, value: object, job: str, top: str) -> str | None:
    if name == "PATH":
        return f'is made from the machine\'s; write {top}: path = ["~/.bun/bin"]'
    if name in top_level_keys():
        return (
            f"`{name}` belongs above the first [table]: a line below a header belongs to that table "
            "(a variable of this name is the script's to set)"
        )
    if not re.fullmatch(ENV_NAME, name):
        return f"{shown(name)} is not a variable's name; letters, digits and _ make one"
    if name.startswith("JOBSYNC_"):
        return "names that start with JOBSYNC_ are jobsync's own; write another name"
    if name in SHELLS_OWN:
        return "belongs to the shell; write another name"
    return _env_value_fault(name, value, job)


def _env_value_fault(name: str, value: object, job: str) -> str | None:
    if isinstance(value, str):
        return secret_fault(name, value, job) or unfit(value, lines=True)
    if isinstance(value, bool) or (isinstance(value, int | float) and abs(value) < 10**15):
        return f'is not a text; write it in quotes: {name} = "{str(value).lower()}"'
    return f'{shown(value)} is not a text; write {name} = "…"'


def read_environment(section: Section, job: str) -> tuple[tuple[str, str], ...]:
    """`[env]`, sorted by name. `job` names the file that its secrets belong into."""
    found = []
    top = "below [defaults]" if section.prefix.startswith("defaults.") else "above the first [table]"
    for name, value in sorted(section.values.items()):
        if wrong := _env_fault(name, value, job, top):
            section.fault(name, wrong)
        else:
            found.append((name, str(value)))
    return tuple(found)


def _fault_two_priorities(section: Section, key: str) -> None:
    # That one may be a default, which a job cannot leave out.
    section.fault(
        key,
        'does not go together with limits.priority = "background"; leave it out, or write below [limits]: '
        'priority = "normal"',
    )


def read_launchd(section: Section, priority: Priority) -> dict[str, object]:
    """`[launchd]`: the raw keys, sorted, each of its type."""
    found = {}
    for key, value in sorted(section.values.items()):
        if wrong := launchd_fault(key, value):
            section.fault(key, wrong)
        elif priority is Priority.BACKGROUND and key in PRIORITY_KEYS:
            _fault_two_priorities(section, key)
        else:
            found[key] = value
    return found


def _read_unit(section: Section, kind: str, priority: Priority) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in sorted(section.values.items()):
        if wrong := systemd_fault(kind, key, value):
            section.fault(key, wrong)
        elif priority is Priority.BACKGROUND and key in UNIT_PRIORITY_KEYS:
            _fault_two_priorities(section, key)
        else:
            found[key] = (unit_value(key, value),)
    return found


def read_systemd(section: Section, priority: Priority) -> dict[str, dict[str, tuple[str, ...]]]:
    """`[systemd.service]` and its like: the raw keys by kind of unit, sorted, as systemd reads their values."""
    tables = {kind: section.table(kind) for kind in UNIT_KEYS if kind in section.values}
    found = {kind: _read_unit(table, kind, priority) for kind, table in tables.items()}
    return {kind: keys for kind, keys in found.items() if keys}


def _check_units(section: Section, triggers: Collection[str]) -> None:
    """A fault for raw keys of a unit that the job, with these keys of `[schedule]`, does not have."""
    if "timer" in section.values and not {*triggers} & {*CLOCK_KEYS}:
        section.fault("timer", 'is for jobs with a time; write below [schedule]: at = "mon-fri 09:00", or leave it out')
    if "path" in section.values and not {*triggers} & {*PLACE_KEYS}:
        section.fault(
            "path", 'is for jobs that a path starts; write below [schedule]: on_change = ["~/.netrc"], or leave it out'
        )


def _check_watched(section: Section, schedule: Schedule) -> None:
    for key, paths in (("on_change", schedule.on_change), ("on_files", schedule.on_files)):
        for path in paths:
            # systemd takes a blank there for nothing, and a backslash for a line that goes on; it knows no quotes here.
            if path.endswith((" ", "\\")):
                section.fault(
                    key,
                    f"{shown(path)} ends in a blank or a backslash, which systemd cannot watch; rename it, or keep the "
                    'job to the Mac: below [only], os = "macos"',
                )


def read_priority(section: Section) -> Priority:
    """`limits.priority`."""
    return _choice(section, "priority", Priority, Priority.NORMAL)


def _check_patterns(section: Section, key: str, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        if not pattern.removeprefix("!").strip():
            section.fault(key, f"{shown(pattern)} names nothing; write {section.example(key)}")


def _is_meant(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    """Whether no `!pattern` matches and, where there are others, one of those does. Without regard to case."""
    folded = [name.casefold() for name in names]
    refused = [pattern[1:].casefold() for pattern in patterns if pattern.startswith("!")]
    wanted = [pattern.casefold() for pattern in patterns if not pattern.startswith("!")]
    if any(fnmatchcase(name, pattern) for name in folded for pattern in refused):
        return False
    return not wanted or any(fnmatchcase(name, pattern) for name in folded for pattern in wanted)


def _read_system(section: Section) -> str | None:
    system = section.text("os")
    if system is None or system in SYSTEMS:
        return system
    known = _OTHER_SYSTEMS.get(system.casefold(), system.casefold())
    lines = f'"{known}"' if known in SYSTEMS else '"macos" or "linux"'
    section.fault("os", f"{shown(system)} is not known; write {lines}")
    return None


def read_only(section: Section, machine: Machine) -> str | None:
    """Why `[only]` leaves this machine out, or None."""
    system = _read_system(section)
    machines, tags = section.texts("machines"), section.texts("tags")
    _check_patterns(section, "machines", machines)
    _check_patterns(section, "tags", tags)
    if system not in {None, machine.os}:
        return f'only.os is "{system}"'
    if not _is_meant(machines, (machine.name,)):
        return f"only.machines leaves out {shown(machine.name)}"
    if not _is_meant(tags, machine.tags):
        return "only.tags leaves out this machine"
    return None


def read_unwanted(section: Section, machine: Machine) -> str | None:
    """Why this machine shall not have the job, or None."""
    is_enabled = section.flag("enabled")
    left_out = read_only(section.table("only"), machine)
    return "enabled = false" if is_enabled is False else left_out


def _read_daemon(section: Section) -> Restart | None:
    if "daemon" not in section.values:
        return None
    if "schedule" in section.values:
        section.fault("daemon", "a daemon runs all the time, so it has no [schedule]; leave one of the two out")
    check_daemon(section)
    return _choice(section.table("daemon"), "restart", Restart, Restart.ALWAYS)


def read_job(section: Section, around: Surroundings) -> Job | None:
    """The job of a definition's top level (defaults already merged in); None where its file has a fault."""
    check_keys(section)
    command = read_command(section, around)
    priority = read_priority(section.table("limits"))
    schedule = read_schedule(section.table("schedule"), around)
    job = Job(
        name=around.name,
        description=section.text("description") or "",
        command=command or Line(""),
        directory=read_directory(section, around) or around.home_directory,
        home_directory=around.home_directory,
        path=read_path(section, around),
        inputs=read_inputs(section, around),
        schedule=schedule,
        daemon=_read_daemon(section),
        environment=read_environment(section.table("env"), around.name),
        priority=priority,
        limits=read_limits(section.table("limits")),
        retry=read_retry(section.table("retry"), is_there="retry" in section.values),
        when=read_when(section.table("when")),
        expect=read_expect(section.table("expect"), around, schedule),
        notify=read_notify(section.table("notify"), is_there="notify" in section.values),
        launchd=read_launchd(section.table("launchd"), priority),
        systemd=read_systemd(section.table("systemd"), priority),
        unwanted=read_unwanted(section, around.machine),
    )
    check_wait(section.table("when"), job.when)
    _check_units(section.table("systemd"), section.table("schedule").values)
    if around.machine.scheduler == "systemd" and job.unwanted is None:
        _check_watched(section.table("schedule"), schedule)
    return None if section.faults else job
