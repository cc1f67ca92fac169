"""What the pages name in a sentence is typed too: the how-to as a story, and every other command of every page once.

README's first minute, the tutorial and the move are typed in `test_terminal.py`.
"""

import plistlib
import shlex
from collections.abc import Iterator

import click
import pytest

from ..laptop import Laptop
from .pages import page
from .terminal import Terminal, exchanges, seed
from .test_pages import PAGES, _blocks, _calls, _parse

HOWTO = page("docs/howto.md")
TYPED_ELSEWHERE = ("README.md", "docs/tutorial.md", "docs/migrate.md")
NOT_HERE = {
    "sudo pmset -a sleep 0": "macOS's own, and changes the machine",
    "security find-generic-password -w -s briefing": "macOS's keychain",
    "pass show briefing": "a password store of whoever reads",
    "op read op://home/briefing/key": "an account of whoever reads",
    "jobsync simulator DIR": "stays in the foreground until it is ended: tests/simulator and every fixture start one",
}
"""Command -> why no test can type it in a throwaway home."""
PROGRAMS = frozenset({"jobsync", "git", "sudo", "security", "pass", "op", "mkdir", "touch", "chmod"})


@pytest.fixture
def terminal(laptop: Laptop) -> Iterator[Terminal]:
    """At a machine whose repository has the two jobs of the how-to, committed; nothing is registered yet."""
    seed(laptop)
    commands = laptop.root / "commands"
    commands.mkdir()
    for name, text in (
        ("crontab", "#!/bin/sh\necho no crontab for $USER >&2; exit 1\n"),
        ("ed", "#!/bin/sh\n"),
    ):  # no test reads a real crontab
        (commands / name).write_text(text)
        (commands / name).chmod(0o755)
    laptop.environment |= {"PATH": f"{commands}:{laptop.environment['PATH']}", "EDITOR": "ed"}
    upkeep, briefing = HOWTO.blocks("toml")
    laptop.job("upkeep", upkeep)
    laptop.job("briefing", briefing)
    laptop.put("jobs/briefing/run", '#!/bin/sh\necho "# Briefing with $KEY"\n', mode=0o755)
    laptop.commit()
    found = Terminal(laptop)
    found.type("cd ~/dotfiles")
    yield found


def _typed(terminal: Terminal, command: str) -> str:
    shown = "\n".join(terminal.type(command))
    assert terminal.status == 0, (command, shown)
    return shown


def _howto() -> set[str]:
    """What the how-to names and shows, less the commands that are named without what they need."""
    found = {line for block in HOWTO.blocks("sh") for line in block.splitlines()}
    found |= {code for code in HOWTO.codes() if code.split()[0] in PROGRAMS and len(code.split()) > 1}
    return found


