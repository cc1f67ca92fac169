"""What is true of every page: links lead somewhere, command lines are commands, files that are named are there."""

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress

import click
import pytest

import jobsync
from jobsync.cli.groups import cli

from .pages import PACKAGE, ROOT, Page, all_pages, codes_in, modules, page, place

PAGES = {found.name: found for found in all_pages()}
_PLACEHOLDERS = re.compile(r"[\[…]|\.\.\.|\bCOMMAND\b")
_ENDS = frozenset({"&&", "||", ";", "|", "&", ">", ">>", "<"})


def _blocks(found: Page) -> Iterator[str]:
    """The lines that a page types: in blocks of sh, and after a prompt in any block."""
    for block in found.blocks("sh"):
        yield from block.splitlines()
    for language in ("console", "text", ""):
        for block in found.blocks(language):
            yield from (line.split("$ ", 1)[1] for line in block.splitlines() if "$ " in line)


def _commands(line: str) -> Iterator[list[str]]:
    """The calls of jobsync in a line of sh, without the name."""
    try:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += "=~:,@%+"
        words = [*list(lexer), ";"]
    except ValueError:  # not a line of sh
        return
    call: list[str] = []
    for word in words:
        if word not in _ENDS:
            call.append(word)
            continue
        if call and call[0] == "jobsync":
            yield call[1:]
        call = []


def _calls(lines: Iterable[str]) -> list[list[str]]:
    meant = [line for line in lines if "jobsync" in line and not _PLACEHOLDERS.search(line)]
    return [call for line in meant for call in _commands(line)]


def _parse(arguments: list[str], *, is_name: bool = False) -> None:
    """Have click read a command line without running it. `click.UsageError` when it is none."""
    command: click.Command = cli
    context = click.Context(cli, info_name="jobsync", **cli.context_settings)
    while isinstance(command, click.Group):
        # A group's own options, then the name of a command; `--help` and `--version` need none.
        values, arguments, _ = command.make_parser(context).parse_args(list(arguments))
        if not arguments:
            assert values or is_name, f"nothing after {context.command_path}"
            return
        name, *arguments = arguments
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"no such command: {name}")
        command, context = found, click.Context(found, context, info_name=name)
    # In a sentence a command may be named alone, without its arguments.
    if arguments or not is_name:
        with suppress(click.exceptions.Exit):
            command.make_context(command.name, list(arguments), parent=context.parent)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    for link in PAGES[name].links():
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (PAGES[name].path.parent / path).resolve() if path else PAGES[name].path
        assert target.exists(), link
        assert not anchor or anchor in Page(target).anchors(), link


@pytest.mark.parametrize("name", PAGES)
def test_command_lines_are_commands(name: str) -> None:
    typed = [(call, False) for call in _calls(_blocks(PAGES[name]))]
    named = [(call, True) for call in _calls(PAGES[name].codes())]
    for call, is_name in typed + named:
        try:
            _parse(call, is_name=is_name)
        except click.UsageError as error:
            pytest.fail(f"jobsync {shlex.join(call)}: {error.format_message()}")


@pytest.mark.parametrize("line", ["jobsync syncc", "jobsync sync --nope", "jobsync cat", "jobsync hooks nope",
                                  "git pull && jobsync nope", "jobsync simulator DIR --nope # comment"])  # fmt: skip
def test_a_wrong_command_line_would_be_found(line: str) -> None:
    (call,) = _commands(line)
    with pytest.raises(click.UsageError):
        _parse(call)


def test_the_pages_do_type_commands() -> None:
    assert len(_calls(_blocks(page("README.md")))) >= 4
    assert len(_calls(_blocks(page("docs/tutorial.md")))) >= 10
    assert len(_calls(page("template-repo/README.md").codes())) >= 5


@pytest.mark.parametrize("name", PAGES)
def test_files_that_are_named_are_there(name: str) -> None:
    start = re.compile(r"(jobsync|tests|docs|hooks|template-repo|benchmarks)/[\w./-]*")
    named = [code for code in PAGES[name].codes() if start.fullmatch(code)]
    assert [code for code in named if not (ROOT / code).exists() and not (PACKAGE.parent / code).exists()] == []
    # A module may be named by the end of its path.
    there = [f"/{place(file)}" for file in modules()]
    short = [code for code in PAGES[name].codes() if re.fullmatch(r"[\w/]+\.py", code) and code not in named]
    ours = [code for code in short if code not in ("conftest.py", "lib/retry.py")]
    assert [code for code in ours if not any(module.endswith(f"/{code}") for module in there)] == []


def test_the_map_names_every_page_of_docs() -> None:
    there = {found.path.name for found in PAGES.values() if found.path.parent == ROOT / "docs"}
    assert set(page("docs/index.md").links()) == there - {"index.md"}


def test_what_is_not_there_yet_is_not_there() -> None:
    chapter = page("README.md").chapters(2)["Not there yet"]
    sentence = re.search(r"The commands(.*?)\.", chapter, re.DOTALL)
    named = codes_in(sentence[1]) if sentence else []
    assert set(named).isdisjoint(cli.list_commands(click.Context(cli)))


def test_the_changelog_is_kept_and_knows_the_version() -> None:
    chapters = list(page("CHANGELOG.md").chapters(2))
    assert chapters[0] == "[Unreleased]"
    kinds = page("CHANGELOG.md").chapters(3)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert jobsync.__version__ in page("CHANGELOG.md").text


def test_the_python_that_is_asked_for_is_the_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in page("README.md").text
