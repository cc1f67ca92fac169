"""Runs in words."""

import pytest

from jobsync.runs.words import age, exit_words, length, size


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "ok"),
        (1, "exit 1"),
        (64, "exit 64 (EX_USAGE)"),
        (75, "exit 75 (EX_TEMPFAIL)"),
        (78, "exit 78 (EX_CONFIG)"),
        (126, "exit 126 (cannot be executed)"),
        (127, "exit 127 (command not found)"),
        (128, "exit 128"),
        (130, "exit 130 (perhaps SIGINT)"),
        (143, "exit 143 (perhaps SIGTERM)"),
        (255, "exit 255"),
        (-9, "killed by SIGKILL"),
        (-200, "killed by signal 200"),
    ],
)
def test_an_exit_status_has_its_name(status: int, words: str) -> None:
    assert exit_words(status) == words


@pytest.mark.parametrize(
    ("seconds", "old", "long"),
    [
        (-3, "0s", "0s"), (0, "0s", "0s"), (59.9, "59s", "59s"), (60, "1m", "1m"), (192, "3m", "3m12s"),
        (7500, "2h", "2h05m"), (7200, "2h", "2h"), (97_200, "1d", "1d03h"), (86_400 * 9, "9d", "9d"),
    ],
)  # fmt: skip
def test_ages_have_one_unit_and_lengths_two(seconds: float, old: str, long: str) -> None:
    assert (age(seconds), length(seconds)) == (old, long)


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (812, "812 B"), (3_400, "3.4 kB"), (12_000, "12 kB"), (12_345_678, "12 MB"), (5 * 10**12, "5000 GB")],
)
def test_sizes_are_short(count: int, words: str) -> None:
    assert size(count) == words
    assert size(count, is_least=True) == f"{words}+"
