"""The one module that starts processes, and ends this one: always an argv, never a shell, always an end in sight.

It stays light (no `subprocess`, `signal` or `selectors`: those cost more than the hook's whole budget), because
`jobsync-hook` runs it at every pull.
"""

import os
import select
import sys
import time

from jobsync.errors import JobsyncError

TYPE_CHECKING = False  # `typing` is heavier than all that is needed here
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import NoReturn

_CHUNK = 1 << 16
_SIGKILL = 9
_MOST_AT_ONCE = 4
# git may hand SIGALRM down as ignored (its progress display does), and Python ignores SIGPIPE and SIGXFSZ;
# whatever we start gets the defaults back. The numbers are the same on Linux and macOS.
_DEFAULTED = (13, 14, 25)
_INTERRUPTING = (1, 2, 15)
"""A hook that was interrupted ignores them from then on; what it leaves its work to shall not: `kill` must end it."""


class NotStarted(JobsyncError):
    """The executable could not be started at all (missing, not executable)."""


class TimedOut(JobsyncError):
    """The process was still running at its limit; it and its process group were killed."""


class Finished:
    """How a process ended. `status` is its exit status, or minus the signal that ended it."""

    __slots__ = ("argv", "status", "stderr", "stdout")

    def __init__(self, argv: "tuple[str, ...]", status: int, stdout: bytes, stderr: bytes) -> None:
        self.argv = argv
        self.status = status
        self.stdout = stdout
        self.stderr = stderr

    @property
    def complaint(self) -> str:
        """What it wrote to stderr, as text, without the last newline."""
        return self.stderr.decode("utf-8", "replace").strip()

    @property
    def complaint_line(self) -> str:
        """The same on one line, for a sentence that quotes it."""
        return "; ".join(line.strip() for line in self.complaint.splitlines())


class Child:
    """A started process whose output is still to be read; `finish` or `kill` must be called, once."""

    __slots__ = ("_read_ends", "_write_end", "argv", "pid")

    def __init__(
        self, argv: "tuple[str, ...]", env: "Mapping[str, str]", *, has_input: bool, new_session: bool = False
    ) -> None:
        self.argv = argv
        stdin = os.pipe() if has_input else (os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), -1)
        stdout, stderr = os.pipe(), os.pipe()
        try:
            self.pid = _spawn(argv, env, (stdin[0], stdout[1], stderr[1]), new_session=new_session)
        except OSError as error:
            for end in (stdin[1], stdout[0], stderr[0]):
                if end >= 0:
                    os.close(end)
            raise NotStarted(f"cannot run {argv[0]}: {error.strerror}") from error
        finally:
            for end in (stdin[0], stdout[1], stderr[1]):
                os.close(end)
        self._write_end = stdin[1]
        self._read_ends = (stdout[0], stderr[0])

    def tell(self, number: int) -> None:
        """Send a signal to it and its process group. That it has ended already is fine."""
        try:  # contextlib.suppress would cost the hook another import
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):  # PermissionError: macOS, when only zombies are left of the group
            return

    def kill(self) -> None:
        """Instead of `finish`: end it and its process group, whatever it does."""
        try:
            self._kill()
        finally:
            self._close()

    def finish(self, timeout: float, stdin: bytes = b"") -> Finished:
        """Feed `stdin`, read everything, wait for the end. `TimedOut` after `timeout` seconds: killed, reaped."""
        deadline = time.monotonic() + timeout
        outputs: dict[int, list[bytes]] = {end: [] for end in self._read_ends}
        try:
            if not self._exchange(stdin, outputs, deadline):
                self._kill()
                raise TimedOut(f"{' '.join(self.argv)} did not answer within {timeout:g} seconds")
            status = self._reap(deadline, timeout)
        finally:
            self._close()
        stdout, stderr = (b"".join(outputs[end]) for end in self._read_ends)
        return Finished(self.argv, status, stdout, stderr)

    def _close(self) -> None:
        for end in (*self._read_ends, self._write_end):
            if end >= 0:
                os.close(end)
        self._write_end = -1

    def _exchange(self, stdin: bytes, outputs: "dict[int, list[bytes]]", deadline: float) -> bool:
        """Move bytes until both outputs are closed; False when the deadline came first."""
        poll = select.poll()
        open_ends = set(outputs)
        for end in open_ends:
            poll.register(end, select.POLLIN)
        rest = memoryview(stdin)
        if self._write_end >= 0:
            os.set_blocking(self._write_end, False)
            poll.register(self._write_end, select.POLLOUT)
        while open_ends or self._write_end >= 0:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return False
            for end, _ in poll.poll(remaining * 1000):
                if end == self._write_end:
                    rest = self._feed(rest, poll)
                elif chunk := os.read(end, _CHUNK):
                    outputs[end].append(chunk)
                else:
                    poll.unregister(end)
                    open_ends.discard(end)
        return True

    def _write(self, rest: memoryview) -> memoryview:
        """What is left to be written when as much as there was room for has been; nothing where nobody reads."""
        try:
            return rest[os.write(self._write_end, rest[:_CHUNK]) :]
        except BlockingIOError:
            return rest
        except BrokenPipeError:
            return rest[:0]

    def _feed(self, rest: memoryview, poll: select.poll) -> memoryview:
        rest = self._write(rest)
        if not rest:
            poll.unregister(self._write_end)
            os.close(self._write_end)
            self._write_end = -1
        return rest

    def _reap(self, deadline: float, timeout: float) -> int:
        pause = 0.00005  # who has closed its outputs is about to end: ten times as long is what the hook would wait
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() > deadline:
                self._kill()
                raise TimedOut(f"{' '.join(self.argv)} did not end within {timeout:g} seconds")
            time.sleep(pause)
            pause = min(pause * 2, 0.02)

    def _kill(self) -> None:
        try:
            self.tell(_SIGKILL)
        finally:
            os.waitpid(self.pid, 0)


