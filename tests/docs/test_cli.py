"""`docs/cli.md` against click's own commands, the exit statuses, outcomes and states, and the JSON that is printed."""

import json
import re
from collections.abc import Iterator

import click
import jsonschema
import pytest

from jobsync.cli.console import ExitCode, JsonOption
from jobsync.cli.groups import cli
from jobsync.config import SETTABLE
from jobsync.documents import schema_of
from jobsync.reconcile.standing import _HEALTHY, State
from jobsync.reconcile.state import Outcome

from ..laptop import JOB, Laptop
from .pages import codes_in, page, rows

PAGE = page("docs/cli.md")
CHAPTERS = {title: text for title, text in PAGE.chapters(2).items() if title.startswith("jobsync")}
HELP = {"-h", "--help"}


def _walk(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    context = click.Context(command, parent, info_name=name, **command.context_settings)
    yield name, command, context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _walk(found, f"{name} {child}", context)


COMMANDS = {name: (command, context) for name, command, context in _walk(cli, "jobsync")}


def _option_rows(chapter: str) -> list[list[str]]:
    """The first cells of a chapter's tables, where they name options."""
    return [codes_in(row[0]) for row in rows(chapter) if row[0].startswith("`-")]


def _flatten(value: object, name: str = "") -> Iterator[str]:
    """The names of all fields of a JSON value, dotted."""
    match value:
        case dict():
            if name and not name.endswith("[]"):
                yield name
            for key, one in value.items():
                yield from _flatten(one, f"{name}.{key}" if name else key)
        case list() if any(isinstance(one, dict) for one in value):
            for one in value:
                yield from _flatten(one, f"{name}[]")
        case _:
            yield name


def test_every_command_has_a_chapter_and_every_chapter_a_command() -> None:
    assert set(CHAPTERS) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_usage_line_is_clicks(name: str) -> None:
    command, context = COMMANDS[name]
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    assert re.findall(r"```text\n(.*)\n```", CHAPTERS[name]) == [usage]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_no_other(name: str) -> None:
    command, context = COMMANDS[name]
    expected = set()
    for option in command.get_params(context):
        if isinstance(option, click.Option) and (name == "jobsync" or not HELP & set(option.opts)):
            takes = "" if option.is_flag or option.is_eager else f" {option.make_metavar(context)}"
            names = [*option.opts, *option.secondary_opts]
            expected.add((*names[:-1], names[-1] + takes))
    assert {tuple(row) for row in _option_rows(CHAPTERS[name])} == expected


def test_the_exit_statuses_are_the_codes() -> None:
    table = PAGE.chapters(3)["Exit statuses"]
    assert [(int(row[0]), *codes_in(row[1])) for row in rows(table)] == [(code.value, code.name) for code in ExitCode]


def test_the_outcomes_are_the_codes() -> None:
    table = PAGE.chapters(3)["Outcomes"]
    assert [codes_in(row[0]) for row in rows(table)] == [[outcome.value] for outcome in Outcome]


def test_the_states_are_the_codes_and_the_healthy_ones_come_first() -> None:
    table = [codes_in(row[0]) for row in rows(CHAPTERS["jobsync status"]) if not row[0].startswith("`-")]
    assert [name for (name,) in table] == [state.value for state in State]
    assert tuple(State)[: len(_HEALTHY)] == _HEALTHY
    assert (
        f"The first {['', 'one', 'two', 'three', 'four', 'five', 'six', 'seven'][len(_HEALTHY)]} count as well."
        in (CHAPTERS["jobsync status"])
    )


def test_the_keys_that_can_be_set_are_named() -> None:
    sentence = re.search(r"These can be set:(.*?)\.", CHAPTERS["jobsync config"], re.DOTALL)
    assert sentence is not None
    assert tuple(codes_in(sentence[1])) == SETTABLE


def _documents() -> Iterator[tuple[str, type]]:
    for name, (command, context) in COMMANDS.items():
        for option in command.get_params(context):
            if "--json" in option.opts:
                assert isinstance(option, JsonOption), f"{name}: use console.json_option(DOCUMENT)"
                yield name.removeprefix("jobsync "), option.document


DOCUMENTS = dict(_documents())


def test_every_json_field_is_documented_and_no_other(registered: Laptop) -> None:
    registered.job("well", JOB)
    registered.job("faulty", 'run = "true"\nevery = "5m"\n')
    registered.commit()
    registered.jobsync("sync", status=1)
    registered.job("slept", JOB)
    registered.jobsync("sync", status=1)
    registered.age_job("slept", days=3)
    registered.jobsync("run", "well")
    documented = {title: text for title, text in PAGE.chapters(3).items() if "--json" in title}
    for title, text in documented.items():
        arguments = title.strip("`").split()
        shown = json.loads(registered.jobsync(*arguments, status=None).out)
        assert {codes_in(row[0])[0] for row in rows(text)} == set(_flatten(shown)), title
        schema = schema_of(DOCUMENTS[title.strip("`").removesuffix(" --json")], {}, closed=True)
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.Draft7Validator(schema).validate(shown)
    assert {title.strip("`").removesuffix(" --json") for title in documented} == set(DOCUMENTS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_of_that_command(name: str) -> None:
    command, context = COMMANDS[name]
    _, _, examples = command.get_help(context).partition("Examples:\n")
    shown = [line.strip() for line in examples.split("\n\n")[0].splitlines()]
    assert shown, f"{name} --help shows no example"
    strangers = [line for line in shown if line.startswith("jobsync") and not line.startswith(name)]
    assert not strangers and any(line.startswith(name) for line in shown)
