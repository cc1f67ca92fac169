"""The event loop: socket, children, clock. Puts the parts together and decides nothing that launchd decides.

One thread, no busy loop: it sleeps until a request, a signal, an exec, or the next moment that anything is due.
"""

import os
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from jobsync.simulator.alone import alone_in
from jobsync.simulator.calls import Answer, Call, Later
from jobsync.simulator.client import write_client
from jobsync.simulator.clock import FILE as CLOCK_FILE
from jobsync.simulator.clock import Clock
from jobsync.simulator.controls import Controls, Progress
from jobsync.simulator.domain import Kind
from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.faults import Fault, label_of, labels_of
from jobsync.simulator.launchd import WATCH_EVERY, Launchd
from jobsync.simulator.legacy import LEGACY_VERBS
from jobsync.simulator.process import Guardian
from jobsync.simulator.settings import Caller, Settings, load_settings
from jobsync.simulator.verbs import VERBS, failure, perform
from jobsync.simulator.wire import SOCKET, Control, call_answer, control_answer, parse_request, whole_request

_ALL_VERBS = VERBS | LEGACY_VERBS
_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_LONGEST_NAP = 30.0
"""Real seconds after which it is noticed that the machine slept or its clock was set; the selector takes no month."""
_POLL_PROGRESS = 0.01
_GRACE = 1.0
"""Real seconds that jobs get between SIGTERM and SIGKILL when the simulator ends."""


