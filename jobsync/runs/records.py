"""Reads what launchers recorded: one line when a run starts, one when it ends, one for a start that was skipped.

sh appends the lines, each in one write. A power cut or a full disk may still cut one short at any byte, and the next
one is then glued to what is left of it. So a record counts only with the newline behind it, and the last beginning of
a record in a line is where that line's record begins.

    start ID SECOND PID    [offset=+0100] [digest=…] [by=hand]
    end   ID SECOND STATUS [offset=+0100] [attempts=2] [bytes=512 or 512+] [waited=30] [ok=1] [REASON…]
    skip  ID SECOND        [offset=+0100] [digest=…] REASON…
    since SECOND           nothing that is older is known: the first sync, or older lines were dropped

`since` is also written by a sync: the first that brings the job to this machine. An end may stand alone: the disk was
full when the run started, or the start was among the older lines that were dropped.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from jobsync import files, process
from jobsync.errors import JobsyncError
from jobsync.values import dataclass, replace

HELD = "held"
"""Skipped, because a sync was just replacing the job."""
PAUSED = "paused"
"""Skipped, because the user paused the job on this machine."""
LOADED = "loaded by sync"
"""Skipped, because no login started it."""
TIMEOUT = "timeout"
"""Ended by the launcher, at `limits.timeout`."""
STOPPED = "stopped"
"""Told to end, by `jobsync stop`, a logout, or the scheduler, and did not end well."""
NO_LOG = "log"
"""Not started: its log could not be written."""
NO_LOCK = "lock"
"""Not started: nobody could have `limits.lock`."""
EXPECTATION = "expectation"
"""How the reason of a run begins whose command ended well and broke a line of `[expect]`."""

_BEGINNING = re.compile(r"(?:start|end|skip) [0-9]{8}T[0-9]{6}Z-[0-9]+ [0-9]+(?= |$)")
_NAME = re.compile(r"([0-9]{8}T[0-9]{6}Z)-([0-9]+)")
_PAIR = re.compile(r"([a-z]+)=(\S*)")
_OFFSET = re.compile(r"([+-])([0-9]{2})([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Run:
    """One start of a job, in the launcher's words."""

    id: str
    """Start in UTC and the launcher's pid: `20261123T070000Z-4711`. Names the log too."""
    started: int
    """Second (epoch)."""
    pid: int | None = None
    ended: int | None = None
    """Second (epoch); None: still running, killed, or the machine went down."""
    status: int | None = None
    """What the launcher passed on: the last attempt's exit status as sh sees it, or one of the launcher's own."""
    skipped: str = ""
    """Why the command was not started."""
    reason: str = ""
    """Why the launcher itself calls it a failure: `timeout`, `expectation: …`, `log`; empty: the status says it all."""
    attempts: int = 1
    """How often the command was started; 0 where it was stopped while it waited for its lock."""
    output: int | None = None
    """Bytes that it printed, those that the log no longer has included; None: not recorded."""
    output_is_least: bool = False
    """It printed at least so much: its log was cut while it ran, and what came in that moment was not counted."""
    digest: str = ""
    """Of the launcher that ran, which holds the whole definition; `launcher.digest` computes the same."""
    offset: int | None = None
    """Seconds that the local clock was ahead of UTC at the start; None: not recorded."""
    ended_offset: int | None = None
    """The same at the end: a laptop travels, and summer time ends."""
    waited: int = 0
    """Seconds before the command's first start, for a lock or for a condition."""
    by_hand: bool = False
    """`jobsync run` asked for it."""
    accepts: bool = False
    """`expect.success_codes` names its status, which is not 0."""

    @property
    def is_over(self) -> bool:
        """It ended, and the launcher lived to say so."""
        return self.ended is not None

    def was_told_to_end(self, *, is_daemon: bool) -> bool:
        """A daemon's that ended because somebody said so: by itself a daemon has no other end."""
        return is_daemon and self.reason == STOPPED

    @property
    def is_success(self) -> bool:
        """The command ran, ended, and ended as it should."""
        return self.is_over and not self.skipped and not self.reason and (self.status == 0 or self.accepts)


def goes_on(run: Run | None, launcher: Path) -> bool:
    """Whether the launcher of this run lives: the number of one that was killed may be another program's by now."""
    if run is None or run.ended is not None or run.pid is None or not process.is_alive(run.pid):
        return False
    command = process.command_line(run.pid)
    return not command or str(launcher) in command


def _integer(field: str | None) -> int | None:
    return int(field) if field and field.isascii() and field.isdigit() and len(field) < 19 else None


def _offset(field: str | None) -> int | None:
    match = _OFFSET.fullmatch(field or "")
    if match is None:
        return None
    seconds = int(match[2]) * 3_600 + int(match[3]) * 60
    return -seconds if match[1] == "-" else seconds


