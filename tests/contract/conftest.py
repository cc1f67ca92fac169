"""A machine for each test: once with launchd, once with systemd."""

from collections.abc import Iterator

import pytest

from ..user_manager import CannotBe
from . import rig as rigs
from .rig import Linux, Rig


@pytest.fixture
def linux() -> Iterator[Linux]:
    """A machine with a real systemd user manager; skipped only where none can be."""
    try:
        with rigs.linux() as made:
            yield made
    except CannotBe as error:
        pytest.skip(str(error))


@pytest.fixture(params=["launchd", "systemd"])
def rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    """A machine with either scheduler."""
    if request.param == "systemd":
        yield request.getfixturevalue("linux")
        return
    with rigs.mac() as made:
        yield made
