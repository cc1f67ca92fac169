"""Every key a user may write, and what to say of all others. Only words: no value is read here."""

import re
from collections.abc import Iterable

KEYS = {
    "description": 'description = "Back up the photos"',
    "run": 'run = "brew update -q && brew upgrade -q"',
    "dir": 'dir = "~/notes"',
    "path": 'path = ["~/.bun/bin"]',
    "inputs": 'inputs = ["../../lib"]',
    "enabled": "enabled = false",
    "schedule.at": 'at = "mon-fri 09:00"',
    "schedule.cron": 'cron = "0 9 * * 1-5"',
    "schedule.every": 'every = "15m"',
    "schedule.at_login": "at_login = true",
    "schedule.on_change": 'on_change = ["~/.netrc"]',
    "schedule.on_files": 'on_files = ["~/Inbox"]',
    "schedule.spread": 'spread = "10m"',
    "schedule.catch_up": "catch_up = true",
    "daemon.restart": 'restart = "always"',
    "only.os": 'os = "macos"',
    "only.machines": 'machines = ["mbp-*", "!mbp-old"]',
    "only.tags": 'tags = ["home"]',
    "limits.priority": 'priority = "background"',
    "limits.timeout": 'timeout = "1h"',
    "limits.grace": 'grace = "10s"',
    "limits.lock": 'lock = "restic"',
    "retry.attempts": "attempts = 3",
    "retry.delay": 'delay = "1s"',
    "retry.max_delay": 'max_delay = "5m"',
    "retry.on_codes": "on_codes = [75]",
    "when.ac_power": "ac_power = true",
    "when.online": "online = true",
    "when.stale_after": 'stale_after = "20h"',
    "when.wait": 'wait = "2m"',
    "expect.success_codes": "success_codes = [0, 3]",
    "expect.prints": 'prints = "snapshot .* saved"',
    "expect.prints_not": 'prints_not = "^warning:"',
    "expect.touches": 'touches = ["~/Backups"]',
    "expect.success_within": 'success_within = "3d"',
    "notify.on": 'on = ["failed", "missed", "recovered"]',
    "notify.run": 'run = "~/bin/tell-me \\"$JOBSYNC_MESSAGE\\""',
}
"""Dotted keys of job.toml with the line that shows each one. Open tables hold names of their own."""

OPEN_TABLES = {
    "env": 'NAME = "text"',
    "launchd": "Umask = 18",
    "systemd.service": 'MemoryMax = "1G"',
    "systemd.timer": 'AccuracySec = "1m"',
    "systemd.path": "MakeDirectory = true",
}
"""Tables whose keys are not jobsync's words, dotted where they stand in another one."""

TABLES = tuple(dict.fromkeys(key.split(".")[0] for key in (*(key for key in KEYS if "." in key), *OPEN_TABLES)))

SETTINGS = {"jobs": 'jobs = "jobs"', "min_version": 'min_version = "0.1"'}
"""Keys of jobsync.toml beside `[defaults]`."""

DEFAULTS = (
    "dir",
    "path",
    "inputs",
    "enabled",
    "schedule.spread",
    "schedule.catch_up",
    "only.os",
    "only.machines",
    "only.tags",
    "limits.priority",
    "limits.timeout",
    "limits.grace",
    "retry.attempts",
    "retry.delay",
    "retry.max_delay",
    "retry.on_codes",
    "when.ac_power",
    "when.online",
    "when.wait",
    "notify.on",
    "notify.run",
)
"""What `[defaults]` may hold, beside the open tables."""

_ENV = 'write below [env]: NAME = "text"'
_DAEMON = 'write below [daemon]: restart = "always"'
_AT = 'write below [schedule]: at = "mon-fri 09:00"'
_EVERY = 'write below [schedule]: every = "15m"'
_LOGIN = "write below [schedule]: at_login = true"
_CHANGE = 'write below [schedule]: on_change = ["~/.netrc"]'
_FILES = 'write below [schedule]: on_files = ["~/Inbox"]'
_RUN = 'write run = "command argument", or put it into the file `run` beside job.toml'
_DIR = 'write dir = "~/notes"'
_LOGS = "leave it out; jobsync keeps the output of each run: `jobsync logs`"
_SELF = "leave it out; jobs run as you"
_NAME = "leave it out; the name of its directory is the job's name"
_ONLY = 'write below [only]: machines = ["mbp-*"]'
_RETRY = "write below [retry]: attempts = 3"
_PRIORITY = 'write below [limits]: priority = "background"'

