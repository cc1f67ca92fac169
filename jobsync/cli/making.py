"""`new`: a job that passes `check`, to be filled in."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from jobsync import files
from jobsync.cli.console import ExitCode, note, say
from jobsync.cli.context import Context, as_defined, pass_context
from jobsync.cli.editing import check_name, job_directory
from jobsync.cli.schemas import schema_of_a_job
from jobsync.definitions.load import JOB_FILE
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile.origin import Origin

_SCRIPTS = {
    "bash": """\
#!/usr/bin/env bash
# What {name} does.
set -euo pipefail
cd "$(dirname "$0")"

echo "{name}: nothing to do yet"
""",
    "python": '''\
#!/usr/bin/env -S python3 -B
"""What {name} does."""

print("{name}: nothing to do yet")
''',
    "ts": """\
#!/usr/bin/env bun
// What {name} does.

console.log("{name}: nothing to do yet");
""",
}
_BUN = "path = [\"~/.bun/bin\"]          # where bun's own installer puts it; jobs do not read your shell's profile\n"
_NO_SCHEDULE = (
    '# No [schedule]: only `jobsync run {name}` starts it. For example:\n# [schedule]\n# at = "mon-fri 09:00"\n'
)


def _text(value: str) -> str:
    """A TOML text: a JSON one is the same, but for the characters that JSON leaves alone and TOML does not."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(texts: Sequence[str]) -> str:
    """One of them as a text, several as a list."""
    return _text(texts[0]) if len(texts) == 1 else "[" + ", ".join(_text(text) for text in texts) + "]"


def _definition(name: str, triggers: Mapping[str, Sequence[str]], command: tuple[str, ...], lang: str) -> str:
    lines = [f'description = "{name.replace("-", " ").replace("_", " ")}"\n']
    if command:
        lines.append(f"run = {_value(command)}\n")
    elif lang == "ts":
        lines.append(_BUN)
    lines.append("\n")
    if triggers:
        lines += ["[schedule]\n", *(f"{key} = {_value(texts)}\n" for key, texts in triggers.items())]
    else:
        lines.append(_NO_SCHEDULE.format(name=name))
    return "".join(lines)


def _write(directory: Path, definition: str, script: str | None) -> list[Path]:
    files.make_directory(directory, 0o755)
    written = [(directory / JOB_FILE, definition, 0o644)]
    written += [(directory / "run", script, 0o755)] if script is not None else []
    for path, text, mode in written:
        files.write_atomically(path, text.encode("utf-8", "surrogateescape"), mode)
    return [path for path, _, _ in written]


def _check(origin: Origin, name: str, written: list[Path]) -> None:
    """Whatever has a fault is taken away again: nothing half-made stays in the work tree."""
    faults = as_defined(origin, {name}).faults
    if not faults:
        return
    for path in written:
        files.remove(path)
    files.remove_if_empty(written[0].parent)
    for fault in faults:
        note(str(fault))
    raise JobsyncError("nothing was made", hint="correct what is said above, and type it again")


@click.command()
@click.argument("name")
@click.option("--at", metavar="TIMES", multiple=True, help='When, such as "mon-fri 09:00".')
@click.option("--cron", metavar="LINE", multiple=True, help='When, as cron writes it: "0 9 * * 1-5".')
@click.option("--every", metavar="DURATION", help="How often, such as 15m.")
@click.option("--lang", type=click.Choice(list(_SCRIPTS)), help="What the script is written in; bash.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@pass_context
def new(context: Context, /, name: str, *, at: tuple[str, ...], cron: tuple[str, ...], every: str | None,
        lang: str | None, command: tuple[str, ...]) -> int:  # fmt: skip
    """Make the job NAME in the work tree, with a definition that passes `check` and a script to fill in.

    Behind --, one word is a line for sh, several are a command and its arguments; then there is no script.

    \b
    Examples:
      jobsync new backup --at 03:15                      a bash script, every night
      jobsync new briefing --at "mon-fri 07:30" --lang ts
      jobsync new upgrade --every 6h -- brew upgrade -q
    """
    if command and lang:
        raise UsageError("--lang is for a script, and -- COMMAND is instead of one")
    origin = context.only_origin()
    check_name(name)
    directory = job_directory(origin, name)
    if files.is_there(directory):
        is_a_job = any(files.is_there(directory / file) for file in (JOB_FILE, "run"))
        raise JobsyncError(
            f"{directory} is there already",
            hint=f"`jobsync edit {name}` changes it" if is_a_job else "take another name, or move that away",
        )
    ways = {"at": at, "cron": cron, "every": (every,) if every is not None else ()}
    triggers = {key: texts for key, texts in ways.items() if texts}
    lang = lang or "bash"
    script = None if command else _SCRIPTS[lang].format(name=name)
    schema = schema_of_a_job(Path(origin.repo.work_tree), directory)
    first = f"#:schema {schema}\n" if schema else ""
    written = _write(directory, first + _definition(name, triggers, command, lang), script)
    _check(origin, name, written)
    for path in written:
        say(f"wrote {path.relative_to(origin.repo.work_tree)}")
    note(f"next: `jobsync edit {'--run ' if script else ''}{name}`, then `jobsync sync {name}`")
    return ExitCode.OK
