"""launchctl's verbs: what they ask of launchd and how they word the answer (docs/simulator.md, rows 2 to 7).

A verb gets its arguments and gives an Answer, or a Later where launchctl itself waits. What comes of a refusal is
decided here, for launchctl hides most of launchd's error numbers from callers that are not root.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from jobsync.simulator.calls import Answer, Call, Later
from jobsync.simulator.definition import NO_FILE, read_definition
from jobsync.simulator.domain import Domain, Kind
from jobsync.simulator.errors import Refused
from jobsync.simulator.files import is_directory
from jobsync.simulator.launchd import ALREADY_LOADED, DISABLED, IN_PROGRESS, NOT_PERMITTED, Launchd
from jobsync.simulator.layouts import disabled_text, domain_text, list_service_text, list_text, service_text
from jobsync.simulator.process import signal_process
from jobsync.simulator.service import Reason, Service
from jobsync.simulator.settings import Caller, Session, Settings
from jobsync.simulator.targets import Target, parse_target
from jobsync.simulator.texts import (
    HINT,
    SYNOPSES,
    USAGE_STATUS,
    bad_target,
    general_help,
    local_signal,
    numbered,
    signal_number,
    usage,
)

NOT_RUNNING = 3
NO_PROCESS = "No process to signal.\n"
GENERIC = 5
NO_DOMAIN = 112
NO_SERVICE = 113
CANNOT_EXECUTE = 139
UNSUPPORTED = 125
SEVERAL = 133
SLOW = 36
_HIDDEN_FROM_USERS = frozenset({2, 17, 37, 109, 110, 111, 122, 134, 154})

Verb = Callable[[Launchd, Call, Sequence[str]], Answer | Later]


class Misuse(Exception):
    """The arguments are no use of the verb: what stderr says, with status 64."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


# -- what all verbs share


def _target(verb: str, args: Sequence[str], *, wants_label: bool | None = None) -> Target:
    """The one target of a verb; Misuse for none, several, a malformed one or the wrong kind."""
    if len(args) != 1:
        raise Misuse(usage(verb))
    target = parse_target(args[0])
    if target is None:
        raise Misuse(bad_target(verb))
    if wants_label is not None and wants_label != (target.label is not None):
        raise Misuse(bad_target(verb) if wants_label else usage(verb))
    return target


def _flags(verb: str, args: Sequence[str], known: str) -> tuple[set[str], list[str]]:
    """Single-letter flags, and what remains; Misuse for others."""
    flags: set[str] = set()
    rest = list(args)
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        flags |= set(rest.pop(0)[1:])
    if flags - set(known):
        raise Misuse(usage(verb))
    return flags, rest


def _domain(launchd: Launchd, call: Call, target: Target) -> Domain:
    """The domain of a target, as this caller may use it. Refused: 112, 125, 1."""
    if target.kind is Kind.SYSTEM:
        return launchd.system
    if target.kind is Kind.LOGIN and target.number == launchd.settings.asid:
        return _ours(call, launchd.gui)
    if target.kind in (Kind.LOGIN, Kind.PID):
        raise Refused(NO_DOMAIN)
    if target.number != launchd.settings.uid:
        raise Refused(_code_for_others(launchd.settings, call, target.number))
    return _ours(call, launchd.gui if target.kind is Kind.GUI else launchd.user)


def _ours(call: Call, domain: Domain) -> Domain:
    if call.caller is Caller.OTHER:
        raise Refused(NOT_PERMITTED)
    if not domain.is_present:
        raise Refused(UNSUPPORTED)
    return domain


def _code_for_others(settings: Settings, call: Call, uid: int) -> int:
    if uid != 0 and uid not in settings.other_uids:
        return NO_DOMAIN
    return UNSUPPORTED if call.is_root else NOT_PERMITTED


def _changeable(launchd: Launchd, call: Call, target: Target) -> Domain:
    """A domain that the caller wants to change. Nothing is ever loaded into the simulated system domain."""
    if target.kind is Kind.SYSTEM:
        raise Refused(UNSUPPORTED if call.is_root else NOT_PERMITTED)
    return _domain(launchd, call, target)


