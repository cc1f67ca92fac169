"""`docs/architecture.md` against the modules, their imports, and the dependencies of `pyproject.toml`."""

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from .pages import PACKAGE, ROOT, codes_in, modules, page, place, rows

PAGE = page("docs/architecture.md")
CHAPTERS = PAGE.chapters(2)
MODULES = modules()
WINGS = [codes_in(row[0])[0] for row in rows(CHAPTERS["Wings"])]
"""From top to bottom, as the page lists them."""


def _wing(module: str) -> str:
    """`jobsync.repo.trees` -> `repo`; `jobsync.entry` -> `entry.py`, if the page lists that, else the file beside."""
    name = module.split(".")[1] if "." in module else ""
    return name if (PACKAGE / name).is_dir() and name else f"{name}.py"


def _imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_name(file: Path) -> str:
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)


@cache
def edges() -> list[tuple[str, str]]:
    """Which module imports what. Not read while tests are collected, which every worker does."""
    return [(_module_name(file), name) for file in MODULES for name in _imports(file)]


@cache
def our_edges() -> list[tuple[str, str]]:
    """The same between the wings."""
    ours = ((_wing(module), _wing(name)) for module, name in edges() if name.startswith("jobsync."))
    return [(one, two) for one, two in ours if one != two]


def test_every_module_has_one_line_and_every_line_a_module() -> None:
    documented = [codes_in(row[0])[0] for row in rows(CHAPTERS["Modules"])]
    there = [place(file) for file in MODULES if file.name != "__init__.py"]
    assert sorted(documented) == sorted(there)


def test_every_wing_is_listed() -> None:
    folders = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    assert {wing for wing in WINGS if not wing.endswith(".py")} == folders


def test_wings_import_only_what_stands_below_them() -> None:
    height = {wing: number for number, wing in enumerate(WINGS)}
    upwards = {(one, two) for one, two in our_edges() if one in height and two in height and height[one] > height[two]}
    assert upwards == set()


def test_one_file_imports_the_command_line_and_does_little_else() -> None:
    assert {one for one, two in our_edges() if two == "cli"} == {"__main__.py"}
    assert {two for one, two in our_edges() if one == "__main__.py"} == {"cli", "at_once.py", "process.py"}


def test_the_simulator_imports_nothing_from_the_rest_and_two_know_it() -> None:
    assert {two for one, two in our_edges() if one == "simulator"} == set()
    assert {one for one, two in our_edges() if two == "simulator"} == {"cli", "demo.py"}


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("click", {"cli"}),
        ("git", {"repo"}),
        ("cronsim", {"definitions"}),
        ("jinja2", {"cli"}),
        ("tomlkit", {"config.py", "definitions"}),
        ("subprocess", {"simulator"}),
    ],
)
def test_a_library_is_met_where_the_page_says(library: str, users: set[str]) -> None:
    assert {_wing(module) for module, name in edges() if name.split(".")[0] == library} == users


def test_what_is_called_pure_touches_no_process_and_no_file() -> None:
    pure = {codes_in(row[0])[0] for row in rows(CHAPTERS["Modules"]) if row[1].endswith("; pure")}
    assert len(pure) >= 5
    banned = ("jobsync.process", "jobsync.files", "subprocess")
    for file in (PACKAGE.parent / name for name in pure):
        assert not [name for name in _imports(file) if name.startswith(banned)], file


def test_one_module_starts_processes() -> None:
    starters = re.compile(r"\bos\.(posix_spawn\w*|exec\w+|fork|spawn\w+|system|popen)\(")
    ours = [file for file in MODULES if "simulator" not in file.parts]
    found = {file.name for file in ours if starters.search(file.read_text(encoding="utf-8"))}
    assert found == {"process.py"}


def _names(requirements: list[str]) -> list[str]:
    found = (re.match(r"[\w-]+", requirement) for requirement in requirements)
    return sorted(match[0] for match in found if match)


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    run_time = [codes_in(row[0])[0] for row in rows(CHAPTERS["Run-time dependencies"])]
    development = [codes_in(row[0])[0] for row in rows(CHAPTERS["Development dependencies"])]
    assert sorted(run_time) == _names(project["project"]["dependencies"])
    assert sorted(development) == _names(project["dependency-groups"]["dev"])
    assert _names([extra for group in project["project"]["optional-dependencies"].values() for extra in group]) == [
        "jinja2",
        "pre-commit",
    ]
