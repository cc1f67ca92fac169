"""Renders the launcher: the small POSIX sh file that the scheduler runs for a job.

Pure. No Python runs at job time: a broken Python must not stop anyone's jobs. The launcher supervises one run: it keeps
one bounded log, records start and end, holds the limits, tries again, checks what the run has to show, and passes on
the command's own status. A daemon runs under it too, since its log needs an owner. Each job's launcher holds only the
parts that the job uses, so that most stay short and fast.
"""

import re
import shlex
from _blake2 import blake2b  # what hashlib hands out, without its OpenSSL (5 ms at each start)
from collections.abc import Iterable, Mapping
from pathlib import Path

from jobsync.config import SYSTEM_PATH
from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import (
    GRACE,
    NOT_STARTED,
    SHELLS_OWN,
    TOLERANCE,
    Argv,
    Command,
    Event,
    Expect,
    Job,
    Line,
    Notify,
    Script,
    Slot,
)
from jobsync.paths import Paths
from jobsync.runs import parts

KEPT_LOGS = 30
"""Logs that a launcher leaves of a job, the newest, its own included."""
SPARE_LOGS = 10
"""Logs above these after which the old ones go, all at once: rm(1) costs a run a millisecond."""

LOG_LIMIT = 2 << 20
"""Bytes. A log above this loses its middle. While the command runs it may hold what is printed in one interval more."""
LOG_HEAD = 512 << 10
LOG_TAIL = 1 << 20
"""Bytes kept of the beginning and of the end of such a log."""
INTERVAL = 8
"""Seconds between two looks at a log at most; 1 while it grows by a quarter of the limit and more between them."""

RECORDS_LIMIT = 256 << 10
"""Bytes of records above which the oldest are dropped, down to three quarters."""

BROKEN_EXPECTATION = 79
"""Status of a run whose command ended well and broke a line of `[expect]`; the first that sysexits leaves free."""
TIMED_OUT = 124
"""Status of a run that `limits.timeout` ended with TERM, as timeout(1) has it."""
KILLED = 137
"""Status of a run that had to be killed after that."""
FAILURES = (NOT_STARTED, BROKEN_EXPECTATION, TIMED_OUT, KILLED)
"""The launcher's own words for a failure."""

TOO_LATE = "too late"
FRESH = "fresh enough"
ON_BATTERY = "on battery"
OFFLINE = "offline"

NOTIFY_LIMIT = 10
"""Seconds that the command of `[notify]` may take; the run's end is recorded before it starts."""

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"
_PLACEHOLDER = re.compile(r"@([a-z_]+)@")


def _command(command: Command) -> str:
    match command:
        case Line(text):
            return f"/bin/sh -eu -c {shlex.quote(text)}"
        case Argv(arguments):
            return shlex.join(arguments)
        case Script(path):
            return shlex.quote(path)


def _comment(text: str) -> str:
    """Text that stays inside one comment line."""
    return " ".join(text.split())


def _fill(text: str, values: Mapping[str, object]) -> str:
    """Each `@name@` replaced once; what a value holds is never looked at again."""
    return _PLACEHOLDER.sub(lambda match: str(values[match[1]]), text)


def _keeps_time(job: Job) -> bool:
    return job.limits.timeout is not None


def _is_selective(job: Job) -> bool:
    """Whether a start may be too late."""
    return bool(job.schedule.slots) and job.schedule.catch_up is not None


def _is_started_by_paths(job: Job) -> bool:
    """Its starts are nobody's slots, and may come without an end."""
    return bool(job.schedule.on_change or job.schedule.on_files) and not job.schedule.slots


def _judges(expect: Expect) -> bool:
    return bool(expect.prints or expect.prints_not or expect.touches) or expect.success_codes != (0,)


def _waits(job: Job) -> bool:
    return job.limits.lock is not None or job.when.ac_power or job.when.online


# -- values


def _slot(slot: Slot) -> str:
    fields = (slot.month, slot.day, slot.weekday, slot.hour, slot.minute)
    return " ".join("*" if value is None else str(value) for value in fields)


def _codes(codes: Iterable[int]) -> str:
    return " | ".join(str(code) for code in codes)


