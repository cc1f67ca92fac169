"""`python -m tests.docs.fill PAGE`: types the console blocks of a page and writes what is answered into it.

For whoever changed what a command prints. Read the difference before you commit it: the tests believe the page.
"""

import re
import sys
import tempfile
from pathlib import Path

from ..laptop import Laptop
from ..migration import furnish
from ..scratch import SCRATCH
from .pages import Page
from .terminal import Terminal, exchanges, seed


def _filled(terminal: Terminal, block: str) -> str:
    lines: list[str] = []
    for exchange in exchanges([block]):
        first, *others = exchange.command.split("\n")
        lines += [f"$ {first}", *(f"> {line}".rstrip() for line in others), *terminal.type(exchange.command)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def main(path: Path) -> None:
    """Rewrite the page."""
    page = Page(path)
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Laptop.start(Path(root)) as laptop:
        seed(laptop)
        if path.name == "migrate.md":
            furnish(laptop)
        terminal = Terminal(laptop)
        text = re.sub(
            r"(?<=^```console\n)(.*?)(?=^```$)",
            lambda match: _filled(terminal, match[1]),
            page.text,
            flags=re.MULTILINE | re.DOTALL,
        )
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
