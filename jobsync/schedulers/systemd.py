"""systemd's user manager, through the `systemctl` that the configuration names.

Manners (measured with 252, 257 and 262): one `list-units` says what everything loaded is, by the digest in each
description; one stop, one daemon-reload and one start serve any number of units. A changed timer is forgotten by that
reload (`forgetting.py`), or stopped before it where something is in the way; its link is gone meanwhile, and it is
started anew: every easier order starts its job once too often on some version. A running one-shot is never touched by
that. What the manager does not hold needs no reload.
"""

import os
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from jobsync import files, process
from jobsync.config import Config, Repo
from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.findings import Finding, Subject
from jobsync.paths import Paths
from jobsync.runs import launcher
from jobsync.schedulers import forgetting, systemd_survey, together, units, units_list
from jobsync.schedulers.protocol import (
    LINK,
    Answer,
    Artefact,
    Failures,
    Identity,
    Manners,
    NoSession,
    Query,
    Rendering,
    SchedulerError,
    Survey,
    Unknown,
    Unloading,
)
from jobsync.schedulers.units_list import Unit
from jobsync.values import replace

TIMEOUT = 60.0
"""Seconds for one systemctl call. A reload of a thousand units takes half of one."""
_LONGER = 15.0
_TRIGGERS = (units.TIMER, units.PATH)


