"""docs/simulator.md tells the truth: every row has a test that exists, and the example is one."""

import ast
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from jobsync.simulator.__main__ import main
from jobsync.simulator.settings import Settings

from .mac import Mac
from .test_plugin import run_example

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
TESTS = Path(__file__).parent


def rows() -> list[tuple[str, str, str]]:
    """id, what, shown by."""
    cells = (line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines())
    return [(row[0], row[1], row[2]) for row in cells if len(row) == 3 and re.match(r"\d+(\.\d+)?-", row[0])]


@cache
def known_tests() -> set[str]:
    """The names of all test functions beside this one."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.glob("test_*.py"))
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_a_row_has_a_test_or_a_reason(row: tuple[str, str, str]) -> None:
    shown = row[2]
    is_excused = re.match(r"not simulated because .{10}", shown) is not None
    assert is_excused or shown.strip("`") in known_tests()


def test_ids_are_unique_and_many() -> None:
    ids = [row[0] for row in rows()]
    assert len(ids) == len(set(ids)) > 100


def switches() -> set[str]:
    """The names in the page's two tables of switches."""
    block = PAGE.read_text(encoding="utf-8").partition("## Switches")[2].partition("## What is")[0]
    return set(re.findall(r"`(\w+)`(?=[^|]*\|[^|]*\|[^|]*\|$)", block, flags=re.MULTILINE))


def test_the_page_names_every_switch_there_is() -> None:
    assert switches() == set(Settings.__dataclass_fields__)


def test_every_open_point_has_a_switch_and_a_test() -> None:
    rows_of_points = re.findall(
        r"^\| (\d+) \| `(\w+)` \| .+ \| .{20,} \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {int(point) for point, _ in rows_of_points} == set(range(1, 14))
    tests = "".join(path.read_text(encoding="utf-8") for path in TESTS.glob("test_*.py"))
    assert [name for _, name in rows_of_points if f"{name}=" not in tests] == []


def test_what_the_page_types_by_hand_is_understood(mac: Mac) -> None:
    block = PAGE.read_text(encoding="utf-8").partition("```sh\n")[2].partition("```")[0]
    lines = [shlex.split(line, comments=True)[4:] for line in block.splitlines()]
    assert len(lines) >= 8
    for words in lines[:-2]:
        assert main([str(mac.simulator.directory), *words]) == 0, words


def test_the_example_runs_as_it_is_printed(tmp_path: Path) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert example is not None
    run_example(tmp_path, example.group(1))