def _service(domain: Domain, target: Target) -> Service:
    """The service of a target. Refused(113) when it is not loaded."""
    service = domain.services.get(target.label or "")
    if service is None:
        raise Refused(NO_SERVICE)
    return service


def _generic(target: Target, code: int) -> str | None:
    """The sentence that every verb has for a missing domain or service."""
    if code == NO_DOMAIN:
        return f"Could not find domain for {target.domain_words}\n"
    if code == NO_SERVICE:
        return f'Could not find service "{target.label}" in domain for {target.domain_words}\n'
    return None


def _refusal(launchd: Launchd, target: Target, code: int, words: str) -> Answer:
    text = _generic(target, code) or f"{words}: {numbered(code, launchd.settings.macos)}\n"
    return Answer(code, err=text)


def _failed(launchd: Launchd, call: Call, code: int, words: str) -> Answer:
    """`Bootstrap failed: 5: …` with the hint about root where macOS gives it."""
    has_hint = code == GENERIC and not call.is_root and launchd.settings.macos >= (12,)
    text = f"{words}: {numbered(code, launchd.settings.macos)}\n"
    return Answer(code, err=text + (f"{HINT}\n" if has_hint else ""))


def shown_code(settings: Settings, call: Call, code: int) -> int:
    """What a caller of bootstrap sees of launchd's inner code (docs/simulator.md, row 3.1)."""
    if call.is_root and code == NO_FILE:
        return settings.missing_file_code
    if call.is_root:
        return GENERIC if code == IN_PROGRESS and settings.macos >= (14,) else code
    if code == DISABLED:
        return settings.disabled_code
    return GENERIC if code in _HIDDEN_FROM_USERS else code


def _path_line(launchd: Launchd, path: Path, code: int) -> str:
    if code in (ALREADY_LOADED, IN_PROGRESS):
        return f"{path}: service already bootstrapped\n"
    return f"{path}: {numbered(code, launchd.settings.macos).partition(': ')[2]}\n"


def plists_of(call: Call, words: Sequence[str]) -> list[Path]:
    """The plists that arguments mean: relative to the caller's directory, a directory for all it holds."""
    found: list[Path] = []
    for word in words:
        path = Path(call.directory, word)
        found += sorted(path.glob("*.plist")) if is_directory(path) else [path]
    return found


# -- bootstrap and bootout


def _load_path(launchd: Launchd, call: Call, domain: Domain, path: Path) -> int:
    """Load one plist; launchd's code, 0 for success."""
    request = f"Bootstrap by launchctl[{call.pid}] for <private>"
    launchd.log.write(domain.title, "entering bootstrap mode")
    try:
        launchd.load(domain, read_definition(path))
    except Refused as refusal:
        launchd.log.write(domain.title, f"{request} failed ({numbered(refusal.code, launchd.settings.macos)})")
        launchd.log.write(domain.title, "exiting bootstrap mode")
        return refusal.code
    launchd.log_after_spawns(domain.title, f"{request} succeeded (0: )")
    launchd.log_after_spawns(domain.title, "exiting bootstrap mode")
    return 0


def _load_paths(launchd: Launchd, call: Call, domain: Domain, paths: Sequence[Path]) -> Answer:
    codes = {path: _load_path(launchd, call, domain, path) for path in paths}
    failures = {path: code for path, code in codes.items() if code}
    if not failures:
        return Answer()
    inner = SEVERAL if len(failures) > 1 else next(iter(failures.values()))
    answer = _failed(launchd, call, shown_code(launchd.settings, call, inner), "Bootstrap failed")
    if not call.is_root:
        return answer
    lines = "".join(_path_line(launchd, path, code) for path, code in failures.items())
    return Answer(answer.status, err=lines + answer.err)


