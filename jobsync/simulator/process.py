"""Processes of jobs: each leads a session of its own, and none outlives the simulator, however that ends.

Decides nothing about jobs. A guardian process holds the other end of a pipe; when the simulator is gone, even by
SIGKILL, it ends every group that was still announced to it.
"""

import os
import resource
import shutil
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

STANDARD_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
SPAWN_FAILED = 78
"""EX_CONFIG: what launchd reports when a job's surroundings could not be set up."""
_DEFAULT_UMASK = 0o022
_PROC = Path("/proc")
_LIMITS = {
    "Core": resource.RLIMIT_CORE,
    "CPU": resource.RLIMIT_CPU,
    "Data": resource.RLIMIT_DATA,
    "FileSize": resource.RLIMIT_FSIZE,
    "MemoryLock": resource.RLIMIT_MEMLOCK,
    "NumberOfFiles": resource.RLIMIT_NOFILE,
    "NumberOfProcesses": resource.RLIMIT_NPROC,
    "ResidentSetSize": resource.RLIMIT_RSS,
    "Stack": resource.RLIMIT_STACK,
}


@dataclass(frozen=True, slots=True)
class Launch:
    """All that a process is started with."""

    executable: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str = "/"
    umask: int = _DEFAULT_UMASK
    stdin: str | None = None
    stdout: str | None = None
    stderr: str | None = None
    nice: int = 0
    soft_limits: tuple[tuple[str, int], ...] = ()
    hard_limits: tuple[tuple[str, int], ...] = ()
    suspended: bool = False
    makes_log_directories: bool = False


def signal_group(group: int, number: int) -> None:
    """Send a signal to every process of a group; a group that is gone is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def signal_process(pid: int, number: int) -> None:
    """Send a signal to one process; one that is gone is no error."""
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def signal_job(pid: int, number: int) -> None:
    """Send a signal to the group of a child that is not reaped; to the child alone while it leads no group yet."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        signal_process(pid, number)


def _session_of(stat: Path) -> int:
    """The session of a process from its `stat`, whose second field may hold spaces and parentheses; 0 = gone."""
    try:
        return int(stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[3])
    except (OSError, IndexError, ValueError):
        return 0


def _members(sessions: Iterable[int]) -> Iterator[int]:
    wanted = frozenset(sessions)
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and _session_of(entry / "stat") in wanted:
            yield int(entry.name)


def end_sessions(sessions: Iterable[int]) -> None:
    """SIGKILL whatever still runs in these sessions, groups of their own included (`set -m` in a shell)."""
    wanted = frozenset(sessions)
    for session in wanted:
        signal_group(session, signal.SIGKILL)
    if wanted and _PROC.is_dir():
        for pid in tuple(_members(wanted)):
            signal_process(pid, signal.SIGKILL)


class Guardian:
    """Ends the sessions it was told of when the simulator disappears. Must be made before sockets are opened."""

    def __init__(self) -> None:
        reader, self._writer = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:  # pragma: no cover - runs in a fork that never comes back to the measurement
            os.close(self._writer)
            _guard(reader)
        os.close(reader)

    def add(self, session: int) -> None:
        """From now on that session dies with the simulator."""
        os.write(self._writer, b"+%d\n" % session)

    def remove(self, session: int) -> None:
        """That session is gone; its number may belong to somebody else soon."""
        os.write(self._writer, b"-%d\n" % session)

    def dismiss(self) -> None:
        """Let it do its work now, and wait until it ended."""
        os.close(self._writer)
        os.waitpid(self._pid, 0)


def _guard(reader: int) -> NoReturn:  # pragma: no cover - runs in a fork that never comes back to the measurement
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions: set[int] = set()
    rest = b""
    while chunk := os.read(reader, 65536):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            (sessions.add if line[:1] == b"+" else sessions.discard)(int(line[1:]))
    end_sessions(sessions)
    os._exit(0)


def spawn(launch: Launch) -> tuple[int, int]:
    """Start a process as leader of a new session; its pid, and a descriptor that ends when the program runs.

    A set-up that fails writes its reason there and ends the process with 78. The caller closes the descriptor.
    OSError where there is no room for another process, or for the descriptor.
    """
    reader, writer = os.pipe()
    # Until the child has handlers of its own, a signal to it would be written to the pipe of this process.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:  # pragma: no cover - runs in a fork that never comes back to the measurement
            _become(launch, writer)
    except OSError:
        os.close(reader)
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writer)
    return pid, reader


def _become(launch: Launch, report: int) -> NoReturn:  # pragma: no cover - runs in the fork, see above
    try:
        os.setsid()
        _forget_signals()
        _close_all_but(report)
        os.umask(launch.umask)
        os.chdir(launch.directory)
        _open_streams(launch)
        _limit(launch)
        if launch.suspended:
            os.kill(os.getpid(), signal.SIGSTOP)
        os.execve(_find(launch.executable), launch.arguments, launch.environment)  # noqa: S606 - no shell wanted
    except BaseException as trouble:
        os.write(report, f"posix_spawn({launch.executable}), {trouble}".encode())
    finally:
        os._exit(SPAWN_FAILED)


def _forget_signals() -> None:  # pragma: no cover - runs in the fork
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _close_all_but(report: int) -> None:  # pragma: no cover - runs in the fork
    """Sockets and pipes must not wait for an exec that is late or, for a suspended job, does not come."""
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(3, report)
    os.closerange(report + 1, highest)


def _open_streams(launch: Launch) -> None:  # pragma: no cover - runs in the fork
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    if launch.makes_log_directories:
        for path in filter(None, (launch.stdout, launch.stderr)):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
    source = launch.stdin if launch.stdin and Path(launch.stdin).exists() else os.devnull
    os.dup2(os.open(source, os.O_RDONLY), 0)
    os.dup2(os.open(launch.stdout or os.devnull, append, 0o666), 1)
    os.dup2(os.open(launch.stderr or os.devnull, append, 0o666), 2)


def _limit(launch: Launch) -> None:  # pragma: no cover - runs in the fork
    os.nice(launch.nice)
    for name, value in launch.hard_limits:
        if name in _LIMITS:
            soft, _ = resource.getrlimit(_LIMITS[name])
            resource.setrlimit(_LIMITS[name], (min(soft, value) if soft >= 0 else value, value))
    for name, value in launch.soft_limits:
        if name in _LIMITS:
            hard = resource.getrlimit(_LIMITS[name])[1]
            resource.setrlimit(_LIMITS[name], (min(value, hard) if hard >= 0 else value, hard))


def _find(executable: str) -> str:  # pragma: no cover - runs in the fork
    """A bare name is looked for in the standard path, whatever PATH the job gets."""
    if "/" in executable:
        return executable
    return shutil.which(executable, path=STANDARD_PATH) or executable
