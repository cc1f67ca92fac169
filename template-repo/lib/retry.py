"""Try something again when it fails. Standard library only, for Python 3.9 (what macOS ships) and newer.

retry(lambda: read_feed(url))  # three tries in all, waits of 1 s and 2 s between them
retry(connect, attempts=5, delay=10, on=OSError)  # other exceptions than OSError are not tried again
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def retry(
    action: Callable[[], T],
    *,
    attempts: int = 3,
    delay: float = 1.0,
    on: type[Exception] | tuple[type[Exception], ...] = Exception,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Return the first result of `action`; when the last of `attempts` tries fails, raise what that one raised.

    `delay` is in seconds and doubles after each failure. Each failure is said on stderr.
    """
    if attempts < 1:
        raise ValueError(f"attempts is {attempts}; it must be 1 or more")
    for attempt in range(1, attempts):
        try:
            return action()
        except on as error:
            wait = delay * 2 ** (attempt - 1)
            print(f"retry: try {attempt} of {attempts} failed: {error!r}; next in {wait:g} s", file=sys.stderr)
            sleep(wait)
    try:
        return action()
    except on as error:
        print(f"retry: try {attempts} of {attempts} failed: {error!r}; giving up", file=sys.stderr)
        raise
