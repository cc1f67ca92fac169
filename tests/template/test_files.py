"""The files of the template keep to what its README and the comments in them promise."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .conftest import ROOT, TEMPLATE

JOBS = sorted(path.parent for path in TEMPLATE.glob("jobs/*/job.toml"))
RUNS = [job / "run" for job in JOBS]
SHELL = [*TEMPLATE.glob("lib/*.sh"), *(run for run in RUNS if run.read_text().startswith("#!/usr/bin/env bash"))]


def by_job(path: Path) -> str:
    return str(path.relative_to(TEMPLATE))


def hook_ids(file: Path) -> set[str]:
    return set(re.findall(r"^\s*- id: (\S+)", file.read_text(), re.MULTILINE))


def test_each_kind_of_job_is_shown() -> None:
    assert [job.name for job in JOBS] == ["backup", "briefing", "heartbeat", "inbox", "report", "watchdog"]
    assert {run.read_text().splitlines()[0].split()[-1] for run in RUNS} == {"bash", "bun", "-B"}


@pytest.mark.parametrize("run", RUNS, ids=by_job)
def test_a_script_can_be_executed(run: Path) -> None:
    assert run.stat().st_mode & 0o777 == 0o755
    assert run.read_text().startswith("#!/usr/bin/env ")


@pytest.mark.parametrize("job", JOBS, ids=by_job)
def test_a_library_that_is_used_is_an_input(job: Path) -> None:
    definition = tomllib.loads((job / "job.toml").read_text())
    uses_library = "retry" in (job / "run").read_text()

    assert ("../../lib" in definition.get("inputs", ())) == uses_library


@pytest.mark.parametrize("job", JOBS, ids=by_job)
def test_no_slot_lies_in_the_hours_that_the_clock_skips_or_repeats(job: Path) -> None:
    schedule = tomllib.loads((job / "job.toml").read_text()).get("schedule", {})

    assert not re.search(r"\b0[12]:", schedule.get("at", ""))


@pytest.mark.parametrize("script", SHELL, ids=by_job)
def test_shellcheck_finds_nothing(script: Path) -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [shellcheck, "--external-sources", "--source-path=SCRIPTDIR", script], capture_output=True, text=True
    )

    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("run", [run for run in RUNS if run in SHELL], ids=by_job)
def test_a_bash_script_stops_at_the_first_error(run: Path) -> None:
    code = [line for line in run.read_text().splitlines() if not line.startswith("#")]

    assert code[0] == "set -euo pipefail"


def test_pre_commit_accepts_the_configuration(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "validate-config", TEMPLATE / ".pre-commit-config.yaml"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )

    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_the_hooks_it_names_exist() -> None:
    named = hook_ids(TEMPLATE / ".pre-commit-config.yaml")

    assert len(named) == 5
    assert named <= hook_ids(ROOT / ".pre-commit-hooks.yaml")


@pytest.mark.parametrize("job", JOBS, ids=by_job)
def test_the_readme_tells_of_each_job(job: Path) -> None:
    assert f"`{job.name}`" in (TEMPLATE / "README.md").read_text()
