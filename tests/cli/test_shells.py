"""Completions, asked of the real shells, and the man page, read by a real man."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

import pytest
from click.testing import CliRunner

from jobsync.cli.groups import cli
from jobsync.cli.shells import SCRIPTS, commands, man
from jobsync.cli.tree import contexts

from ..laptop import Laptop
from ..programs import beside

QUESTIONS = {
    "jobsync sta": {"status"},
    "jobsync hooks ": {"install", "status", "uninstall"},
    "jobsync sync ba": {"backup", "bakery"},
    "jobsync run b": {"backup", "bakery", "book"},
    "jobsync rename bo": {"book"},
    "jobsync completion ": {"bash", "zsh", "fish"},
    "jobsync sync --al": {"--allow-removals"},
    "jobsync --repo x hooks inst": {"install"},
}
"""What is typed before TAB, and what may come of it."""


HOSTILE = (
    "b$(touch pwned)",
    "b`touch pwned`",
    "$(touch${IFS}pwned)",
    "b pwned",
    "b'pwned",
    'b"pwned',
    "b*",
    "b\npwned",
)


def has_run(machine: Laptop) -> bool:
    """Whether one of them was run."""
    return bool(list(machine.root.rglob("pwned")))


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed")


@pytest.fixture
def machine(laptop: Laptop) -> Laptop:
    """With three jobs; the shells find none of the machine's own completions, and no Python at all.

    Beside them are directories that bash would run, were they words to it, and some that are no jobs' names.
    """
    for name in ("backup", "bakery", "book", *HOSTILE):
        laptop.job(name)
    for shell in SCRIPTS:
        (laptop.home / f"completion.{shell}").write_text(laptop.jobsync("completion", shell).out)
    laptop.environment["PATH"] = "/usr/bin:/bin"
    return laptop


def _bash(machine: Laptop, typed: str) -> set[str]:
    # The last word is what the cursor stands at the end of, as `complete` hands it over.
    script = (
        'source ~/completion.bash\nread -ra COMP_WORDS <<<"$1"\n[[ $1 == *" " ]] && COMP_WORDS+=("")\n'
        'COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_jobsync\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    return set(machine.run("bash", "-c", script, "bash", typed).out.split())


def _fish(machine: Laptop, typed: str) -> set[str]:
    lines = machine.run("fish", "-c", "source ~/completion.fish; complete -C $argv[1]", typed).out.splitlines()
    return {line.split("\t")[0] for line in lines}


def _read(descriptor: int, until: str, patience: float = 30) -> str:
    found, end = "", time.monotonic() + patience
    while until not in found and time.monotonic() < end:
        if select.select([descriptor], [], [], 0.1)[0]:
            found += os.read(descriptor, 65536).decode(errors="replace")
    return found


def _zsh(machine: Laptop, questions: list[str]) -> dict[str, set[str]]:
    """An interactive zsh; what it offers is written down by a widget of its own, after the real completion ran."""
    setup = (
        "PS1='ready> '; autoload -Uz compinit; compinit -u -d ~/zcompdump; source ~/completion.zsh\n"
        'compadd() { builtin compadd -O seen "$@"; print -rl -- $seen >>~/seen; builtin compadd "$@" }\n'
    )
    (machine.home / ".zshrc").write_text(setup)
    main, worker = pty.openpty()
    environment = {**machine.environment, "TERM": "dumb", "ZDOTDIR": str(machine.home)}
    found = {}
    with beside(
        ["zsh", "-i"],
        cwd=machine.work,
        env=environment,
        stdin=worker,
        stdout=worker,
        stderr=worker,
        start_new_session=True,
    ) as process:
        os.close(worker)
        _read(main, "ready> ")
        for number, typed in enumerate(questions):
            (machine.home / "seen").write_text("")
            os.write(main, typed.encode() + b"\t")
            # With more input waiting behind the TAB zsh may not complete at all.
            machine.wait_for(lambda: (machine.home / "seen").read_text() != "", seconds=60)
            # The line is given up and another one answered: then the completion is over.
            os.write(main, b"\x15" + f"echo over-{number}-\n".encode())
            _read(main, f"over-{number}-\r\n")
            found[typed] = set((machine.home / "seen").read_text().split())
        os.write(main, b"exit\n")
        process.wait(30)
    os.close(main)
    return found


@needs("bash")
def test_bash_offers_what_fits(machine: Laptop) -> None:
    assert {typed: _bash(machine, typed) for typed in QUESTIONS} == QUESTIONS
    assert not has_run(machine)


@needs("fish")
def test_fish_offers_what_fits(machine: Laptop) -> None:
    assert {typed: _fish(machine, typed) for typed in QUESTIONS} == QUESTIONS
    assert not has_run(machine)


@needs("zsh")
def test_zsh_offers_what_fits(machine: Laptop) -> None:
    assert _zsh(machine, list(QUESTIONS)) == QUESTIONS
    assert not has_run(machine)


@needs("bash")
@pytest.mark.parametrize("line", ['jobs = "tasks" # not jobs', "jobs='tasks'"])
def test_away_from_the_repository_all_registered_ones_count(registered: Laptop, line: str) -> None:
    registered.put("jobsync.toml", f'{line}\n[defaults.env]\njobs = "x"\n')
    registered.put("tasks/elsewhere/job.toml", "")
    (registered.home / "completion.bash").write_text(registered.jobsync("completion", "bash").out)
    script = "source ~/completion.bash; cd /; _jobsync_jobs; cd ~/dotfiles; _jobsync_jobs"
    assert registered.run("bash", "-c", script).out.split() == ["elsewhere", "elsewhere"]


@needs("bash")
def test_the_value_of_an_option_is_not_taken_for_a_word(machine: Laptop) -> None:
    assert _bash(machine, "jobsync pause --for ") == set()
    assert "jobs" in _bash(machine, "jobsync schema --write ")


def test_every_command_and_option_is_in_every_script() -> None:
    for render in SCRIPTS.values():
        text = render(cli)
        for command in commands(cli):
            names = [command.path.rpartition(" ")[2], *(name for one in command.options for name in one.names)]
            assert all(name.lstrip("-") in text for name in names), command.path


def test_the_man_page_tells_every_command_and_option() -> None:
    text = man(cli).replace("\\-", "-")
    for path, context in contexts(cli, "jobsync"):
        assert path in text
        for option in context.command.params:
            assert all(name in text for name in option.opts if name.startswith("-")), path


def test_the_man_page_is_printed_whole() -> None:
    assert CliRunner().invoke(cli, ["man"]).output == man(cli)


@needs("mandoc")
def test_the_man_page_is_read_without_a_complaint() -> None:
    answer = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning"], input=man(cli), capture_output=True, text=True, timeout=30
    )
    told = [line for line in answer.stdout.splitlines() if "missing date" not in line]
    assert told == []
    shown = subprocess.run(
        ["mandoc", "-T", "ascii"], input=man(cli), capture_output=True, text=True, timeout=30, check=True
    )
    # Bold is a letter, a backspace, and the letter again.
    assert "jobsync hooks status" in re.sub(".\x08", "", shown.stdout)