def _expectations(expect: Expect) -> str:
    found = [
        (
            parts.expect.PRINTS,
            {"pattern": shlex.quote(one), "words": shlex.quote(f"no line matches {_comment(one)}")},
        )
        for one in expect.prints
    ]
    found += [
        (
            parts.expect.PRINTS_NOT,
            {"pattern": shlex.quote(one), "words": shlex.quote(f"a line matches {_comment(one)}")},
        )
        for one in expect.prints_not
    ]
    found += [
        (
            parts.expect.TOUCHES,
            {"path": shlex.quote(one), "words": shlex.quote(f"{_comment(one)} was not touched")},
        )
        for one in expect.touches
    ]
    return "".join(_fill(text, values) for text, values in found)


OSASCRIPT = "/usr/bin/osascript"
"""By which a Mac tells; elsewhere it is `notify-send`."""
_NOTIFICATION = (
    f"{OSASCRIPT} -e 'on run {{title, message}}' -e 'display notification message with title title' -e 'end run' "
    '"jobsync" "$JOBSYNC_MESSAGE"'
)
# The body is markup to whoever shows it, and notify-send itself resolves backslashes in it: `\377` becomes a byte that
# is no UTF-8, and it gives up. A pattern of `[expect]` that the message quotes may hold all of them.
_SHOWN = (
    r"""text=$(printf '%s\n' "$JOBSYNC_MESSAGE" | sed 's/\\/\\\\/g; s/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g')"""
    '\nnotify-send --app-name=jobsync jobsync "$text"'
)
OWN_TELLER = Line(f"if [ -x {OSASCRIPT} ]; then {_NOTIFICATION}\nelse {_SHOWN}\nfi")
"""The platform's own notifier."""


def _notify_values(notify: Notify | None) -> dict[str, str]:
    notify = notify or Notify()
    return {
        "events": " | ".join(event.value for event in notify.on),
        "on_recovery": (Event.RECOVERED if Event.RECOVERED in notify.on else Event.SUCCEEDED).value,
        "teller": _command(notify.run or OWN_TELLER),
        "notify_limit": str(NOTIFY_LIMIT),
    }


def _unmet(job: Job) -> str:
    steps = []
    if job.when.ac_power:
        steps.append(f"why={shlex.quote(ON_BATTERY)}; on_ac || return 0; ")
    if job.when.online:
        steps.append(f"why={shlex.quote(OFFLINE)}; online || return 0; ")
    return "".join(steps) + "return 1;"


def _places(job: Job, paths: Paths) -> str:
    found = {}
    if job.schedule.at_login:
        found["token"] = paths.token(job.name)
    if job.daemon is None:
        found["asked"] = paths.asked(job.name)
        found["failing"] = paths.failing(job.name)
    if job.limits.lock is not None:
        found["lock"] = paths.shared_lock(job.limits.lock)
    if job.notify is not None:
        found["told"] = paths.announced(job.name)
    return "".join(f"{name}={shlex.quote(str(path))}\n" for name, path in found.items())


def _end_words(job: Job) -> str:
    """What an end line holds beside what every one has."""
    return (" waited=$waited" if _waits(job) else "") + ("$more" if _judges(job.expect) else "")


def _mark_values(job: Job) -> dict[str, str]:
    """What finish does about the mark. A daemon has none: it is no run that a later one makes good."""
    if job.daemon is not None:
        return {"mark_unstarted": "", "mark_end": ""}
    ended_well = '[ "$1" -eq 0 ]' + (' || [ -n "$more" ]' if _judges(job.expect) else "")
    return {
        "mark_unstarted": parts.end.MARK_UNSTARTED,
        "mark_end": _fill(parts.end.MARK_END, {"ended_well": ended_well}),
    }


