"""A crontab -> one job for each of its lines. Pure.

crontab(5) as the crons of Debian and macOS (Vixie's) and of Fedora and Arch (cronie) read it: variables above a line
count for it, `%` ends the command and begins its input, and sh gets the rest as it stands. What one of them reads in
another way than the others is refused.
"""

import re
import shlex
from collections.abc import Iterator, Mapping

from jobsync.definitions.cron import SHORTHANDS, read_cron
from jobsync.definitions.foreign import Draft, Found, Kind, Notice, Refused, Variables, described, left_to, name_of
from jobsync.errors import JobsyncError
from jobsync.values import dataclass, field

_VARIABLE = re.compile(r"\s*(?P<name>\"[^\"]+\"|'[^']+'|[^\s=#\"']+)\s*=\s*(?P<value>.*?)\s*")
_FIELDS = re.compile(r"\s*(?P<time>@[A-Za-z]+|(?:\S+\s+){4}\S+)\s+(?P<command>\S.*?)\s*")
TAKEN_OVER = "taken over by jobsync as"
"""How the comment begins that stands in place of a line that jobsync took over."""
_BOILERPLATE = ("Edit this file to introduce tasks to be run by cron.", "m h  dom mon dow   command")
"""First and last line of what Debian's `crontab -e` puts into an empty one."""
_COLUMNS = re.compile(
    r"\W*(m|min\w*)\s+(h|hour\w*)\s+(d|dom|day|mday)\s+(m|mon\w*)\s+(d|dow|wday|weekday)\b.*", re.IGNORECASE
)
"""A comment that says which field is which."""

# Without these, `sh -eu -c` means what `sh -c` means: -e counts for a command that is followed by another one on its
# own, -u for a variable.
_NEEDS_PLAIN_SH = re.compile(r"[;$`\n(){}]|(?<![&>])&(?![&>])|\b(?:set|if|for|while|until|case|function)\b|^\s*!")
_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*"|\\.""", re.DOTALL)
_BACKGROUND = re.compile(r"(?<![&<>|])&(?![&>])")
_WAIT = re.compile(r"\bwait\b")
_CRONS_OWN = frozenset({"SHELL", "MAILTO", "MAILFROM", "LOGNAME", "USER", "CRON_TZ", "RANDOM_DELAY"})
"""Variables that cron uses itself."""
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_ON_POWER = "@AppleNotOnBattery"
"""What macOS's cron reads in front of a command."""
_CRONS_PATH = "/usr/bin:/bin"
_HEAD = re.compile(r"(?:\\.|[^%])*")
"""A command without its input: what stands behind a backslash is escaped, be it another backslash."""
_PAIR = r"\\"
_REGION = re.compile(r"(?P<edge>begin|end) (?P<writer>git maintenance|ansible|whenever)\b")
"""A comment that tells programs which lines between it and the next are theirs."""
_SH = "/bin/sh"
_END = "END_OF_INPUT"
_WRAPPERS = re.compile(
    r"exec|env|nice|ionice|sudo|command|time|sh|bash|zsh|python3?|perl|ruby|node|bun|timeout|nohup|caffeinate|flock"
)
"""Commands that say how something runs, and not what."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line that starts something, with what stood above it."""

    number: int
    """From 1."""
    time: str
    command: str
    """As written, `%` and all."""
    variables: tuple[tuple[str, str], ...]
    comments: tuple[str, ...]
    writer: str = ""
    """The program that wrote it and would write it again; empty: somebody did."""


@dataclass(frozen=True, slots=True)
class Crontab:
    """A crontab, read."""

    entries: tuple[Entry, ...]
    faults: tuple[tuple[int, str], ...] = ()
    """Lines that cron itself would refuse."""


@dataclass
class _State:
    writer: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _without_boilerplate(comments: list[str]) -> list[str]:
    first, last = _BOILERPLATE
    if first in comments and last in comments[comments.index(first) :]:
        begin = comments.index(first)
        comments = comments[:begin] + comments[comments.index(last, begin) + 1 :]
    return [comment for comment in comments if not _COLUMNS.fullmatch(comment)]


