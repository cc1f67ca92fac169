"""`docs/definitions.md` names every key there is, and no other; its examples are definitions without a fault."""

import re
from pathlib import Path

import pytest

from jobsync.definitions.launchd_keys import ALLOWED
from jobsync.definitions.load import load
from jobsync.definitions.systemd_keys import ALLOWED as UNIT_KEYS
from jobsync.definitions.vocabulary import DEFAULTS, KEYS, OPEN_TABLES, SETTINGS, TABLES

from .trees import MACHINE, tree

PAGE = (Path(__file__).parents[2] / "docs" / "definitions.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def documented() -> list[str]:
    """The keys in the first cells of the page's tables."""
    cells = re.findall(r"^\| (`[^|]*`) \|", PAGE, re.MULTILINE)
    return [key for cell in cells for key in re.findall(r"`([^`]+)`", cell)]


def test_every_key_is_documented_once_and_no_other() -> None:
    of_units = [f"systemd.{kind}.{key}" for kind, keys in UNIT_KEYS.items() for key in keys]
    assert sorted(documented()) == sorted([*KEYS, *ALLOWED, *of_units, *SETTINGS])


def test_every_table_has_a_chapter() -> None:
    assert set(re.findall(r"^### `\[(\w+)\]`$", PAGE, re.MULTILINE)) == {*TABLES}


def test_what_defaults_may_hold_is_documented() -> None:
    sentence = re.search(r"It may hold (.*?)\. Defaults", PAGE, re.DOTALL)
    assert sentence is not None
    assert re.findall(r"`([^`]+)`", sentence[1]) == [*DEFAULTS, *(f"[defaults.{name}]" for name in OPEN_TABLES)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_have_no_fault(example: str) -> None:
    is_settings = "min_version" in example
    found = load(tree({"example": "" if is_settings else example}, example if is_settings else ""), MACHINE)
    assert found.faults == ()
    assert [job.name for job in found.jobs] == ["example"]


def test_the_lines_shown_in_faults_are_right_themselves() -> None:
    for key, line in KEYS.items():
        table = f"[{key.split('.')[0]}]\n" if "." in key else ""
        beside = {"schedule.spread": 'at = "09:00"\n', "when.wait": "online = true\n"}.get(key, "")
        files = {"lib/x": (0o100644, b"")}
        assert load(tree({"example": f"{table}{beside}{line}\n"}, files=files), MACHINE).faults == ()
