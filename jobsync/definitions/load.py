"""The door: one tree's `jobsync.toml` and `jobs/*/job.toml` → Jobs, and every fault of every file in one run.

Pure: it knows the files only through the tree, and neither clock nor environment.
"""

import re
from collections.abc import Collection, Mapping

from jobsync.definitions.document import Table, parse, shown, without
from jobsync.definitions.fields import read_job
from jobsync.definitions.job import Definitions, Job, Machine, Tree
from jobsync.definitions.places import DIRECTORY, LINK, Surroundings, first_link
from jobsync.definitions.section import Section
from jobsync.definitions.settings import SETTINGS_FILE, Settings, default_faults, read_settings
from jobsync.definitions.supervision import AWAITED
from jobsync.definitions.triggers import CLOCK_KEYS, PLACE_KEYS
from jobsync.errors import Fault, JobsyncError
from jobsync.values import replace

__all__ = ["JOB_FILE", "SETTINGS_FILE", "Settings", "is_of", "load", "name_fault", "read_settings"]

JOB_FILE = "job.toml"
LONGEST_NAME = 100
"""Room for the prefix and the endings of files that carry the name."""

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


def _merged(own: Mapping[str, object], defaults: Mapping[str, object]) -> Table:
    """Tables are merged key by key; whatever else the job says replaces the default."""
    merged: Table = dict(own)
    for key, value in defaults.items():
        mine = own.get(key)
        if isinstance(value, dict) and isinstance(mine, dict):
            merged[key] = _merged(mine, value)
        elif key not in own:
            merged[key] = value
    return merged


def _fitting(defaults: Mapping[str, object], own: Mapping[str, object]) -> Table:
    """The defaults that this job can use: `schedule.spread` and its like mean nothing without times."""
    schedule = own.get("schedule")
    triggers = schedule.keys() if isinstance(schedule, dict) else set()
    found, units = dict(defaults), defaults.get("systemd")
    if not triggers & set(CLOCK_KEYS):
        found = without(found, ("schedule",))
    if isinstance(units, dict):
        absent = [kind for kind, keys in (("timer", CLOCK_KEYS), ("path", PLACE_KEYS)) if not triggers & set(keys)]
        found["systemd"] = without(units, absent)
    return _without_ends(found) if "daemon" in own else _without_idle_wait(found, own)


def _without_idle_wait(defaults: Mapping[str, object], own: Mapping[str, object]) -> Table:
    """`when.wait` means nothing to a job that does without the conditions of the others."""
    found, theirs, mine = dict(defaults), defaults.get("when"), own.get("when", {})
    if isinstance(theirs, dict) and isinstance(mine, dict) and not any({**theirs, **mine}.get(one) for one in AWAITED):
        found["when"] = without(theirs, ("wait",))
    return found


def _without_ends(defaults: Mapping[str, object]) -> Table:
    """What a daemon, which never ends by itself, has of the defaults."""
    found = without(defaults, ("retry", "when"))
    limits = found.get("limits")
    if isinstance(limits, dict):
        found["limits"] = without(limits, ("timeout",))
    return found


def is_of(fault: Fault, name: str) -> bool:
    """Whether a fault is in that job's own definition."""
    return fault.file.endswith(f"/{name}/{JOB_FILE}")


def name_fault(name: str, way_out: str = "give the directory another name") -> str | None:
    """Why no job can have this name, and what to do; None where one can."""
    if name.startswith("jobsync-"):
        return f"names that start with `jobsync-` are jobsync's own; {way_out}"
    if len(name) > LONGEST_NAME:
        return f"its name is longer than {LONGEST_NAME} characters; {way_out}"
    if _NAME.fullmatch(name):
        return None
    better = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")
    return f'{shown(name)} is not a job\'s name; {way_out}, such as "{better or "job"}"'


# A definition in the making, or an accident: not what somebody does to remove a job.
_NO_FILES = {DIRECTORY: "a directory", LINK: "a link that leads to no file"}


