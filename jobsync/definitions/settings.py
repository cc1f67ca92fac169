"""`jobsync.toml`: where the jobs are, which jobsync they need, and what they have in common."""

import re
from collections.abc import Mapping

from jobsync import __version__
from jobsync.definitions.document import Table, parse, shown, without
from jobsync.definitions.fields import (
    check_known,
    read_directory,
    read_environment,
    read_launchd,
    read_path,
    read_priority,
    read_systemd,
    read_unwanted,
)
from jobsync.definitions.job import Tree
from jobsync.definitions.places import Surroundings
from jobsync.definitions.section import Section
from jobsync.definitions.supervision import read_limits, read_notify, read_retry, read_when
from jobsync.definitions.triggers import read_catch_up, read_minutes
from jobsync.definitions.vocabulary import DEFAULTS, OPEN_TABLES, SETTINGS, TABLES, keys_of, unknown
from jobsync.errors import Fault, JobsyncError
from jobsync.values import dataclass, field, replace

SETTINGS_FILE = "jobsync.toml"

_VERSION = r"([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?"


@dataclass(frozen=True, slots=True)
class Settings:
    """What `jobsync.toml` says."""

    jobs: str | None = "jobs"
    """The directory of all jobs, repository-relative; None when the file does not tell."""
    min_version: str | None = None
    defaults: Mapping[str, object] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def _version(text: str) -> tuple[int, ...]:
    """Major, minor and patch; whatever a version has behind them does not count. Empty when it is no version."""
    match = re.match(_VERSION, text)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def _read_version(section: Section) -> str | None:
    """Errors: `JobsyncError` where this jobsync is too old for the repository."""
    text = section.text("min_version")
    if text is None:
        return None
    if not re.fullmatch(_VERSION, text):
        section.fault("min_version", f'{shown(text)} is not a version; write min_version = "{__version__}"')
        return None
    if _version(text) > _version(__version__):
        raise JobsyncError(
            f"{SETTINGS_FILE}: min_version: this repository needs jobsync {text}, and this is {__version__}",
            hint="upgrade jobsync the way it was installed, e.g. `uv tool upgrade jobsync` or `pipx upgrade jobsync`",
        )
    return text


def _read_jobs(section: Section) -> str | None:
    if "jobs" not in section.values:
        return "jobs"
    text = section.text("jobs")
    if text is None:
        return None
    parts = [part for part in text.split("/") if part not in {"", "."}]
    if text.startswith(("/", "~")) or not parts or {"..", ".git"} & {*parts}:
        section.fault("jobs", f'{shown(text)} is not a directory inside the repository; write jobs = "jobs"')
        return None
    return "/".join(parts)


def _check_setting_keys(section: Section) -> None:
    known = (*SETTINGS, "defaults")
    for key in section.values:
        if key in keys_of(""):
            section.fault(key, f"`{key}` is for one job; write it below [defaults], or in a job.toml")
        elif key not in known:
            section.fault(key, unknown("", key, known))


def _check_default_keys(section: Section) -> None:
    for key in section.values:
        if key in SETTINGS:
            section.fault(key, f"`{key}` belongs above the first [table]: a line below a header belongs to that table")
        elif key in keys_of("") and key not in _default_keys(""):
            section.fault(key, "is each job's own; write it in its job.toml")
        elif key not in keys_of(""):
            section.fault(key, unknown("", key, _default_keys("")))
    for name in TABLES:
        if name in _default_keys("") and name not in OPEN_TABLES:
            _check_default_table(section.table(name))


def _check_default_table(section: Section) -> None:
    mine = _default_keys(section.name)
    for key in section.values:
        if key in keys_of(section.name) and key not in mine:
            section.fault(key, "is each job's own; write it in its job.toml")
    check_known(replace(section, values=without(section.values, keys_of(section.name))), mine)


def _default_keys(table: str) -> tuple[str, ...]:
    if not table:
        return tuple(dict.fromkeys(key.split(".")[0] for key in (*DEFAULTS, *OPEN_TABLES)))
    return tuple(key.removeprefix(f"{table}.") for key in (*DEFAULTS, *OPEN_TABLES) if key.startswith(f"{table}."))


def default_faults(settings: Settings, around: Surroundings) -> list[Fault]:
    """Faults of the defaults' values. `inputs` are left to each job: they start at its directory."""
    faults: list[Fault] = []
    section = Section(SETTINGS_FILE, "defaults", "", dict(settings.defaults), faults)
    section.texts("inputs", may_be_empty=True)
    read_path(section, around)
    read_directory(section, around)
    read_minutes(section.table("schedule"))
    read_catch_up(section.table("schedule"))
    read_limits(section.table("limits"))
    read_retry(section.table("retry"), is_there=True)
    read_when(section.table("when"))
    read_notify(section.table("notify"), is_there=True)
    read_environment(section.table("env"), "JOB")
    priority = read_priority(section.table("limits"))
    read_launchd(section.table("launchd"), priority)
    read_systemd(section.table("systemd"), priority)
    read_unwanted(section, around.machine)
    return faults


def _settings_table(tree: Tree, faults: list[Fault]) -> Table | None:
    section = Section(SETTINGS_FILE, "", "", {}, faults)
    data = section.attempt("", lambda: tree.read(SETTINGS_FILE) or b"")
    if data == b"" and tree.mode(SETTINGS_FILE) is None:
        section.fault("", "is missing; write it (an empty file will do), or type `jobsync init --skeleton`")
        return None
    if data is not None and tree.real(SETTINGS_FILE) != SETTINGS_FILE:
        section.fault("", f"is a link to {tree.real(SETTINGS_FILE)}; put the file itself here")
        return None
    return None if data is None else section.attempt("", lambda: parse(data))


def read_settings(tree: Tree) -> Settings:
    """`jobsync.toml`, with the faults of its keys; what the values of its defaults mean is `load`'s to say.

    Errors: `JobsyncError` when the repository asks for a newer jobsync: nothing of it may be read then.
    """
    faults: list[Fault] = []
    table = _settings_table(tree, faults)
    if table is None:
        return Settings(jobs=None, faults=tuple(faults))
    section = Section(SETTINGS_FILE, "", "", table, faults)
    min_version = _read_version(section)
    jobs = _read_jobs(section)
    _check_setting_keys(section)
    defaults = replace(section.table("defaults"), name="")
    _check_default_keys(defaults)
    return Settings(jobs, min_version, defaults.values, tuple(faults))
