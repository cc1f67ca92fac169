"""Simulated Macs for tests, and for the conformance tests a real one: `--launchctl=/bin/launchctl`."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from jobsync.simulator import Simulator

from ..launchds import Forked
from .mac import Mac
from .machine import Machine, this_mac

MakeMac = Callable[..., Mac]
_HERE = Path(__file__).parent
_OLD_RELEASE = "11.7"
_NEW_RELEASE = "26.5.1"
_THIS_MAC = "this Mac"
_NEEDS_SIMULATOR = "needs the simulator: its faults, versions, sessions or time, which launchctl cannot move"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--launchctl", type=Path, metavar="PATH", help="run the conformance tests against this one, on a Mac"
    )


def _real_launchctl(config: pytest.Config) -> Path | None:
    """The option; None as well when pytest met this file too late to know it."""
    found: Path | None = config.getoption("launchctl", default=None)
    return found


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On a Mac's own launchctl only what asks nothing but launchctl can be run."""
    if _real_launchctl(config) is None:
        return
    for item in items:
        if _HERE in item.path.parents and "machine" not in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=_NEEDS_SIMULATOR))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "machine" not in metafunc.fixturenames:
        return
    simulated = [_OLD_RELEASE] if getattr(metafunc.function, "is_for_old_releases", False) else []
    where = [_THIS_MAC] if _real_launchctl(metafunc.config) else [*simulated, _NEW_RELEASE]
    metafunc.parametrize("machine", where, indirect=True)


@pytest.fixture
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    """Whatever answers launchctl: simulated Macs, or with `--launchctl` this one."""
    directory = tmp_path / "plists"
    directory.mkdir()
    real = _real_launchctl(request.config)
    if real is not None:
        mac = this_mac(real, directory, os.getuid())
        yield mac
        mac.clean()
        return
    version: str = request.param
    with Forked.start(tmp_path / "mac", tmp_path / "home", uid=501, version=version) as simulator:
        yield Machine(simulator.launchctl, 501, tuple(map(int, version.split("."))), directory)


@pytest.fixture
def daemons() -> type[Simulator]:
    """How daemons are started; tests of just that want processes."""
    return Forked


@pytest.fixture
def make_mac(tmp_path: Path, daemons: type[Simulator]) -> Iterator[MakeMac]:
    """Start Macs that differ from the usual one."""
    with ExitStack() as stack:

        def make(name: str = "mac", **settings: Any) -> Mac:
            home = tmp_path / f"home-{name}"
            wanted = {"uid": 501, "user": "me", **settings}
            simulator = daemons.start(tmp_path / name, home, **wanted)
            return Mac(stack.enter_context(simulator), home)

        yield make


@pytest.fixture
def mac(make_mac: MakeMac) -> Mac:
    """macOS 15.5 with its user logged in; nothing loaded."""
    return make_mac()
