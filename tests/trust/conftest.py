"""Campaigns are not measured, and their many syncs start without Python's start."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..forks import Warm
from ..laptop import Laptop
from ..unmeasured import processes_are_not_measured

__all__ = ["laptop", "processes_are_not_measured"]


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """As everywhere, but its commands run in forks."""
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir="/tmp") as root, Warm.start(Path(root)) as machine:
        yield machine
