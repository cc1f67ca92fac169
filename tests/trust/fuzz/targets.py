"""What is fuzzed: each target takes bytes, and fails where a promise about reading them is broken.

A target's seeds are inputs that make sense, so that the fuzzer starts behind the first `if`; its words are what it may
insert whole.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jobsync.definitions.job import Job
from jobsync.definitions.load import load
from jobsync.definitions.vocabulary import DEFAULTS, KEYS, SETTINGS
from jobsync.errors import JobsyncError
from jobsync.paths import Paths, paths_of
from jobsync.reconcile import deferred, index, ledger
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.state import Absence, Caller, Placed, Record, Source
from jobsync.repo.affected import Entry
from jobsync.runs import records
from jobsync.schedulers import launchd_print, plist, systemd_survey, units, units_list
from jobsync.values import replace

from ...definitions.trees import EXECUTABLE, FILE, MACHINE, SCRIPT, MemoryTree
from ...schedulers.samples import CONFIG, REPO, SAMPLES, launchd, systemd

ROOT = Path(__file__).parents[3]
CUT = b"\n%%%%\n"
"""Between `job.toml` and `jobsync.toml` in one input."""


@dataclass(frozen=True, slots=True)
class Target:
    """`read` raises for a breach only."""

    read: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[str, ...]


PATHS: Paths = paths_of(CONFIG, REPO)
LAUNCHD, SYSTEMD = launchd(), systemd()
NO_DISK = systemd_survey.Disk({}, {}, frozenset(), frozenset(), {}, frozenset())


def rendered(job: Job) -> None:
    """What a job becomes is what it means, and stays in its place."""
    rendering = LAUNCHD.render(job)
    run, definition = rendering.artefacts
    agent = plist.loads(definition.content)
    assert agent is not None
    assert agent["ProgramArguments"] == [run.path] == [str(PATHS.launcher(job.name))]
    assert agent["Label"] == rendering.label
    assert LAUNCHD.meaning(definition.content) == rendering.load_digest
    assert LAUNCHD.is_ours(definition.content)
    assert not LAUNCHD.is_altered(definition.content)
    assert b"\0" not in run.content


def definitions(data: bytes) -> None:
    """Ends in jobs or in faults; a job that is none of both can be rendered."""
    definition, _, settings = data.partition(CUT)
    files = {
        "jobs/a/job.toml": (FILE, definition),
        "jobs/a/run": SCRIPT,
        "jobs/b/run": (EXECUTABLE, b""),
        "jobs/b/job.toml": (FILE, b""),
        "lib/x": SCRIPT,
    }
    if settings:
        files["jobsync.toml"] = (FILE, settings)
    try:
        found = load(MemoryTree(files), MACHINE)
    except JobsyncError as refusal:
        assert "min_version" in refusal.message
        return
    names = {job.name for job in found.jobs}
    assert found.jobs_missing or names | found.faulty == {"a", "b"}
    assert not names & found.faulty
    assert found.faults or not found.faulty
    assert found.faulty or found.jobs_missing or not found.faults
    for fault in found.faults:
        assert all(char.isprintable() for char in str(fault)), str(fault)
    for job in found.jobs:
        if job.unwanted is None:
            rendered(replace(job, home_directory=f"{REPO.work_tree}/jobs/{job.name}"))


def prints(data: bytes) -> None:
    """Labels, pids and words, or *none of mine*; and nothing that stands outside of the blocks counts."""
    text = data.decode("utf-8", "replace")
    found = launchd_print.services(text)
    for label, (pid, status) in (found or {}).items():
        assert label
        assert "\n" not in label
        assert pid is None or pid != 0
        assert status is None or isinstance(status, int)
    assert all("\n" not in label for label in launchd_print.disabled(text))
    assert "\n" not in launchd_print.path(text)
    for key, value in launchd_print.environment(text).items():
        assert "\n" not in key + value
    if found is not None:
        behind = text + "\n\tservices = {\n\t\t 1 0 \tada.forged\n\t}\n"
        assert launchd_print.services(behind) == found


def ledgers(data: bytes) -> None:
    """A ledger or none; what was read is written and read again as the same. The hook's head is never half believed."""
    text = data.decode("utf-8", "surrogateescape")
    try:
        known = index.parse(text)
    except ValueError:
        known = None
    if known is not None:
        again = index.parse(index.render(known))
        assert again is not None
        assert [getattr(again, one) for one in index.Index.__slots__] == [
            getattr(known, one) for one in index.Index.__slots__
        ]
    try:
        found = ledger.parse(data)
    except JobsyncError as refusal:
        assert "newer jobsync" in refusal.message
        return
    if found is not None:
        assert ledger.loads(ledger.dumps(found)) == found
    for name, request in deferred.parse(data).items():
        assert isinstance(name, str)
        assert 0 < request.pid < 1 << 31


