"""A fixture for tests that type many commands: a machine whose `jobsync` needs no start of Python."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .forks import Warm
from .laptop import Laptop
from .scratch import SCRATCH


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    """As everywhere, but its commands run in forks."""
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Warm.start(Path(root)) as machine:
        yield machine
