"""Simulated Macs for tests."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobsync.simulator import Simulator

from .mac import Mac

MakeMac = Callable[..., Mac]


@pytest.fixture
def make_mac(tmp_path: Path) -> Iterator[MakeMac]:
    """Start Macs that differ from the usual one."""
    with ExitStack() as stack:

        def make(name: str = "mac", **settings: Any) -> Mac:
            home = tmp_path / f"home-{name}"
            wanted = {"uid": 501, "user": "me", **settings}
            simulator = Simulator.start(tmp_path / name, home, **wanted)
            return Mac(stack.enter_context(simulator), home)

        yield make


@pytest.fixture
def mac(make_mac: MakeMac) -> Mac:
    """macOS 15.5 with its user logged in; nothing loaded."""
    return make_mac()
