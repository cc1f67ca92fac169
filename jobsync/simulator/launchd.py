"""launchd itself: what is registered, what starts when, what is being stopped. Speaks to nobody.

Everything happens in `tick` (what the simulated clock has made due), `look_around` (what real time and the file
system have) and `reaped`; requests of callers only register. So an answer is always given before a job is spawned.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path

from jobsync.simulator.clock import Clock, zone_named
from jobsync.simulator.definition import Definition, read_definition
from jobsync.simulator.domain import Domain, Kind
from jobsync.simulator.errors import Refused
from jobsync.simulator.faults import IGNORE_TERM, PEND, REMOVE, SPAWN, Faults
from jobsync.simulator.files import is_file
from jobsync.simulator.leftovers import Leftovers
from jobsync.simulator.log import FILE as LOG_FILE
from jobsync.simulator.log import Log
from jobsync.simulator.login_items import FILE as LOGIN_ITEMS_FILE
from jobsync.simulator.login_items import FIRST_VERSION as LOGIN_ITEMS_SINCE
from jobsync.simulator.login_items import LoginItems
from jobsync.simulator.overrides import Overrides
from jobsync.simulator.process import SPAWN_FAILED, Guardian, end_sessions, signal_job, spawn
from jobsync.simulator.schedule import CalendarSlot, ClockChanges, next_fire, without_months_of_weekdays
from jobsync.simulator.service import Ended, Reason, Service, State, is_wanted_after
from jobsync.simulator.settings import (
    LoginItemOff,
    MonthBesideWeekday,
    RepeatedSlot,
    Settings,
    SkippedSlot,
    has_prefix,
)
from jobsync.simulator.surroundings import launch_of
from jobsync.simulator.texts import darwin_signal, signal_name
from jobsync.simulator.watching import is_filled, is_path_state_met, look, needs_watching

ALREADY_LOADED = 17
IN_PROGRESS = 37
NOT_PERMITTED = 1
DISABLED = 119
TEARING_DOWN = 124
WRONG_SESSION = 134
SWITCHED_OFF = 161
WATCH_EVERY = 0.25
"""Real seconds between two looks at watched paths."""
_FIRST_TRIGGER = 268435472


def decode(status: int) -> Ended:
    """This machine's wait status in Darwin's numbers."""
    if os.WIFSIGNALED(status):
        return Ended(signal=darwin_signal(os.WTERMSIG(status)))
    return Ended(code=os.WEXITSTATUS(status))


class Launchd:
    """The state of one simulated machine."""

    def __init__(
        self,
        settings: Settings,
        directory: Path,
        clock: Clock,
        guardian: Guardian,
        registered: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """`registered`: further prefixes whose labels may be loaded, asked for where none of the settings fits."""
        self.settings = settings
        self.clock = clock
        self.faults = Faults()
        self.gui = Domain(Kind.GUI, settings.uid, settings.asid, is_present=False)
        self.user = Domain(Kind.USER, settings.uid, settings.asid)
        self.system = Domain(Kind.SYSTEM, 0, 100000)
        self.overrides = Overrides(directory / f"disabled.{settings.uid}.plist")
        self.login_items = LoginItems(directory / LOGIN_ITEMS_FILE)
        self.log = Log(directory / LOG_FILE, clock, zone_named(settings.tz))
        self.history: dict[str, list[float]] = {}
        """label → simulated times of its starts, through reloads and logins."""
        self.reports: dict[int, int] = {}
        """Descriptors that tell of an exec → pid; the event loop reads them."""
        self._guardian = guardian
        self._registered = registered
        self._by_pid: dict[int, tuple[Domain, Service]] = {}
        self._leftovers = Leftovers(guardian)
        self._spent: set[str] = set()
        self._removed_at: dict[str, float] = {}
        self._after_spawns: list[tuple[str, str]] = []
        self._next_trigger = _FIRST_TRIGGER

    @property
    def zone(self) -> tzinfo:
        """The time zone of the simulated machine."""
        return self.log.zone

    @property
    def domains(self) -> tuple[Domain, Domain]:
        """Those that may hold services."""
        return self.gui, self.user

    def services(self) -> Iterator[tuple[Domain, Service]]:
        """All that is registered, anywhere."""
        for domain in self.domains:
            for service in tuple(domain.services.values()):
                yield domain, service

    # -- registering

    @property
    def _clock_changes(self) -> ClockChanges:
        return ClockChanges(
            shifts_skipped=self.settings.skipped_slot is SkippedSlot.SHIFTED,
            repeats_once=self.settings.repeated_slot is RepeatedSlot.ONCE,
        )

    def _next_slot(self, definition: Definition, after: float) -> float | None:
        slots: Iterable[CalendarSlot] = definition.slots
        if self.settings.month_beside_weekday is MonthBesideWeekday.IGNORED:
            slots = without_months_of_weekdays(slots)
        return next_fire(slots, after, self.zone, self._clock_changes)

    def _plan_calendar(self, service: Service) -> None:
        service.calendar_due = self._next_slot(service.definition, self.clock.now())

    def load(self, domain: Domain, definition: Definition) -> Service:
        """Register a job and ask for its start at load.

        Refused: 134, 119, 161, 17, 37, 124, and 1 for a foreign prefix.
        """
        self._check_loadable(domain, definition)
        now = self.clock.now()
        service = Service(definition, now, self._next_trigger)
        self._next_trigger += max(1, definition.triggers)
        self._plan_calendar(service)
        service.plan_interval(now)
        service.seen = {path: look(path) for path in definition.watch_paths}
        service.is_denied = self._is_switched_off(definition.label)
        service.is_denied &= self.settings.login_item_off is LoginItemOff.REMOVED
        domain.services[service.label] = service
        if definition.starts_at_load:
            self.request(domain, service, Reason.LOAD)
        if self.settings.past_slot_runs_at_load and self._had_slot_today(definition):
            self.request(domain, service, Reason.CALENDAR)
        return service

    def _had_slot_today(self, definition: Definition) -> bool:
        now = self.clock.now()
        midnight = datetime.fromtimestamp(now, self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        first = self._next_slot(definition, midnight.timestamp() - 1)
        return first is not None and first <= now

    def _is_switched_off(self, label: str) -> bool:
        return self.settings.macos >= LOGIN_ITEMS_SINCE and self.login_items.is_off(label)

    def _check_loadable(self, domain: Domain, definition: Definition) -> None:
        if domain.is_tearing_down:
            raise Refused(TEARING_DOWN)
        if not self.settings.allows(definition.label) and not has_prefix(definition.label, self._registered()):
            raise Refused(NOT_PERMITTED)
        if domain.session_type not in definition.session_types:
            raise Refused(WRONG_SESSION)
        if self.overrides.is_disabled(definition.label, definition.disabled):
            raise Refused(DISABLED)
        if self._is_switched_off(definition.label) and self.settings.login_item_off is LoginItemOff.REFUSED:
            raise Refused(SWITCHED_OFF)
        known = domain.services.get(definition.label)
        if known is not None:
            same = known.definition.path == definition.path or known.is_draining
            raise Refused(self.settings.loaded_code or (IN_PROGRESS if same else ALREADY_LOADED))

    def unload(self, domain: Domain, service: Service) -> None:
        """Begin to take a service down; it is gone when its process is. Refused(37) while that is under way."""
        if service.is_draining:
            raise Refused(IN_PROGRESS)
        service.is_draining = True
        service.start_due = service.calendar_due = service.interval_due = None
        if service.pid is None:
            self._remove(domain, service)
            return
        service.gone_from = time.monotonic() + (0 if domain.is_tearing_down else self.settings.teardown)
        timeout = service.definition.exit_timeout
        self._note(domain, service, f"scheduling cleanup in {timeout} sec after sending Terminated: 15")
        self.stop(service)

    def _remove_if_time(self, domain: Domain, service: Service) -> None:
        if service.state is State.EXITED and service.gone_from <= time.monotonic():
            self._remove(domain, service)

    def _remove(self, domain: Domain, service: Service) -> None:
        self.log.write(domain.title, f"removing service: {service.label}")
        domain.services.pop(service.label, None)
        if not domain.is_tearing_down:
            self._removed_at[service.label] = time.monotonic()
        if domain.is_tearing_down and not domain.services:
            domain.is_tearing_down = False
            domain.is_present = domain.kind is not Kind.GUI

    def is_spent(self, service: Service) -> bool:
        """LaunchOnlyOnce, and launched since the boot, be it under a former registration."""
        return service.definition.launch_only_once and service.label in self._spent

    def is_registered(self, domain: Domain, service: Service) -> bool:
        """Whether this very registration still stands."""
        return domain.services.get(service.label) is service

    # -- starting

    def request(self, domain: Domain, service: Service, reason: Reason, *, at_once: bool = False) -> None:
        """A trigger came: start it when the throttle allows, remember the trigger, or drop it."""
        if service.is_draining or self.is_spent(service):
            return
        if service.pid is not None:
            service.pending = reason if reason.is_remembered else service.pending
            return
        if self._is_pended(domain, service, reason):
            return
        now = self.clock.now()
        if service.start_due is None:
            service.reason = reason
        service.pended = None
        service.start_due = now if at_once else max(now, service.may_start_from)
        service.state = State.SCHEDULED
        self._note(domain, service, "internal event: WILL_SPAWN, code = 0")
        self._note(domain, service, "service state: spawn scheduled")
        if service.start_due > now:
            ran, left = now - (service.started_at or now), service.start_due - now
            text = f"Service only ran for {ran:.0f} seconds. Pushing respawn out by {left:.0f} seconds."
            self._note(domain, service, text)

    def _is_pended(self, domain: Domain, service: Service, reason: Reason) -> bool:
        """Only a demand ends a pended start; other triggers are held back as well."""
        if reason is Reason.LOAD:
            service.pended = self._reason_to_pend(service.label)
            if service.pended is not None:
                self._note(domain, service, "pending spawn, domain in on-demand-only mode")
        return service.pended is not None and reason is not Reason.DEMAND

    def _reason_to_pend(self, label: str) -> Reason | None:
        fault = self.faults.take(PEND, [label])
        if fault is not None:
            return Reason(fault.text)
        age = time.monotonic() - self._removed_at.get(label, float("-inf"))
        return Reason.LOAD if age < self.settings.pends_reloads_within else None

    def start(self, domain: Domain, service: Service, *, suspended: bool = False) -> None:
        """Spawn it now; the caller knows that it does not run."""
        if self._removes_instead(domain, service):
            return
        now = self.clock.now()
        service.start_due = None
        service.started_at = now
        service.runs += 1
        self.history.setdefault(service.label, []).append(now)
        if service.definition.launch_only_once:
            self._spent.add(service.label)
        killed = self.faults.take(SPAWN, [service.label])
        if killed is not None:
            self._ended(domain, service, Ended(signal=signal.SIGKILL, why=killed.text))
        elif self.settings.dry:
            self._ended(domain, service, Ended())
        else:
            self._spawn(domain, service, suspended)

    def _removes_instead(self, domain: Domain, service: Service) -> bool:
        """Whether a service that is to start goes away: denied by the Login Items, or its spawn is made to fail."""
        if service.is_denied:
            self._note(domain, service, "Untrusted service was denied launch by BTM. Removing.")
        elif self.faults.take(REMOVE, [service.label]):
            self._note(domain, service, "Removed service on spawn failure")
        else:
            return False
        self._remove(domain, service)
        return True

    def _spawn(self, domain: Domain, service: Service, suspended: bool) -> None:
        self._note(domain, service, "service state: spawning")
        self._note(domain, service, f"launching: {service.reason.text if service.reason else ''}")
        service.spawned_at = time.monotonic()
        try:
            pid, report = spawn(launch_of(domain, service.definition, self.settings, suspended=suspended))
        except OSError as trouble:
            self._note(domain, service, f"Service could not initialize: {trouble}")
            self._ended(domain, service, Ended(code=SPAWN_FAILED))
            return
        self._guardian.add(pid)
        self._by_pid[pid] = (domain, service)
        self.reports[report] = pid
        service.pid, service.state, service.is_suspended = pid, State.SPAWNING, suspended
        self._note(domain, service, f"xpcproxy spawned with pid {pid}")
        self._note(domain, service, "internal event: SPAWNED, code = 0")
        self._note(domain, service, "service state: xpcproxy")

    def spawned(self, pid: int, trouble: str) -> None:
        """The exec of a process is decided: it runs, or `trouble` says why it could not."""
        domain, service = self._by_pid.get(pid, (None, None))
        if domain is None or service is None:
            return
        if trouble:
            self._note(domain, service, f"Service could not initialize: {trouble}")
        elif service.state is State.SPAWNING:
            service.state = State.RUNNING
            self._note(domain, service, "service state: running")
            name, because = Path(service.definition.executable).name, service.reason.text if service.reason else ""
            self._note(domain, service, f"Successfully spawned {name}[{pid}] because {because}")

    # -- stopping and ending

    def stop(self, service: Service) -> None:
        """SIGTERM its processes, and SIGKILL them when its exit timeout (0 = never) has passed."""
        if service.pid is None or service.state in (State.TERMED, State.KILLED):
            return
        service.state = State.TERMED
        timeout = service.definition.exit_timeout
        service.kill_at = time.monotonic() + timeout if timeout else None
        if not self.faults.take(IGNORE_TERM, [service.label]):
            signal_job(service.pid, signal.SIGTERM)

    def kill(self, service: Service) -> None:
        """SIGKILL all of its processes."""
        if service.pid is not None:
            service.state, service.kill_at = State.KILLED, None
            signal_job(service.pid, signal.SIGKILL)
            end_sessions([service.pid])

    def reaped(self, pid: int, status: int) -> None:
        """A process of ours is gone, or was stopped or continued by a signal."""
        if os.WIFSTOPPED(status) or os.WIFCONTINUED(status):
            if pid in self._by_pid:
                self._by_pid[pid][1].is_stopped = os.WIFSTOPPED(status)
            return
        domain, service = self._by_pid.pop(pid, (None, None))
        if domain is None or service is None:
            return
        if service.is_draining:
            self._leftovers.end(pid)
        else:
            self._leftovers.add(pid, service.definition)
        self._ended(domain, service, decode(status))

    def _ended(self, domain: Domain, service: Service, ended: Ended) -> None:
        self._note_end(domain, service, ended)
        service.pid, service.state, service.kill_at = None, State.IDLE, None
        service.ended, service.is_suspended, service.is_stopped = ended, False, False
        service.crashes = service.crashes + 1 if ended.is_crash else 0
        if service.is_draining:
            service.state = State.EXITED
            self._remove_if_time(domain, service)
            return
        reason = self._reason_to_go_on(domain, service, ended)
        service.pending, service.starts_again = None, False
        if reason is not None:
            self.request(domain, service, reason)

    def _note_end(self, domain: Domain, service: Service, ended: Ended) -> None:
        ran = f"ran for {(time.monotonic() - service.spawned_at) * 1000:.0f} ms"
        by_launchd = service.state in (State.TERMED, State.KILLED)
        if ended.why:
            self._note(domain, service, f"exited due to {ended.why}")
        elif ended.signal:
            sender = " | sent by launchd[1]" if by_launchd else ""
            self._note(domain, service, f"exited due to {signal_name(ended.signal)}{sender}, {ran}")
        elif service.state is State.SPAWNING:
            self._note(domain, service, f"xpcproxy exited due to exit({ended.code}), {ran}")
        else:
            self._note(domain, service, f"exited due to exit({ended.code}), {ran}")
        if ended.code:
            self._note(domain, service, f"Service exited with abnormal code: {ended.code}")

    def _reason_to_go_on(self, domain: Domain, service: Service, ended: Ended) -> Reason | None:
        if service.starts_again:
            return Reason.DEMAND
        if service.pending is not None:
            return service.pending
        keep = service.definition.keep_alive
        if is_wanted_after(keep, ended) and (service.was_demanded or not keep.after_demand):
            return Reason.KEEP_ALIVE
        return self._reason_around(domain, service)

    def _reason_around(self, domain: Domain, service: Service) -> Reason | None:
        """A condition outside of the job that wants it running now."""
        definition = service.definition
        if any(is_filled(directory) for directory in definition.queue_directories):
            return Reason.PATHS
        wanted = any((name in domain.services) == loaded for name, loaded in definition.keep_alive.other_jobs)
        return Reason.KEEP_ALIVE if wanted or is_path_state_met(definition) else None

    # -- time

    def tick(self) -> None:
        """Do all that the simulated clock has made due."""
        now = self.clock.now()
        for domain, service in self.services():
            if service.calendar_due is not None and service.calendar_due <= now:
                self._plan_calendar(service)
                self.request(domain, service, Reason.CALENDAR)
            if service.interval_due is not None and service.interval_due <= now:
                service.plan_interval(now)
                self.request(domain, service, Reason.INTERVAL)
            if service.start_due is not None and service.start_due <= now:
                self.start(domain, service)
        for where, text in self._after_spawns:
            self.log.write(where, text)
        self._after_spawns.clear()

    def log_after_spawns(self, where: str, text: str) -> None:
        """A line for the log that comes after those of the next `tick`."""
        self._after_spawns.append((where, text))

    def next_due(self) -> float | None:
        """The simulated moment at which `tick` has something to do."""
        dues = (service.next_due for _, service in self.services())
        return min((due for due in dues if due is not None), default=None)

    def slept(self) -> None:
        """The machine wakes up: missed intervals are lost; missed calendar slots become one start in `tick`."""
        now = self.clock.now()
        for _, service in self.services():
            if service.interval_due is not None and service.interval_due <= now:
                service.plan_interval(now)

    def replan(self) -> None:
        """The wall clock was set or the zone changed: nothing that lies between runs."""
        now = self.clock.now()
        for _, service in self.services():
            if service.calendar_due is not None:
                self._plan_calendar(service)
            if service.interval_due is not None:
                service.plan_interval(now)

    def is_watching(self) -> bool:
        """Whether any service watches paths."""
        return any(needs_watching(service.definition) for _, service in self.services())

    def next_real_due(self) -> float | None:
        """The real (monotonic) moment at which `look_around` has something to end; None = there is none."""
        dues = [service.kill_at for _, service in self.services() if service.kill_at is not None]
        dues += [service.gone_from for _, service in self.services() if service.state is State.EXITED]
        return min([*dues, *self._leftovers.dues()], default=None)

    def look_around(self) -> None:
        """Kill what did not end in time, forget what is gone, and look at the watched paths."""
        now = time.monotonic()
        for domain, service in self.services():
            if service.kill_at is not None and service.kill_at <= now:
                self.kill(service)
            self._remove_if_time(domain, service)
        self._leftovers.end_late(now)
        for domain, service in self.services():
            if needs_watching(service.definition) and not service.is_draining:
                self._watch(domain, service)

    def _watch(self, domain: Domain, service: Service) -> None:
        seen = {path: look(path) for path in service.definition.watch_paths}
        if seen != service.seen:
            service.seen = seen
            self.request(domain, service, Reason.PATHS)
        reason = self._reason_around(domain, service)
        if reason is not None and service.pid is None and service.start_due is None:
            self.request(domain, service, reason)

    # -- sessions

    def login(self) -> None:
        """The user logs in: what login may load of the directory is loaded (docs/simulator.md, row 12.3)."""
        if self.gui.is_present:
            return
        self.gui.is_present = True
        self.log.write(self.gui.title, "entering bootstrap mode")
        for path in self._agents():
            try:
                definition = read_definition(path)
                if self._is_switched_off(definition.label):
                    raise Refused(SWITCHED_OFF)
                self.load(self.gui, definition)
            except Refused as refusal:
                self.log.write(self.gui.title, f"login: {path.name} not loaded ({refusal.code})")
        self.log.write(self.gui.title, "exiting bootstrap mode")

    def _agents(self) -> list[Path]:
        directory = self.settings.agents_directory
        ignores_links = self.settings.macos >= (14,)
        found = sorted(directory.glob("*.plist"))
        return [path for path in found if is_file(path) and not (ignores_links and path.is_symlink())]

    def logout(self) -> None:
        """The user logs out: everything gets SIGTERM; the domain is gone when the last process is."""
        self.tear_down(self.gui)

    def tear_down(self, domain: Domain) -> None:
        """Take a whole domain down."""
        if not domain.is_present:
            return
        domain.is_tearing_down = True
        services = tuple(domain.services.values())
        for service in services:
            if not service.is_draining:
                self.unload(domain, service)
        if not services:
            domain.is_tearing_down = False
            domain.is_present = domain.kind is not Kind.GUI

    def forget_boot(self) -> None:
        """Another boot: what LaunchOnlyOnce used up may run again."""
        self._spent.clear()

    def configure(self, settings: Settings) -> None:
        """Take over changed settings; a new zone is planned for at once. SimulatorError for an unknown zone."""
        self.log.zone = zone_named(settings.tz)
        self.settings = settings
        self.replan()

    def end_all(self) -> None:
        """SIGKILL everything, without waiting, and close the log; for the end of the simulator."""
        for pid in self._by_pid:
            signal_job(pid, signal.SIGKILL)
        end_sessions([*self._by_pid, *self._leftovers.sessions()])
        self.log.close()

    def kind_of_session(self, session: int) -> Kind | None:
        """In which domain the job lives whose processes make up that session; None = it is no job's."""
        domain, _ = self._by_pid.get(session, (None, None))
        return domain.kind if domain else None

    @property
    def has_processes(self) -> bool:
        """Whether any job still runs."""
        return bool(self._by_pid)

    def _note(self, domain: Domain, service: Service, text: str) -> None:
        pid = f" [{service.pid}]" if service.pid else ""
        self.log.write(f"{domain.name}/{service.label}{pid}", text)
