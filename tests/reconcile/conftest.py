"""A bench for each test that applies plans."""

from collections.abc import Iterator

import pytest

from . import bench as benches
from .bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A Mac with one repository's places and no job."""
    with benches.start() as made:
        yield made
