"""What can be done to a running simulator from a shell: the methods of `Simulator` as commands. A table, no more."""

import argparse
import json
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from jobsync.simulator.control import PATIENCE, ask
from jobsync.simulator.faults import IGNORE_TERM, PEND, PENDED_REASONS, REMOVE, SPAWN


def _count(text: str) -> int | None:
    return None if text == "forever" else int(text)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise argparse.ArgumentTypeError(f'a switch is on or off, not "{text}"')
    return text == "on"


_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "verb": {"help": "a verb of launchctl, or * for all"},
    "label": {},
    "seconds": {"type": float},
    "moment": {"type": _moment, "help": "like 2026-03-29T01:59+01:00"},
    "on": {"type": _switch, "help": "on or off"},
    "--code": {"type": int, "help": "exit status; the work is left undone"},
    "--text": {"help": "stderr instead of launchctl's own words"},
    "--times": {"type": _count, "default": 1, "help": "how often, or forever"},
    "--after": {"type": int, "default": 0, "help": "how many calls pass before"},
    "--delay": {"type": float, "default": 0.0, "help": "seconds until the answer"},
    "--hang": {"action": "store_true", "help": "no answer at all"},
    "--label": {"help": "only where this label is meant"},
    "--garbage": {"help": "stdout instead of the real one"},
    "--performs": {"action": "store_true", "help": "fail, but do the work"},
    "--patience": {"type": float, "default": PATIENCE, "help": "real seconds that each moment waits for its runs"},
    "--held-as": {"dest": "text", "choices": PENDED_REASONS, "default": "speculative", "help": "what print says of it"},
    "--reason": {"dest": "text", "default": "OS_REASON_CODESIGNING", "help": "what print says of it"},
}


@dataclass(frozen=True, slots=True)
class _Command:
    """A word for the shell, the control that it asks for, and where the control's values come from."""

    name: str
    control: str
    help: str
    arguments: tuple[str, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)


_FAULT = ("verb", "--code", "--text", "--times", "--after", "--delay", "--hang", "--label", "--garbage", "--performs")
_COMMANDS = (
    _Command("fault", "fault", "spoil calls of a verb", _FAULT),
    _Command("pend", "fault", "hold a start at load back", ("label", "--held-as", "--times"), {"verb": PEND}),
    _Command("ignore-term", "fault", "lose a SIGTERM to a job", ("label", "--times"), {"verb": IGNORE_TERM}),
    _Command("fail-spawn", "fault", "kill a job at its start", ("label", "--reason", "--times"), {"verb": SPAWN}),
    _Command("remove-at-spawn", "fault", "remove a job at its start", ("label", "--times"), {"verb": REMOVE}),
    _Command("clear-faults", "clear_faults", "forget all faults"),
    _Command("login", "login", "the user logs in"),
    _Command("logout", "logout", "the user logs out", fixed={"wait": True}),
    _Command("login-item", "login_item", "move a switch of the Login Items", ("label", "on")),
    _Command("reboot", "reboot", "down and up again"),
    _Command("power-off", "power_off", "off for a while", ("seconds",)),
    _Command("advance", "advance", "let time pass, with all that becomes due", ("seconds", "--patience")),
    _Command("sleep", "sleep", "the machine sleeps", ("seconds", "--patience")),
    _Command("set-time", "set_time", "set the wall clock", ("moment",)),
    _Command("now", "now", "what the clock shows, in seconds since the epoch"),
    _Command("settle", "settle", "wait until the runs that are due have ended", ("--patience",)),
    _Command("calls", "calls", "the calls of launchctl so far"),
    _Command("clear-calls", "clear_calls", "forget them"),
    _Command("starts", "starts", "when a label was started", ("label",)),
    _Command("pid", "pid", "the daemon's process"),
    _Command("stop", "stop", "end the daemon and all jobs"),
)


def _setting(text: str) -> tuple[str, Any]:
    """`version=26.5`: the value as JSON where it is JSON, but a version or a zone is text."""
    name, _, value = text.partition("=")
    try:
        found = json.loads(value)
    except ValueError:
        return name, value
    return name, value if name == "version" else found


def _configure(directory: Path, settings: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    ask(directory, "configure", dict(settings))
    return {}


def _kill(directory: Path) -> dict[str, Any]:
    os.kill(ask(directory, "pid", {})["pid"], signal.SIGKILL)
    return {}


def _acting(command: _Command) -> Callable[..., dict[str, Any]]:
    def act(directory: Path, **values: Any) -> dict[str, Any]:
        return ask(directory, command.control, {**command.fixed, **values})

    return act


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add a parser for each command; its `act` is called with the other values and gives what there is to print."""
    for command in _COMMANDS:
        parser = commands.add_parser(command.name, help=command.help, description=command.help)
        for argument in command.arguments:
            parser.add_argument(argument, **_ARGUMENTS[argument])
        parser.set_defaults(act=_acting(command))
    parser = commands.add_parser("configure", help="change settings")
    parser.add_argument("settings", nargs="+", type=_setting, metavar="NAME=VALUE")
    parser.set_defaults(act=_configure)
    parser = commands.add_parser("kill", help="SIGKILL the daemon; `serve --resume` starts another")
    parser.set_defaults(act=_kill)
