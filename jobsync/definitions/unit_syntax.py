"""systemd.syntax(7), as the reader of foreign units and that of our own need it."""

from collections.abc import Iterator

BLANKS = " \t\r"


def _goes_on(line: str) -> bool:
    """Whether the next line continues it: a backslash at its very end that no other one escapes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def is_comment(line: str) -> bool:
    """Whether systemd passes over it."""
    return line.startswith(("#", ";"))


def lines_of(text: str) -> Iterator[str]:
    """The lines of a unit file, comments too, without the blanks around them and without empty ones.

    Those that a backslash continues are one: it becomes a blank, and the blanks around it stay, for they may be within
    quotes. Comments in between are left out.
    """
    held = ""
    for line in (*text.replace("\r\n", "\n").split("\n"), ""):  # the last line may go on, too
        stripped = line.strip(BLANKS)
        if is_comment(stripped):
            yield from () if held else (stripped,)
            continue
        whole, held = f"{held}{line}", ""
        if _goes_on(line):
            held = f"{whole[:-1]} "
        elif found := whole.strip(BLANKS):
            yield found