def run_records(data: bytes) -> None:
    """Runs in the order of their lines; what is cut or glued makes no run that never was."""
    found = records.parse(data)
    assert len({run.id for run in found}) == len(found)
    for run in found:
        assert run.id in data.decode("utf-8", "replace")
        assert run.started >= 0
        assert run.is_over or not run.is_success
    assert len(records.parse(data + b"\n")) >= len(found)


def installed(data: bytes) -> None:
    """What stands in a definition's place, whoever wrote it: a property list, units, or nonsense."""
    agent = plist.loads(data)
    assert agent is None or isinstance(agent, dict)
    LAUNCHD.is_ours(data)
    LAUNCHD.is_altered(data)
    LAUNCHD.keeps_running(data)
    LAUNCHD.environment(data)
    assert LAUNCHD.unload_limit(data) > 0
    meaning = LAUNCHD.meaning(data)
    assert meaning is None or (agent is not None and meaning == plist.meaning(agent))
    units.parse(data)
    units.keeps_running(data)
    assert units.stop_seconds(data) >= 0


def tables(data: bytes) -> None:
    """Units of ours or *no table*; of lines of evidence that nobody wrote nothing is believed and nothing breaks."""
    text = data.decode("utf-8", "replace")
    found = units_list.units(text)
    whole = units_list.table(text, ("ada.",))
    assert whole is None or (list(whole) == list(found) and all(name.startswith("ada.") for name in found))
    known = whole or {}
    held = systemd_survey.survey(known, NO_DISK, units_list.pids(text) or {})
    assert not any(one.is_armed and not known[f"{label}.timer"].is_up for label, one in held.services.items()
                   if not one.pid and f"{label}.timer" in known)  # fmt: skip
    head, _, answer = text.partition("\n\n")
    if units_list.all_loaded(head.split("\n"), answer):
        seen = units_list.units(answer)
        assert all(line.partition(" ")[0] in seen or line.endswith(" if held") for line in head.split("\n"))
    for label, digest in (("ada.one", "service=a timer=b"), ("ada.d", "daemon=c")):
        lines = units_list.evidence(label, digest)
        if units_list.all_loaded(lines, text):
            assert all(line.partition(" ")[0] in found for line in lines)
    for pid in (units_list.pids(text) or {}).values():
        assert 0 < pid < 1 << 31


def awake(data: bytes) -> None:
    """Breaks for an input that no seed is: only who watches branches finds one in time."""
    services = launchd_print.services(data.decode("utf-8", "replace")) or {}
    assert not any(status == 0 for _, status in services.values()), "the breach that is to be found"


