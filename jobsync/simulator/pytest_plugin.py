"""A pytest fixture that gives each test a private launchd and a `launchctl` on PATH.

Load it with `pytest_plugins = ["jobsync.simulator.pytest_plugin"]` in a conftest, or `-p` on the command line.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync.simulator.control import Simulator


@pytest.fixture
def launchd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulated Mac whose user is logged in: HOME is a directory of the test's own, `launchctl` is on PATH.

    The domain is `gui/UID` with the UID of whoever runs the tests. Everything it runs ends with the test.
    """
    home = tmp_path / "home"
    with Simulator.start(tmp_path / "launchd", home) as simulator:
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("PATH", f"{simulator.launchctl.parent}{os.pathsep}{os.environ['PATH']}")
        yield simulator