def test_the_how_to_is_typed(terminal: Terminal) -> None:
    laptop, typed = terminal.laptop, set(NOT_HERE)

    def type_(command: str, *, meant: str = "") -> str:
        """`meant`: with what stands for NAME, OLD and NEW."""
        typed.add(command)
        return _typed(terminal, meant or command)

    type_("jobsync init")
    type_("jobsync config tags home ai")
    _typed(terminal, "jobsync sync")
    assert laptop.loaded() == {"upkeep", "briefing"}
    assert "/usr/bin:/bin" in type_("jobsync config path")
    typed.add("jobsync doctor")
    shown = "\n".join(terminal.type("jobsync doctor"))
    assert "upkeep" in shown and "brew" in shown, shown
    for line in HOWTO.blocks("sh")[0].splitlines():
        type_(line)
    env = laptop.home / ".config/jobsync/env/briefing.env"
    assert env.stat().st_mode & 0o777 == 0o600
    env.write_text("KEY=of-mine\n")
    assert "# Briefing with of-mine" in type_("jobsync run briefing")
    assert "# Briefing with of-mine" in type_("jobsync logs briefing")
    assert "briefing" in type_("jobsync history")
    assert "paused" in type_("jobsync pause", meant="jobsync pause briefing")
    _typed(terminal, "jobsync resume briefing")
    type_("jobsync init --at-login")
    assert f"{laptop.prefix}.jobsync-login" in laptop.launchctl("list").out
    assert "2 jobs, all well" in type_("jobsync status")
    assert "2 valid jobs, 0 faults" in type_("jobsync check")
    assert "2 unchanged" in type_("jobsync sync -n")
    assert type_("jobsync diff") == ""
    type_("jobsync edit NAME", meant="jobsync edit briefing")

    plist = laptop.plist("briefing")
    for slot in plist["StartCalendarInterval"]:
        slot["Minute"] = 45
    laptop.plist_path("briefing").write_bytes(plistlib.dumps(plist))
    type_("jobsync adopt NAME", meant="jobsync adopt briefing")
    assert 'at = "mon-fri 07:45"' in (laptop.work / "jobs/briefing/job.toml").read_text()
    _typed(terminal, "git commit -q -a -m 'Later'")
    assert "jobsync: updated briefing" in type_("git revert", meant="git revert --no-edit HEAD")
    assert laptop.plist("briefing")["StartCalendarInterval"][0]["Minute"] == 30
    back = "git checkout COMMIT -- jobs/NAME"
    meant = "git checkout -q HEAD~1 -- jobs/briefing && git commit -q -m Back"
    assert "jobsync: updated briefing" in type_(back, meant=meant)
    assert "HEAD is detached" in _typed(terminal, "git checkout -q HEAD~1")
    assert "updated    briefing" in type_("jobsync sync --force")
    assert "jobsync: updated briefing" in _typed(terminal, "git checkout -q main")
    type_("jobsync rename OLD NEW", meant="jobsync rename upkeep upgrade")
    assert laptop.loaded() == {"briefing", "upgrade"}

    type_("jobsync uninstall")
    assert laptop.loaded() == set()
    seed(laptop)
    _typed(terminal, "git clone -q --bare . ~/.dotfiles")
    _typed(terminal, "cp -R jobs jobsync.toml ~")
    type_("GIT_DIR=~/.dotfiles GIT_WORK_TREE=~ jobsync init")
    assert "briefing" in _typed(terminal, "cd ~ && jobsync status")
    left = _howto() - typed
    assert left <= {"git mv"}, f"not typed: {left}"  # named as what not to do


def _played() -> set[tuple[str, ...]]:
    """Calls that the pages that are typed as they stand hold."""
    shown = (exchange.command for name in TYPED_ELSEWHERE for exchange in exchanges(page(name).blocks("console")))
    quick = (line for block in page("README.md").blocks("sh") for line in block.splitlines())
    return {tuple(call) for call in _calls([*shown, *quick])}


_MEANT = {"NAME": "briefing", "JOB": "briefing", "OLD": "upkeep", "NEW": "upgrade", "backup": "briefing",
          "greet": "briefing", "hello": "briefing"}  # fmt: skip


ENDS: dict[tuple[str, ...], int] = {("doctor",): 1, ("logs", "jobsync-login"): 1}
"""Calls that end with another status than 0: `brew`, which the how-to runs, is on no Linux machine, and no login came
since the sync."""


def _is_whole(call: tuple[str, ...]) -> bool:
    try:
        _parse(list(call))
    except (click.UsageError, AssertionError):
        return False  # a command named without its arguments
    return True


def _others() -> list[tuple[str, ...]]:
    found = {tuple(call) for one in PAGES.values() for call in _calls([*_blocks(one), *one.codes()])}
    left = {call for call in found - _played() if f"jobsync {shlex.join(call)}" not in {*NOT_HERE, *_howto()}}
    whole = [call for call in left if call and _is_whole(call) and ">&" not in call]
    return sorted(whole)


def test_every_command_that_a_page_names_is_typed(terminal: Terminal) -> None:
    """It ends well, or says in a sentence what it found (`ENDS`), and never that it does not understand."""
    _typed(terminal, "jobsync init && jobsync config tags home ai && jobsync sync && jobsync run briefing")
    launchctl = str(terminal.laptop.simulator.launchctl)
    others = _others()
    assert len(others) > 20
    for call in {tuple(_MEANT.get(word, word) for word in call): None for call in others}:
        command = shlex.join(["jobsync", *call]).replace("DIR/bin/launchctl", launchctl)
        command = command.replace("launchctl PATH", f"launchctl {launchctl}")
        shown = "\n".join(terminal.type(command))
        assert terminal.status == ENDS.get(call, 0) and "Traceback" not in shown, (command, terminal.status, shown)
