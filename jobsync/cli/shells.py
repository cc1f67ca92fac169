"""Completions for bash, zsh and fish, and the man page: text made of click's own tree.

The scripts ask no Python: click's own mechanism starts it at each TAB, which takes 180 ms and more where these take
five. Names of jobs come from the directories of the repository, by a few lines of sh that all three shells run.
"""

import inspect
import re
import shlex
from collections.abc import Iterator

import click

import jobsync
from jobsync.cli import manual
from jobsync.cli.tree import contexts
from jobsync.values import dataclass

JOB_ARGUMENTS = frozenset({"job", "jobs", "old"})
"""Arguments that name jobs which are there."""
_FILE_WORDS = frozenset({"PATH", "DIRECTORY", "[SOURCE]...", "FILE"})

_JOBS = r"""
top=$(git rev-parse --show-toplevel 2>/dev/null)
IFS='
'
if [ -n "$top" ] && [ -f "$top/jobsync.toml" ]; then set -- "$top"; else
  config=${XDG_CONFIG_HOME:-$HOME/.config}/jobsync/config.toml
  set -- $(sed -n "s/^work_tree = \"\(.*\)\"\$/\1/p" "$config" 2>/dev/null)
fi
for top do
  jobs=$(sed -n "/^\[/q; s/^jobs *= *\(.\)\([^#]*\)\1.*/\2/p" "$top/jobsync.toml" 2>/dev/null)
  for job in "$top/${jobs:-jobs}"/*/job.toml; do
    name=${job%/job.toml}
    name=${name##*/}
    case $name in (*[!a-z0-9_-]*) continue ;; esac
    if [ -f "$job" ]; then printf "%s\n" "$name"; fi
  done
done
"""
"""Prints the names of the jobs around here, else of all registered repositories. Holds no single quote but IFS's.

What no job can be named is left out, and not only because it is no job: bash's `compgen -W` expands the words that it
is given, so that a directory `$(rm -rf x)` of any clone would be run at TAB.
"""


@dataclass(frozen=True, slots=True)
class Option:
    """An option of one command."""

    names: tuple[str, ...]
    help: str
    takes_value: bool
    values: tuple[str, ...]
    wants_file: bool


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `jobsync hooks status`."""

    path: str
    summary: str
    children: tuple[tuple[str, str], ...]
    """Names below it, each with what it does."""
    options: tuple[Option, ...]
    takes_jobs: bool
    takes_files: bool
    values: tuple[str, ...]
    """The only words that its arguments may be."""


def _option(option: click.Option, context: click.Context) -> Option:
    values = tuple(option.type.choices) if isinstance(option.type, click.Choice) else ()
    takes = not (option.is_flag or option.count)
    metavar = option.make_metavar(context) if takes else ""
    return Option(
        names=(*option.opts, *option.secondary_opts),
        help=(option.help or "").rstrip("."),
        takes_value=takes,
        values=tuple(map(str, values)),
        wants_file=metavar in _FILE_WORDS,
    )


def _children(context: click.Context) -> tuple[tuple[str, str], ...]:
    group = context.command
    if not isinstance(group, click.Group):
        return ()
    found = ((name, group.get_command(context, name)) for name in group.list_commands(context))
    return tuple((name, one.get_short_help_str(70).rstrip(".")) for name, one in found if one and not one.hidden)


def commands(root: click.Command) -> Iterator[Command]:
    """Every command, from click's tree."""
    for path, context in contexts(root, "jobsync"):
        parameters = context.command.get_params(context)
        arguments = [one for one in parameters if isinstance(one, click.Argument)]
        yield Command(
            path=path,
            summary=context.command.get_short_help_str(200).rstrip("."),
            children=_children(context),
            options=tuple(_option(one, context) for one in parameters if isinstance(one, click.Option)),
            takes_jobs=any(one.name in JOB_ARGUMENTS for one in arguments),
            takes_files=any((one.metavar or "").strip() in _FILE_WORDS or one.name == "directory" for one in arguments),
            values=tuple(
                str(value) for one in arguments if isinstance(one.type, click.Choice) for value in one.type.choices
            ),
        )


# --- bash ---------------------------------------------------------------------------------------------------------


def _sh_function(name: str) -> str:
    return f"{name}() {{\n  sh -c {shlex.quote(_JOBS.strip())}\n}}\n"


def _case(patterns: list[str], body: str) -> str:
    return f"    {' | '.join(map(shlex.quote, patterns))}) {body} ;;\n" if patterns else ""


def _walk(found: list[Command]) -> str:
    """The arms that follow the words typed so far: into a command, or over the value of an option."""
    into = [f"{command.path} {name}" for command in found for name, _ in command.children]
    over = [
        f"{command.path} {name}"
        for command in found
        for one in command.options
        if one.takes_value
        for name in one.names
    ]
    return _case(into, 'command="$command $word"') + _case(over, "skip=1")