def _pairs(fields: list[str]) -> tuple[dict[str, str], str]:
    """The `key=value` in front, and the words behind them."""
    pairs: dict[str, str] = {}
    for number, field in enumerate(fields):
        match = _PAIR.fullmatch(field)
        if match is None:
            return pairs, " ".join(fields[number:])
        pairs[match[1]] = match[2]
    return pairs, ""


def _start(run: str, second: int, fields: list[str]) -> Run | None:
    if not fields:
        return None
    pairs, _ = _pairs(fields[1:])
    return Run(
        run, second, pid=_integer(fields[0]), digest=pairs.get("digest", ""), offset=_offset(pairs.get("offset")),
        by_hand=pairs.get("by") == "hand",
    )  # fmt: skip


def _named(run: str) -> Run | None:
    """A run of which only the name is known; None where it is no run's."""
    match = _NAME.fullmatch(run)
    if match is None:
        return None
    try:
        started = int(datetime.strptime(match[1], "%Y%m%dT%H%M%S%z").timestamp())
    except ValueError:
        return None
    return Run(run, started, pid=_integer(match[2])) if started >= 0 else None


def _skip(run: str, second: int, fields: list[str]) -> Run | None:
    pairs, reason = _pairs(fields)
    if not reason:
        return None
    offset = _offset(pairs.get("offset"))
    return Run(
        run, second, ended=second, skipped=reason, digest=pairs.get("digest", ""), offset=offset, ended_offset=offset
    )


def _end(started: Run, second: int, fields: list[str]) -> Run | None:
    if not fields:
        return None
    pairs, reason = _pairs(fields[1:])
    printed = pairs.get("bytes", "")
    return replace(
        started, ended=second, status=_integer(fields[0]), reason=reason,
        attempts=_integer(pairs.get("attempts", "1")) or 0,
        output=_integer(printed.removesuffix("+")), output_is_least=printed.endswith("+"),
        ended_offset=_offset(pairs.get("offset")),
        waited=_integer(pairs.get("waited")) or 0, accepts=pairs.get("ok") == "1",
    )  # fmt: skip


def _read_line(runs: dict[str, Run], line: str) -> None:
    beginning = None
    for beginning in _BEGINNING.finditer(line):  # noqa: B007 - the last one is meant
        pass
    word, *fields = (line[beginning.start() :] if beginning else line).split(" ")
    if len(fields) < 2 or (second := _integer(fields[1])) is None:
        return
    run, found = fields[0], None
    if word == "start":
        found = _start(run, second, fields[2:])
    elif word == "skip":
        found = _skip(run, second, fields[2:])
    elif word == "end" and (started := runs.get(run) or _named(run)) is not None:
        found = _end(started, second, fields[2:])
    if found is not None:
        runs[run] = found


def _lines(content: bytes) -> list[str]:
    """The lines that have an end: what comes after the last newline was never written to its own."""
    return content.decode("utf-8", "replace").split("\n")[:-1]


def parse(content: bytes) -> tuple[Run, ...]:
    """All runs, in the order in which they were recorded."""
    runs: dict[str, Run] = {}
    for line in _lines(content):
        _read_line(runs, line)
    return tuple(runs.values())


def known_since(content: bytes) -> int | None:
    """The second (epoch) from which on the records tell all: the job's first sync here, or the oldest line kept.

    None where nobody has said so and no run is recorded.
    """
    said = (_integer(line.removeprefix("since ")) for line in _lines(content) if line.startswith("since "))
    found = [second for second in said if second is not None]
    if found:
        return found[-1]
    return min((run.started for run in parse(content)), default=None)


def begin(path: Path, second: int) -> None:
    """Record that the job is here from that second (epoch) on: what was due before is nobody's to miss.

    `JobsyncError` where that cannot be written.
    """
    files.make_directory(path.parent)
    files.append(path, f"since {second}\n".encode())


def read(path: Path) -> tuple[Run, ...]:
    """The runs in a record file; none when there is no such file."""
    return parse(files.read(path) or b"")


def known(path: Path) -> tuple[tuple[Run, ...], JobsyncError | None]:
    """As `read`; where they cannot be read none, and why: for whoever has more jobs to look at than this one."""
    try:
        return read(path), None
    except JobsyncError as error:
        return (), error


def last(runs: Iterable[Run]) -> Run | None:
    """The newest start that was not skipped."""
    return next((run for run in reversed(tuple(runs)) if not run.skipped), None)


def last_success(runs: Iterable[Run]) -> Run | None:
    """The newest run that ended as it should."""
    return next((run for run in reversed(tuple(runs)) if run.is_success), None)
