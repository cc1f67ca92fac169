"""What `print`, `print-disabled` and `list` show, byte for byte (docs/simulator.md, row 5.3 and 7). Pure."""

from collections.abc import Iterable, Mapping

from jobsync.simulator.definition import Definition, KeepAlive
from jobsync.simulator.domain import Domain, Kind
from jobsync.simulator.process import STANDARD_PATH
from jobsync.simulator.schedule import CalendarSlot
from jobsync.simulator.service import Service
from jobsync.simulator.settings import EmptyStore
from jobsync.simulator.surroundings import AGENT_SOCKET
from jobsync.simulator.texts import Version, exit_text, signal_text

_CALENDAR = "com.apple.launchd.calendarinterval"
_FILES = "com.apple.fsevents.matching"
_SPAWN_TYPES = {"Interactive": "interactive (4)", "Background": "background (5)"}
_RUNNING_FACTS = """\
forks = 0
execs = 1
initialized = 1
trampolined = 1
started suspended = {suspended}
proxy started suspended = 0
checked allocations = 0 (queried = 1)
checked allocations reason = no host
checked allocations flags = 0x0
"""
_POLICY = """\
spawn type = {spawn_type}
jetsam priority = 40
jetsam memory limit (active) = (unlimited)
jetsam memory limit (inactive) = (unlimited)
jetsamproperties category = daemon
jetsam thread limit = 32
cpumon = default
"""
_CHANNEL = """\
"{stream}" = {{
	port = 0xd8c37
	active = 0
	managed = 1
	reset = 0
	hide = 0
	watching = 1
}}
"""


_BREAK = "\0"
"""Stands for a line break inside of a value, until all is indented; to launchd a value ends at a NUL."""


def _raw(value: object) -> str:
    """A value as launchd writes it: with its line breaks, and no tabs before what follows them."""
    return str(value).partition("\0")[0].replace("\n", _BREAK)


def _finished(text: str) -> str:
    return text.replace(_BREAK, "\n")


def _indent(text: str) -> str:
    return "".join(f"\t{line}\n" if line.strip() else f"{line}\n" for line in text.split("\n")[:-1])


def _block(title: str, lines: Iterable[str]) -> str:
    return f"{title} = {{\n" + "".join(_indent(f"{_raw(line)}\n") for line in lines) + "}\n"


def _pairs(values: Iterable[tuple[str, object]]) -> list[str]:
    return [f"{name} => {value}" for name, value in values]


# -- print DOMAIN/LABEL


def _head(domain: Domain, service: Service) -> str:
    kind = "LaunchAgent" if domain.kind is not Kind.SYSTEM else "LaunchDaemon"
    return (
        f"active count = {0 if service.pid is None else 1}\n"
        f"path = {_raw(service.definition.path)}\n"
        f"type = {kind}\n"
        f"state = {service.state.value}\n\n"
    )


def _command(definition: Definition) -> str:
    text = f"program = {_raw(definition.executable)}\n"
    if definition.arguments:
        text += _block("arguments", definition.arguments)
    text += "\n"
    if definition.working_directory is not None:
        text += f"working directory = {_raw(definition.working_directory)}\n\n"
    streams = (("stdin", definition.stdin), ("stdout", definition.stdout), ("stderr", definition.stderr))
    return text + "".join(f"{name} path = {_raw(path)}\n" for name, path in streams if path is not None)


def _environment(domain: Domain, definition: Definition, version: Version) -> str:
    text = ""
    if domain.kind is Kind.GUI:
        text += _block("inherited environment", [f"SSH_AUTH_SOCK => {AGENT_SOCKET}"]) + "\n"
    text += _block("default environment", [f"PATH => {STANDARD_PATH}"]) + "\n"
    own = [("OSLogRateLimit", "64")] if version >= (26,) else []
    own += [*definition.environment, ("XPC_SERVICE_NAME", definition.label)]
    return text + _block("environment", _pairs(own)) + "\n"


def _exit_line(service: Service) -> str:
    if service.ended is None:
        return "last exit code = (never exited)\n"
    if service.ended.why:
        return f"last exit reason = {service.ended.why}\n"
    if service.ended.signal:
        return f"last terminating signal = {signal_text(service.ended.signal)}\n"
    return f"last exit code = {exit_text(service.ended.code)}\n"


def _running(service: Service) -> str:
    if service.pid is None:
        return ""
    reason = f"immediate reason = {service.reason.text}\n" if service.reason else ""
    return f"pid = {service.pid}\n{reason}" + _RUNNING_FACTS.format(suspended=int(service.is_suspended))


