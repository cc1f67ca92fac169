"""Programs that run beside a test."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def beside(argv: list[str] | tuple[str, ...], **settings: Any) -> Iterator[subprocess.Popen[Any]]:
    """As `subprocess.Popen`; a test that fails ends it, and does not wait for what it would have told it."""
    with subprocess.Popen(argv, **settings) as program:
        try:
            yield program
        except BaseException:
            program.kill()
            raise
