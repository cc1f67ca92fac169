"""lib/retry.py: how often it tries, how long it waits, what it says and what it raises."""

import ast
import importlib.util
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import pytest

from .conftest import TEMPLATE, Server, in_an_hour

T = TypeVar("T")
FILES = (TEMPLATE / "lib" / "retry.py", TEMPLATE / "jobs" / "report" / "run")


class Retry(Protocol):
    """The function as its users see it."""

    def __call__(
        self,
        action: Callable[[], T],
        *,
        attempts: int = ...,
        delay: float = ...,
        max_delay: float = ...,
        on: type[Exception] = ...,
        sleep: Callable[[float], object] = ...,
    ) -> T: ...


@pytest.fixture(scope="module")
def library() -> Any:
    spec = importlib.util.spec_from_file_location("template_retry", TEMPLATE / "lib" / "retry.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def retry(library: Any) -> Retry:
    return cast("Retry", library.retry)


class Flaky:
    """Fails a number of times, each time with another error, and then gives its answer."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise OSError(f"failure {self.calls}")
        return "answer"


def test_what_works_is_called_once_and_nothing_is_said(retry: Retry, capsys: pytest.CaptureFixture[str]) -> None:
    action, sleeps = Flaky(0), list[float]()

    assert retry(action, sleep=sleeps.append) == "answer"

    assert action.calls == 1
    assert sleeps == []
    assert capsys.readouterr() == ("", "")


def test_the_third_attempt_counts_after_waits_of_up_to_one_and_two_seconds(
    retry: Retry, capsys: pytest.CaptureFixture[str]
) -> None:
    action, sleeps = Flaky(2), list[float]()

    assert retry(action, sleep=sleeps.append) == "answer"

    assert action.calls == 3
    assert len(sleeps) == 2 and 0 <= sleeps[0] <= 1 and 0 <= sleeps[1] <= 2
    assert capsys.readouterr().err.splitlines() == [
        f"retry: attempt 1 of 3 failed: OSError('failure 1'); next in {sleeps[0]:.3g} s",
        f"retry: attempt 2 of 3 failed: OSError('failure 2'); next in {sleeps[1]:.3g} s",
    ]


def test_the_last_error_is_raised_after_three_failures(retry: Retry, capsys: pytest.CaptureFixture[str]) -> None:
    action, sleeps = Flaky(99), list[float]()

    with pytest.raises(OSError, match="failure 3"):
        retry(action, sleep=sleeps.append)

    assert (action.calls, len(sleeps)) == (3, 2)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "retry: attempt 3 of 3 failed: OSError('failure 3'); giving up"


@pytest.mark.parametrize(("attempts", "longest"), [(1, []), (2, [10]), (5, [10, 20, 40, 50])])
def test_attempts_and_waits_can_be_chosen(retry: Retry, attempts: int, longest: list[float]) -> None:
    action, sleeps = Flaky(99), list[float]()

    with pytest.raises(OSError, match=f"failure {attempts}"):
        retry(action, attempts=attempts, delay=10, max_delay=50, sleep=sleeps.append)

    assert [0 <= wait <= most for wait, most in zip(sleeps, longest, strict=True)] == [True] * len(longest)


def test_waits_are_random_from_nothing_to_the_longest(retry: Retry) -> None:
    sleeps = list[float]()

    assert retry(Flaky(2000), attempts=2001, delay=8, max_delay=8, sleep=sleeps.append) == "answer"

    assert min(sleeps) < 2 and max(sleeps) > 6 and len(set(sleeps)) > 100


def test_an_abort_ends_it_at_once(library: Any, capsys: pytest.CaptureFixture[str]) -> None:
    calls = list[None]()

    def action() -> None:
        calls.append(None)
        raise library.Abort("wrong password")

    with pytest.raises(library.Abort, match="wrong password"):
        library.retry(action)

    assert len(calls) == 1
    assert capsys.readouterr().err == "retry: attempt 1 of 3 failed: Abort('wrong password'); giving up\n"


@pytest.mark.parametrize(
    ("asked", "least", "most"),
    [
        ("7", 7, 7), ("0", 0, 0), ("86400", 4000, 4000), ("soon", 0, 0), ("-5", 0, 0), ("", 0, 0),
        ("an hour", 3500, 3600), ("Sun, 06 Nov 1994 08:49:37 GMT", 0, 0), ("Sunday, 99-Nov-94", 0, 0),
    ],
)  # fmt: skip
def test_a_server_that_asks_for_a_time_is_given_it(
    retry: Retry, server: Server, asked: str, least: float, most: float
) -> None:
    server.answers, sleeps = [(503, None), (200, 42)], list[float]()
    server.retry_after = in_an_hour() if asked == "an hour" else asked

    def ask() -> bytes:
        try:
            with urllib.request.urlopen(server.url) as answer:
                return cast("bytes", answer.read())
        except urllib.error.HTTPError as error:
            error.close()  # Python 3.14 complains of one that is left to the garbage collector
            raise

    assert retry(ask, delay=0, max_delay=4000, sleep=sleeps.append) == b"42"
    assert len(sleeps) == 1 and least <= sleeps[0] <= most


@pytest.mark.parametrize("name", ["requests", "httpx"])
def test_the_errors_of_other_libraries_are_asked_too(retry: Retry, server: Server, name: str) -> None:
    """They keep the answer in the error, and requests' is false where it is none that was hoped for."""
    other: Any = importlib.import_module(name)
    server.answers, server.retry_after, sleeps = [(503, None), (200, 42)], "9", list[float]()

    def ask() -> str:
        answer = other.get(server.url)
        answer.raise_for_status()
        return cast("str", answer.text)

    assert retry(ask, delay=0, sleep=sleeps.append) == "42"
    assert sleeps == [9]


def test_an_error_without_an_answer_asks_for_nothing(library: Any) -> None:
    assert library.asked_for(OSError()) == 0


def test_other_errors_than_the_named_ones_are_not_tried_again(retry: Retry) -> None:
    action = Flaky(99)

    with pytest.raises(OSError, match="failure 1"):
        retry(action, on=ValueError)


def test_less_than_one_attempt_is_refused(retry: Retry) -> None:
    action = Flaky(0)

    with pytest.raises(ValueError, match="must be 1 or more"):
        retry(action, attempts=0)

    assert action.calls == 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_python_that_macos_ships_can_read_it(file: Path) -> None:
    ast.parse(file.read_text(), feature_version=(3, 9))