def _standing(domain: Domain, service: Service) -> str:
    definition = service.definition
    text = f"domain = {domain.title}\n"
    if domain.kind is Kind.GUI:
        text += f"asid = {domain.asid}\n"
    if definition.umask is not None:
        text += f"umask = {definition.umask:o}\n"
    text += f"minimum runtime = {definition.throttle}\nexit timeout = {definition.exit_timeout}\n"
    if definition.nice is not None or domain.kind is Kind.USER:
        text += f"nice = {definition.nice or 0}\n"
    text += f"runs = {service.runs}\n"
    if service.crashes > 1:
        text += f"successive crashes = {service.crashes}\n"
    text += _running(service)
    if service.pended is not None:
        text += f"pended nondemand spawn = {service.pended.text}\n"
    return text + _exit_line(service) + "\n"


def _semaphores(keep: KeepAlive) -> str:
    entries: list[tuple[str, object]] = []
    if keep.successful_exit is not None:
        entries.append(("successful exit", int(keep.successful_exit)))
    if keep.crashed is not None:
        entries.append(("after crash", int(keep.crashed)))
    entries += [(f"path state {path}", int(wanted)) for path, wanted in keep.path_state]
    entries += [(f"job {label} enabled", int(wanted)) for label, wanted in keep.other_jobs]
    return _block("semaphores", _pairs(entries)) + "\n" if entries else ""


def _slot_lines(slot: CalendarSlot) -> list[str]:
    fields = (
        ("Minute", slot.minute),
        ("Hour", slot.hour),
        ("Day", slot.day),
        ("Weekday", slot.weekday),
        ("Month", slot.month),
    )
    return [f'"{name}" => {value}' for name, value in fields if value is not None]


def _descriptors(definition: Definition) -> list[tuple[str, list[str]]]:
    """The stream and the descriptor of each event trigger."""
    paths = (*definition.watch_paths, *definition.queue_directories)
    calendar = [(_CALENDAR, _slot_lines(slot)) for slot in definition.slots]
    return calendar + [(_FILES, [f'"Path" => "{path}"']) for path in paths]


def _trigger(label: str, number: int, stream: str, descriptor: list[str]) -> str:
    facts = f"keepalive = 0\nservice = {label}\nstream = {stream}\nmonitor = com.apple.UserEventAgent-Aqua\n"
    return f"{label}.{number} => {{\n" + _indent(facts + _block("descriptor", descriptor)) + "}\n"


def _triggers(service: Service) -> str:
    descriptors = _descriptors(service.definition)
    if not descriptors:
        return ""
    entries = "".join(
        _trigger(_raw(service.label), service.number + place, stream, lines)
        for place, (stream, lines) in enumerate(descriptors)
    )
    streams = sorted({stream for stream, _ in descriptors})
    channels = "".join(_CHANNEL.format(stream=stream) for stream in streams)
    return "event triggers = {\n" + _indent(entries) + "}\n\n" + "event channels = {\n" + _indent(channels) + "}\n\n"


def _coalitions(service: Service) -> str:
    if service.pid is None:
        return ""
    text = ""
    for number, kind in enumerate(("resource", "jetsam")):
        facts = [f"ID = {9196 + number}", f"type = {kind}", "state = active", "active count = 1"]
        text += _block(f"{kind} coalition", [*facts, f"name = {service.label}"]) + "\n"
    return text


def _flags(service: Service) -> str:
    definition = service.definition
    flags = {
        "keepalive": bool(definition.keep_alive),
        "runatload": definition.starts_at_load,
        "low priority i/o": definition.low_priority_io,
        "low priority background i/o": definition.low_priority_background_io,
        "abandon process group": definition.abandons_group,
        "launch only once": definition.launch_only_once,
        "inferred program": definition.program is None,
        "supports transactions": definition.enable_transactions,
        "exponential throttling": service.crashes > 1,
    }
    return "properties = " + " | ".join(name for name, is_set in flags.items() if is_set) + "\n"


def _policy(service: Service, version: Version) -> str:
    definition = service.definition
    text = _POLICY.format(spawn_type=_SPAWN_TYPES.get(definition.process_type or "", "daemon (3)"))
    if (14,) <= version < (16,):
        rates = ["activation rate = 1/1000", "sample rate = 1/0"]
        text += _block("probabilistic guard malloc policy", rates)
    if definition.interval is not None:
        text += f"run interval = {definition.interval} seconds\n"
    if service.ended is not None and service.ended.why:
        text += "job state = spawn failed\n"
    return text + "\n"


def service_text(domain: Domain, service: Service, version: Version) -> str:
    """`launchctl print DOMAIN/LABEL`, in the field order of docs/simulator.md, row 7.5."""
    definition = service.definition
    body = (
        _head(domain, service)
        + _command(definition)
        + _environment(domain, definition, version)
        + _standing(domain, service)
        + _semaphores(definition.keep_alive)
        + _triggers(service)
        + _coalitions(service)
        + _policy(service, version)
        + _flags(service)
    )
    return _finished(f"{domain.name}/{service.label} = {{\n" + _indent(body) + "}\n")


