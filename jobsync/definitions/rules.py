"""The rules of a run in words: limits, retries, conditions, expectations, and who is told. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from jobsync.definitions.duration import format_duration
from jobsync.definitions.job import GRACE, Expect, Job, Limits, Notify, Priority, Retry, When


def _limits(limits: Limits, priority: Priority) -> Iterator[str]:
    if limits.timeout is not None:
        grace = format_duration(limits.grace if limits.grace is not None else GRACE)
        yield f"ended after {format_duration(limits.timeout)}: TERM, and KILL {grace} later"
    elif limits.grace is not None:
        yield f"{format_duration(limits.grace)} to end after TERM"
    if limits.lock is not None:
        yield f"never at the same time as other jobs with the lock {limits.lock}"
    if priority is Priority.BACKGROUND:
        yield "background priority"


def _retry(retry: Retry) -> Iterator[str]:
    if retry.attempts > 1:
        codes = f", only after exit {_either(map(str, retry.on_codes))}" if retry.on_codes else ""
        waits = f"{format_duration(retry.delay)} before the second, doubling up to {format_duration(retry.max_delay)}"
        yield f"{retry.attempts} attempts in all, {waits}{codes}"


def _when(when: When) -> Iterator[str]:
    patience = f", waiting up to {format_duration(when.wait)} for it" if when.wait else ""
    needs = [word for word, is_needed in (("on AC power", when.ac_power), ("online", when.online)) if is_needed]
    if needs:
        yield f"only {' and '.join(needs)}{patience}"
    if when.stale_after is not None:
        yield f"not while the last success is younger than {format_duration(when.stale_after)}"


def _either(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _expect(expect: Expect) -> Iterator[str]:
    if expect.success_codes != (0,):
        yield f"ends with {_either(map(str, expect.success_codes))}"
    yield from (f"prints a line like {pattern}" for pattern in expect.prints)
    yield from (f"prints no line like {pattern}" for pattern in expect.prints_not)
    yield from (f"makes or changes {path}" for path in expect.touches)
    if expect.success_within is not None:
        yield f"succeeds at least every {format_duration(expect.success_within)}"


def _notify(notify: Notify | None) -> Iterator[str]:
    if notify is not None and notify.on:
        yield f"when it {_either(_EVENTS[event.value] for event in notify.on)}"


_EVENTS = {"failed": "fails", "recovered": "recovers", "missed": "misses a run", "succeeded": "succeeds"}


def rules_in_words(job: Job) -> Mapping[str, tuple[str, ...]]:
    """Title -> sentences; only what the definition says something of."""
    found = {
        "limits": tuple(_limits(job.limits, job.priority)),
        "retry": tuple(_retry(job.retry)),
        "conditions": tuple(_when(job.when)),
        "expects": tuple(_expect(job.expect)),
        "tells you": tuple(_notify(job.notify)),
    }
    return {title: sentences for title, sentences in found.items() if sentences}