def parse(text: str) -> Crontab:
    """The lines of a crontab. Never raises: what is none of cron's is a fault of its line."""
    state, entries, faults = _State(), [], []
    # Not `splitlines`, for which a form feed ends a line: the numbers are those of `without`.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            comment = line.lstrip()[1:].removeprefix(" ").rstrip()
            if region := _REGION.match(comment.lower()):
                state.writer = region["writer"] if region["edge"] == "begin" else ""
                state.comments = []
            elif not comment.startswith(TAKEN_OVER):
                state.comments.append(comment)
        elif match := _VARIABLE.fullmatch(line):
            state.variables[_unquoted(match["name"])] = _unquoted(match["value"])
        elif match := _FIELDS.fullmatch(line):
            comments = tuple(_without_boilerplate(state.comments))
            variables = tuple(state.variables.items())
            entries.append(Entry(number, match["time"], match["command"], variables, comments, state.writer))
            state.comments = []
        else:
            faults.append((number, "is nothing that cron reads"))
    if entries and (rest := _without_boilerplate(state.comments)):
        last = entries[-1]
        entries[-1] = Entry(last.number, last.time, last.command, last.variables, (*last.comments, *rest))
    return Crontab(tuple(entries), tuple(faults))


def without(text: str, names: Mapping[int, str]) -> str:
    """The crontab whose lines of these numbers are comments that say which job each has become."""
    lines = text.split("\n")
    for number, name in names.items():
        lines[number - 1] = f"# {TAKEN_OVER} {name}: {lines[number - 1]}"
    return "\n".join(lines)


def _parted(command: str) -> tuple[str, str]:
    """What stands before and behind the first `%` that is not escaped, as written."""
    end = found.end() if (found := _HEAD.match(command)) else 0
    return command[:end], command[end + 1 :]


def _split(command: str) -> tuple[str, str | None]:
    """The command, and its input: a `%` that is not escaped ends the one, and each in the other is a new line."""
    head, rest = _parted(command)
    lines = [part.replace("\\%", "%") for part in re.split(r"(?<!\\)%", rest)]
    # cron sends nothing where nothing follows.
    return head.replace("\\%", "%").rstrip(), "\n".join(lines) if any(lines) else None


def _has_pair(command: str) -> bool:
    """Whether one backslash of the command escapes another: Vixie's cron takes away the first, cronie none."""
    return _PAIR in re.findall(r"\\.", _parted(command)[0])


def _script(shell: str, command: str, given: str | None) -> str:
    if given is None:
        return f"#!{shell}\n{command}\n"
    return f"#!{shell}\n{{\n{command}\n}} <<'{_END}'\n{given}\n{_END}\n"


_SETS_UP = re.compile(r"\s*(?:\.|source|export)\s")
"""How a part of a command begins that only readies the shell for the next."""
_BY_THE_WAY = re.compile(r"cd|\[|test|true|false|exit|sleep|:")
"""Commands that no job is named after."""
_NO_NAME = re.compile(r"-.*|[<>&].*|\d*[<>].*|[\d.]+[smhd]?|[A-Za-z_]\w*=.*")


def _split_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def _telling(command: str) -> Iterator[str]:
    """What each part of a command line runs, wrappers and options aside."""
    for part in re.split(r"&&|\|\||[;|&(){}]", command):
        words = [] if _SETS_UP.match(part) else [w for w in _split_words(part) if not _NO_NAME.fullmatch(w)]
        while words and _WRAPPERS.fullmatch(words[0].rpartition("/")[2]):
            # flock's first word is a file.
            del words[: 2 if words[0].endswith("flock") else 1]
        name = words[0].split()[0].rstrip("/").rpartition("/")[2] if words and words[0].strip() else ""
        if name and not _BY_THE_WAY.fullmatch(name):
            yield re.sub(r"\.(sh|py|pl|rb|js|ts|bash|zsh)$", "", name)


def name_for(command: str) -> str:
    """A job's name made of what a command line runs."""
    return name_of(next(_telling(command), "job"))


def _schedule(time: str) -> tuple[dict[str, object], list[Notice]]:
    if time.lower() == "@reboot":
        notice = Notice(Kind.DIFFERS, "@reboot", "at login, where cron starts it before anybody is logged in")
        return {"at_login": True}, [notice]
    if time.startswith("@") and time.lower() not in SHORTHANDS:
        raise JobsyncError(f"{time} is no time that jobsync knows; write five fields")
    time = time.lower()
    read_cron(" ".join(time.split()))
    return {"cron": " ".join(time.split())}, []


