"""Rows as aligned lines, and the words that go into them. Pure, and light: `at_once` says with it how jobs stand."""

from jobsync.tones import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def cell(text: str) -> str:
    """`printable`, on one line."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def table(rows: "Iterable[Sequence[str]]", indent: str = "") -> list[str]:
    """Rows as aligned lines; the last column is as wide as it likes."""
    cells = [tuple(cell(one) for one in row) for row in rows]
    if not cells:
        return []
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]) - 1)]
    lines = []
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)]
        lines.append((indent + "  ".join([*padded, row[-1]])).rstrip())
    return lines


def plural(count: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
