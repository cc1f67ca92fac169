"""Try something again when it fails. Standard library only, for Python 3.9 (what macOS ships) and newer.

retry(lambda: read_feed(url))  # three attempts in all, waits of up to 1 s and up to 2 s between them
retry(connect, attempts=5, delay=10, on=OSError)  # other exceptions than OSError are not tried again

Waits are random, so that machines that failed together do not come back together. An HTTP error whose answer has a
Retry-After (urllib's, requests', httpx's) is given that time. `raise Abort("wrong password")` ends it at once.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from datetime import timezone
from email.utils import parsedate_to_datetime
from typing import TypeVar

T = TypeVar("T")


class Abort(Exception):
    """No further attempt can help; `retry` raises it on."""


def asked_for(error: BaseException) -> float:
    """Return the seconds that the HTTP answer behind an error asks to wait; 0 where there is none or it does not."""
    answer = getattr(error, "response", None)
    # Not `or`: an answer of requests is false where its status is 400 or more.
    headers = getattr(error if answer is None else answer, "headers", None)
    text = str((headers.get("Retry-After") if headers else None) or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):  # which of them depends on the Python
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return max(0.0, moment.timestamp() - time.time())


def retry(
    action: Callable[[], T],
    *,
    attempts: int = 3,
    delay: float = 1.0,
    max_delay: float = 300.0,
    on: type[Exception] | tuple[type[Exception], ...] = Exception,
    sleep: Callable[[float], object] = time.sleep,
) -> T:
    """Return the first result of `action`; when the last of `attempts` fails, raise what that one raised.

    Before the next attempt it waits anything up to `delay` (seconds), which doubles after each failure, or as long as
    the server asked for, but never more than `max_delay`. Each failure is said on stderr.
    """
    if attempts < 1:
        raise ValueError(f"attempts is {attempts}; it must be 1 or more")
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except on as error:
            failure = f"retry: attempt {attempt} of {attempts} failed: {error!r}"
            if attempt == attempts or isinstance(error, Abort):
                print(f"{failure}; giving up", file=sys.stderr)
                raise
            longest = min(max_delay, delay * 2.0 ** min(attempt - 1, 100))
            wait = min(max_delay, max(random.uniform(0, longest), asked_for(error)))
            print(f"{failure}; next in {wait:.3g} s", file=sys.stderr)
            sleep(wait)
    raise AssertionError("the last attempt returns or raises")