def _bootstrap(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    target = _target("bootstrap", args[:1], wants_label=False)
    try:
        domain = _changeable(launchd, call, target)
    except Refused as refusal:
        return _refusal(launchd, target, refusal.code, "Bootstrap failed")
    if len(args) == 1:  # the domain itself, which is there already
        return _failed(launchd, call, shown_code(launchd.settings, call, IN_PROGRESS), "Bootstrap failed")
    return _load_paths(launchd, call, domain, plists_of(call, args[1:]))


def _when_gone(launchd: Launchd, domain: Domain, service: Service) -> Later:
    return Later(lambda: None if launchd.is_registered(domain, service) else Answer())


def _begin_bootout(launchd: Launchd, call: Call, domain: Domain, service: Service, waits: bool) -> Answer | Later:
    had_process = service.pid is not None
    launchd.log.write(f"{domain.name}/{service.label}", f"bootout initiated by: launchctl[{call.pid}]")
    try:
        launchd.unload(domain, service)
    except Refused as refusal:
        return _failed(launchd, call, refusal.code, "Boot-out failed")
    if waits or launchd.settings.bootout_waits:
        return _when_gone(launchd, domain, service)
    if had_process and launchd.settings.macos < (12,):
        return _failed(launchd, call, SLOW, "Boot-out failed")
    return Answer()


def _bootout_path(launchd: Launchd, call: Call, domain: Domain, path: Path) -> Answer | Later:
    try:
        label = read_definition(path).label
    except Refused as refusal:
        code = refusal.code if call.is_root else GENERIC
        answer = _failed(launchd, call, code, "Boot-out failed")
        shows_path = call.is_root and refusal.code == NO_FILE
        return Answer(code, err=_path_line(launchd, path, refusal.code) + answer.err) if shows_path else answer
    if label not in domain.services:
        return _failed(launchd, call, GENERIC, "Boot-out failed")
    return _begin_bootout(launchd, call, domain, domain.services[label], waits=False)


def _bootout_paths(launchd: Launchd, call: Call, domain: Domain, paths: Sequence[Path]) -> Answer | Later:
    answers = [_bootout_path(launchd, call, domain, path) for path in paths]
    if len(answers) == 1:
        return answers[0]
    failed = [answer for answer in answers if isinstance(answer, Answer) and answer.status]
    if len(failed) > 1:
        return _failed(launchd, call, SEVERAL, "Boot-out failed")
    return failed[0] if failed else Answer()


def _waits(launchd: Launchd, args: Sequence[str]) -> tuple[bool, Sequence[str]]:
    if args[:1] != ["--wait"]:
        return False, args
    if launchd.settings.macos < (26,):
        raise Misuse(usage("bootout"))
    return True, args[1:]


def _bootout(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer | Later:
    waits, args = _waits(launchd, list(args))
    target = _target("bootout", args[:1])
    if waits and (target.label is None or len(args) > 1):
        raise Misuse("--wait can only be used for booting-out a single service.\n")
    if target.label is not None and len(args) > 1:
        raise Misuse(usage("bootout"))
    try:
        domain = _changeable(launchd, call, target)
    except Refused as refusal:
        return _refusal(launchd, target, refusal.code, "Boot-out failed")
    if len(args) > 1:
        return _bootout_paths(launchd, call, domain, plists_of(call, args[1:]))
    if target.label is None:
        launchd.tear_down(domain)
        return Answer()
    service = domain.services.get(target.label)
    if service is None:
        return _failed(launchd, call, NOT_RUNNING, "Boot-out failed")
    return _begin_bootout(launchd, call, domain, service, waits)


# -- kickstart, kill, enable, disable


def _pid_answer(launchd: Launchd, call: Call, domain: Domain, service: Service) -> Answer | Later:
    words = "service spawned with pid: " if call.is_terminal else ""

    def poll() -> Answer | None:
        if not launchd.is_registered(domain, service):
            return Answer(NO_SERVICE)
        has_started = service.pid is not None and not service.starts_again
        return Answer(out=f"{words}{service.pid}\n") if has_started else None

    return Later(poll)


def _kick(launchd: Launchd, domain: Domain, service: Service, flags: set[str]) -> None:
    """Ask for a start. Refused: 119 disabled, 139 spent, 37 runs already or is going."""
    if launchd.overrides.is_disabled(service.label, False):
        raise Refused(DISABLED)
    if launchd.is_spent(service):
        raise Refused(CANNOT_EXECUTE)
    if service.is_draining or (service.pid is not None and "k" not in flags):
        raise Refused(IN_PROGRESS)
    service.was_demanded = True
    if service.pid is not None:
        service.starts_again = True
        launchd.stop(service)
        return
    launchd.request(domain, service, Reason.DEMAND, at_once="k" in flags and launchd.settings.kick_skips_throttle)
    is_due = service.start_due is not None and service.start_due <= launchd.clock.now()
    if "s" in flags and is_due:
        launchd.start(domain, service, suspended=True)


def _kickstart(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer | Later:
    flags, rest = _flags("kickstart", args, "kps")
    target = _target("kickstart", rest, wants_label=True)
    try:
        domain = _changeable(launchd, call, target)
        service = _service(domain, target)
        _kick(launchd, domain, service, flags)
    except Refused as refusal:
        if refusal.code == IN_PROGRESS:
            return Answer(launchd.settings.running_kickstart_code)
        return _refusal(launchd, target, refusal.code, f'Could not kickstart service "{target.label}"')
    return _pid_answer(launchd, call, domain, service) if "p" in flags else Answer()


def _kill(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    if len(args) != 2:
        raise Misuse(usage("kill"))
    number = signal_number(args[0])
    if number is None:
        raise Misuse("Invalid signal.\n" + usage("kill"))
    target = _target("kill", args[1:], wants_label=True)
    try:
        service = _service(_changeable(launchd, call, target), target)
    except Refused as refusal:
        if refusal.code == NOT_PERMITTED:
            return Answer(NOT_PERMITTED, err="Not privileged to signal service.\n")
        return _refusal(launchd, target, refusal.code, "Could not signal service")
    if service.pid is None:
        return Answer(NOT_RUNNING, err=NO_PROCESS)
    signal_process(service.pid, local_signal(number))
    return Answer()


def _blame(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    target = _target("blame", args, wants_label=True)
    try:
        service = _service(_domain(launchd, call, target), target)
    except Refused as refusal:
        return _refusal(launchd, target, refusal.code, "Could not blame service")
    if service.pid is None or service.reason is None:
        return Answer(NOT_RUNNING, err=NO_PROCESS)
    return Answer(out=f"{service.reason.text}\n")


def _override(verb: str, disabled: bool) -> Verb:
    def run(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
        target = _target(verb, args, wants_label=True)
        try:
            _changeable(launchd, call, target)
        except Refused as refusal:
            return _refusal(launchd, target, refusal.code, f"Could not {verb} service")
        launchd.overrides.set(target.label or "", disabled)
        return Answer()

    return run


# -- looking


def _print(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    target = _target("print", args)
    macos = launchd.settings.macos
    try:
        domain = _domain(launchd, call, target)
        if target.label is not None:
            return Answer(out=service_text(domain, _service(domain, target), macos))
        empty = launchd.settings.empty_overrides
        return Answer(out=domain_text(domain, launchd.overrides.entries, macos, empty))
    except Refused as refusal:
        generic = _generic(target, refusal.code)
        if generic is not None:
            return Answer(refusal.code, err=f"Bad request.\n{generic}")
        what = "domain" if target.label is None else "service"
        return Answer(refusal.code, err=f"Could not print {what}: {numbered(refusal.code, macos)}\n")


def _print_disabled(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    target = _target("print-disabled", args, wants_label=False)
    try:
        domain = _domain(launchd, call, target)
    except Refused as refusal:
        return _refusal(launchd, target, refusal.code, "Could not print disabled services")
    entries = {} if domain.kind is Kind.SYSTEM else launchd.overrides.entries
    return Answer(out=disabled_text(entries, launchd.settings.macos, launchd.settings.empty_overrides))


def session_domain(launchd: Launchd, call: Call) -> Domain:
    """The domain of the caller's own session, which `list`, the manager queries and the legacy verbs use."""
    if call.is_root:
        return launchd.system
    session = launchd.settings.session
    is_background = session is Session.BACKGROUND or (session is Session.AUTO and call.is_remote)
    return launchd.user if is_background or not launchd.gui.is_present else launchd.gui


def missing_in_session(label: str) -> Answer:
    """What verbs without a domain say of a label that their session does not know."""
    return Answer(NO_SERVICE, err=f'Could not find service "{label}" in domain for port\n')


def _list(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    domain = session_domain(launchd, call)
    if not args:
        return Answer(out=list_text(domain.services.values()))
    if len(args) > 1:
        raise Misuse(usage("list"))
    service = domain.services.get(args[0])
    if service is None:
        return missing_in_session(args[0])
    return Answer(out=list_service_text(service, domain.session_type))


# -- queries that need no service


def _manager_name(launchd: Launchd, call: Call, _args: Sequence[str]) -> Answer:
    return Answer(out=f"{session_domain(launchd, call).session_type}\n")


def _manager_uid(launchd: Launchd, call: Call, _args: Sequence[str]) -> Answer:
    return Answer(out=f"{session_domain(launchd, call).uid}\n")


def _manager_pid(_launchd: Launchd, _call: Call, _args: Sequence[str]) -> Answer:
    return Answer(out="1\n")


def _version(launchd: Launchd, _call: Call, _args: Sequence[str]) -> Answer:
    return Answer(out=f"Darwin Bootstrapper Version 7.0.0: simulated launchd of macOS {launchd.settings.version}\n")


def _error(launchd: Launchd, _call: Call, args: Sequence[str]) -> Answer:
    words = [word for word in args if word not in ("posix", "mach", "bootstrap")]
    if len(words) != 1:
        raise Misuse(usage("error"))
    try:
        code = int(words[0], 0)
    except ValueError:
        raise Misuse(usage("error")) from None
    return Answer(out=f"{numbered(code, launchd.settings.macos)}\n")


def _help(_launchd: Launchd, _call: Call, args: Sequence[str]) -> Answer:
    if args and args[0] in SYNOPSES:
        return Answer(out=usage(args[0]))
    return Answer(out=general_help())


def _as_user(_launchd: Launchd, call: Call, _args: Sequence[str]) -> Answer:
    if not call.is_root:
        return Answer(1, err="Could not switch to audit session 0x187: 1: Operation not permitted\n")
    return Answer(UNSUPPORTED, err="asuser is not simulated\n")


VERBS: dict[str, Verb] = {
    "bootstrap": _bootstrap,
    "bootout": _bootout,
    "kickstart": _kickstart,
    "kill": _kill,
    "blame": _blame,
    "enable": _override("enable", False),
    "disable": _override("disable", True),
    "print": _print,
    "print-disabled": _print_disabled,
    "list": _list,
    "managername": _manager_name,
    "manageruid": _manager_uid,
    "managerpid": _manager_pid,
    "version": _version,
    "error": _error,
    "help": _help,
    "asuser": _as_user,
}


_FAILURE_WORDS = {
    "bootstrap": "Bootstrap failed",
    "bootout": "Boot-out failed",
    "enable": "Could not enable service",
    "disable": "Could not disable service",
    "kill": "Could not signal service",
    "print": "Could not print service",
    "print-disabled": "Could not print disabled services",
}


def failure(launchd: Launchd, call: Call, code: int) -> Answer:
    """What a call looks like that fails with this code as its caller sees it (0: no word); for faults on demand."""
    if not code:
        return Answer()
    verb = call.argv[0] if call.argv else "help"
    target = next(filter(None, map(parse_target, call.argv[1:])), None)
    generic = _generic(target, code) if target else None
    if generic is not None:
        return Answer(code, err=f"Bad request.\n{generic}" if verb == "print" else generic)
    kickstart = f'Could not kickstart service "{target.label if target else None}"'
    words = kickstart if verb == "kickstart" else _FAILURE_WORDS.get(verb, f"Could not {verb}")
    if verb in ("bootstrap", "bootout"):
        return _failed(launchd, call, code, words)
    return Answer(code, err=f"{words}: {numbered(code, launchd.settings.macos)}\n")


def perform(launchd: Launchd, call: Call, verbs: dict[str, Verb]) -> Answer | Later:
    """Do what a call asks with the verbs there are; an unknown one and bad usage are answers, too."""
    if not call.argv:
        return Answer(out=general_help())
    name, *args = call.argv
    if name not in verbs:
        return Answer(1, out=general_help(), err=f"Unrecognized subcommand: {name}\n")
    try:
        return verbs[name](launchd, call, args)
    except Misuse as misuse:
        return Answer(USAGE_STATUS, err=misuse.text)