def _value_cases(found: list[Command], files: str, words: str) -> str:
    """The arms for the value of an option."""
    arms = ""
    for command in found:
        for one in command.options:
            if one.takes_value:
                body = (
                    words.format(shlex.quote(" ".join(one.values)))
                    if one.values
                    else files
                    if one.wants_file
                    else "return"
                )
                arms += _case([f"{command.path} {name}" for name in one.names], body)
    return arms


def bash(root: click.Command) -> str:
    """The script for bash 3.2 (macOS's) and newer."""
    found = list(commands(root))
    arms = ""
    for one in found:
        options = " ".join(name for option in one.options for name in option.names)
        words = " ".join([*(name for name, _ in one.children), *one.values])
        more = ("; jobs=1" if one.takes_jobs else "") + ("; files=1" if one.takes_files else "")
        arms += _case([one.path], f"options={shlex.quote(options)}; words={shlex.quote(words)}{more}")
    files = 'COMPREPLY=($(compgen -f -- "$cur")); return'
    values = 'COMPREPLY=($(compgen -W {} -- "$cur")); return'
    return (
        "# bash completion for jobsync, made by `jobsync completion bash`\n"
        + _sh_function("_jobsync_jobs")
        + "_jobsync() {\n"
        + "  local cur=${COMP_WORDS[COMP_CWORD]} command=jobsync word i skip= options= words= jobs= files=\n"
        + "  local IFS=$' \\t\\n'\n"
        + "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
        + "    word=${COMP_WORDS[i]}\n"
        + "    if [[ $skip ]]; then skip=; continue; fi\n"
        + '    case "$command $word" in\n'
        + _walk(found)
        + "    esac\n"
        + "  done\n"
        + '  if [[ $skip ]]; then\n    case "$command ${COMP_WORDS[COMP_CWORD-1]}" in\n'
        + _value_cases(found, files, values)
        + "    esac\n    return\n  fi\n"
        + "  case $command in\n"
        + arms
        + "  esac\n"
        + "  if [[ $cur == -* ]]; then words=$options\n"
        + '  elif [[ $jobs ]]; then words="$words $(_jobsync_jobs)"; fi\n'
        + '  COMPREPLY=($(compgen -W "$words" -- "$cur"))\n'
        + '  if [[ $files && $cur != -* ]]; then COMPREPLY+=($(compgen -f -- "$cur")); fi\n'
        + "}\n"
        + "complete -o filenames -F _jobsync jobsync\n"
    )


# --- zsh ----------------------------------------------------------------------------------------------------------


def _described(pairs: Iterator[tuple[str, str]]) -> str:
    """Words for `_describe`: `name:what it does`."""
    return " ".join(shlex.quote(f"{name}:{text}" if text else name) for name, text in pairs)


def zsh(root: click.Command) -> str:
    """The script for zsh 5 and newer; a file of `$fpath`, or sourced after compinit."""
    found = list(commands(root))
    arms = ""
    for one in found:
        options = _described((name, option.help) for option in one.options for name in option.names)
        words = _described(iter([*one.children, *((value, "") for value in one.values)]))
        more = ("; jobs=1" if one.takes_jobs else "") + ("; files=1" if one.takes_files else "")
        arms += _case([one.path], f"options=({options}); names=({words}){more}")
    return (
        "#compdef jobsync\n"
        "# zsh completion for jobsync, made by `jobsync completion zsh`\n"
        + _sh_function("_jobsync_jobs")
        + "_jobsync() {\n"
        + "  local command=jobsync word skip= jobs= files= i\n"
        + "  local -a options names\n"
        + "  for ((i = 2; i < CURRENT; i++)); do\n"
        + "    word=$words[i]\n"
        + "    if [[ -n $skip ]]; then skip=; continue; fi\n"
        + '    case "$command $word" in\n'
        + _walk(found)
        + "    esac\n"
        + "  done\n"
        + '  if [[ -n $skip ]]; then\n    case "$command $words[CURRENT-1]" in\n'
        + _value_cases(found, "_files; return", "compadd -- ${{=:-{}}}; return")
        + "    esac\n    return\n  fi\n"
        + "  case $command in\n"
        + arms
        + "  esac\n"
        + "  if [[ $PREFIX == -* ]]; then _describe -o option options; return; fi\n"
        + '  if [[ -n $jobs ]]; then names+=(${(f)"$(_jobsync_jobs)"}); fi\n'
        + "  (( $#names )) && _describe word names\n"
        + "  if [[ -n $files ]]; then _files; fi\n"
        + "}\n"
        + 'if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then _jobsync "$@"; else compdef _jobsync jobsync; fi\n'
    )


# --- fish ---------------------------------------------------------------------------------------------------------


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_option(command: Command, one: Option) -> str:
    flags = " ".join(f"-{'l' if name.startswith('--') else 's'} {name.lstrip('-')}" for name in one.names)
    value = f" -x -a {_fish(' '.join(one.values))}" if one.values else " -r" + ("F" if one.wants_file else "f")
    at = f"__jobsync_at {command.path}"
    return f"complete -c jobsync -n {_fish(at)} {flags}{value if one.takes_value else ''} -d {_fish(one.help)}\n"


