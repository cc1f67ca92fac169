"""How words reach a terminal: what they mean for whoever colours them, and nothing in them that plays with it.

Apart from `report.py`, which knows all that a sync can come to: `jobsync --help` needs none of that.
"""

import os
import sys
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class Tone(Enum):
    """How a word is meant, for whoever colours it: the number of its foreground colour (ECMA-48, SGR)."""

    GOOD = 32
    QUIET = 90
    CHANGED = 33
    BAD = 31


def is_coloured(stream: "TextIO") -> bool:
    """Whether words that go there may be coloured."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, tone: Tone | None) -> str:
    """`text` in the colour of its tone, where stdout is a terminal that may be coloured."""
    return f"\x1b[{tone.value}m{text}\x1b[0m" if tone and is_coloured(sys.stdout) else text


def width() -> int | None:
    """Columns of the terminal that stdout is; None where nobody's screen limits a line."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size  # 3 ms that only a terminal needs

    return get_terminal_size().columns


def printable(text: str) -> str:
    """`text` with everything that could play with a terminal escaped; lines stay lines."""
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
