"""systemd.syntax(7), where the reader of foreign units and that of our own must agree."""


def goes_on(line: str) -> bool:
    """Whether the next line continues it: a backslash at its very end that no other one escapes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1