def _variables(entry: Entry, name: str, machine_path: str) -> Variables:
    """The environment that cron gives a line, less what it uses itself."""
    found = Variables(machine_path, name)
    given = {key: value for key, value in entry.variables if key not in _CRONS_OWN}
    if "PATH" not in given:
        found.take_default(_CRONS_PATH)
    for key, value in given.items():
        found.take(key, value)
    return found


def _own_notices(own: Mapping[str, str]) -> list[Notice]:
    words = "jobsync keeps the output and mails nothing; `jobsync logs`"
    found = [Notice(Kind.LEFT_OUT, key, words) for key in ("MAILTO", "MAILFROM") if own.get(key)]
    if "HOME" in own:
        found.append(
            Notice(Kind.DIFFERS, "HOME", "counts, as Debian's cron and cronie have it; macOS's passes over it")
        )
    if (delay := own.get("RANDOM_DELAY", "")).isdecimal():
        said = f'cronie waits up to {delay} minutes; to have that, write below [schedule]: spread = "{delay}m"'
        found.append(Notice(Kind.LEFT_OUT, "RANDOM_DELAY", said))
    return found


def _left_behind(command: str) -> list[Notice]:
    """cron lets go on what a command leaves running; launchd and systemd end it together with the job."""
    plain = _QUOTED.sub("_", command)
    if not _BACKGROUND.search(plain) or _WAIT.search(plain):
        return []
    words = "what is left in the background ends with the run: take the & out, or write [daemon] for [schedule]"
    return [Notice(Kind.DIFFERS, "&", words)]


def _reasons(own: Mapping[str, str], entry: Entry, command: str, stdin: str | None) -> list[str]:
    """Why a line cannot be a job, its time aside."""
    found = []
    if entry.writer:
        found.append(left_to(entry.writer))
    if _has_pair(entry.command):
        found.append(
            f"{_PAIR}: crons differ in what they make of it; put the command into a script, and call that here"
        )
    if option := re.match(r"-\S*", entry.command):
        found.append(f"{option[0]}: is an option of cron's own; take it out here")
    if zone := own.get("CRON_TZ"):
        found.append(f"CRON_TZ = {zone}: times are the machine's own; shift them by hand")
    if not command.strip():
        found.append("there is no command")
    if _UNREADABLE in f"{command}{stdin}":
        found.append("it holds bytes that are no UTF-8; write them in UTF-8")
    if command.startswith(_ON_POWER):
        found.append(f"{_ON_POWER}: take it out here, and write below [when] of the job: ac_power = true")
    if stdin is not None and _END in stdin.split("\n"):
        found.append(f"its input holds the line {_END}")
    if not own.get("SHELL", _SH).startswith("/"):
        found.append(f"SHELL = {own['SHELL']}: is no absolute path; write it from /")
    return found


def _draft(entry: Entry, name: str, machine_path: str, home: str) -> Found:
    origin = f"crontab line {entry.number}"
    own = dict(entry.variables)
    variables = _variables(entry, name, machine_path)
    command, stdin = _split(entry.command)
    reasons = [*_reasons(own, entry, command, stdin), *variables.reasons]
    try:
        schedule, more = _schedule(entry.time)
    except JobsyncError as error:
        reasons.insert(0, f"{entry.time}: {error.message}")
    if reasons:
        return Refused(origin, name, tuple(reasons))
    shell = own.get("SHELL", _SH)
    is_plain = shell == _SH and stdin is None and not _NEEDS_PLAIN_SH.search(command)
    description, comments = described(entry.comments)
    return Draft(
        origin=origin,
        name=name,
        command=command if is_plain else None,
        script=None if is_plain else _script(shell, command, stdin),
        description=description,
        comments=comments,
        directory=own.get("HOME", home),
        path=variables.path,
        schedule=schedule,
        environment=variables.plain,
        secrets=variables.secrets,
        notices=(*_own_notices(own), *more, *_left_behind(command), *variables.notices),
    )


def read_crontab(crontab: Crontab, machine_path: str, home: str) -> list[Found]:
    """A draft or a refusal for each entry, in order; some may have one name. `home`: where cron runs commands."""
    return [_draft(entry, name_for(_split(entry.command)[0]), machine_path, home) for entry in crontab.entries]