def fish(root: click.Command) -> str:
    """The script for fish 3 and newer."""
    found = list(commands(root))
    into = [_fish(f"{command.path} {name}") for command in found for name, _ in command.children]
    over = [
        _fish(f"{command.path} {name}")
        for command in found
        for one in command.options
        if one.takes_value
        for name in one.names
    ]
    lines = (
        "# fish completion for jobsync, made by `jobsync completion fish`\n"
        "function __jobsync_jobs\n"
        f"    sh -c {_fish(_JOBS.strip())}\n"
        "end\n"
        "function __jobsync_at\n"
        "    set -l command jobsync\n"
        "    set -l skip\n"
        "    for word in (commandline -opc)[2..-1]\n"
        "        if test -n \"$skip\"\n            set skip\n            continue\n        end\n"
        "        switch \"$command $word\"\n"
        f"            case {' '.join(into)}\n                set command \"$command $word\"\n"
        f"            case {' '.join(over)}\n                set skip 1\n"
        "        end\n"
        "    end\n"
        "    test \"$command\" = \"$argv\"\n"
        "end\n"
        "complete -c jobsync -f\n"
    )  # fmt: skip
    for command in found:
        at = _fish(f"__jobsync_at {command.path}")
        for name, text in command.children:
            lines += f"complete -c jobsync -n {at} -a {_fish(name)} -d {_fish(text)}\n"
        for value in command.values:
            lines += f"complete -c jobsync -n {at} -a {_fish(value)}\n"
        if command.takes_jobs:
            lines += f"complete -c jobsync -n {at} -a '(__jobsync_jobs)' -d job\n"
        if command.takes_files:
            lines += f"complete -c jobsync -n {at} -F\n"
        lines += "".join(_fish_option(command, one) for one in command.options)
    return lines


SCRIPTS = {"bash": bash, "zsh": zsh, "fish": fish}


# --- man ----------------------------------------------------------------------------------------------------------


def _roff(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "").replace("\u2026", "...")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.MULTILINE)


def _paragraphs(text: str) -> str:
    """A help text: paragraphs are filled, those that click must not rewrap are kept as they are."""
    lines = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if part.startswith("\b"):
            lines.append(f".PP\n.nf\n{_roff(part.removeprefix(chr(8)).strip(chr(10)))}\n.fi")
        else:
            lines.append(f".PP\n{_roff(' '.join(part.split()))}")
    return "\n".join(lines) + "\n"


def _man_options(context: click.Context) -> str:
    found = ""
    for option in context.command.get_params(context):
        if isinstance(option, click.Option) and "--help" not in option.opts:
            takes = "" if option.is_flag or option.is_eager else f" {option.make_metavar(context)}"
            names = ", ".join([*option.opts, *option.secondary_opts])
            found += f".TP\n.B {_roff(names)}{_roff(takes)}\n{_roff(option.help or '')}\n"
    return found


def man(root: click.Command) -> str:
    """jobsync(1), in the macros of man(7)."""
    (_, first), *rest = contexts(root, "jobsync")
    text = f'.TH JOBSYNC 1 "" "jobsync {jobsync.__version__}" "User Commands"\n'
    text += f".SH NAME\njobsync \\- {_roff(first.command.get_short_help_str(200).rstrip('.'))}\n"
    text += ".SH SYNOPSIS\n.B jobsync\n[OPTIONS] COMMAND [ARGS]...\n"
    text += ".SH DESCRIPTION\n" + _paragraphs(first.command.help or "").removeprefix(".PP\n")
    text += f".SH OPTIONS\n{_man_options(first)}.SH COMMANDS\n"
    for path, context in rest:
        usage = " ".join([path, *context.command.collect_usage_pieces(context)])
        told = _paragraphs(context.command.help or "").removeprefix(".PP\n")
        text += f".SS {_roff(usage)}\n{told}{_man_options(context)}"
    text += ".SH EXIT STATUS\n"
    for code, words in manual.exit_statuses().items():
        text += f".TP\n.B {code}\n{_roff(words)}\n"
    text += (
        ".SH FILES\n"
        ".TP\n.I jobs/NAME/job.toml\nWhen a job runs and how; beside it, the program\n.IR run .\n"
        ".TP\n.I jobsync.toml\nMarks a repository, and holds what its jobs have in common.\n"
        ".TP\n.I ~/.config/jobsync/config.toml\nWhat this machine is called, and which repositories it has.\n"
        ".SH ENVIRONMENT\n"
        ".TP\n.B NO_COLOR\nNo colours, on a terminal either.\n"
        ".TP\n.BR VISUAL ,\\  EDITOR\nWhat\n.B jobsync edit\nopens a definition with.\n"
        ".SH SEE ALSO\n.BR launchctl (1),\n.BR systemctl (1),\n.BR git (1),\n.BR crontab (5)\n"
    )
    return text
