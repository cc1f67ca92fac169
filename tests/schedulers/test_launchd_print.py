"""What `launchctl print` prints: blocks are matched exactly, and a dump that is none is no answer."""

import os
import plistlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.schedulers import launchd_print
from jobsync.simulator import Simulator

from ..launchds import Forked
from ..scratch import SCRATCH

DUMP = """\
gui/501 = {
\ttype = login
\tservices = {
\t\t     412      - \tada.running
\t\t       0     78 \tada.failed
\t\t       0    -15 \tada.killed
\t\t       0   (pe) \tada.pended
\t\t       0      - \tada.never
\t\t     999      0 \tada.with space
\t}

\tunmanaged processes = {
\t\t     7      - \tnot.a.service
\t}

\tdisabled services = {
\t\t"ada.off" => disabled
\t\t"ada.on" => enabled
\t\t"ada.old" => true
\t\t"ada.older" => false
\t}
}
"""


def test_every_service_is_read_with_pid_and_status() -> None:
    assert launchd_print.services(DUMP) == {
        "ada.running": (412, None),
        "ada.failed": (None, 78),
        "ada.killed": (None, -15),
        "ada.pended": (None, None),
        "ada.never": (None, None),
        "ada.with space": (999, 0),
    }


def test_disabled_services_are_read_in_both_generations_of_words() -> None:
    assert launchd_print.disabled(DUMP) == {"ada.off", "ada.old"}


def test_disabled_services_are_not_taken_for_services() -> None:
    first, middle, last = DUMP.partition("\tservices = {")
    assert launchd_print.services(first + last) is None
    assert middle


@pytest.mark.parametrize(
    "text",
    ["", "\n", "services", "garbage\x00", "services = {", "services = {\n\t0 - \ta.b\n\t}\n", "\tservices = { }\n"],
)
def test_a_dump_that_is_none_is_no_answer(text: str) -> None:
    assert launchd_print.services(text) is None


def test_a_dump_cut_inside_the_services_is_no_answer() -> None:
    end = DUMP.index("ada.with space")
    assert launchd_print.services(DUMP[:end]) is None


def test_a_dump_with_a_pid_that_no_process_has_is_no_answer() -> None:
    row = "gui/501 = {\n\tservices = {\n\t\t%s 0 \ttest.one\n\t}\n}\n"
    assert launchd_print.services(row % 7) == {"test.one": (7, 0)}
    assert launchd_print.services(row % -7) is None


def test_no_services_at_all_is_an_answer() -> None:
    assert launchd_print.services("gui/501 = {\n\tservices = {\n\t}\n}\n") == {}


def test_without_the_block_nothing_is_disabled() -> None:
    assert launchd_print.disabled("gui/501 = {\n}\n") == frozenset()


def test_the_environment_of_a_service_is_read() -> None:
    inherited = "\tinherited environment = {\n\t\tX => no\n\t}\n"
    own = "\tenvironment = {\n\t\tA => b => c\n\t\tPATH => /bin:/x y\n\t\todd\n\t}\n"
    assert launchd_print.environment("gui/501/a.b = {\n" + inherited + own + "}\n") == {
        "A": "b => c",
        "PATH": "/bin:/x y",
    }
    assert launchd_print.environment("gui/501/a.b = {\n" + inherited + "}\n") == {}
    assert launchd_print.environment("") == {}


@given(st.lists(st.text("0123456789-²٣ (pe)\tab", max_size=8), max_size=5))
def test_no_row_raises(rows: list[str]) -> None:
    lines = "".join(f"\t\t{row}\tada.x\n" for row in rows)
    found = launchd_print.services(f"gui/501 = {{\n\tservices = {{\n{lines}\t}}\n}}\n")
    assert (found is None) <= any(row.strip().startswith("-") for row in rows)


@given(
    st.lists(st.sampled_from(["services = {", "\t", "}", "\n", "0", "-", "a.b", " ", "disabled ", "=> disabled", "²"]))
)
def test_no_dump_raises(parts: list[str]) -> None:
    text = "".join(parts)
    launchd_print.services(text)
    launchd_print.disabled(text)
    launchd_print.environment(text)


@pytest.fixture(scope="module", params=["10.15", "11.0", "12.0", "13.0", "14.0", "15.5", "26.0"])
def mac(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    root = Path(tempfile.mkdtemp(prefix="jobsync-test-", dir=SCRATCH))
    with Forked.start(root / "mac", root / "home", version=request.param) as simulator:
        yield simulator
    shutil.rmtree(root)


def test_the_dumps_of_every_macos_are_read(mac: Simulator) -> None:
    home = mac.directory.parent / "home"
    program = {
        "Label": "ada.one",
        "ProgramArguments": ["/bin/sleep", "1000"],
        "RunAtLoad": True,
        "EnvironmentVariables": {"JOBSYNC_OWNER": "me", "PATH": "/bin:/x y"},
    }
    path = home / "Library/LaunchAgents/ada.one.plist"
    path.write_bytes(plistlib.dumps(program))
    path.chmod(0o644)
    domain = f"gui/{os.getuid()}"

    def launchctl(*argv: str) -> str:
        return subprocess.run([mac.launchctl, *argv], capture_output=True, text=True, check=True).stdout

    launchctl("bootstrap", domain, str(path))
    launchctl("disable", f"{domain}/ada.off")
    services = launchd_print.services(launchctl("print", domain))
    assert services is not None
    assert services["ada.one"][0] is not None
    assert launchd_print.disabled(launchctl("print", domain)) == {"ada.off"}
    found = launchd_print.environment(launchctl("print", f"{domain}/ada.one"))
    assert (found["JOBSYNC_OWNER"], found["PATH"]) == ("me", "/bin:/x y")
