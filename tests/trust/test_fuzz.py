"""Coverage-guided fuzzing of what reads other people's bytes: definitions, scheduler's answers, ledger, run records.

`TRUST_FUZZ=SECONDS` fuzzes each target for so long, from another place each time (`make trust`); without it a fixed
number of inputs from a fixed seed is tried. Needs atheris, which is packaged for Linux on x86-64 only.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .fuzz.targets import AWAKE, TARGETS

ROOT = Path(__file__).parents[2]
SECONDS = int(os.environ.get("TRUST_FUZZ", "0"))
INPUTS = {"definitions": 600, "installed": 2_000, "tables": 1_500}
"""Of the slower ones; of all others `MANY`."""
MANY = 5_000

pytestmark = pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed here")


def fuzz(target: str, directory: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-m", "tests.trust.fuzz", target, str(directory), *options]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, timeout=SECONDS + 300, text=True, errors="replace")


@pytest.mark.slow
@pytest.mark.parametrize("target", [name for name in TARGETS if name != AWAKE])
def test_no_bytes_break_what_reads_them(target: str, tmp_path: Path) -> None:
    limit = [f"-max_total_time={SECONDS}"] if SECONDS else [f"-runs={INPUTS.get(target, MANY)}", "-seed=1"]
    ended = fuzz(target, tmp_path, *limit)
    assert ended.returncode == 0, ended.stderr[-6_000:]
    assert not list(tmp_path.glob("*-*")), "an input was set aside"
    (reached,) = re.findall(r"^#(\d+)\s+DONE\s+cov: (\d+)", ended.stderr, re.MULTILINE)
    tried = int(reached[0])
    print(f"fuzzed {target}: {tried} inputs, {reached[1]} branches")
    assert tried >= (SECONDS or INPUTS.get(target, MANY))


def test_a_breach_is_found_and_can_be_played_again(tmp_path: Path) -> None:
    ended = fuzz(AWAKE, tmp_path, "-runs=1000000", "-seed=1")
    assert "the breach that is to be found" in ended.stdout + ended.stderr
    assert ended.returncode != 0
    (crash,) = tmp_path.glob("crash-*")
    again = fuzz(AWAKE, tmp_path / "again", str(crash))
    assert "the breach that is to be found" in again.stdout + again.stderr
