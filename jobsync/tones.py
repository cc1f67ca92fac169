"""How words reach a terminal: what they mean for whoever colours them, and nothing in them that plays with it.

Apart from `report.py`, which knows all that a sync can come to: `jobsync --help` needs none of that.
"""

from enum import Enum


class Tone(Enum):
    """How a word is meant, for whoever colours it."""

    GOOD = "green"
    QUIET = "bright_black"
    CHANGED = "yellow"
    BAD = "red"


def printable(text: str) -> str:
    """`text` with everything that could play with a terminal escaped; lines stay lines."""
    return "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
