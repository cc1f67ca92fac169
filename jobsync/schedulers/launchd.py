"""launchd, through the `launchctl` executable that the configuration names. Apple's or the simulator's: it cannot tell.

Manners: label forms only (a `bootout` without a label would tear down the whole session), one `print` of the domain as
survey, never a verdict from error 5 alone, a time limit on every call. Numbers are launchctl's own, which are Darwin's
and not this machine's `errno`.
"""

import os
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from jobsync import files, process
from jobsync.config import Config, Repo
from jobsync.definitions.job import Job
from jobsync.errors import JobsyncError
from jobsync.findings import Finding, Subject
from jobsync.paths import Paths
from jobsync.runs import launcher
from jobsync.schedulers import launchd_print, plist
from jobsync.schedulers.protocol import (
    Answer,
    Artefact,
    Failures,
    Identity,
    Loaded,
    Manners,
    NoSession,
    Query,
    Rendering,
    SchedulerError,
    SessionAway,
    Survey,
    Unknown,
    Unloading,
)

TIMEOUT = 30.0
"""Seconds for one launchctl call. A healthy one takes milliseconds; a kickstart may be throttled on the far side."""

_OK = 0
_NO_SUCH_PROCESS = 3
_IN_PROGRESS = 36
_ALREADY = 37
_NO_DOMAIN = 112
_NO_SERVICE = 113
_TEARING_DOWN = 124
_NO_GUI = 125

# No such domain; a logout or shutdown under way; nobody is logged in at the screen.
_NO_SESSION = (_NO_DOMAIN, _TEARING_DOWN, _NO_GUI)
# bootout: 3 and 113 = was not loaded, 36 (macOS 10.15 and 11) and 37 = is on its way out already, or the whole session
# goes.
_GONE_OR_GOING = (_OK, _NO_SUCH_PROCESS, _IN_PROGRESS, _ALREADY, _NO_SERVICE, *_NO_SESSION)
_DEFAULT_EXIT_TIMEOUT = 5
_FIRST_WITH_WAIT = 25
"""Darwin 25 is macOS 26."""
_DRAIN_MARGIN = 10.0
_USERS_TEMPORARY = 65537
"""`_CS_DARWIN_USER_TEMP_DIR`, for which Python has no name."""
_EVERYBODYS_TEMPORARY = "/tmp/"  # noqa: S108 - no file is made in it here


def domain() -> str:
    """The GUI login domain of this user: where agents of `~/Library/LaunchAgents` live."""
    return f"gui/{os.getuid()}"


def _temporary_directory() -> str:
    """The one that macOS keeps for this user; of a simulator elsewhere, the machine's."""
    try:
        return os.confstr(_USERS_TEMPORARY) or _EVERYBODYS_TEMPORARY
    except OSError:
        return _EVERYBODYS_TEMPORARY


def _darwin() -> int:
    system = os.uname()
    return int(system.release.partition(".")[0]) if system.sysname == "Darwin" else 0


