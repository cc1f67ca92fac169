"""Bytes of a TOML file → plain dicts, lists and scalars, or the fault that names the line. Never anything else."""

import re
import tomllib
from collections.abc import Collection, Mapping

from jobsync.definitions.stand_ins import stand_in
from jobsync.errors import JobsyncError

LARGEST_FILE = 64 * 1024
DEEPEST = 16

Table = dict[str, object]

# Those that only a fault needs are compiled by the first one: with `systemd_keys` and `duration` that saves 1.2 ms.
_UNQUOTED = r"\s*(?P<key>[A-Za-z0-9_.-]+)\s*=\s*(?P<value>[A-Za-z0-9~/$@*](?:[^\"'#]{,98}[^\"'#,;\s])?)\s*(?:#.*)?"
_COLON = r"\s*(?P<key>[A-Za-z0-9_-]+)\s*:(?:\s+(?P<value>.*))?"
# Control characters, surrogates and the two code points that XML cannot hold. plistlib refuses some of them and
# changes others (`\r`); C1 holds a newline of its own (U+0085).
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# A line that begins with more dotted words than any definition is deep: tomllib would take seconds for thousands.
_TOO_DEEP = re.compile(r"^[ \t\[]*(?:[A-Za-z0-9_-]+[ \t]*\.[ \t]*){64}", re.MULTILINE)
_LINE_BREAKS = frozenset("\n\t")
_CONFLICT = r"(?m)^<{7} "
_ALONE = r"\r(?!\n)"
_LOCATION = r" at line [0-9]+ col [0-9]+$| \(at [a-z0-9, ]+\)$"
_POSITION = r"\(at line ([0-9]+), column [0-9]+\)$"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def shown(value: object) -> str:
    """A TOML value as a message names it: texts in quotes and never long, all else by its kind."""
    match value:
        case str():
            text = value if len(value) <= 40 else value[:40] + "…"
            return f'"{_printable(text)}"'
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {str(value)[:20]}" if abs(value) < 10**18 else "a number of that size"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"  # TOML has nothing else


def unfit(text: str, *, lines: bool = False) -> str | None:
    """What is wrong with a text that plist or sh shall hold, or None. `lines`: newlines and tabs are fine."""
    for match in _UNFIT.finditer(text):
        if not (lines and match[0] in _LINE_BREAKS):
            return f"holds the control character U+{ord(match[0]):04X}; take it out"
    return None


def without(table: Mapping[str, object], keys: Collection[str]) -> Table:
    """The table less some of its keys."""
    return {key: value for key, value in table.items() if key not in keys}


def _decode(data: bytes) -> str:
    if len(data) > LARGEST_FILE:
        raise JobsyncError(
            f"is larger than {LARGEST_FILE // 1024} KiB, so it is no definition; keep data in files of their own"
        )
    if data.startswith(b"\xef\xbb\xbf"):
        raise JobsyncError("starts with a byte order mark; save it as UTF-8 without one")
    if wrong := stand_in(data):
        raise JobsyncError(wrong)
    # tomlkit takes a NUL for the end of the file.
    if b"\0" in data:
        raise JobsyncError("holds a NUL byte; save it as UTF-8 text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise JobsyncError(f"line {line}: is not UTF-8 text; save it as UTF-8") from None


def _is_value(text: str) -> bool:
    try:
        tomllib.loads(f"a = {text}")
    except ValueError:
        return False
    return True


def _hint(line: str) -> str:
    if (match := re.fullmatch(_UNQUOTED, line)) and not _is_value(match["value"]):
        if (plain := match["value"].lower()) in {"true", "false"}:
            return f"; in TOML it is: {match['key']} = {plain}"
        return f'; text needs quotes: {match["key"]} = "{match["value"]}"'
    if match := re.fullmatch(_COLON, line):
        return f"; TOML has = and no colon: {match['key']} = …"
    return ""


def _explain(said: str, line: int, text: str) -> str:
    message = re.sub(_LOCATION, "", said).rstrip(".")
    # At the end of the text tomlkit sees a NUL; a real one was refused before.
    if "'\\x00'" in message:
        message = "something is missing at its end"
    elif "\\u000a" in message:
        message = "a text does not end on its line; close it with a quote"
    elif message[1:2].islower():
        message = message[:1].lower() + message[1:]
    lines = text.split("\n")
    # Both quote what somebody wrote.
    return _printable(re.sub(r"\s+", " ", f"line {line}: {message}{_hint(lines[line - 1])}"))


def _line_of(text: str, counted: int) -> int:
    """The number of a line that tomlkit counts by every break that Unicode has; to TOML and to editors one is LF."""
    return "".join(text.splitlines(keepends=True)[: counted - 1]).count("\n") + 1


def _fault(text: str, refusal: Exception) -> JobsyncError:
    """What is wrong with a text that tomllib refuses, in tomlkit's words: they say more, and take ten times as long."""
    import tomlkit
    from tomlkit.exceptions import KeyAlreadyPresent, ParseError

    found = re.search(_POSITION, str(refusal))
    position = int(found[1]) if found else text.count("\n") + 1

    if marker := re.search(_CONFLICT, text):
        line = text.count("\n", 0, marker.start()) + 1
        return JobsyncError(f"line {line}: a merge conflict begins here; resolve it, and take out git's markers")
    if alone := re.search(_ALONE, text):
        line = len(re.findall(r"\r\n?|\n", text[: alone.start()])) + 1
        return JobsyncError(f"line {line}: holds a carriage return that no line feed follows; save the file with LF")
    try:
        tomlkit.parse(text)
    except ParseError as error:
        # A table that exists tomlkit notices at the next one, or at the end; tomllib knows the line, and not the key.
        is_there = "already exists" in str(error)
        return JobsyncError(_explain(str(error), position if is_there else _line_of(text, error.line), text))
    except KeyAlreadyPresent as error:
        # In a table tomlkit says it without the line.
        return JobsyncError(_explain(str(error), position, text))
    except Exception as error:
        return JobsyncError(f"is not TOML that can be read ({type(error).__name__})")
    # tomlkit takes what only a later TOML has, such as times without seconds.
    return JobsyncError(_explain(str(refusal), position, text))


def _depth(value: object) -> int:
    """How deep tables and lists are nested, without recursion: one level more than allowed is enough to know."""
    level, found = [value], 0
    while level and found <= DEEPEST:
        inner = [item for item in level if isinstance(item, dict | list)]
        level = [child for item in inner for child in (item.values() if isinstance(item, dict) else item)]
        found += bool(inner)
    return found


def _nested() -> JobsyncError:
    return JobsyncError("is nested too deeply to be a definition; write it flat")


def parse(data: bytes) -> Table:
    """The document's tables as plain Python values.

    Errors: `JobsyncError` with the line and what is wrong, whatever the bytes.
    """
    text = _decode(data)
    if _TOO_DEEP.search(text):
        raise _nested()
    try:
        table: Table = tomllib.loads(text)
    except Exception as error:  # A parser's own bug on somebody's bytes must not stop the other jobs.
        raise _fault(text, error) from None
    if _depth(table) > DEEPEST:
        raise _nested()
    return table
