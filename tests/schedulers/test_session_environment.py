"""What systemd's manager gives to its jobs, where it is asked and answers in some other way than it should."""

from pathlib import Path

import pytest

from jobsync.config import UserManager
from jobsync.paths import paths_of
from jobsync.schedulers.systemd import Systemd
from jobsync.values import replace

from .samples import LINUX, REPO


def environment(answer: str, directory: Path) -> dict[str, str]:
    """As seen where systemctl is this script."""
    program = directory / "systemctl"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    config = replace(LINUX, systemd=UserManager(str(program), *[str(directory)] * 4))
    return dict(Systemd(config, REPO, paths_of(config, REPO)).session_environment("ada.one"))


def test_the_managers_variables_are_given(tmp_path: Path) -> None:
    assert environment("""echo '{"LANG": "C", "N": 1}'""", tmp_path) == {"LANG": "C", "N": "1"}


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("echo LANG=C", id="a systemd that knows no JSON here"),
        pytest.param("echo '[]'", id="JSON of another kind"),
        pytest.param("""echo '{"LANG": "C"}'; exit 1""", id="no manager"),
        pytest.param(":", id="nothing"),
    ],
)
def test_any_other_answer_gives_nothing(answer: str, tmp_path: Path) -> None:
    assert environment(answer, tmp_path) == {}


def test_a_systemctl_that_is_gone_gives_nothing(tmp_path: Path) -> None:
    config = replace(LINUX, systemd=UserManager(str(tmp_path / "gone"), *[str(tmp_path)] * 4))
    assert Systemd(config, REPO, paths_of(config, REPO)).session_environment("ada.one") == {}
