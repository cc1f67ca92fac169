"""lib/retry.py: how often it tries, how long it waits, what it says and what it raises."""

import ast
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar, cast

import pytest

from .conftest import TEMPLATE

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
        on: type[Exception] = ...,
        sleep: Callable[[float], object] = ...,
    ) -> T: ...


@pytest.fixture(scope="module")
def retry() -> Retry:
    spec = importlib.util.spec_from_file_location("template_retry", TEMPLATE / "lib" / "retry.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return cast("Retry", module.retry)


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


def test_the_third_try_counts_after_waits_of_one_and_two_seconds(
    retry: Retry, capsys: pytest.CaptureFixture[str]
) -> None:
    action, sleeps = Flaky(2), list[float]()

    assert retry(action, sleep=sleeps.append) == "answer"

    assert action.calls == 3
    assert sleeps == [1.0, 2.0]
    assert capsys.readouterr().err.splitlines() == [
        "retry: try 1 of 3 failed: OSError('failure 1'); next in 1 s",
        "retry: try 2 of 3 failed: OSError('failure 2'); next in 2 s",
    ]


def test_the_last_error_is_raised_after_three_failures(retry: Retry, capsys: pytest.CaptureFixture[str]) -> None:
    action, sleeps = Flaky(99), list[float]()

    with pytest.raises(OSError, match="failure 3"):
        retry(action, sleep=sleeps.append)

    assert action.calls == 3
    assert sleeps == [1.0, 2.0]
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "retry: try 3 of 3 failed: OSError('failure 3'); giving up"


@pytest.mark.parametrize(("attempts", "waits"), [(1, []), (2, [10.0]), (5, [10.0, 20.0, 40.0, 80.0])])
def test_tries_and_first_wait_can_be_chosen(retry: Retry, attempts: int, waits: list[float]) -> None:
    action, sleeps = Flaky(99), list[float]()

    with pytest.raises(OSError, match=f"failure {attempts}"):
        retry(action, attempts=attempts, delay=10, sleep=sleeps.append)

    assert sleeps == waits


def test_other_errors_than_the_named_ones_are_not_tried_again(retry: Retry) -> None:
    action = Flaky(99)

    with pytest.raises(OSError, match="failure 1"):
        retry(action, on=ValueError)


def test_less_than_one_try_is_refused(retry: Retry) -> None:
    action = Flaky(0)

    with pytest.raises(ValueError, match="must be 1 or more"):
        retry(action, attempts=0)

    assert action.calls == 0


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_python_that_macos_ships_can_read_it(file: Path) -> None:
    ast.parse(file.read_text(), feature_version=(3, 9))