# Written as other tools write them; compared without case, `_` and `-`.
_ADVICE = {
    _ENV: "environment environment_variables envs env_vars vars variables",
    _DAEMON: "keep_alive restart restart_policy always respawn service long_running Type",
    _AT: "OnCalendar StartCalendarInterval calendar calendar_interval time times schedules hour minute weekday",
    'write below [schedule]: cron = "0 9 * * 1-5"': "crontab cron_expression",
    _EVERY: "start_interval interval OnUnitActiveSec OnUnitInactiveSec period frequency seconds minutes hours",
    _LOGIN: "RunAtLoad at_load at_boot on_boot on_login at_startup OnStartupSec OnBootSec OnActiveSec reboot",
    _CHANGE: "WatchPaths watch PathChanged PathModified PathExists on_path",
    _FILES: "QueueDirectories queue DirectoryNotEmpty inbox",
    _RUN: "command commands cmd script exec exec_start program program_arguments args arguments argv shell "
    "entrypoint executable main",
    _DIR: "working_directory working_dir workdir cwd directory chdir",
    _LOGS: "log logs log_file stdout stderr StandardOutPath StandardErrorPath StandardOutput StandardError output",
    _SELF: "user username user_name run_as group group_name sudo",
    _NAME: "name label id title job",
    _ONLY: "host hosts hostname hostnames machine on_machines",
    'write below [only]: os = "macos"': "platform platforms system operating_system",
    'write below [only]: tags = ["home"]': "tag label_selector labels",
    'write path = ["~/.bun/bin"]': "paths path_prepend extra_path bin",
    "write enabled = false": "disabled disable active enable",
    'write below [schedule]: spread = "10m"': "RandomizedDelaySec random_delay jitter splay delay random_sleep",
    'write below [schedule]: catch_up = "3h" (true, the default: late at any time; false: never)': "Persistent catchup "
    "misfire misfire_grace_time anacron",
    "leave it out; times are the local time of the machine": "timezone time_zone tz cron_tz utc",
    _RETRY: "retries max_retries attempts retry_count backoff RestartSec",
    'write below [limits]: timeout = "1h"': "time_out max_runtime TimeoutSec TimeoutStartSec RuntimeMaxSec deadline",
    'write below [notify]: on = ["failed", "missed", "recovered"]': "mailto mail email on_failure on_success "
    "alert webhook",
    'leave it out; a job never overlaps itself; for several jobs, below [limits]: lock = "name"': "concurrency "
    "concurrency_policy overlap singleton flock",
    "call both from one script; jobs know nothing of each other": "after before requires wants depends depends_on "
    "needs",
    _PRIORITY: "nice ProcessType niceness ionice LowPriorityIO CPUSchedulingPolicy",
    "put NAME=VALUE into ~/.config/jobsync/env/JOB.env (mode 0600), and leave it out": "secrets secret env_file "
    "EnvironmentFile dotenv",
    'write inputs = ["../../lib"]': "files includes include sources dependencies lib",
    'write description = "…"': "desc comment summary help doc docs",
}


def _squeezed(word: str) -> str:
    return re.sub(r"[_\-. ]", "", word).lower()


_LINES = {_squeezed(word): line for line, words in _ADVICE.items() for word in words.split()}


def top_level_keys() -> tuple[str, ...]:
    """Keys that stand above the first table of job.toml."""
    return tuple(key for key in KEYS if "." not in key)


def keys_of(table: str) -> tuple[str, ...]:
    """What may stand in a table of job.toml ('' is the top level, its tables included)."""
    if not table:
        return (*top_level_keys(), *TABLES)
    return tuple(key.removeprefix(f"{table}.") for key in (*KEYS, *OPEN_TABLES) if key.startswith(f"{table}."))


def example(key: str) -> str:
    """The line that shows how a key is written; for a table, the first line below its header."""
    units = 'service = { MemoryMax = "1G" }'
    lines = {**SETTINGS, **OPEN_TABLES, "systemd": units, "defaults": KEYS["dir"], **KEYS}
    return lines.get(key) or next(line for dotted, line in KEYS.items() if dotted.startswith(f"{key}."))


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    from difflib import get_close_matches  # 0.8 ms that only a mistake needs

    by_squeezed = {_squeezed(name): name for name in known}
    close = get_close_matches(_squeezed(word), by_squeezed, n=1, cutoff=0.7)
    return by_squeezed[close[0]] if close else None


def misplaced(table: str, key: str) -> str | None:
    """What to say of a key that is right but stands in the wrong table; None when it is no such key."""
    if table and key in top_level_keys():
        return f"`{key}` belongs above the first [table]: a line below a header belongs to that table"
    homes = [dotted.split(".")[0] for dotted in KEYS if dotted.endswith(f".{key}")]
    if key in homes or not homes or table in homes:
        return None
    return f"`{key}` belongs below [{homes[0]}]"


def unknown(table: str, key: str, known: Iterable[str]) -> str:
    """What to say of a key that a table of job.toml does not have: where it belongs, or what to write instead."""
    if found := misplaced(table, key):
        return found
    known = tuple(known)
    if alike := next((name for name in known if _squeezed(name) == _squeezed(key)), None):
        return f"is not a key; did you mean `{alike}`?"
    if line := _LINES.get(_squeezed(key)):
        # That of [notify] is no job's command, which the file beside job.toml could hold.
        meant = "did you mean `run`?" if table and line == _RUN and "run" in known else line
        return f"is another tool's word; {meant}"
    if close := nearest(key, known):
        return f"is not a key; did you mean `{close}`?"
    others = [*top_level_keys(), *(dotted for dotted in KEYS if "." in dotted)]
    if close := nearest(key, [name.split(".")[-1] for name in others]):
        home = next(name for name in others if name.split(".")[-1] == close)
        return f"is not a key here; did you mean `{home}`?"
    return f"is not a key; known here: {', '.join(known)}"
