"""The verbs from before domains: load, unload, start, stop, remove. They act on the caller's session.

They exit 0 in nearly all cases, whatever happened (docs/simulator.md, row 4.4): that is why nobody should use them.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from jobsync.simulator.calls import Answer, Call
from jobsync.simulator.definition import read_definition
from jobsync.simulator.domain import Domain
from jobsync.simulator.errors import Refused
from jobsync.simulator.launchd import Launchd
from jobsync.simulator.service import Reason
from jobsync.simulator.texts import usage
from jobsync.simulator.verbs import Misuse, Verb, missing_in_session, plists_of, session_domain

_MODERN = {"Load": "bootstrap", "Unload": "bootout"}


def _options(verb: str, args: Sequence[str]) -> tuple[bool, list[str]]:
    """Whether `-w` was given, and the paths."""
    writes, paths = False, []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "-D":
            rest[:1] = []
        elif word.startswith("-"):
            writes = writes or "w" in word
        else:
            paths.append(word)
    if not paths:
        raise Misuse(usage(verb))
    return writes, paths


def _warning(word: str, call: Call, path: Path) -> str:
    """What is said of an agent that root names, or of a daemon that a user does."""
    wanted, met, who = ("Daemons", "Agents", "root") if call.is_root else ("Agents", "Daemons", "user")
    if path.parent.name != f"Launch{met}":
        return ""
    return (
        f"Warning: Expecting a Launch{wanted} path since the command was ran as {who}. Got Launch{met} instead.\n"
        f"`launchctl {_MODERN[word]}` is a recommended alternative.\n"
    )


def _trouble(word: str) -> str:
    return f"{word} failed: 5: Input/output error\nTry running `launchctl {_MODERN[word]}` as root for richer errors.\n"


def _load_one(writes: bool, launchd: Launchd, domain: Domain, path: Path) -> str:
    try:
        definition = read_definition(path)
        if writes:
            launchd.overrides.set(definition.label, False)
        launchd.load(domain, definition)
    except Refused:
        return _trouble("Load")
    return ""


def _unload_one(writes: bool, launchd: Launchd, domain: Domain, path: Path) -> str:
    try:
        label = read_definition(path).label
        if writes:
            launchd.overrides.set(label, True)
        launchd.unload(domain, domain.services[label])
    except (Refused, KeyError):
        return _trouble("Unload")
    return ""


def _each(
    word: str,
    launchd: Launchd,
    call: Call,
    paths: Sequence[Path],
    act: Callable[[Launchd, Domain, Path], str],
) -> Answer:
    """Warn and act for each path. What root loads lands in the system domain, which holds nothing here."""
    domain = session_domain(launchd, call)
    said = ""
    for path in paths:
        warning = _warning(word, call, path)
        said += warning if warning and call.is_root else warning + act(launchd, domain, path)
    return Answer(err=said)


def _load(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    writes, paths = _options("load", args)
    return _each("Load", launchd, call, plists_of(call, paths), partial(_load_one, writes))


def _unload(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    writes, paths = _options("unload", args)
    return _each("Unload", launchd, call, plists_of(call, paths), partial(_unload_one, writes))


def _one_label(verb: str, args: Sequence[str]) -> str:
    if len(args) != 1:
        raise Misuse(usage(verb))
    return args[0]


def _start(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    label = _one_label("start", args)
    domain = session_domain(launchd, call)
    if label not in domain.services:
        return missing_in_session(label)
    launchd.request(domain, domain.services[label], Reason.DEMAND)
    return Answer()


def _stop(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    label = _one_label("stop", args)
    domain = session_domain(launchd, call)
    if label not in domain.services:
        return missing_in_session(label)
    launchd.stop(domain.services[label])
    return Answer()


def _remove(launchd: Launchd, call: Call, args: Sequence[str]) -> Answer:
    label = _one_label("remove", args)
    domain = session_domain(launchd, call)
    service = domain.services.get(label)
    if service is not None and not service.is_draining:
        launchd.unload(domain, service)
    return Answer()


LEGACY_VERBS: dict[str, Verb] = {
    "load": _load,
    "unload": _unload,
    "start": _start,
    "stop": _stop,
    "remove": _remove,
}
