"""States of one job in a few words, for tables: what is wanted, remembered, installed and loaded."""

from collections.abc import Iterable, Mapping

from jobsync.config import Repo
from jobsync.definitions.job import Job, Line, Restart, Schedule, Slot
from jobsync.paths import paths_of
from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import Ledger, placed
from jobsync.reconcile.plan import Orders, make_plan
from jobsync.reconcile.state import (
    Change,
    Desired,
    FileState,
    Load,
    Observed,
    Plan,
    Record,
    Remove,
    Reread,
    Source,
    Step,
    Unload,
    Want,
    Wanted,
    Write,
)
from jobsync.reconcile.state import Restart as RestartStep
from jobsync.repo.affected import Entry
from jobsync.schedulers.launchd import Launchd
from jobsync.schedulers.protocol import Answer, Artefact, Identity, Loaded, Rendering, Survey
from jobsync.values import replace

from ..schedulers.samples import CONFIG

REPO = Repo("0f1e2d3c4b5a6978", "/w/.git", "/w", "ada")
PATHS = paths_of(CONFIG, REPO)
LAUNCHD = Launchd(CONFIG, REPO, PATHS)
LABEL = "ada.one"
PLIST = LAUNCHD.definition_path(LABEL)
LAUNCHER = str(PATHS.launcher("one"))
INPUTS = {"jobs/one/job.toml": Entry(0o100644, "b1")}


def job(name: str = "one", hour: int = 9, line: str = "true", **fields: object) -> Job:
    """A job with one slot; `line` only changes its launcher."""
    made = Job(name, "", Line(line), f"/w/jobs/{name}", f"/w/jobs/{name}", inputs=(f"jobs/{name}",),
               schedule=Schedule(slots=(Slot(hour=hour, minute=0),)))  # fmt: skip
    return replace(made, **fields)  # type: ignore[arg-type]  # each caller names real fields


NINE = LAUNCHD.render(job(hour=9))
TEN = LAUNCHD.render(job(hour=10))
OTHER_LINE = LAUNCHD.render(job(line="false"))
DAEMON = LAUNCHD.render(job(schedule=Schedule(), daemon=Restart.ALWAYS))


STORED = frozenset(digest(one.content) for made in (NINE, TEN, OTHER_LINE, DAEMON) for one in made.artefacts)
"""What a store holds that has seen all of these."""


def wanted(rendering: Rendering = NINE, **fields: object) -> Wanted:
    """This rendering is wanted."""
    made = Wanted(rendering, Source.HEAD, INPUTS, ("jobs/one",), in_head=True, cause="changed: jobs/one/job.toml")
    return replace(made, **fields)  # type: ignore[arg-type]  # each caller names real fields


def record(rendering: Rendering = NINE, **fields: object) -> Record:
    """This rendering was installed and loaded by the last sync."""
    made = Record(
        name="one",
        label=rendering.label,
        source=Source.HEAD,
        load_digest=rendering.load_digest,
        launch_digest="",
        artefacts=tuple(placed(one) for one in rendering.artefacts),
        entries=INPUTS,
        inputs=("jobs/one",),
        in_head=True,
    )
    return replace(made, **fields)  # type: ignore[arg-type]  # each caller names real fields


def files(rendering: Rendering = NINE, **states: FileState | bytes | None) -> dict[str, FileState]:
    """This rendering is installed, but for `plist` and `launcher` where they are given (None: not there)."""
    found = {one.path: FileState(one.content, one.mode) for one in rendering.artefacts}
    for path, mode, given in (
        (PLIST, 0o644, states.get("plist", b"-")),
        (LAUNCHER, 0o700, states.get("launcher", b"-")),
    ):
        if given is None:
            del found[path]
        elif isinstance(given, FileState):
            found[path] = given
        elif given != b"-":
            found[path] = FileState(given, mode)
    return found


def plist_of(rendering: Rendering) -> bytes:
    """The bytes of its definition."""
    return rendering.artefacts[1].content


def loaded(pid: int | None = None, label: str = LABEL, disabled: Iterable[str] = ()) -> Survey:
    """The scheduler knows this one job."""
    return Survey({label: Loaded(pid, None)}, {one: f"launchctl enable gui/501/{one}" for one in disabled})


EMPTY = Survey({}, {})


def claims(rendering: Rendering, owner: str = REPO.id) -> dict[str, Identity | None]:
    """What the loaded job says of itself."""
    return {rendering.label: Identity(owner, rendering.load_digest)}


def plan_for(
    desired: Desired | Mapping[str, Desired],
    known: Record | Iterable[Record] | None,
    seen: Observed,
    orders: Orders | None = None,
    **fields: object,
) -> Plan:
    """The plan; a single desired thing is job `one`'s."""
    jobs = desired if isinstance(desired, Mapping) else {"one": desired}
    records = [known] if isinstance(known, Record) else list(known or ())
    want = replace(Want(jobs), **fields)  # type: ignore[arg-type]  # each caller names real fields
    ledger = Ledger({one.name: one for one in records})
    return make_plan(want, seen, ledger, LAUNCHD, orders or Orders())


def _place(path: str) -> str:
    return "plist" if path.endswith(".plist") else "launcher"


def _step(step: Step) -> str:
    match step:
        case Unload(label, limit, spares):
            return f"unload {label} within {limit:g} s{' unless it runs' if spares else ''}"
        case Write(Artefact(path=path), keeps):
            return f"{'keep and ' if keeps else ''}write {_place(path)}"
        case Remove(path, keeps):
            return f"{'keep and ' if keeps else ''}remove {_place(path)}"
        case Load(label, as_sync):
            return f"load {label}{' with a token' if as_sync else ''}"
        case Reread(label):
            return f"reread {label}"
        case RestartStep(label):
            return f"restart {label}"


def text_of(change: Change) -> str:
    """A change as a line."""
    cause = f" ({change.cause})" if change.cause else ""
    return f"{change.outcome.value} {change.name}{cause}" + "".join(f"\n  {_step(step)}" for step in change.steps)


def text(plan: Plan) -> str:
    """A plan as text."""
    return "\n".join(text_of(change) for change in plan.changes)


def digest_of(content: bytes) -> str:
    """As the ledger names it."""
    return digest(content)


def see(answer: Answer, found: Mapping[str, FileState] | None = None, **fields: object) -> Observed:
    """A snapshot."""
    return replace(Observed(answer, dict(found or {})), **fields)  # type: ignore[arg-type]  # each caller names real fields
