"""What a command prints, and what it exits with."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from io import TextIOWrapper
from typing import Any, Self, TypeVar

import click

from jobsync.definitions.duration import parse_duration
from jobsync.errors import JobsyncError, UsageError
from jobsync.tones import printable

F = TypeVar("F", bound=Callable[..., Any])


class JsonOption(click.Option):
    """`--json`, and the `TypedDict` of what is printed then: `jobsync schema` finds it here."""

    def __init__(self, *args: Any, document: type, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.document = document


def json_option(document: type) -> Callable[[F], F]:
    """Gives a command `--json`, as the argument `as_json`. It must print a `document`, through `say_json`."""
    words = "Print JSON for programs."
    return click.option("--json", "as_json", cls=JsonOption, document=document, is_flag=True, help=words)


class ExitCode(IntEnum):
    """What `jobsync` ends with; `docs/cli.md` holds the same table, and a test compares them."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    WOULD_CHANGE = 3
    BUG = 4
    INTERRUPTED = 130


def stand_in_for_closed_streams() -> None:
    """Started with `>&-`, the next file that we open would take the place of a stream, and get our output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115 - open until we end


def let_all_be_said() -> None:
    """A path that is no text goes to stdout as the bytes that it is; what its encoding does not have is escaped."""
    if isinstance(sys.stdout, TextIOWrapper):
        is_utf_8 = sys.stdout.encoding.lower().replace("-", "") == "utf8"
        try:
            sys.stdout.reconfigure(errors="surrogateescape" if is_utf_8 else "backslashreplace")
        except BrokenPipeError:  # of what `at_once` had to say
            mute()


def mute(name: str = "stdout") -> None:
    """Nobody reads that stream of ours any more: what is still to be written, as Python ends, goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), getattr(sys, name).fileno())


def unwritable(error: OSError) -> JobsyncError:
    """What did not get out, as known trouble; nothing more is tried."""
    mute()
    return JobsyncError(
        f"cannot write to stdout: {error.strerror}", hint="`jobsync status` shows how everything stands"
    )


def say(text: str = "") -> None:
    """A line of the result, on stdout. Whoever read it may have seen enough (`| head`): that stops no command."""
    try:
        click.echo(text, color=True)
    except BrokenPipeError:
        mute()
    except OSError as error:
        raise unwritable(error) from error


def say_bytes(chunk: bytes) -> None:
    """Part of a log, on stdout, as it is. `BrokenPipeError` when nobody reads it any more."""
    try:
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(error) from error


def say_all(lines: Iterable[str]) -> None:
    """Lines of the result."""
    for line in lines:
        say(line)


def note(text: str) -> None:
    """A line beside the result, on stderr; what could play with the terminal is escaped."""
    try:
        click.echo(printable(text), err=True)
    except OSError:
        mute("stderr")  # nobody can be told; the command goes on, and its status says how it ended


def complain(message: str, hint: str | None = None) -> None:
    """What went wrong and what to do, on stderr."""
    note(f"jobsync: {message}")
    if hint:
        note(f"  {hint}")


FALLBACK = "`jobsync doctor` looks for the cause"
USAGE_FALLBACK = "`jobsync COMMAND --help` says what fits together"
"""What to type next where the trouble itself does not say it."""


def complain_of(error: JobsyncError) -> None:
    """Known trouble, and what to type next: nobody is left without."""
    fallback = USAGE_FALLBACK if isinstance(error, UsageError) else FALLBACK
    complain(error.message, error.hint or (None if "`" in error.message else fallback))


def seconds_of(option: str, text: str) -> int:
    """What an option's DURATION is. `UsageError`, which names the option, where it is none."""
    try:
        return parse_duration(text)
    except JobsyncError as error:
        raise UsageError(f"{option}: {error.message}", hint=error.hint) from error


def say_json(value: Mapping[str, object]) -> None:
    """The result for programs."""
    say(json.dumps(value, indent=2))


def is_interactive() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin.isatty()


def ask(question: str) -> bool:
    """Ask somebody who is there; Return alone means yes."""
    try:
        return click.confirm(question, default=True, err=True)
    except click.Abort:
        note("")  # the terminal is still in the line of the question
        raise


def confirm(question: str, *, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only a flag may answer."""
    if yes:
        return True
    if not is_interactive():
        raise UsageError(f"nobody is there to answer {question!r}", hint="add --yes")
    return ask(question)


class Progress:
    """One line on stderr that is rewritten, for a block; nothing at all where stderr is no terminal."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._used = False

    def __call__(self, message: str) -> None:
        """Show what is under way."""
        if self._shows:
            click.echo(f"\r\x1b[K{message} …", err=True, nl=False)
            self._used = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Take the line away, however the block ends: what is said next must not stand behind it."""
        if self._used:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._used = False