def _late_minutes(job: Job) -> int:
    return -(-max(job.schedule.catch_up or 0, TOLERANCE) // 60)


def _limit_values(job: Job) -> dict[str, object]:
    limits, retry = job.limits, job.retry
    grace = limits.grace or GRACE
    keeps_time = _keeps_time(job)
    return {
        "lock_name": limits.lock or "",
        "unlock": parts.limits.UNLOCK if limits.lock else "",
        "unmark": parts.expect.UNMARK if job.expect.touches else "",
        "timeout_words": format_duration(limits.timeout or 0),
        "grace_words": format_duration(grace),
        "killed": KILLED,
        "timed_out": TIMED_OUT,
        "keeper_duty": " and watches the time" if keeps_time else "",
        "keeper_state": f" left={limits.timeout}" if keeps_time else "",
        "keeper_step": parts.logs.KEEPER_STEP if keeps_time else "",
        "keeper_deadline": _fill(parts.logs.KEEPER_DEADLINE, {"grace": grace}) if keeps_time else "",
        "attempts": retry.attempts,
        "delay": retry.delay,
        "max_delay": retry.max_delay,
        "retriable": _codes(retry.on_codes),
        "unless_worth": " || ! worth" if retry.on_codes else "",
        "stale_after": job.when.stale_after,
        "wait": job.when.wait,
        "unmet": _unmet(job),
        "late_minutes": _late_minutes(job),
        "slots": " ".join(shlex.quote(_slot(slot)) for slot in job.schedule.slots),
        "success_codes": _codes(job.expect.success_codes),
        "expectations": _expectations(job.expect),
        "expectation": BROKEN_EXPECTATION,
        "succeeded": '[ "$status" -eq 0 ] || [ -n "$more" ]' if _judges(job.expect) else '[ "$status" -eq 0 ]',
        "tell_unstarted": _fill(parts.end.TELL_UNSTARTED, {"not_started": NOT_STARTED}) if job.notify else "",
        **_notify_values(job.notify),
        **_mark_values(job),
    }


_CONSTANTS: Mapping[str, object] = {
    "kept_logs": KEPT_LOGS,
    "kept_others": KEPT_LOGS - 1,
    "most_logs": KEPT_LOGS + SPARE_LOGS,
    "most_records": RECORDS_LIMIT,
    "kept_records": RECORDS_LIMIT * 3 // 4,
    "log_limit": LOG_LIMIT,
    "log_head": LOG_HEAD,
    "log_tail": LOG_TAIL,
    "fast": LOG_LIMIT // 4,
    "slowest": INTERVAL,
    "not_started": NOT_STARTED,
    "too_late": TOO_LATE,
    "fresh": FRESH,
    "letters": _LETTERS,
    "shells_own": " | ".join(sorted(SHELLS_OWN)),
    "system_path": SYSTEM_PATH,
    "pmset": "/usr/bin/pmset",
    "supplies": "/sys/class/power_supply",
    "routes": "/proc/net",
}


def _environment(job: Job) -> str:
    return "".join(f"  export {name}={shlex.quote(value)}\n" for name, value in job.environment)


def _stdin(job: Job) -> str:
    path = job.launchd.get("StandardInPath")
    if path is None:
        return ""
    said = f"jobsync: not started: StandardInPath: {path} cannot be read"
    values = {**_CONSTANTS, "path": shlex.quote(str(path)), "unreadable": shlex.quote(said)}
    return _fill(parts.command.STDIN, values)


def _values(job: Job, label: str, source: str, paths: Paths) -> dict[str, object]:
    return {
        **_CONSTANTS,
        **_limit_values(job),
        "label_comment": label,
        "description": f": {_comment(job.description)}" if job.description else "",
        "source": source,
        "places": _places(job, paths),
        "job_name": job.name,
        "job": shlex.quote(job.name),
        "label": shlex.quote(label),
        "runs": shlex.quote(str(paths.runs(job.name))),
        "logs": shlex.quote(str(paths.job_logs(label))),
        "pause": shlex.quote(str(paths.pause(job.name))),
        "hold": shlex.quote(str(paths.hold(job.name))),
        "env": shlex.quote(str(paths.env(job.name))),
        "launchers": shlex.quote(str(paths.launchers.parent)),
        "told_before": parts.start.TOLD_BEFORE if _is_started_by_paths(job) else "",
        "more": _end_words(job),
        "attempt_variable": ' JOBSYNC_ATTEMPT="$attempt"' if job.retry.attempts > 1 else "",
        "environment": _environment(job),
        "job_directory": shlex.quote(job.home_directory),
        "directory": shlex.quote(job.directory),
        "command": _command(job.command),
        "stdin": _stdin(job),
    }


# -- composition


def _conditions(job: Job) -> list[str]:
    """What may keep the command from being started at all."""
    found = [parts.start.BOOT] if job.schedule.at_login or job.limits.lock else []
    found += [parts.start.LOADED] if job.schedule.at_login else []
    found += [parts.start.GATES]
    found += [parts.start.ASKED] if job.daemon is None else []
    found += [parts.conditions.LATE] if _is_selective(job) else []
    found += [parts.conditions.FRESH] if job.when.stale_after is not None else []
    found += ["waited=0\n"] if _waits(job) else []
    found += [parts.conditions.ON_AC] if job.when.ac_power else []
    found += [parts.conditions.ONLINE] if job.when.online else []
    found += [parts.conditions.WHEN] if job.when.ac_power or job.when.online else []
    return found


def _supervision(job: Job) -> list[str]:
    """What is there before the command starts."""
    says = _keeps_time(job) or job.limits.lock or job.retry.attempts > 1 or _judges(job.expect)
    found = [parts.end.FAILING] if job.daemon is None else []
    found += [parts.command.GIVEN]
    found += [parts.end.GIVEN_TO_TELL, parts.end.TELL] if job.notify is not None else []
    # Before the start is recorded: whatever has a start shall have an end.
    found += [parts.command.STATE, parts.command.STOP, parts.logs.LOGS]
    found += [parts.logs.SAY] if says else []
    found += [parts.logs.BOUND, parts.end.FINISH]
    found += [parts.limits.DEADLINE] if _keeps_time(job) else []
    found += [parts.logs.KEEPER, parts.command.LAUNCH, parts.command.AWAIT]
    found += [parts.command.NAP] if job.limits.lock or job.retry.attempts > 1 else []
    found += [parts.expect.MARK] if job.expect.touches else []
    found += [parts.expect.JUDGE] if _judges(job.expect) else []
    found += [parts.retry.WORTH] if job.retry.on_codes else []
    found += [parts.retry.RETRY] if job.retry.attempts > 1 else []
    found += [parts.limits.LOCK] if job.limits.lock else []
    return found


def _indented(text: str) -> str:
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def _attempts(job: Job) -> str:
    """From the first start of the command to the status of the last."""
    one = parts.command.RUN
    if _judges(job.expect):
        one = parts.expect.BEFORE + one + parts.expect.AFTER
    if job.retry.attempts > 1:
        return parts.retry.LOOP_HEAD + _indented(one) + parts.retry.LOOP_TAIL
    if job.limits.lock:
        return parts.limits.IF_LOCKED + _indented(one) + "fi\n"
    return one


def _end(job: Job) -> list[str]:
    found = [parts.limits.TIMED] if _keeps_time(job) else []
    found += [parts.expect.JUDGED] if _judges(job.expect) else []
    found += [parts.end.STOPPED, parts.end.END]
    found += [parts.end.NOTIFY] if job.notify is not None else []
    found += [parts.limits.KILL] if _keeps_time(job) else []
    return [*found, 'exit "$status"\n']


def telling(job: Job, env: Path) -> str:
    """What tells of a job in a launcher's stead, as sh: its arguments are the command of `[notify]`, in the job's
    directory, with `[env]` and what its env file gives."""
    values = {**_CONSTANTS, "environment": _environment(job)}
    begin, end = f"env={shlex.quote(str(env))} mask=$(umask)\n", 'given_to_tell\ncd "$JOBSYNC_DIR" && exec "$@"\n'
    return _fill("".join([begin, parts.start.TOOLS, parts.command.GIVEN, parts.end.GIVEN_TO_TELL, end]), values)


def digest(content: bytes) -> str:
    """What the records of this launcher's runs say of it; empty where it says nothing."""
    found = re.search(rb"^digest=([0-9a-f]+)$", content, re.MULTILINE)
    return found[1].decode() if found else ""


def render(job: Job, label: str, source: str, paths: Paths) -> bytes:
    """The launcher's bytes. `source` is the repository-relative path of the definition, for people."""
    values = _values(job, label, source, paths)
    head = [parts.start.PLACES, parts.start.TOOLS, parts.start.HEAD]
    text = "".join([*head, *_conditions(job), *_supervision(job), _attempts(job), *_end(job)])
    plain = _fill(text, {**values, "digest": ""})
    own = blake2b(plain.encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    return _fill(text, {**values, "digest": own}).encode("utf-8", "surrogateescape")
