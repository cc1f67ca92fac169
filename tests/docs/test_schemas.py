"""Every example of pages and template, held against the schemas by validators that know nothing of jobsync."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from jobsync.cli import manual
from jobsync.cli.groups import cli
from jobsync.cli.schemas import documents, write_into
from jobsync.cli.tree import contexts
from jobsync.definitions.schema import job_schema, settings_schema

from ..laptop import Laptop
from .pages import ROOT, all_pages

TEMPLATE = ROOT / "template-repo"
TAPLO = Path(sys.executable).with_name("taplo")
_WRITTEN = re.compile(r"cat >+ ?\S*(job\.toml|jobsync\.toml) <<'END'\n(.*?)^(?:> )?END$", re.MULTILINE | re.DOTALL)


def _examples() -> Iterator[tuple[str, str]]:
    """The file that it is an example of, and its text; machine's own config.toml is none of these."""
    for page in all_pages():
        for block in page.blocks("toml"):
            settings = re.search(r"^(\[defaults|min_version|jobs =)", block, re.MULTILINE)
            if "[[repo]]" not in block:
                yield ("jobsync.toml" if settings else "job.toml"), block
        for block in (*page.blocks("sh"), *page.blocks("console")):
            for file, text in _WRITTEN.findall(block):
                yield file, re.sub(r"^> ?", "", text, flags=re.MULTILINE)
    for path in [*TEMPLATE.glob("jobs/*/job.toml"), TEMPLATE / "jobsync.toml"]:
        yield path.name, path.read_text(encoding="utf-8")


EXAMPLES = list(_examples())
SCHEMAS = {"job.toml": job_schema(manual.of_definitions()), "jobsync.toml": settings_schema(manual.of_definitions())}


def _taplo(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(TAPLO), "check", "--no-auto-config", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(("file", "text"), EXAMPLES)
def test_an_example_is_valid(file: str, text: str) -> None:
    jsonschema.Draft7Validator(SCHEMAS[file]).validate(tomllib.loads(text))


def test_there_are_examples_of_both_files() -> None:
    assert [file for file, _ in EXAMPLES].count("job.toml") >= 8
    assert [file for file, _ in EXAMPLES].count("jobsync.toml") >= 2


def test_the_templates_schemas_are_those_of_this_version(tmp_path: Path) -> None:
    for file in write_into(tmp_path):
        there = TEMPLATE / "schemas" / file.name
        assert there.read_text(encoding="utf-8") == file.read_text(encoding="utf-8"), "run `make schemas`"


def test_an_editor_finds_the_schema_that_the_first_line_names(tmp_path: Path) -> None:
    """Taplo is what the editors' extensions are made of: it follows the line, and complains about a wrong key."""
    files = [str(path) for path in (*TEMPLATE.glob("jobs/*/job.toml"), TEMPLATE / "jobsync.toml")]
    assert all(Path(file).read_text(encoding="utf-8").startswith("#:schema ") for file in files)
    well = _taplo(TEMPLATE, *files)
    assert well.returncode == 0, well.stderr
    write_into(tmp_path / "schemas")
    job = tmp_path / "jobs" / "one" / "job.toml"
    job.parent.mkdir(parents=True)
    job.write_text('#:schema ../../schemas/job.schema.json\n[schedule]\nevery = "5 min"\nonce = true\n')
    wrong = _taplo(tmp_path, str(job))
    assert wrong.returncode != 0
    assert "once" in wrong.stderr
    assert "5 min" in wrong.stderr


def test_every_field_of_printed_json_has_its_meaning_in_its_schema() -> None:
    for command, _ in documents():
        assert len(manual.of_document(command)) >= 4, command


def _printed(*arguments: str) -> str:
    """What `schema` prints, in this very process: it asks nothing of the machine."""
    ran = CliRunner().invoke(cli, ["schema", *arguments])
    assert ran.exit_code == 0, ran.output
    return ran.output


def test_every_command_that_prints_json_has_a_schema(laptop: Laptop) -> None:
    able = {
        path.removeprefix("jobsync ")
        for path, context in contexts(cli, "jobsync")
        if any("--json" in option.opts for option in context.command.params)
    }
    listed = [tuple(re.split(" {2,}", line)) for line in _printed().splitlines()]
    files = {("job", "job.toml"), ("jobsync", "jobsync.toml")}
    assert {*listed} == files | {(name, f"jobsync {name} --json") for name in able}
    for name, _ in listed:
        assert '"$schema"' in _printed(*name.split()), "what is listed can be typed"
    laptop.jobsync("schema", "status.toml", status=2)
    assert "known: job, jobsync" in laptop.jobsync("schema", "nope", status=2).err


def test_schemas_are_written_once(laptop: Laptop) -> None:
    assert "wrote" in laptop.jobsync("schema", "--write", "schemas").out
    assert "already" in laptop.jobsync("schema", "--write", "schemas").out