# -- print DOMAIN


def _service_row(service: Service) -> str:
    """A row; a pended start shows a tag where the status stands."""
    status = "-" if service.ended is None else service.ended.tag
    status = status if service.pended is None else "(pe)"
    return f"\t{service.pid or 0:>8} {status:>6} \t{_raw(service.label)}\n"


def _disabled_block(overrides: Mapping[str, bool], version: Version, empty: EmptyStore) -> str:
    if not overrides and empty is EmptyStore.WORDS:
        return "disabled services = (no disabled services)\n"
    words = ("enabled", "disabled") if version >= (13,) else ("false", "true")
    lines = (f'"{label}" => {words[is_disabled]}' for label, is_disabled in overrides.items())
    return _block("disabled services", lines)


def _domain_facts(domain: Domain) -> str:
    live = sum(service.pid is not None for service in domain.services.values())
    is_gui = domain.kind is Kind.GUI
    creator = ("loginwindow[536]", 0) if is_gui else ("launchctl[1]", 0)
    asid = f"\tasid = {domain.asid}\n" if is_gui else ""
    return (
        f"type = {'login' if is_gui else domain.kind.value}\n"
        f"handle = {domain.asid if is_gui else domain.uid}\n"
        f"active count = {len(domain.services) + 1}\n"
        f"service count = {len(domain.services)}\n"
        f"active service count = {live}\n"
        f"creator = {creator[0]}\n"
        f"creator euid = {creator[1]}\n"
        f"session = {domain.session_type}\n"
        f"endpoint destination = com.apple.xpc.launchd.domain.user.{domain.uid}\n"
        "auxiliary bootstrapper = com.apple.xpc.otherbsd (complete)\n"
        f"security context = {{\n\tuid = {domain.uid}\n{asid}}}\n\n"
        "bringup time = 64 ms\ndeath port = 0x14503\n\n"
    )


def domain_text(
    domain: Domain, overrides: Mapping[str, bool], version: Version, empty: EmptyStore = EmptyStore.BRACES
) -> str:
    """`launchctl print DOMAIN`."""
    agent = [f"SSH_AUTH_SOCK => {AGENT_SOCKET}"] if domain.kind is Kind.GUI else []
    rows = "".join(_service_row(service) for service in domain.services.values())
    titles = ("unmanaged processes", "endpoints", "externally-hosted endpoints", "task-special ports")
    flags = "gui | gui login" if domain.kind is Kind.GUI else ""
    body = (
        _domain_facts(domain)
        + _block("environment", agent)
        + f"\nservices = {{\n{rows}}}\n\n"
        + "".join(_block(title, ()) + "\n" for title in titles)
        + _disabled_block(overrides, version, empty)
        + f"\nproperties = {flags}\n"
    )
    return _finished(f"{domain.name} = {{\n" + _indent(body) + "}\n")


def disabled_text(overrides: Mapping[str, bool], version: Version, empty: EmptyStore = EmptyStore.BRACES) -> str:
    """`launchctl print-disabled DOMAIN`."""
    text = "\n" + _indent(_disabled_block(overrides, version, empty))
    return _finished(text + "\n" + _indent(_block("login item associations", ())) if version >= (13,) else text)


# -- list


def list_text(services: Iterable[Service]) -> str:
    """`launchctl list`: in no order that anybody promised."""
    rows = (f"{service.pid or '-'}\t{_status(service)}\t{service.label}\n" for service in services)
    return "PID\tStatus\tLabel\n" + "".join(rows)


def _status(service: Service) -> str:
    if service.is_stopped:
        return "???"
    return service.ended.short if service.ended else "0"


def list_service_text(service: Service, session_type: str) -> str:
    """`launchctl list LABEL`: the NeXT-style text."""
    definition = service.definition
    lines = [
        definition.stdout and f'"StandardOutPath" = "{definition.stdout}";',
        f'"LimitLoadToSessionType" = "{session_type}";',
        definition.stderr and f'"StandardErrorPath" = "{definition.stderr}";',
        f'"Label" = "{service.label}";',
        f'"OnDemand" = {"false" if definition.keep_alive else "true"};',
        f'"LastExitStatus" = {service.ended.wait_status if service.ended else 0};',
        service.pid and f'"PID" = {service.pid};',
        f'"Program" = "{definition.executable}";',
    ]
    arguments = "".join(f'\t\t"{argument}";\n' for argument in definition.arguments)
    block = f'\t"ProgramArguments" = (\n{arguments}\t);\n' if definition.arguments else ""
    return "{\n" + "".join(f"\t{line}\n" for line in lines if line) + block + "};\n"