class Systemd:
    """One repository's view of the user manager."""

    manners = Manners("systemd", loads_together=True, spares_runs=True, tells_login=True)

    def __init__(self, config: Config, repo: Repo, paths: Paths) -> None:
        if config.systemd is None:
            raise ValueError("a configuration for systemd says how to reach it")
        self._config = config
        self._manager = config.systemd
        self._repo = repo
        self._paths = paths
        self._env = {
            "HOME": config.home,
            "XDG_RUNTIME_DIR": config.systemd.runtime,
            "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
            "LC_ALL": "C",
        }
        self._prefixes: tuple[str, ...] = (repo.prefix,)
        """Ours first; behind it those that jobs still have from before it was changed."""
        self._held: dict[str, Unit] = {}
        """What the manager held when it was asked last."""
        self._started: set[str] = set()
        """Units that it may hold since then."""
        self._stopped_at: dict[str, float] = {}
        self._to_forget: set[str] = set()
        """Timers that were not stopped: the next reload shall forget them."""
        self._restarting: set[str] = set()
        """Services that it was asked to restart, without waiting for it."""

    @property
    def owner(self) -> str:
        """See the protocol."""
        return self._repo.id

    # -- places and rendering

    def label(self, job: str) -> str:
        """`<prefix>.<name>`; its units are named after it."""
        return f"{self._repo.prefix}.{job}"

    def _unit_path(self, label: str, suffix: str) -> Path:
        return self._paths.units / f"{label}.{suffix}"

    def definition_path(self, label: str) -> str:
        """See the protocol: the service."""
        return str(self._unit_path(label, units.SERVICE))

    def definitions(self, label: str) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(str(self._unit_path(label, suffix)) for suffix in units.SUFFIXES)

    def _link_path(self, label: str, suffix: str) -> Path:
        return self._paths.wants(units.TARGETS[suffix]) / f"{label}.{suffix}"

    def links(self, label: str) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(str(self._link_path(label, suffix)) for suffix in units.SUFFIXES)

    def installed_labels(self) -> tuple[str, ...]:
        """See the protocol."""
        return tuple(sorted(systemd_survey.installed(self._paths, [self._repo.prefix])))

    def render(self, job: Job) -> Rendering:
        """See the protocol. Links are what `systemctl enable` would make, byte for byte."""
        label = self.label(job.name)
        run = str(self._paths.launcher(job.name))
        source = f"{os.path.relpath(job.home_directory, self._repo.work_tree)}/job.toml"
        found = units.units(
            job,
            owner=self.owner,
            launcher=run,
            asked=str(self._paths.asked(job.name)),
            home=self._config.home,
            path=self._config.path,
            comment=f"Written by jobsync from {source}; edits here are undone.",
        )
        # Raw keys of launchd are not this machine's.
        here = replace(job, launchd={})
        artefacts = [Artefact(run, launcher.render(here, label, source, self._paths), 0o700)]
        artefacts += [Artefact(str(self._unit_path(label, one)), content, 0o644) for one, content in found.items()]
        artefacts += [
            Artefact(str(self._link_path(label, one)), os.fsencode(self._unit_path(label, one)), LINK)
            for one, content in found.items()
            if units.is_installable(content)
        ]
        return Rendering(label, tuple(artefacts), " ".join(units.meaning(content) or "" for content in found.values()))

    def meaning(self, content: bytes) -> str | None:
        """See the protocol."""
        return units.meaning(content)

    def is_altered(self, content: bytes) -> bool:
        """See the protocol."""
        meaning = units.meaning(content)
        return meaning is None or meaning.partition("=")[2] != units.digest_of(content)

    def takes_in_place(self, loaded: str, wanted: str) -> bool:
        """See the protocol: a changed service is read again while its timer goes on waiting."""
        before, after = (
            [part for part in digest.split() if not part.startswith("service=")] for digest in (loaded, wanted)
        )
        return bool(loaded) and before == after

    def owner_of(self, content: bytes) -> str:
        """See the protocol."""
        return units.owner_of(content)

    def is_ours(self, content: bytes) -> bool:
        """See the protocol."""
        return self.owner_of(content) == self.owner

    def environment(self, content: bytes) -> Mapping[str, str]:
        """See the protocol."""
        return units.environment_of(content)

    def session_environment(self, label: str) -> Mapping[str, str]:
        """See the protocol: the manager's own, which all its jobs get."""
        del label
        import json  # only here: hooks and syncs do without it

        try:
            answer = self._call("--user", "show-environment", "--output=json")
            shown = json.loads(answer.stdout) if not answer.status else {}
        except (JobsyncError, ValueError):
            return {}
        return {str(name): str(value) for name, value in shown.items()} if isinstance(shown, dict) else {}

    def keeps_running(self, content: bytes) -> bool | None:
        """See the protocol."""
        return units.keeps_running(content)

    def unload_limit(self, content: bytes | None) -> float:
        """See the protocol."""
        return units.stop_seconds(content or b"") + _LONGER

    # -- asking

    def mind(self, labels: Iterable[str]) -> None:
        """See the protocol."""
        former = {label.rpartition(".")[0] for label in labels} - {self._repo.prefix}
        self._prefixes = (self._repo.prefix, *sorted(former))

    def _call(self, *arguments: str, timeout: float = TIMEOUT) -> process.Finished:
        return process.run([self._manager.systemctl, *arguments], env=self._env, timeout=timeout)

    def _for_all(self, verb: str, names: Collection[str], *options: str, timeout: float = TIMEOUT) -> process.Finished:
        def call(some: Sequence[str]) -> process.Finished:
            return self._call("--user", verb, *options, "--", *some, timeout=timeout)

        return together.for_all(call, [*names])

    def _asked(self, *arguments: str) -> str:
        answer = self._call(*arguments)
        self._check(answer)
        return answer.stdout.decode("utf-8", "replace")

    def query(self) -> Query:
        """See the protocol."""
        argv = (self._manager.systemctl, *units_list.ARGUMENTS, "list-units", f"{self._repo.prefix}.*")
        return Query(argv, (("XDG_RUNTIME_DIR", self._manager.runtime), ("HOME", self._config.home)))

    def evidence(self, label: str, load_digest: str) -> tuple[str, ...]:
        """See the protocol."""
        return units_list.evidence(label, load_digest)

    def _is_manager_gone(self) -> bool:
        """Nobody answers at the manager's own socket: it does not run, which is no trouble of the moment."""
        import socket  # only where nobody answered

        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(f"{self._manager.runtime}/systemd/private")
            except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
                return True
            except OSError:
                return False
        return False

    def survey(self, said: bytes | None = None) -> Answer:
        """See the protocol. One process, and another one for the pids where something of ours runs."""
        former = self._prefixes[1:]
        try:
            argv = (*self.query().argv, *(f"{prefix}.*" for prefix in former))
            text = self._asked(*argv[1:]) if said is None or former else said.decode("utf-8", "replace")
            held = units_list.table(text, tuple(f"{prefix}." for prefix in self._prefixes))
            if held is None:
                return Unknown(_nonsense(argv))
            self._held = self._with_restarting(held)
            self._started.clear()
            disk = systemd_survey.on_disk(self._paths, self._prefixes, self._manager.runtime)
            return systemd_survey.survey(self._held, disk, self._processes())
        except JobsyncError as error:
            return self._no_answer(error.line)

    def _with_restarting(self, held: Mapping[str, Unit]) -> dict[str, Unit]:
        """A service that is restarted is `deactivating` to the manager until its first process has ended, and then
        `inactive`, for as long as what it follows takes."""
        states = ("deactivating", "inactive")
        here = {name: held[name] for name in self._restarting & held.keys() if held[name].active in states}
        return {**held, **{name: Unit(one.load, "activating", one.sub, one.description) for name, one in here.items()}}

    def _no_answer(self, reason: str) -> Answer:
        if self._is_manager_gone():
            return NoSession("no systemd user manager runs for you now: jobs start at your next login")
        return Unknown(reason)

    def _processes(self) -> dict[str, int]:
        """Label -> pid of what runs. The table does not say it."""
        running = [name for name, unit in self._held.items() if name.endswith(".service") and unit.has_process]
        if not running:
            return {}
        arguments = ("--user", "show", "-p", "Id,MainPID", "--", *running)
        found = units_list.pids(self._asked(*arguments))
        if found is None:
            raise SchedulerError(_nonsense((self._manager.systemctl, *arguments)))
        return {systemd_survey.split(name)[0]: pid for name, pid in found.items()}

    def _is_daemon(self, label: str) -> bool:
        content = systemd_survey.content(self._unit_path(label, units.SERVICE))
        return content is not None and units.kind(content) == units.DAEMON

    def identities(self, labels: Collection[str]) -> Mapping[str, Identity]:
        """See the protocol."""
        found = {label: self._identity(label) for label in labels}
        return {label: one for label, one in found.items() if one is not None}

    def _identity(self, label: str) -> Identity | None:
        """The owner is in the file that the manager read; asked only where that is none of ours.

        A file that is gone since it was read tells nothing any more; then its digest in the manager's table does.
        """
        held = {one: self._held[f"{label}.{one}"] for one in units.SUFFIXES if f"{label}.{one}" in self._held}
        digest = " ".join(f"{one}={unit.digest}" for one, unit in held.items() if unit.digest)
        if self.owns(label):
            return Identity(self.owner, digest)
        names = [f"{label}.{one}" for one in units.SUFFIXES]
        found = units_list.shown(self._asked("--user", "show", "-p", "Id,FragmentPath", "--", *names))
        fragments = [Path(one["FragmentPath"]) for one in found.values() if one.get("FragmentPath")]
        if not fragments:
            return Identity(self.owner, digest) if digest else None
        contents = [systemd_survey.content(fragment) for fragment in fragments]
        owners = {self.owner if one is None and digest else units.owner_of(one or b"") for one in contents}
        return Identity(owners.pop() if len(owners) == 1 else "", digest)

    def owns(self, label: str) -> bool:
        """See the protocol: what has no file with our mark any more says nothing of itself."""
        contents = (systemd_survey.content(Path(path)) for path in self.definitions(label))
        return any(content is not None and self.is_ours(content) for content in contents)

    def enclosing(self, answer: Survey) -> frozenset[int]:
        """See the protocol. What a job starts stays in its control group, whoever its parent is by now."""
        groups = (files.read(Path("/proc/self/cgroup")) or b"").decode("utf-8", "replace")
        names = {part for line in groups.splitlines() for part in line.split("/")}
        return frozenset(
            one.pid for label, one in answer.services.items() if one.pid is not None and f"{label}.service" in names
        )

    def why_refused(self, label: str) -> str:
        """See the protocol: systemctl has said it."""
        del label
        return ""

    # -- doing

    def _units_of(self, label: str, suffixes: Iterable[str]) -> list[str]:
        return [f"{label}.{one}" for one in suffixes if f"{label}.{one}" in self._held.keys() | self._started]

    def unload(self, labels: Collection[str], *, sparing: Collection[str] = (), wait: float | None = None) -> Unloading:
        """See the protocol: one `stop` of all that would start a job, and of what shall end."""
        before = time.time()
        names = []
        for label in labels:
            names += self._units_of(label, _TRIGGERS if label in sparing else units.SUFFIXES)
        if not names:
            return Unloading({}, are_gone=True)
        try:
            if {*labels} <= {*sparing} and self._can_be_forgotten(names):
                self._to_forget.update(names)
                return Unloading({}, are_gone=True)
            self._stopped_at.update(dict.fromkeys(labels, before))
            self._end_watches({*labels} - {*sparing})
            answer = self._for_all("stop", names, timeout=TIMEOUT if wait is None else wait)
        except JobsyncError as error:
            if wait is not None and isinstance(error, process.TimedOut):
                return Unloading({}, are_gone=False)
            return Unloading(dict.fromkeys(labels, error), are_gone=True)
        if answer.status in (0, together.UNKNOWN_UNIT):
            return Unloading({}, are_gone=True)
        refused = [label for label in labels if f"{label}." in answer.complaint] or labels
        return Unloading({label: SchedulerError(_about(label, answer)) for label in refused}, are_gone=True)

    def inherit(self, since: Mapping[str, float]) -> None:
        """See the protocol: the stamp of a timer is what it counts from."""
        self._stopped_at.update(since)

    def inherit_from(self, former: Mapping[str, str]) -> None:
        """See the protocol. A timer that was not stopped may fire until it is: then its successor counts from now."""
        for label, old in former.items():
            if old in self._stopped_at:
                with suppress(JobsyncError):  # a stamp that nobody can look at: as from now
                    self._stopped_at[label] = max(self._stopped_at[old], files.time_of(self._stamp(old)))

    def _can_be_forgotten(self, names: Collection[str]) -> bool:
        """Whether a reload can do with these units what else a `stop` does before it."""
        places = (*self._paths.overriding(self._manager.runtime), self._paths.units)
        return all(self._is_waiting_timer(name) for name in names) and not forgetting.has_drop_ins(places)

    def _is_waiting_timer(self, name: str) -> bool:
        return name.endswith(f".{units.TIMER}") and name in self._held and self._held[name].is_waiting

    def _end_watches(self, labels: Collection[str]) -> None:
        """Stop what watches a service that is up, or rests, before that is stopped.

        In one call systemd would stop the watch last, and a directory that is full would start the job once more.
        """
        held = {label: self._held.get(f"{label}.{units.SERVICE}") for label in labels if self._is_watched(label)}
        up = [label for label, service in held.items() if service and (service.has_process or service.is_resting)]
        if up:
            self._check(self._for_all("stop", [f"{label}.{units.PATH}" for label in up]))

    def _is_watched(self, label: str) -> bool:
        watch = self._held.get(f"{label}.{units.PATH}")
        return watch is not None and watch.is_up

    def load(self, labels: Collection[str], reread: Collection[str] = ()) -> Failures:
        """See the protocol: one daemon-reload and one start at the most, but where a timer fires at that moment."""
        try:
            return self._load(labels, reread)
        finally:
            self._to_forget.clear()

    def _load(self, labels: Collection[str], reread: Collection[str]) -> Failures:
        concerned = sorted({*labels, *reread})
        try:
            suffixes = systemd_survey.installed(self._paths, self._prefixes)
            installed = {f"{label}.{units.TIMER}" for label, ones in suffixes.items() if units.TIMER in ones}
            timers = installed & {f"{label}.{units.TIMER}" for label in labels}
            # The manager reads all units at once: what a killed sync has taken from a timer that is no concern of this
            # one would be missing from then on.
            forgetting.remember(self._manager.runtime, installed)
            self._stop_dead_timers(labels, timers)
            self._mark_as_fired(label for label in labels if f"{label}.{units.TIMER}" in timers)
            if any(self._units_of(label, units.SUFFIXES) for label in concerned):
                self._reload(timers)
                self._forget_failures(concerned, suffixes)
            for label in concerned:
                if units.TIMER not in suffixes.get(label, ()):
                    files.remove(self._stamp(label))
        except JobsyncError as error:
            return dict.fromkeys(concerned, error)
        return self._start(labels, suffixes)

    def _stop_dead_timers(self, labels: Collection[str], timers: Collection[str]) -> None:
        """What is active is not started, so a timer without a next moment would stay as it is.

        `timers`: those that have a file. What has none is forgotten by no reload.
        """
        named = [f"{label}.{units.TIMER}" for label in labels]
        dead = [name for name in named if name in self._held and self._held[name].is_over]
        if dead := [*dead, *sorted(self._to_forget - {*timers})]:
            self._check(self._for_all("stop", dead))

    def _reload(self, timers: Collection[str]) -> None:
        """Have the manager read all definitions, and forget those of these timers that were not stopped."""
        with forgetting.forgetting(self._manager.runtime, self._to_forget & {*timers}):
            self._check(self._call("--user", "daemon-reload"))

    def _start(self, labels: Collection[str], suffixes: Mapping[str, Collection[str]]) -> Failures:
        names = []
        for label in labels:
            starts = [one for one in _TRIGGERS if one in suffixes.get(label, ())]
            if not starts and self._is_daemon(label):
                starts = [units.SERVICE]
            names += [f"{label}.{one}" for one in starts]
        if not names:
            return {}
        self._started.update(f"{label}.{one}" for label in labels for one in units.SUFFIXES)
        try:
            answer = self._for_all("start", names)
            if answer.status and (forgotten := sorted(self._to_forget & {*names})):
                # One of them fired before the reload, which then did not forget it.
                self._for_all("stop", forgotten)
                self._check(self._call("--user", "daemon-reload"))
                answer = self._for_all("start", names)
        except JobsyncError as error:
            return dict.fromkeys(labels, error)
        if not answer.status:
            return {}
        seen = self.survey()
        self._started.update(f"{label}.{one}" for label in labels for one in units.SUFFIXES)
        armed = {label for label, one in seen.services.items() if one.is_armed} if isinstance(seen, Survey) else set()
        return {label: SchedulerError(_about(label, answer)) for label in labels if label not in armed}

    def _mark_as_fired(self, labels: Iterable[str]) -> None:
        """Have timers that make up for missed slots count from the moment at which they were stopped, or from now.

        A timer of an earlier job of that name, and slots of the former schedule, are nobody's miss; one that fired
        since it was told to stop has said so itself.
        """
        for label in labels:
            content = systemd_survey.content(self._unit_path(label, units.TIMER)) or b""
            if units.is_persistent(content):
                stamp = self._stamp(label)
                files.make_directory(stamp.parent, 0o755)
                files.set_time(stamp, max(files.time_of(stamp), self._stopped_at.get(label, time.time())))

    def _stamp(self, label: str) -> Path:
        return self._paths.stamps / f"stamp-{label}.timer"

    def _forget_failures(self, labels: Collection[str], suffixes: Mapping[str, Collection[str]]) -> None:
        """A unit that failed and whose file is gone would be listed until somebody resets it."""
        gone = [
            name
            for label in labels
            for name in self._units_of(label, units.SUFFIXES)
            if self._may_have_failed(name) and systemd_survey.split(name)[1] not in suffixes.get(label, ())
        ]
        if gone:
            self._call("--user", "reset-failed", "--", *gone)

    def _may_have_failed(self, name: str) -> bool:
        """It had failed, or was running when it was stopped and may not have liked that."""
        unit = self._held.get(name)
        return unit is not None and (
            unit.active == "failed" or (name.endswith(".service") and unit.active != "inactive")
        )

    def start(self, label: str) -> None:
        """See the protocol; does not wait for the run."""
        self._check(self._call("--user", "start", "--no-block", "--", f"{label}.service"))

    def restart(self, labels: Collection[str], wait: float | None = None) -> Failures:
        """See the protocol: one call."""
        names = [f"{label}.service" for label in labels]
        try:
            if not (wait and self._restarted(names, wait)):
                self._restarting.update(names)
                self._check(self._for_all("restart", names, "--no-block"))
        except JobsyncError as error:
            return dict.fromkeys(labels, error)
        return {}

    def _restarted(self, names: Collection[str], wait: float) -> bool:
        """Whether that was in time. Where it was not, nobody knows whether systemctl came to ask for it.

        To ask again is safe: while a unit is being stopped, the manager takes a second restart for the first (measured
        with 252, 257 and 262).
        """
        try:
            self._check(self._for_all("restart", names, timeout=wait))
        except process.TimedOut:
            return False
        return True

    def stop(self, label: str) -> None:
        """See the protocol. A daemon is told to end, and systemd starts it again; `stop` would keep it away."""
        if self._is_daemon(label):
            self._check(self._call("--user", "kill", "--signal=TERM", "--", f"{label}.service"))
        else:
            self._check(self._call("--user", "stop", "--no-block", "--", f"{label}.service"))

    def _check(self, answer: process.Finished) -> None:
        if answer.status:
            raise SchedulerError(_failure(answer))

    # -- words

    def inspect(self, subject: Subject, jobs: Collection[Job], answer: Answer) -> Collection[Finding] | None:
        """See the protocol."""
        from jobsync.schedulers import systemd_doctor  # for the doctor alone, as `away` is for `status`: 1 ms

        return systemd_doctor.inspect(
            subject, jobs, answer, self._held, [(job.name, self.render(job)) for job in jobs], self._paths,
            prefix=self._repo.prefix, runtime=self._manager.runtime, lingers=lingers(),
        )  # fmt: skip

    def explain(self, printed: bytes) -> str:
        """See the protocol."""
        del printed
        return ""

    def version(self) -> str:
        """See the protocol."""
        try:
            answer = self._call("--user", "show", "-p", "Version", "--value")
        except JobsyncError:
            return ""
        return f"systemd {answer.stdout.decode('utf-8', 'replace').strip()}" if not answer.status else ""

    def away_meaning(self, job: Job) -> Collection[str]:
        """See the protocol (systemd.timer(5), and measured)."""
        begin = "after the next boot (you linger)" if lingers() else "at the next login"
        from jobsync.schedulers import away

        said = away.sentences(job, away.Sessions(begin, lingers=lingers()))
        hint = "`loginctl enable-linger` lets your jobs run while you are logged out"
        return said if lingers() or not said else [*said, hint]


def lingers() -> bool:
    """Whether this user's jobs run without a login (`loginctl enable-linger`)."""
    return files.is_file(Path("/var/lib/systemd/linger", _user_name()))


def _user_name() -> str:
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _about(label: str, answer: process.Finished) -> str:
    """The lines of a complaint that name a unit of this job; all of it where none does."""
    lines = [line for line in answer.complaint.splitlines() if f"{label}." in line]
    return "; ".join(lines) or _failure(answer)


def _in_words(argv: tuple[str, ...]) -> str:
    return f"`{' '.join(argv if len(argv) < 12 else (*argv[:12], '…'))}`"


def _failure(answer: process.Finished) -> str:
    said = answer.complaint_line or "nothing on stderr"
    return f"{_in_words(answer.argv)} failed with status {answer.status}: {said}"


def _nonsense(argv: tuple[str, ...]) -> str:
    return f"{_in_words(argv)} printed nothing that jobsync can read"