class Launchd:
    """One repository's view of launchd."""

    manners = Manners("launchd", loads_together=False, spares_runs=False, tells_login=False)

    def __init__(self, config: Config, repo: Repo, paths: Paths, darwin: int | None = None) -> None:
        """`darwin`: major version of the kernel, this machine's by default; decides what launchctl understands."""
        self._config = config
        self._repo = repo
        self._paths = paths
        self._darwin = _darwin() if darwin is None else darwin
        # Nothing of the caller's environment reaches the scheduler.
        self._env = {"HOME": config.home, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C"}

    @property
    def owner(self) -> str:
        """See the protocol."""
        return self._repo.id

    def _call(self, *arguments: str, timeout: float = TIMEOUT) -> process.Finished:
        return process.run([self._config.launchctl, *arguments], env=self._env, timeout=timeout)

    def _check(self, answer: process.Finished, accepted: Collection[int] = (_OK,)) -> None:
        if answer.status not in accepted:
            raise SchedulerError(_failure(answer))

    def label(self, job: str) -> str:
        """`<prefix>.<name>`."""
        return f"{self._repo.prefix}.{job}"

    def definition_path(self, label: str) -> str:
        """See the protocol."""
        return str(self._paths.plist(label))

    def definitions(self, label: str) -> tuple[str, ...]:
        """See the protocol."""
        return (self.definition_path(label),)

    def links(self, label: str) -> tuple[str, ...]:
        """See the protocol: launchd follows none."""
        del label
        return ()

    def installed_labels(self) -> tuple[str, ...]:
        """See the protocol."""
        start, end = f"{self._repo.prefix}.", ".plist"
        try:
            names = [path.name for path in self._paths.agents.iterdir()]
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise files.complaint("read", self._paths.agents, error) from error
        labels = (name.removesuffix(end) for name in names if name.endswith(end))
        return tuple(sorted(label for label in labels if label.startswith(start)))

    def render(self, job: Job) -> Rendering:
        """See the protocol."""
        label = self.label(job.name)
        run = str(self._paths.launcher(job.name))
        agent = plist.definition(job, label=label, owner=self.owner, launcher=run, path=self._config.path)
        source = f"{os.path.relpath(job.home_directory, self._repo.work_tree)}/job.toml"
        comment = f"{job.description or job.name}. Written by jobsync from {source}; edits here are undone."
        return Rendering(
            label=label,
            artefacts=(
                Artefact(run, launcher.render(job, label, source, self._paths), 0o700),
                Artefact(self.definition_path(label), plist.dumps(agent, comment), 0o644),
            ),
            load_digest=plist.digest_of(agent),
        )

    def meaning(self, content: bytes) -> str | None:
        """See the protocol."""
        agent = plist.loads(content)
        return None if agent is None else plist.meaning(agent)

    def is_altered(self, content: bytes) -> bool:
        """See the protocol."""
        meaning = self.meaning(content)
        return meaning is None or meaning != self.environment(content).get(plist.DIGEST)

    def takes_in_place(self, loaded: str, wanted: str) -> bool:
        """See the protocol: a bootstrap of what is loaded is refused."""
        del loaded, wanted
        return False

    def owner_of(self, content: bytes) -> str:
        """See the protocol. An edit that broke the XML does not make the file somebody else's: then its text tells."""
        agent = plist.loads(content)
        return plist.owner_in_text(content) if agent is None else plist.environment_of(agent).get(plist.OWNER, "")

    def is_ours(self, content: bytes) -> bool:
        """See the protocol."""
        return self.owner_of(content) == self.owner

    def environment(self, content: bytes) -> Mapping[str, str]:
        """See the protocol."""
        return plist.environment_of(plist.loads(content) or {})

    def session_environment(self, label: str) -> Mapping[str, str]:
        """See the protocol: `print` shows what the session adds, and not what launchd itself makes for each user."""
        own = {"TMPDIR": _temporary_directory(), "XPC_SERVICE_NAME": label}
        with suppress(JobsyncError):
            answer = self._call("print", domain())
            if answer.status == _OK:
                own = launchd_print.environment(answer.stdout.decode("utf-8", "replace")) | own
        return own

    def query(self) -> Query:
        """See the protocol."""
        return Query((self._config.launchctl, "print", domain()))

    def evidence(self, label: str, load_digest: str) -> tuple[str, ...]:
        """See the protocol: the domain's dump says of a label that it is loaded, and not with what."""
        del load_digest
        return (label,)

    def mind(self, labels: Iterable[str]) -> None:
        """See the protocol: the domain's dump tells of every label there is."""
        del labels

    def survey(self, said: bytes | None = None) -> Answer:
        """See the protocol. 112, 124 and 125: no GUI login now, which is no reason to believe it for good."""
        if said is not None:
            return _surveyed(said)
        try:
            answer = self._call("print", domain())
        except JobsyncError as error:
            return Unknown(error.message)
        if answer.status in _NO_SESSION:
            return NoSession(f"no GUI session for {domain()}: jobs load at the next login")
        if answer.status != _OK:
            return Unknown(_failure(answer))
        return _surveyed(answer.stdout)

    def enclosing(self, answer: Survey) -> frozenset[int]:
        """See the protocol: launchd ends a job's process group, which ancestry tells."""
        del answer
        return frozenset()

    def identities(self, labels: Collection[str]) -> Mapping[str, Identity]:
        """See the protocol. A `print` for each, several at a time: of 100 that takes half as long on two processors."""
        argvs = [[self._config.launchctl, "print", _target(label)] for label in labels]
        answers = process.run_all(argvs, env=self._env, timeout=TIMEOUT)
        found = {label: answer for label, answer in zip(labels, answers, strict=True) if answer.status != _NO_SERVICE}
        return {label: _identity(answer) for label, answer in found.items()}

    def owns(self, label: str) -> bool:
        """See the protocol."""
        identity = self.identities([label]).get(label)
        return identity is not None and identity.owner == self.owner

    def unload(self, labels: Collection[str], *, sparing: Collection[str] = (), wait: float | None = None) -> Unloading:
        """`bootout` by label: works without the file, and tells absent (3) from failed. It ends the run, always.

        `--wait` exists from macOS 26 on; before, it is a usage error that stops nothing at all.
        """
        del sparing
        return Unloading(_each(labels, lambda label: self._unload(label, wait)), are_gone=False)

    def _unload(self, label: str, wait: float | None) -> None:
        target = _target(label)
        if wait is None or self._darwin < _FIRST_WITH_WAIT:
            self._check(self._call("bootout", target), _GONE_OR_GOING)
            return
        # A job that does not end is still draining then; whoever called looks for that anyway.
        with suppress(process.TimedOut):
            self._check(self._call("bootout", "--wait", target, timeout=wait), _GONE_OR_GOING)

    def inherit(self, since: Mapping[str, float]) -> None:
        """See the protocol: launchd makes up for nothing that came before a load."""

    def inherit_from(self, former: Mapping[str, str]) -> None:
        """See the protocol: as `inherit`."""

    def why_refused(self, label: str) -> str:
        """Error 5 covers a dozen causes; the ones that can be seen from here are looked for one by one."""
        path = self._paths.plist(label)
        reason = _why_not_loadable(path, label) or self._why_not_now(label)
        return reason or "launchd gives no reason; /var/log/com.apple.xpc.launchd/launchd.log may hold it"

    def _why_not_now(self, label: str) -> str:
        answer = self.survey()
        if not isinstance(answer, Survey):
            return answer.reason
        if label in answer.disabled:
            return f"you disabled it; `{answer.disabled[label]}` ends that"
        return "it is loaded already, from elsewhere or still ending" if label in answer.services else ""

    def keeps_running(self, content: bytes) -> bool | None:
        """See the protocol."""
        found = plist.loads(content)
        return None if found is None else bool(found.get("KeepAlive"))

    def unload_limit(self, content: bytes | None) -> float:
        """See the protocol: the job's ExitTimeOut and a margin. 0 is launchd's "for ever": bounded all the same."""
        limit = (plist.loads(content or b"") or {}).get("ExitTimeOut", _DEFAULT_EXIT_TIMEOUT)
        # A spoilt binary list may hold numbers of any length; launchd's has 64 bits.
        if not isinstance(limit, int) or limit.bit_length() > 64:
            limit = _DEFAULT_EXIT_TIMEOUT
        return limit + _DRAIN_MARGIN

    def load(self, labels: Collection[str], reread: Collection[str] = ()) -> Failures:
        """One `bootstrap` of all the files (launchctl(1): any number of paths; launchd loads each by itself).

        A non-zero status may have registered any of them. Status 0 with words on stderr is a refusal, too: some paths
        were left out (launchd's reply has an error for each path, and one for all that may be 0 all the same). So
        whoever calls this verifies. Nothing has to be read again: launchd forgets what is booted out.
        """
        del reread
        try:
            answer = self._call("bootstrap", domain(), *map(self.definition_path, labels)) if labels else None
        except JobsyncError as error:
            return dict.fromkeys(labels, error)
        if answer is None or (answer.status == _OK and not answer.complaint):
            return {}
        kind = SessionAway if answer.status in _NO_SESSION else SchedulerError
        return dict.fromkeys(labels, kind(_failure(answer)))

    def start(self, label: str) -> None:
        """`kickstart`; 37: it is running already."""
        self._check(self._call("kickstart", _target(label)), (_OK, _ALREADY))

    def restart(self, labels: Collection[str], wait: float | None = None) -> Failures:
        """`kickstart -k`. Does not read the definition again."""
        del wait
        return _each(labels, self._restart)

    def _restart(self, label: str) -> None:
        self._check(self._call("kickstart", "-k", _target(label)), (_OK, _ALREADY))

    def stop(self, label: str) -> None:
        """`kill TERM`; 3: nothing to signal."""
        self._check(self._call("kill", "TERM", _target(label)), (_OK, _NO_SUCH_PROCESS))

    def inspect(self, subject: Subject, jobs: Collection[Job], answer: Answer) -> Collection[Finding] | None:
        """See the protocol."""
        from jobsync.schedulers import launchd_doctor  # for the doctor alone, as `away` is for `status`: 1 ms

        places = launchd_doctor.Places(self._config, self._repo, self._paths, self.is_ours)
        return launchd_doctor.inspect(subject, jobs, answer, places, self._in_background)

    def _in_background(self) -> Collection[str]:
        """Labels in `user/UID`, which is there whether or not anybody is logged in; none where it is not."""
        answer = self._call("print", f"user/{os.getuid()}")
        text = answer.stdout.decode("utf-8", "replace")
        return (launchd_print.services(text) or {}) if answer.status == _OK else ()

    def explain(self, printed: bytes) -> str:
        """See the protocol."""
        from jobsync.schedulers import launchd_doctor

        return launchd_doctor.explain(printed)

    def version(self) -> str:
        """See the protocol."""
        try:
            answer = self._call("version")
        except JobsyncError:
            return ""
        text = answer.stdout.decode("utf-8", "replace")
        return " ".join(text.split()) if answer.status == _OK else ""

    def away_meaning(self, job: Job) -> Collection[str]:
        """See the protocol (launchd.plist(5); what it loses off or logged out, `jobsync-login` makes up for)."""
        from jobsync.schedulers import away

        return away.sentences(job, away.Sessions("at the next login", sees_changes=True))


def _target(label: str) -> str:
    if not label:
        raise ValueError("a launchctl target needs a label: without one it names the whole session")
    return f"{domain()}/{label}"


def _surveyed(printed: bytes) -> Answer:
    text = printed.decode("utf-8", "replace")
    services = launchd_print.services(text)
    if services is None:
        return Unknown(f"`launchctl print {domain()}` printed nothing that jobsync can read")
    return Survey(
        services={label: Loaded(pid, status) for label, (pid, status) in services.items()},
        disabled={label: f"launchctl enable {_target(label)}" for label in launchd_print.disabled(text) if label},
    )


def _identity(answer: process.Finished) -> Identity:
    """By what `print` says of a job."""
    if answer.status:
        return Identity("", "", problem=_failure(answer))
    text = answer.stdout.decode("utf-8", "replace")
    environment = launchd_print.environment(text)
    return Identity(environment.get(plist.OWNER, ""), environment.get(plist.DIGEST, ""), launchd_print.path(text))


def _each(labels: Collection[str], act: Callable[[str], None]) -> Failures:
    """Act on one after the other; one that fails does not stop the others."""
    failures: dict[str, JobsyncError] = {}
    for label in labels:
        try:
            act(label)
        except JobsyncError as error:
            failures[label] = error
    return failures


def _why_not_loadable(path: Path, label: str) -> str:
    """What launchd refuses in the file itself: owner, mode, content, session type. Empty: nothing."""
    try:
        status, content = path.lstat(), path.read_bytes()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    agent = plist.loads(content)
    if status.st_uid != os.getuid():
        return f"{path} belongs to uid {status.st_uid}, and launchd loads only your own"
    if status.st_mode & 0o022:
        return f"{path} may be written by others, so launchd does not trust it"
    if agent is None or agent.get("Label") != label:
        return f"{path} is not the property list of {label}"
    sessions = agent.get("LimitLoadToSessionType", "Aqua")
    return "" if "Aqua" in (sessions if isinstance(sessions, list) else [sessions]) else "it is for other sessions only"


def _failure(answer: process.Finished) -> str:
    said = answer.complaint_line or "nothing on stderr"
    shown = answer.argv if len(answer.argv) < 5 else (*answer.argv[:4], "…")
    return f"`{' '.join(shown)}` failed with status {answer.status}: {said}"