def _spawn(argv: "Sequence[str]", env: "Mapping[str, str]", ends: "tuple[int, int, int]", *, new_session: bool) -> int:
    # A process group of its own: Ctrl-C at the terminal must interrupt us between two effects, never a
    # `launchctl bootstrap` in the middle of one.
    actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(ends)]
    if new_session:
        return os.posix_spawnp(argv[0], list(argv), env, file_actions=actions, setsid=True, setsigdef=_DEFAULTED)
    return os.posix_spawnp(argv[0], list(argv), env, file_actions=actions, setpgroup=0, setsigdef=_DEFAULTED)


def find(name: str, path: str) -> "str | None":
    """The first executable file of that name in a PATH, as a shell finds it; None where there is none.

    `shutil.which` does the same and takes 2 ms to import.
    """
    for directory in path.split(":"):
        file = os.path.join(directory, name)  # noqa: PTH118 - pathlib is heavy
        if os.access(file, os.X_OK) and not os.path.isdir(file):  # noqa: PTH112 - as above
            return file
    return None


def start(
    argv: "Sequence[str]", *, env: "Mapping[str, str]", has_input: bool = False, new_session: bool = False
) -> Child:
    """Start `argv` with exactly `env`; argv[0] without a slash is looked up in the caller's PATH. `NotStarted`.

    `new_session`: with no terminal of its own, as a scheduler starts it.
    """
    return Child(tuple(argv), env, has_input=has_input, new_session=new_session)


def run(argv: "Sequence[str]", *, env: "Mapping[str, str]", timeout: float, stdin: bytes = b"") -> Finished:
    """Run `argv` to its end, at most `timeout` seconds. `NotStarted`, `TimedOut`; any exit status is an answer."""
    return start(argv, env=env, has_input=bool(stdin)).finish(timeout, stdin)


def run_all(argvs: "Iterable[Sequence[str]]", *, env: "Mapping[str, str]", timeout: float) -> "list[Finished]":
    """As `run` for each of these, several at a time; how they ended, in this order.

    For what only asks: `NotStarted` or `TimedOut` of one kills those that are under way, and no other is started.
    """
    at_once = min(os.cpu_count() or 1, _MOST_AT_ONCE)
    answers: list[Finished] = []
    running: list[Child] = []
    try:
        for argv in argvs:
            if len(running) == at_once:
                answers.append(running.pop(0).finish(timeout))
            running.append(start(argv, env=env))
        while running:
            answers.append(running.pop(0).finish(timeout))
    finally:
        for child in running:
            child.kill()
    return answers


