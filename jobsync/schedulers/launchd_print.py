"""Reads what `launchctl print` prints. Pure, total, and light: `jobsync-hook` imports it on its hot path.

Blocks are matched exactly: `disabled services = {` ends like `services = {`, and a label found anywhere in the dump
may be a stale override (launchctl on macOS 10.15 to 26).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def block(lines: "list[str]", header: str) -> "list[str] | None":
    """The lines inside the block that opens with the line `header`, up to the line that closes it at its depth."""
    opening = f"{header} = {{"
    for number, line in enumerate(lines):
        if line.lstrip("\t") == opening:
            closing = line[: -len(opening)] + "}"
            try:
                end = lines.index(closing, number + 1)
            except ValueError:
                return None
            return lines[number + 1 : end]
    return None


def _rows(lines: "list[str]") -> "Iterator[tuple[str, str, str]]":
    for line in lines:
        columns, _, label = line.strip().partition("\t")
        fields = columns.split()
        if len(fields) == 2 and label:
            yield label, fields[0], fields[1]


def services(text: str) -> "dict[str, tuple[int | None, int | None]] | None":
    """Label -> (pid, last status) of a domain dump; None when the dump is not one."""
    rows = block(text.split("\n"), "services")
    if rows is None:
        return None
    found = {label: (_number(pid) or None, _number(status)) for label, pid, status in _rows(rows)}
    return None if any(pid is not None and pid < 0 for pid, _ in found.values()) else found


def labels(text: str) -> "frozenset[str] | None":
    """The labels of a domain dump; None when it is not one."""
    rows = block(text.split("\n"), "services")
    # Names only: with the numbers of `services` this would take four times as long.
    return None if rows is None else frozenset(row.rpartition("\t")[2] for row in rows)


def all_loaded(wanted: "Iterable[str]", text: str) -> bool:
    """Whether a domain dump holds all of these labels."""
    found = labels(text)
    return found is not None and found.issuperset(wanted)


def has_others(wanted: "Iterable[str]", text: str, start: str) -> bool:
    """Whether a domain dump holds a label beside these that begins so."""
    return any(label.startswith(start) for label in (labels(text) or frozenset()).difference(wanted))


def running(text: str) -> "frozenset[str]":
    """The labels of a domain dump that have a process."""
    return frozenset(label for label, (pid, _) in (services(text) or {}).items() if pid is not None)


def _number(field: str) -> "int | None":
    """A pid (0: not running), or exit status or minus the signal; None for `-` (never exited) and tags as `(pe)`."""
    try:
        return int(field)
    except ValueError:
        return None


def disabled(text: str) -> "frozenset[str]":
    """Labels that the block `disabled services` switches off, in the words of macOS 13 on or those before."""
    rows = block(text.split("\n"), "disabled services") or []
    pairs = (row.strip().rpartition(" => ") for row in rows)
    return frozenset(label.strip('"') for label, _, value in pairs if value in ("disabled", "true"))


def path(text: str) -> str:
    """The file that a service dump says it was loaded from; empty where it says nothing."""
    # One tab: deeper blocks have fields of the same names.
    rows = (line for line in text.split("\n") if line.startswith("\tpath = "))
    return next(rows, "").partition(" = ")[2]


def environment(text: str) -> "dict[str, str]":
    """The block `environment` of a service dump."""
    pairs = (row.strip().partition(" => ") for row in block(text.split("\n"), "environment") or [])
    return {key: value for key, arrow, value in pairs if arrow}
