"""The pytest fixture, used as another project uses it."""

import subprocess
import sys
from pathlib import Path

_TEST = """
import plistlib
import subprocess
from pathlib import Path


def test_a_job_can_be_loaded(launchd):
    agents = Path.home() / "Library" / "LaunchAgents"
    plist = agents / "com.example.hello.plist"
    plist.write_bytes(plistlib.dumps({"Label": "com.example.hello", "Program": "/bin/true"}))
    domain = "gui/" + subprocess.check_output(["launchctl", "manageruid"], text=True).strip()
    subprocess.run(["launchctl", "bootstrap", domain, plist], check=True)
    subprocess.run(["launchctl", "kickstart", f"{domain}/com.example.hello"], check=True)
    assert launchd.settle()
    assert launchd.runs("com.example.hello") == 1
"""


def run_example(directory: Path, text: str) -> None:
    """Run a test module that uses the fixture in a pytest of its own."""
    (directory / "test_example.py").write_text(text, encoding="utf-8")
    root = str(Path(__file__).parents[2])
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "jobsync.simulator.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*argv, "--rootdir", str(directory), "-c", "/dev/null", str(directory)],
        capture_output=True,
        text=True,
        cwd=root,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout


def test_the_fixture_gives_a_launchd_and_a_launchctl_on_path(tmp_path: Path) -> None:
    run_example(tmp_path, _TEST)
