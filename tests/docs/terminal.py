"""Types what a page shows, at a terminal, on a machine that looks like a Mac, and reads what is answered."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from jobsync import config as configuration
from jobsync.config import Config

from ..laptop import Laptop

_PATIENCE = 90
_WEEKDAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_PASSING = (
    (
        re.compile(rf"\b(?:{_WEEKDAYS}) \d\d [A-Z][a-z]{{2}}(?: \d{{4}})? \d\d:\d\d(?::\d\d)?(?: [A-Z]{{3,5}}\b)?"),
        "WHEN",
    ),
    (re.compile(r"  \d\d:\d\d$"), "  WHEN"),
    (re.compile(r"\b\d+s ago, at [0-9a-f]{8} \([^)]*\)"), "AGO, at COMMIT"),
    (re.compile(r"\b\d+s ago, (ok|exit \d+) in \d+s"), r"AGO, \1"),
    (re.compile(r"\b\d{8}T\d{6}Z(?:-\d+)?\b"), "STAMP"),
    (re.compile(r"\brunning for \d+s"), "running for N"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"(?<= in )[0-9a-f]{7}\b"), "COMMIT"),
    (re.compile(r" +"), " "),
)
"""What differs from run to run, and the word for it; the widths of columns follow from it."""


def comparable(line: str) -> str:
    """A line without what differs from run to run."""
    for pattern, word in _PASSING:
        line = pattern.sub(word, line)
    return line.rstrip()


def seed(laptop: Laptop) -> None:
    """Give the machine the configuration that `init` would find on a Mac: no repository, and a launchctl."""
    home = str(laptop.home)
    config = Config(
        file=laptop.config_file,
        machine="mbp-ada",
        os="macos",
        home=home,
        state=f"{home}/.local/state/jobsync",
        data=f"{home}/.local/share/jobsync",
        logs=f"{home}/Library/Logs/jobsync",
        path="/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        scheduler="launchd",
        launchctl=str(laptop.simulator.launchctl),
        hook="/nonexistent/jobsync-hook",
    )
    configuration.save(config, laptop.environment)
    laptop.prefix = "jobsync"


def _read_all(descriptor: int) -> bytes:
    """All that is shown until the last process has left the terminal; what hangs is cut off after a while."""
    found = b""
    while select.select([descriptor], [], [], _PATIENCE)[0]:
        try:
            chunk = os.read(descriptor, 65536)
        except OSError:  # Linux says so when nobody is left
            break
        if not chunk:
            break
        found += chunk
    return found


def _silence(descriptor: int) -> None:
    """Show no answers: ours are typed before the question comes."""
    settings = termios.tcgetattr(descriptor)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSANOW, settings)


@dataclass
class Terminal:
    """A terminal whose user answers every question with Enter. Its directory stays from command to command."""

    laptop: Laptop
    here: Path = field(init=False)
    status: int = 0

    def __post_init__(self) -> None:
        self.here = self.laptop.home

    def type(self, command: str) -> list[str]:
        """Run a command line of sh to its end; gives what was shown, the home as `~`. `status` is its exit status."""
        main, worker = pty.openpty()
        _silence(worker)
        os.write(main, b"\n" * 4)
        place = self.laptop.root / "place"
        script = f'(exit {self.status})\n{command}\nstatus=$?\npwd >"{place}"\nexit $status\n'
        process = subprocess.Popen(
            ["/bin/sh", "-c", script], cwd=self.here, env={**self.laptop.environment, "TERM": "dumb"},
            stdin=worker, stdout=worker, stderr=worker, start_new_session=True,
        )  # fmt: skip
        os.close(worker)
        try:
            shown = _read_all(main).decode()
            self.status = process.wait(_PATIENCE)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            os.close(main)
        self.here = Path(place.read_text().rstrip("\n"))
        return self._as_shown(shown)

    def _as_shown(self, text: str) -> list[str]:
        text = text.replace(str(self.laptop.home), "~").replace(str(self.laptop.simulator.launchctl), "/bin/launchctl")
        # An answer of Enter is not echoed: what follows a question stands on the same line.
        text = re.sub(r"(\[Y/n\]:) ?", r"\1\n", text.replace("\r\n", "\n"))
        return text.splitlines()


@dataclass(frozen=True)
class Exchange:
    """A command as a page shows it, and what the page says that it answers."""

    command: str
    answer: tuple[str, ...]


def exchanges(blocks: list[str]) -> Iterator[Exchange]:
    """The commands of console blocks: `$ ` begins one, `> ` goes on with it, everything else is its answer."""
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.rstrip("\n").split("\n")
            count = 1
            while count < len(lines) and (lines[count].startswith("> ") or lines[count] == ">"):
                count += 1
            command = "\n".join([lines[0], *(line[2:] for line in lines[1:count])])
            yield Exchange(command, tuple(lines[count:]))
