"""The handle on a simulator: start one, move its time, log its user in and out, spoil its calls, see what it did.

The launchctl look-alike stays pure; all that a real Mac has no verb for goes through here.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self

from jobsync.simulator.alone import refuse_second
from jobsync.simulator.client import write_client
from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.faults import IGNORE_TERM, PEND, REMOVE, SPAWN
from jobsync.simulator.settings import Settings, default_uid, make_settings, save_settings
from jobsync.simulator.wire import SOCKET, control_request, read_control_answer

OUTPUT = "daemon.log"
_START_LIMIT = 20.0
PATIENCE = 10.0
"""Real seconds that a moment waits for its runs."""


@contextlib.contextmanager
def _connection(directory: Path) -> Iterator[socket.socket]:
    """Connect through a descriptor of the directory: its own path may be too long for a socket's address."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.connect(f"/proc/self/fd/{handle}/{SOCKET}")
            yield stream
    finally:
        os.close(handle)


def ask(directory: Path, verb: str, values: dict[str, Any]) -> dict[str, Any]:
    """Send a control request and wait for its answer. SimulatorError when it is refused or nobody listens."""
    received = b""
    try:
        with _connection(directory) as stream:
            stream.sendall(control_request(verb, values))
            while chunk := stream.recv(65536):
                received += chunk
    except OSError as trouble:
        raise SimulatorError(f"no simulated launchd is running in {directory} ({trouble.strerror})") from None
    return read_control_answer(received)


def refuse_on_macos(platform: str) -> None:
    """SimulatorError on a Mac: there the real launchd is at work."""
    if platform == "darwin":
        raise SimulatorError(
            "this is a Mac: it has a launchd of its own, and a second one would only confuse; use that"
        )


def prepare(directory: Path, settings: Settings) -> Path:
    """Make a simulator's directory: settings and client. Gives the path of its `launchctl`."""
    directory.mkdir(parents=True, exist_ok=True)
    # As on a Mac, whatever the umask: launchd trusts no directory that others can write.
    settings.agents_directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    save_settings(settings, directory)
    return write_client(directory)


def daemon_argv(directory: Path, lifeline: int, clock: Sequence[str]) -> list[str]:
    """The command that serves a prepared directory; `clock` says with which clock."""
    argv = [sys.executable, "-P", "-m", "jobsync.simulator", str(directory), "serve", "--lifeline", str(lifeline)]
    return [*argv, *clock]


def _clock_arguments(at: datetime | None, still: bool) -> list[str]:
    begin = [] if at is None else ["--at", repr(at.timestamp())]
    return [*begin, *(["--still"] if still else [])]


class DaemonProcess(Protocol):
    """What is asked of a daemon's process; the words are those of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its number."""

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""

    def wait(self) -> int:
        """Its exit status, once it has ended."""

    def send_signal(self, sig: int) -> None:
        """Send it that signal; nothing where it has ended."""

    def kill(self) -> None:
        """SIGKILL it; nothing where it has ended."""