class Connection:
    """One client: what it sent so far, and how to answer it."""

    def __init__(self, stream: socket.socket) -> None:
        self.stream = stream
        self.received = b""

    def peer(self) -> tuple[int, int]:
        """pid and uid of the process at the other end."""
        pid, uid, _ = struct.unpack("3i", self.stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(pid), int(uid)

    def answer(self, data: bytes) -> None:
        """Send it all and hang up; a client that went away is no error."""
        with suppress(OSError):
            self.stream.settimeout(5)
            self.stream.sendall(data)
        self.stream.close()


class Daemon:
    """One running simulator. SimulatorError when what is kept in its directory cannot be read."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        clock: Clock,
        lifeline: int | None = None,
        registered: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.calls: list[tuple[str, ...]] = []
        self._guardian = Guardian()
        self.launchd = Launchd(settings, directory, clock, self._guardian, registered)
        self._controls = Controls(self.launchd, directory, self.calls)
        self._selector = selectors.DefaultSelector()
        self._waiting: list[tuple[Connection, Later]] = []
        self._progress: list[tuple[Connection, Progress]] = []
        self._execs: set[int] = set()
        self._is_ending = False
        self._next_look = 0.0
        self._signals = self._watch_signals()
        self._socket = directory / SOCKET
        self._listener = self._listen()
        if lifeline is not None:
            self._watch_life_of(lifeline)

    def run(self) -> None:
        """Log the user in if that is set, and serve until a signal, `stop`, or the end of the lifeline."""
        if self.launchd.settings.gui:
            self.launchd.login()
        while not self._is_ending and not self._controls.is_ending:
            self._turn()
        self._end()

    def _turn(self) -> None:
        """Wait for something, take it in, answer, and then do what is due: answers come before spawns."""
        for key, _ in self._selector.select(self._nap()):
            react: Callable[[], None] = key.data
            react()
        self._answer_waiting()
        self.launchd.tick()
        self._look_around()
        self._watch_execs()
        self._answer_waiting()
        self._go_on()

    def _nap(self) -> float | None:
        """How long nothing is due, in real seconds, or nothing is looked at; None = for ever."""
        now = time.monotonic()
        naps = [later.not_before - now for _, later in self._waiting if later.not_before > now]
        if self._progress:
            naps.append(_POLL_PROGRESS)
        ending = self.launchd.next_real_due()
        if ending is not None:
            naps.append(ending - now)
        if self.launchd.is_watching():
            naps.append(self._next_look - now)
        due = self.launchd.next_due()
        until = None if due is None else self.launchd.clock.real_seconds_until(due)
        if until is not None:
            naps.append(until)
        return max(0.0, min(*naps, _LONGEST_NAP)) if naps else None

    # -- what comes in

    def _watch_signals(self) -> tuple[socket.socket, socket.socket]:
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *_ENDING_SIGNALS):
            signal.signal(number, lambda *_: None)
        self._selector.register(reader, selectors.EVENT_READ, self._on_signal)
        return reader, writer

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.unlink(missing_ok=True)
        os.chdir(self._socket.parent)  # so that the address stays below the hundred bytes that it may have
        listener.bind(self._socket.name)
        os.chdir("/")
        listener.listen(128)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, self._on_connect)
        return listener

    def _watch_life_of(self, pid: int) -> None:
        try:
            life = os.pidfd_open(pid)
        except OSError:
            self._is_ending = True
            return
        self._selector.register(life, selectors.EVENT_READ, self._on_lifeline)

    def _on_lifeline(self) -> None:
        self._is_ending = True

    def _on_signal(self) -> None:
        numbers = self._signals[0].recv(4096)
        self._is_ending = self._is_ending or any(number in numbers for number in _ENDING_SIGNALS)
        self._read_execs()
        self._reap()

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while (child := os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED))[0]:
                self.launchd.reaped(*child)

    def _watch_execs(self) -> None:
        for report in self.launchd.reports.keys() - self._execs:
            self._execs.add(report)
            self._selector.register(report, selectors.EVENT_READ, partial(self._on_exec, report))

    def _read_execs(self) -> None:
        """Take in what is known of execs before the ends of the same processes."""
        self._watch_execs()
        for key, _ in self._selector.select(0):
            if key.fd in self._execs:
                self._on_exec(key.fd)

    def _on_exec(self, report: int) -> None:
        if report not in self._execs:
            return
        trouble = os.read(report, 4096).decode(errors="replace")
        self._selector.unregister(report)
        self._execs.discard(report)
        os.close(report)
        self.launchd.spawned(self.launchd.reports.pop(report), trouble)

    def _on_connect(self) -> None:
        try:
            stream, _ = self._listener.accept()
        except OSError:  # the caller went away, or there is no descriptor for him until another one is through
            time.sleep(_POLL_PROGRESS)
            return
        stream.setblocking(False)
        connection = Connection(stream)
        self._selector.register(stream, selectors.EVENT_READ, partial(self._on_data, connection))

    def _on_data(self, connection: Connection) -> None:
        try:
            chunk = connection.stream.recv(65536)
        except OSError:
            chunk = b""
        connection.received += chunk
        try:
            payload = whole_request(connection.received)
        except SimulatorError:
            payload, chunk = None, b""
        if payload is None and chunk:
            return
        self._selector.unregister(connection.stream)
        if payload is None:
            connection.stream.close()
            return
        self._on_request(connection, payload)

    # -- answers

    def _on_request(self, connection: Connection, payload: bytes) -> None:
        try:
            request = parse_request(payload)
            if isinstance(request, Control):
                self._progress.append((connection, self._controls.begin(request.verb, request.values)))
                return
        except (SimulatorError, TypeError, ValueError) as trouble:
            connection.answer(control_answer({"error": str(trouble)}))
            return
        self._on_call(connection, request)

    def _on_given_up(self, connection: Connection) -> None:
        """A caller that will never get an answer went away."""
        self._selector.unregister(connection.stream)
        connection.stream.close()

    def _caller(self, connection: Connection) -> Caller:
        _, uid = connection.peer()
        if uid == os.getuid():
            return self.launchd.settings.caller
        return Caller.ROOT if uid == 0 else Caller.OTHER

    def _is_remote(self, connection: Connection, call: Call) -> bool:
        """Whether it comes from outside of the GUI: as its own environment says, but a job is where it was loaded."""
        pid, _ = connection.peer()
        try:
            kind = self.launchd.kind_of_session(os.getsid(pid))
        except OSError:  # it did not wait for the answer, or lives in another pid namespace
            kind = None
        return call.is_remote if kind is None else kind is Kind.USER

    def _on_call(self, connection: Connection, call: Call) -> None:
        self.calls.append(call.argv)
        caller, is_remote = self._caller(connection), self._is_remote(connection, call)
        asked = replace(call, caller=caller, is_remote=is_remote)
        fault = self.launchd.faults.take(call.argv[0] if call.argv else "help", labels_of(call.argv))
        answer = perform(self.launchd, asked, _ALL_VERBS) if fault is None else self._spoilt(asked, fault)
        if answer is None:
            self._selector.register(connection.stream, selectors.EVENT_READ, partial(self._on_given_up, connection))
        elif isinstance(answer, Later):
            self._waiting.append((connection, answer))
        else:
            connection.answer(call_answer(answer))

    def _spoilt(self, call: Call, fault: Fault) -> Answer | Later | None:
        """The answer of a call that a fault struck; None = none, ever."""
        answer: Answer | Later = Answer()
        if not fault.hides_work:
            answer = perform(self.launchd, call, _ALL_VERBS)
        elif others := _without(call, fault.label):
            perform(self.launchd, others, _ALL_VERBS)
        if fault.hang:
            return None
        if fault.code is not None:
            usual = failure(self.launchd, call, fault.code)
            answer = usual if fault.text is None else Answer(fault.code, err=fault.text)
        if fault.garbage is not None:
            answer = Answer(fault.code or 0, out=fault.garbage)
        return self._delayed(answer, fault.delay)

    def _delayed(self, answer: Answer | Later, delay: float) -> Answer | Later:
        if not delay:
            return answer
        not_before = time.monotonic() + delay
        if isinstance(answer, Later):
            return Later(answer.poll, not_before)
        return Later(lambda: answer, not_before)

    def _answer_waiting(self) -> None:
        now = time.monotonic()
        for entry in tuple(self._waiting):
            connection, later = entry
            answer = later.poll() if later.not_before <= now else None
            if answer is not None:
                self._waiting.remove(entry)
                connection.answer(call_answer(answer))

    def _go_on(self) -> None:
        for entry in tuple(self._progress):
            connection, progress = entry
            try:
                next(progress)
                continue
            except StopIteration as finished:
                values = finished.value
            except (SimulatorError, TypeError) as trouble:
                values = {"error": str(trouble)}
            self._progress.remove(entry)
            connection.answer(control_answer(values))

    # -- real time and the end

    def _look_around(self) -> None:
        ending = self.launchd.next_real_due()
        now = time.monotonic()
        if now < self._next_look and (ending is None or now < ending):
            return
        self._next_look = now + WATCH_EVERY
        self.launchd.look_around()

    def _end(self) -> None:
        """SIGTERM, a moment, SIGKILL; then nothing of it is left but its directory."""
        self._listener.close()
        self._socket.unlink(missing_ok=True)
        for domain in self.launchd.domains:
            self.launchd.tear_down(domain)
        deadline = time.monotonic() + _GRACE
        while self.launchd.has_processes and time.monotonic() < deadline:
            self._selector.select(0.02)
            self._read_execs()
            self._reap()
        self.launchd.end_all()
        self._guardian.dismiss()
        signal.set_wakeup_fd(-1)
        self._selector.close()


def _without(call: Call, label: str | None) -> Call | None:
    """The same call for the other plists that it names; None where there are no others, or all are struck."""
    others = tuple(word for word in call.argv if not word.endswith(".plist") or label_of(word) != label)
    is_left = label is not None and any(word.endswith(".plist") for word in others)
    return replace(call, argv=others) if is_left else None


def serve(
    directory: Path,
    *,
    at: float | None = None,
    still: bool = False,
    resume: bool = False,
    lifeline: int | None = None,
    registered: Callable[[], Iterable[str]] = tuple,
    ready: Callable[[], object] = lambda: None,
) -> None:
    """Be the launchd of that directory until told to end; calls `ready` when it can be asked.

    SimulatorError when the directory holds no settings, or another process serves it.

    `at` (seconds since the epoch) is where its clock begins, `still` makes it stand still until it is moved, `resume`
    goes on with the clock of the daemon before. It ends when the process `lifeline` ends. `registered` gives prefixes
    that it loads beside those of its settings. Changes to `/` as working directory.
    """
    directory = directory.absolute()
    settings = load_settings(directory)
    with alone_in(directory):
        write_client(directory)
        clock = Clock.resumed(directory / CLOCK_FILE) if resume else Clock(at, still=still)
        clock.save(directory / CLOCK_FILE)
        daemon = Daemon(settings, directory, clock, lifeline, registered)
        ready()
        daemon.run()
