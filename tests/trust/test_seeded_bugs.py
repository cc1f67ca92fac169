"""Are the tests awake? Each seeded bug, put into a copy of the package, must be caught by the tests named for it.

`TRUST_SEEDS=all` tries every seed (`make trust`); without it three of them.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from .seeds import SEEDS, Seed

ROOT = Path(__file__).parents[2]
QUICK = ("could-not-ask-is-nothing-there", "newer-ledger-overwritten", "nonsense-of-systemctl-believed")
TRIED = [seed for seed in SEEDS if os.environ.get("TRUST_SEEDS") == "all" or seed.id in QUICK]


def copy_of_the_project(root: Path) -> Path:
    """Package, hooks and tests, as far as a test run needs them."""
    for name in ("jobsync", "hooks", "tests"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


def places(root: Path, old: str) -> list[Path]:
    """Every module that holds this text, as often as it does."""
    sources = ((path, path.read_text(encoding="utf-8")) for path in sorted((root / "jobsync").rglob("*.py")))
    return [path for path, text in sources for _ in range(text.count(old))]


def run(root: Path, tests: Iterable[str], timeout: float = 300) -> "subprocess.CompletedProcess[str]":
    """These tests in their short form, against the package that lies beside them."""
    ours = ("COVERAGE_", "PYTEST_", "TRUST_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    # Hooks and commands that the tests start must meet the copy too: it stands in front of the installed package.
    environment |= {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "-p", "no:xdist", *tests]
    return subprocess.run(
        argv, cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, text=True
    )


def failed(output: str) -> set[str]:
    """Names of the tests that failed, parameters left out."""
    return set(re.findall(r"^FAILED ([^\s\[]+)", output, re.MULTILINE))


@pytest.mark.slow
def test_without_a_bug_the_named_tests_pass(tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path / "copy")
    named = sorted({name for seed in TRIED for name in seed.caught_by})
    ended = run(root, named)
    assert ended.returncode == 0, ended.stdout
    print(f"control: {len(named)} tests pass without a bug")


@pytest.mark.slow
@pytest.mark.parametrize("seed", TRIED, ids=lambda seed: seed.id)
def test_a_seeded_bug_is_caught(seed: Seed, tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path / "copy")
    (path,) = places(root, seed.old)
    path.write_text(path.read_text(encoding="utf-8").replace(seed.old, seed.new), encoding="utf-8")
    ended = run(root, seed.caught_by)
    # 1: tests failed. Anything else is a run that did not come about.
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert not re.search(r"^ERROR ", ended.stdout, re.MULTILINE), ended.stdout
    assert failed(ended.stdout) == set(seed.caught_by), ended.stdout
    print(f"caught: {seed.id}")


def test_every_seed_is_found_in_the_package() -> None:
    rotten = [seed.id for seed in SEEDS if len(places(ROOT, seed.old)) != 1]
    assert rotten == []
    assert len({seed.id for seed in SEEDS}) == len(SEEDS) >= 15
    assert set(QUICK) <= {seed.id for seed in SEEDS}
