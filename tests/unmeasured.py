"""A fixture for tests that start many processes: coverage in every one of them would double their time."""

import os

import pytest


@pytest.fixture(autouse=True)
def processes_are_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests start runs without coverage; the same code is measured elsewhere."""
    for name in tuple(os.environ):
        if name.startswith("COVERAGE_"):
            monkeypatch.delenv(name)