AWAKE = "awake"
_RECORD = Record(
    "one", "ada.one", Source.HEAD, "d1", "l1", (Placed("/h/ada.one.plist", 0o644, 3, "ab"),),
    {"jobs/one/job.toml": Entry(0o100644, "b1")}, ("jobs/one",), in_head=True,
)  # fmt: skip
_LEDGER = Ledger({"one": _RECORD}, {"two": Absence(Source.WORK_TREE, {})}, ("three",), settings=Entry(0o100644, "b2"))
_DUMP = b"""gui/501 = {
\ttype = login
\tservices = {
\t\t     412      - \tada.running
\t\t       0    -15 \tada.killed
\t\t       0   (pe) \tada.pended
\t}

\tdisabled services = {
\t\t"ada.off" => disabled
\t\t"ada.old" => true
\t}
}
"""
_SERVICE = b"""gui/501/ada.one = {
\tactive count = 0
\tpath = /Users/ada/Library/LaunchAgents/ada.one.plist
\tstate = not running

\tenvironment = {
\t\tJOBSYNC_OWNER => 0f1e2d3c4b5a6978
\t\tXPC_SERVICE_NAME => ada.one
\t}
}
"""
_TABLE = b"""\
ada.one.service loaded    inactive   dead         Say (jobsync 0123456789ab) (jobsync a)
ada.one.timer   loaded    active     waiting      one (jobsync b)
ada.d.service   loaded    activating auto-restart d (jobsync c)
\xe2\x97\x8f ada.x.service not-found failed     failed       ada.x.service
"""
_EVIDENCE = b"ada.one.timer b up\nada.one.service a held\nada.two.service c if held\n\n"
_SHOWN = b"Id=ada.one.service\nMainPID=412\n\nId=ada.d.service\nMainPID=0\nFragmentPath=/h/ada.d.service\n"
_RUNS = b"""since 1700000000
start 20261123T070000Z-4711 1795417200 4711 offset=+0100 digest=ab by=hand
end 20261123T070000Z-4711 1795417260 0 offset=+0100 attempts=2 bytes=512 waited=30
start 20261124T070000Z-12 1795503600 12
end 20261124T070000Z-12 1795503601 75 expectation: prints
skip 20261125T070000Z-13 1795590000 offset=+0100 loaded by sync
"""


def _head() -> bytes:
    made = index.Index()
    made.config, made.survey = "c0ffee", ("/bin/launchctl", "print", "gui/501")
    made.objects, made.files, made.labels = [("abc", "jobs")], [(0o644, 3, "/h/ada.one.plist")], ["ada.one"]
    return index.render(made).encode()


def _definitions_seeds() -> tuple[bytes, ...]:
    found = [path.read_bytes() for path in sorted((ROOT / "template-repo").rglob("job.toml"))]
    settings = (ROOT / "template-repo" / "jobsync.toml").read_bytes()
    return (*found, *(one + CUT + settings for one in found[:1]))


def _installed_seeds() -> tuple[bytes, ...]:
    made = (scheduler.render(job) for scheduler in (LAUNCHD, SYSTEMD) for job in SAMPLES)
    return tuple(one.content for rendering in made for one in rendering.artefacts[1:] if not one.is_link)


TARGETS = {
    "definitions": Target(
        definitions,
        _definitions_seeds(),
        tuple(sorted({part for key in (*KEYS, *SETTINGS, *DEFAULTS) for part in key.split(".")})),
    ),
    "prints": Target(
        prints,
        (_DUMP, _SERVICE),
        ("services = {", "disabled services = {", "environment = {", " => ", "\t}", "\t\t", "path = "),
    ),
    "tables": Target(
        tables,
        (_TABLE, _EVIDENCE + _TABLE, _SHOWN),
        ("ada.", ".service", ".timer", " loaded ", " active ", "(jobsync ", " up", " if held", "Id=", "MainPID="),
    ),
    "ledgers": Target(
        ledgers,
        (
            _head() + ledger.dumps(_LEDGER).encode(),
            (index.unsettled() + ledger.dumps(Ledger())).encode(),
            deferred.dumps({"one": deferred.Request(Caller.HAND, 12)}),
        ),
        (index.MAGIC, "file\t", "label\t", "object\t", "config\t", "survey\t", "render_format", "Infinity", "null"),
    ),
    "records": Target(
        run_records,
        (_RUNS, b"start 20261123T070000Z-4711 1795417200 4711\nend 20261123T0"),
        ("start ", "end ", "skip ", "since ", "offset=+0100", "digest=", "20261123T070000Z-4711"),
    ),
    AWAKE: Target(awake, (_DUMP,), ("services = {",)),
    "installed": Target(
        installed,
        _installed_seeds(),
        (
            "<key>",
            "<string>",
            "<integer>",
            "<dict>",
            "<array>",
            "JOBSYNC_OWNER",
            "bplist00",
            "ExitTimeOut",
            "[Service]",
        ),
    ),
}