def _means_to_be_a_job(tree: Tree, directory: str) -> bool:
    """Whether an entry of the jobs directory is one of ours: all else there is nobody's business."""
    try:
        if tree.mode(directory) not in {DIRECTORY, LINK}:
            return False
        if any(tree.read(f"{directory}/{file}") is not None for file in (JOB_FILE, "run")):
            return True
        return tree.mode(f"{directory}/{JOB_FILE}") in _NO_FILES
    except JobsyncError:
        return True  # reading it as a job says what is wrong


def _read_table(section: Section, around: Surroundings) -> Table | None:
    if around.tree.mode(around.directory) == LINK:
        section.fault("", f"{around.directory} is a link; a job is a directory of its own, so make it one")
        return None
    data = around.tree.read(section.file)
    if data is None and (what := _NO_FILES.get(around.tree.mode(section.file) or 0)):
        section.fault("", f"is {what}; make it a file, or delete {around.directory} to remove the job")
        return None
    if data is None:
        section.fault("", "is missing beside `run`; write it, or delete the directory to remove the job")
        return None
    return parse(data)


def _read_job(around: Surroundings, defaults: Mapping[str, object]) -> tuple[Job | None, list[Fault]]:
    faults: list[Fault] = []
    section = Section(f"{around.directory}/{JOB_FILE}", "", "", {}, faults)
    if wrong := name_fault(around.name):
        section.fault("", wrong)
        # The rest is read all the same, for its faults; a name that may not even be text must not be met there.
        around = replace(around, name="job")
    own = section.attempt("", lambda: _read_table(section, around))
    if own is None:
        return None, faults
    values = _merged(own, _fitting(defaults, own))
    # What escapes a single key is a file that cannot be read: this job's trouble, and nobody else's.
    return section.attempt("", lambda: read_job(replace(section, values=values), around)), faults


def _job_names(
    tree: Tree, settings: Settings, faults: list[Fault], names: Collection[str] | None
) -> tuple[str, ...] | None:
    """Entries that mean to be jobs, those of `names` only where it is given; None where that cannot be known."""
    if settings.jobs is None:
        return None
    directory = settings.jobs
    section = Section(directory, "", "", {}, faults)
    if link := section.attempt("", lambda: first_link(tree, directory)):
        if real := section.attempt("", lambda: tree.real(directory)):
            Section(SETTINGS_FILE, "", "", {}, faults).fault(
                "jobs",
                f"leads through the link {link}, and git sees no change behind one; write jobs = {shown(real)}",
            )
        return None
    entries = section.attempt("", lambda: tree.names(directory))
    if entries is None:
        return None
    wanted = (name for name in entries if names is None or name in names)
    return tuple(name for name in wanted if _means_to_be_a_job(tree, f"{directory}/{name}"))


def load(tree: Tree, machine: Machine, names: Collection[str] | None = None) -> Definitions:
    """All definitions of a tree, or those of `names`; every fault of what was read, in order of file.

    A file in the jobs directory, and a directory without `job.toml` and `run`, is no job and is ignored. Where
    `jobsync.toml` has a fault every job is faulty: none may be rendered without its defaults.
    Errors: `JobsyncError` when the repository asks for a newer jobsync. Anything else is a fault.
    """
    settings = read_settings(tree)
    directory = settings.jobs or "jobs"
    in_defaults = default_faults(settings, Surroundings(tree, machine, "job", f"{directory}/job"))
    faults = list(dict.fromkeys((*settings.faults, *in_defaults)))
    are_all_faulty = bool(faults)
    defaults = {} if are_all_faulty else settings.defaults
    found = _job_names(tree, settings, faults, names)
    jobs: list[Job] = []
    faulty: set[str] = set()
    for name in found or ():
        job, its_faults = _read_job(Surroundings(tree, machine, name, f"{directory}/{name}"), defaults)
        faults += its_faults
        if job is None or are_all_faulty:
            faulty.add(name)
        else:
            jobs.append(job)
    return Definitions(tuple(jobs), tuple(faults), frozenset(faulty), jobs_missing=found is None)