def _handed_down() -> "list[int]":
    """Descriptors beyond the first three that our own children would get: of whoever started us, none of ours."""
    found = []
    for name in os.listdir("/dev/fd"):  # noqa: PTH208 - pathlib is heavy
        try:
            if int(name) > 2 and os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the one that listed them
            continue
    return found


def start_detached(argv: "Sequence[str]", *, env: "Mapping[str, str]", output: str = os.devnull) -> int:
    """Start `argv` in a session of its own, with stdin closed and output appended to a file; returns its pid.

    Nobody waits for it: GUI clients that read git's output to its end must not wait for it either, be it by another
    descriptor that they handed down.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions: list[tuple[int, int, str, int, int] | tuple[int, int, int] | tuple[int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, output, flags, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    actions += [(os.POSIX_SPAWN_CLOSE, one) for one in _handed_down()]
    defaulted = (*_DEFAULTED, *_INTERRUPTING)
    try:
        return os.posix_spawnp(argv[0], list(argv), env, file_actions=actions, setsid=True, setsigdef=defaulted)
    except OSError as error:
        raise NotStarted(f"cannot run {argv[0]}: {error.strerror}") from error


def on_terminal(argv: "Sequence[str]", *, env: "Mapping[str, str]") -> int:
    """Run `argv` on this very terminal, for as long as it takes; its exit status, or minus a signal. `NotStarted`.

    Ctrl-C is its own to understand, as an editor does: we wait on.
    """
    pid = start_on_terminal(argv, env=env)
    while True:
        try:
            return wait_for(pid)
        except KeyboardInterrupt:
            continue


def start_on_terminal(argv: "Sequence[str]", *, env: "Mapping[str, str]") -> int:
    """Start `argv` on this very terminal; its pid, which `wait_for` waits for. `NotStarted`."""
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        return os.posix_spawnp(argv[0], list(argv), env, setsigdef=_DEFAULTED)
    except OSError as error:
        raise NotStarted(f"cannot run {argv[0]}: {error.strerror}") from error


def wait_for(pid: int) -> int:
    """The exit status of a child, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ask_a_copy(question: "Callable[[], bool]") -> "Callable[[], bool]":
    """Have a copy of this process answer a question that only looks; what is returned waits for the answer, and must be
    called. What a copy cannot find out is False. Costs a millisecond, so it is for what takes several of them.
    """
    try:
        pid = os.fork()
    except OSError:  # as many processes as there may be
        return question
    if pid:
        return lambda: wait_for(pid) == 0
    answer = False
    try:
        answer = question()
    finally:  # whatever is raised, Ctrl-C included: nothing of the caller's may go on twice
        os._exit(not answer)


def _flush() -> None:
    """Print what is still to be printed; what cannot be any more is lost."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # a closed pipe, a full disk, a closed file
            continue


def hand_over(argv: "Sequence[str]", *, env: "Mapping[str, str]") -> None:
    """Run `argv` on this very terminal and standard streams until it ends, then exit with its status."""
    _flush()
    try:
        os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606 - an argv, no shell
    except OSError as error:
        raise NotStarted(f"cannot run {argv[0]}: {error.strerror}") from error


def end(status: int) -> "NoReturn":
    """End this process at once with that status; what cannot be printed any more is lost.

    Nothing of ours waits for the interpreter to be taken apart, which takes 2 ms where little is imported, and 15 to 30
    after a sync.
    """
    _flush()
    os._exit(status)


def is_alive(pid: int) -> bool:
    """Whether a process of this id is there, be it another user's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def command_line(pid: int) -> str:
    """What a process was started with, in one line; empty where there is none, and where ps(1) does not say."""
    try:
        answer = run(["ps", "-o", "args=", "-p", str(pid)], env={"LC_ALL": "C"}, timeout=2)
    except JobsyncError:
        return ""
    return answer.stdout.decode("utf-8", "replace").strip()
