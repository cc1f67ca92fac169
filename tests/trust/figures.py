"""Adds up what the random sequences of several processes did: `python -m tests.trust.figures FILE`.

Prints one line for each operation; ends with 1 where one was used too seldom or too few sequences were played.
"""

import json
import sys
from collections import Counter
from pathlib import Path

SEQUENCES = 1000
LEAST = 100
"""Uses of each operation."""


def total(lines: list[str]) -> Counter[str]:
    """The sum of all processes' counts."""
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(json.loads(line))
    return counts


def too_few(counts: Counter[str]) -> list[str]:
    """What was not done often enough to be believed."""
    rare = [name for name, count in sorted(counts.items()) if count < LEAST]
    return rare if counts["sequences"] >= SEQUENCES else ["sequences", *rare]


def main() -> int:
    """The command."""
    counts = total(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
    for name, count in sorted(counts.items()):
        sys.stdout.write(f"{count:6} {name}\n")
    rare = too_few(counts)
    sys.stdout.write(f"too seldom: {', '.join(rare)}\n" if rare else "each operation was used often enough\n")
    return bool(rare)


if __name__ == "__main__":
    sys.exit(main())