class Simulator:
    """A running simulated Mac. Use it as a context manager, or call `stop` yourself.

    `launchctl` is the executable that stands for the Mac's, `directory` is where all of the simulator's files are.
    Every method raises SimulatorError when the daemon does not run (any more) or refuses.
    """

    def __init__(self, directory: Path, process: DaemonProcess, lifeline: int) -> None:
        self.directory = directory
        self.launchctl = directory / "bin" / "launchctl"
        self._process = process
        self._lifeline = lifeline

    @classmethod
    def start(
        cls,
        directory: Path,
        home: Path,
        *,
        version: str = "15.5",
        uid: int | None = None,
        gui: bool = True,
        prefixes: tuple[str, ...] = (),
        tz: str | None = None,
        at: datetime | None = None,
        still: bool = False,
        lifeline: int | None = None,
        **switches: Any,
    ) -> Self:
        """Make `directory` a simulated Mac with `home` as its user's home, start its daemon and wait until it answers.

        `uid` is what launchd's domains are named by (default: the caller's). `at` is where the clock begins, and
        `still` makes it stand still but for `advance` and its kin. The daemon lives in a session of its own and ends
        with the process `lifeline` (default: this one). `switches` are further fields of `Settings`.
        """
        refuse_on_macos(sys.platform)
        values = {"version": version, "gui": gui, "prefixes": list(prefixes), "tz": tz, **switches}
        wanted = {"home": str(home), "uid": default_uid() if uid is None else uid, **values}
        directory = directory.absolute()
        refuse_second(directory)
        prepare(directory, make_settings(wanted))
        life = os.getpid() if lifeline is None else lifeline
        argv = daemon_argv(directory, life, _clock_arguments(at, still))
        simulator = cls(directory, cls.spawn(directory, argv), life)
        simulator._wait_until_it_answers()
        return simulator

    @staticmethod
    def spawn(directory: Path, argv: list[str]) -> DaemonProcess:
        """Start a daemon by its command, in a session of its own; what it says goes to a file of the directory.

        For subclasses: they may know a cheaper way.
        """
        package_root = str(Path(__file__).resolve().parents[2])
        paths = [package_root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
        with (directory / OUTPUT).open("ab") as output:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline:
            with contextlib.suppress(SimulatorError):
                self.now()
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        self.kill()
        said = (self.directory / OUTPUT).read_text(encoding="utf-8", errors="replace")
        raise SimulatorError(f"the simulated launchd did not start; it said: {said[-2000:]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The daemon's process."""
        return self._process.pid

    def _ask(self, control: str, /, **values: Any) -> dict[str, Any]:
        return ask(self.directory, control, values)

    # -- life

    def stop(self) -> None:
        """End the daemon and all jobs (SIGTERM, a second, SIGKILL). The directory stays; a stopped one is no error."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        self._process.wait()

    def kill(self) -> None:
        """SIGKILL the daemon, and nothing else by hand: its guardian ends the jobs."""
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Start the daemon again in the same directory after `stop` or `kill`: as after a boot; its clock goes on."""
        self.stop()
        argv = daemon_argv(self.directory, self._lifeline, ["--resume"])
        self._process = self.spawn(self.directory, argv)
        self._wait_until_it_answers()

    # -- sessions

    def login(self) -> None:
        """The user logs in: the agents of the home are loaded."""
        self._ask("login")

    def logout(self, *, wait: bool = True) -> None:
        """The user logs out: every agent ends and is forgotten. `wait=False` gives the time of the teardown."""
        self._ask("logout", wait=wait)

    def login_item(self, label: str, *, on: bool) -> None:
        """The user moves the job's switch in the Login Items; what is loaded stays loaded. Refused before macOS 13."""
        self._ask("login_item", label=label, on=on)

    def reboot(self) -> None:
        """Down and up again; the user logs in if the settings say so."""
        self._ask("reboot")

    def power_off(self, seconds: float) -> None:
        """Off for a while: slots in it are lost."""
        self._ask("power_off", seconds=seconds)

    # -- time

    def now(self) -> float:
        """The simulated time, in seconds since the epoch."""
        return float(self._ask("now")["now"])

    def advance(self, seconds: float, *, patience: float = PATIENCE) -> None:
        """Let simulated time pass: all triggers on the way fire in order, and each run ends before time goes on.

        `patience` bounds, in real seconds, how long each moment waits for its runs.
        """
        self._ask("advance", seconds=seconds, patience=patience)

    def sleep(self, seconds: float, *, patience: float = PATIENCE) -> None:
        """The machine sleeps: afterwards missed calendar slots run once, missed intervals not at all."""
        self._ask("sleep", seconds=seconds, patience=patience)

    def set_time(self, moment: datetime | float) -> None:
        """Set the wall clock; nothing between fires."""
        self._ask("set_time", moment=moment.timestamp() if isinstance(moment, datetime) else moment)

    def settle(self, *, patience: float = PATIENCE) -> bool:
        """Wait until all runs that are due have ended; False when `patience` real seconds were not enough."""
        return bool(self._ask("settle", patience=patience)["settled"])

    # -- trouble

    def fault(
        self,
        verb: str,
        *,
        code: int | None = None,
        text: str | None = None,
        times: int | None = 1,
        after: int = 0,
        delay: float = 0.0,
        hang: bool = False,
        label: str | None = None,
        garbage: str | None = None,
        performs: bool = False,
    ) -> None:
        """Spoil calls of a verb (`*` = all); the fields of `faults.Fault` say how. `times=None` = until cleared."""
        known = {"code": code, "text": text, "times": times, "after": after, "delay": delay}
        self._ask("fault", verb=verb, hang=hang, label=label, garbage=garbage, performs=performs, **known)

    def pend(self, label: str, *, reason: str = "speculative", times: int | None = 1) -> None:
        """Hold the job's start at load back (docs/simulator.md, row 6.4) until it is kickstarted.

        `reason` is what `print` then says: `speculative`, `semaphore` or `inefficient`.
        """
        self.fault(PEND, label=label, text=reason, times=times)

    def fail_spawn(self, label: str, reason: str = "OS_REASON_CODESIGNING", *, times: int | None = 1) -> None:
        """Let the kernel kill the job at its start: `OS_REASON_DYLD`, `OS_REASON_TCC`, `JETSAM_…` are others."""
        self.fault(SPAWN, label=label, text=reason, times=times)

    def remove_at_spawn(self, label: str, *, times: int | None = 1) -> None:
        """Let launchd remove the job when it is to start, although its bootstrap succeeded."""
        self.fault(REMOVE, label=label, times=times)

    def ignore_term(self, label: str, *, times: int | None = 1) -> None:
        """Lose launchd's SIGTERM to the job, so that only the exit timeout ends it."""
        self.fault(IGNORE_TERM, label=label, times=times)

    def clear_faults(self) -> None:
        """Forget all faults."""
        self._ask("clear_faults")

    # -- looking

    def calls(self) -> list[list[str]]:
        """The arguments of every call of launchctl since the start or `clear_calls`, oldest first."""
        return [list(argv) for argv in self._ask("calls")["calls"]]

    def clear_calls(self) -> None:
        """Forget the recorded calls."""
        self._ask("clear_calls")

    def starts(self, label: str) -> list[float]:
        """The simulated moments at which the label was started, through reloads and logins."""
        return [float(moment) for moment in self._ask("starts", label=label)["starts"]]

    def runs(self, label: str) -> int:
        """How often the label was started, through reloads and logins."""
        return len(self.starts(label))

    def configure(self, **changes: Any) -> None:
        """Change fields of `Settings` while it runs."""
        self._ask("configure", **changes)
