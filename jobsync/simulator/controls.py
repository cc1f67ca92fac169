"""What the holder of a simulator can do to it: time, sessions, faults, settings, and what it has seen.

Each control is a generator that yields while it has to wait for processes, and returns the values of its answer.
"""

import dataclasses
import os
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from jobsync.simulator.clock import FILE as CLOCK_FILE
from jobsync.simulator.clock import possible
from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.launchd import Launchd
from jobsync.simulator.login_items import FIRST_VERSION as LOGIN_ITEMS_SINCE
from jobsync.simulator.service import Service
from jobsync.simulator.settings import LoginItemOff, changed, save_settings

Values = dict[str, Any]
Progress = Generator[None, None, Values]
_YOUNG = 0.05
"""Real seconds in which a process that is kept alive may still turn out to end at once."""
_STEPS_AT_A_TIME = 500


class Controls:
    """The controls of one simulator, by name."""

    def __init__(self, launchd: Launchd, directory: Path, calls: list[tuple[str, ...]]) -> None:
        self._launchd = launchd
        self._clock = launchd.clock
        self._directory = directory
        self._calls = calls
        self.is_ending = False
        self._named: dict[str, Callable[..., Progress]] = {
            "advance": self._advance,
            "calls": self._give_calls,
            "clear_calls": self._clear_calls,
            "clear_faults": self._clear_faults,
            "configure": self._configure,
            "fault": self._fault,
            "login": self._login,
            "login_item": self._login_item,
            "logout": self._logout,
            "now": self._now,
            "pid": self._pid,
            "power_off": self._power_off,
            "reboot": self._reboot,
            "set_time": self._set_time,
            "settle": self._settle_only,
            "sleep": self._sleep,
            "starts": self._starts,
            "stop": self._stop,
        }

    def begin(self, verb: str, values: Values) -> Progress:
        """Begin a control. SimulatorError for one that there is not, here or at the first step."""
        if verb not in self._named:
            raise SimulatorError(f"no such control: {verb}")
        return self._named[verb](**values)

    # -- time

    def _is_settled(self) -> bool:
        return all(self._is_quiet(service) for _, service in self._launchd.services())

    def _is_quiet(self, service: Service) -> bool:
        """Neither about to start nor in a run that will end: what is kept alive runs for ever."""
        if service.start_due is not None and service.start_due <= self._clock.now():
            return False
        if service.pid is None:
            return True
        is_young = time.monotonic() - service.spawned_at < _YOUNG
        return bool(service.definition.keep_alive) and not is_young and not service.is_draining

    def _settle(self, patience: float) -> Generator[None, None, None]:
        """Wait until every run that was due has ended, `patience` real seconds at most."""
        deadline = time.monotonic() + patience
        while not self._is_settled() and time.monotonic() < deadline:
            yield

    def _settle_only(self, patience: float) -> Progress:
        yield from self._settle(patience)
        return {"settled": self._is_settled()}

    def _advance(self, seconds: float, patience: float) -> Progress:
        """Go through all that becomes due on the way, one moment after the other, each with its runs."""
        target = possible(self._clock.now() + seconds)
        yield from self._settle(patience)
        steps = 0
        while (due := self._launchd.next_due()) is not None and due <= target:
            self._clock.move_to(max(due, self._clock.now()))
            self._launchd.tick()
            yield from self._settle(patience)
            steps += 1
            if steps % _STEPS_AT_A_TIME == 0:
                yield
        return self._moved_to(max(target, self._clock.now()))

    def _moved_to(self, moment: float) -> Values:
        """Move the clock, keep it for a restart, and give what it shows."""
        self._clock.move_to(moment)
        self._clock.save(self._directory / CLOCK_FILE)
        return {"now": self._clock.now()}

    def _sleep(self, seconds: float, patience: float) -> Progress:
        values = self._moved_to(self._clock.now() + seconds)
        self._launchd.slept()
        self._launchd.tick()
        yield from self._settle(patience)
        return values

    def _set_time(self, moment: float) -> Progress:
        values = self._moved_to(moment)
        self._launchd.replan()
        yield from ()
        return values

    def _now(self) -> Progress:
        yield from ()
        return {"now": self._clock.now()}

    # -- sessions

    def _wait_for_logout(self) -> Generator[None, None, None]:
        while self._launchd.gui.is_present:
            yield

    def _login(self) -> Progress:
        yield from self._wait_while_tearing_down()
        self._launchd.login()
        return {}

    def _wait_while_tearing_down(self) -> Generator[None, None, None]:
        while self._launchd.gui.is_tearing_down:
            yield

    def _logout(self, wait: bool) -> Progress:
        self._launchd.logout()
        if wait:
            yield from self._wait_for_logout()
        return {}

    def _go_down(self) -> Generator[None, None, None]:
        for domain in self._launchd.domains:
            self._launchd.tear_down(domain)
        while any(domain.is_tearing_down for domain in self._launchd.domains):
            yield
        self._launchd.forget_boot()

    def _come_up(self) -> None:
        if self._launchd.settings.gui:
            self._launchd.login()

    def _reboot(self) -> Progress:
        yield from self._go_down()
        self._come_up()
        return {}

    def _power_off(self, seconds: float) -> Progress:
        possible(self._clock.now() + seconds)
        yield from self._go_down()
        values = self._moved_to(self._clock.now() + seconds)
        self._come_up()
        return values

    # -- the rest

    def _configure(self, **changes: Any) -> Progress:
        before = self._launchd.settings
        settings = changed(before, changes)
        if (settings.uid, settings.asid) != (before.uid, before.asid):
            raise SimulatorError("uid and asid name the domains that it has already; start a simulator with others")
        self._launchd.configure(settings)
        save_settings(settings, self._directory)
        yield from ()
        return dataclasses.asdict(settings)

    def _fault(self, **values: Any) -> Progress:
        self._launchd.faults.add(values)
        yield from ()
        return {}

    def _clear_faults(self) -> Progress:
        self._launchd.faults.clear()
        yield from ()
        return {}

    def _login_item(self, label: str, on: bool) -> Progress:
        settings = self._launchd.settings
        if settings.macos < LOGIN_ITEMS_SINCE:
            raise SimulatorError(f"macOS {settings.version} has no Login Items switches; they came with 13")
        self._launchd.login_items.switch(label, on)
        if settings.login_item_off is LoginItemOff.DISABLED:
            self._launchd.overrides.set(label, not on)
        yield from ()
        return {}

    def _pid(self) -> Progress:
        yield from ()
        return {"pid": os.getpid()}

    def _give_calls(self) -> Progress:
        yield from ()
        return {"calls": self._calls}

    def _clear_calls(self) -> Progress:
        self._calls.clear()
        yield from ()
        return {}

    def _starts(self, label: str) -> Progress:
        yield from ()
        return {"starts": self._launchd.history.get(label, [])}

    def _stop(self) -> Progress:
        self.is_ending = True
        yield from ()
        return {}
