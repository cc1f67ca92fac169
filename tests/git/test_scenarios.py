"""Every way in which git changes a work tree: what wakes jobsync up, what it does, and that git never notices."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync.repo.verdict import ROWS

from ..unmeasured import processes_are_not_measured
from .newer import newer_git
from .scenarios import EVERY, PULLS, REBASES, Scenario, manual
from .stage import Place, Stage

__all__ = ["processes_are_not_measured"]

MANUAL = Path(__file__).parents[2] / "docs" / "git.md"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with Stage.build() as built:
        yield built


ALL = os.environ.get("TRUST_GIT") == "all"
"""Set by `make trust`: everything, with every git."""


def _others(stage: Stage, scenario: Scenario) -> list[Place]:
    """Where git must end as it does with us. Of all hooks only post-checkout can make it end otherwise."""
    if not scenario.events:
        return [stage.without] if ALL else []
    places = [stage.without, stage.failing, stage.missing]
    return places if ALL or "checkout" in scenario.events else places[:2]


@pytest.mark.parametrize("scenario", EVERY, ids=lambda one: one.name)
def test_scenario(stage: Stage, scenario: Scenario) -> None:
    stage.begin(scenario)
    played = stage.ours.play(scenario)
    assert (stage.events(), played.statuses[-1]) == (scenario.events, scenario.status), played
    assert stage.laptop.installed() == stage.laptop.loaded() == set(scenario.then.jobs.split()), played
    assert len(stage.laptop.mutations()) == scenario.then.changes
    for place in _others(stage, scenario):
        place.begin(stage.template)
        place.prepare(scenario)
        assert place.play(scenario).statuses == played.statuses, place


@pytest.fixture(scope="module")
def newer_stage() -> Iterator[Stage]:
    with Stage.build(newer_git()) as built:
        yield built


# git changed most where it rebases.
PLAYED_TWICE = EVERY if ALL else (*PULLS[:1], *REBASES[::2])


@pytest.mark.parametrize("scenario", PLAYED_TWICE, ids=lambda one: one.name)
def test_scenario_with_a_newer_git(newer_stage: Stage, scenario: Scenario) -> None:
    newer_stage.begin(scenario)
    played = newer_stage.ours.play(scenario)
    assert (newer_stage.events(), played.statuses[-1]) == (scenario.events, scenario.status), played
    assert newer_stage.laptop.installed() == set(scenario.then.jobs.split()), played
    assert len(newer_stage.laptop.mutations()) == scenario.then.changes


def test_the_scenarios_meet_every_row_of_the_verdict_table() -> None:
    met = {int(row) for scenario in EVERY for row in re.findall(r":(\d+)", scenario.events)}
    elsewhere = {1, 7, 15}  # tests/repo/test_verdicts_in_hooks.py
    assert met | elsewhere == {row.number for row in ROWS}


def test_the_manual_has_the_same_tables() -> None:
    assert manual() in MANUAL.read_text()
