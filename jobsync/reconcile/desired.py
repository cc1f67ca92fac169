"""What a definition comes to on this machine; `from_head.py` and `from_work_tree.py` ask it of theirs."""

from collections.abc import Callable, Collection, Mapping

from jobsync import files
from jobsync.definitions.job import Definitions, Job, Tree
from jobsync.definitions.load import SETTINGS_FILE as SETTINGS
from jobsync.definitions.load import is_of, read_settings
from jobsync.errors import Fault
from jobsync.reconcile.head import HeadState
from jobsync.reconcile.index import digest
from jobsync.reconcile.ledger import Ledger, placed
from jobsync.reconcile.origin import Origin
from jobsync.reconcile.own import is_own, needs_login
from jobsync.reconcile.renamed import former_names
from jobsync.reconcile.state import Desired, Faulty, Outcome, Source, Unwanted, Wanted
from jobsync.repo.affected import Entry, lines
from jobsync.runs import pauses
from jobsync.schedulers.protocol import Rendering


def _faults_of(definitions: Definitions, name: str) -> tuple[Fault, ...]:
    return tuple(fault for fault in definitions.faults if is_of(fault, name) or fault.file == SETTINGS)


def faulty_jobs(definitions: Definitions, ledger: Ledger) -> dict[str, Desired]:
    """The jobs that stay as they are: those with a fault, or all where one hides which jobs there are."""
    if definitions.jobs_missing and definitions.faults:
        return {name: Faulty(definitions.faults) for name in ledger.records if not is_own(name)}
    return {name: Faulty(_faults_of(definitions, name)) for name in definitions.faulty}


def _launch_digest(job: Job, rendering: Rendering, entries: Mapping[str, Entry]) -> str:
    if job.daemon is None:
        return ""
    launchers = [placed(one).digest for one in rendering.artefacts[:1]]
    return digest("\n".join(launchers + lines(entries)).encode("utf-8", "surrogateescape"))


def pause_words(origin: Origin, name: str) -> str:
    """Until when this job is paused, for people; empty where it is not."""
    return pauses.words(origin.paths.pause(name))


def renamed_jobs(
    origin: Origin, ledger: Ledger, jobs: str, names: Collection[str],
    entries_of: Callable[[Collection[str]], Mapping[str, Entry]],
) -> dict[str, str]:  # fmt: skip
    """See `former_names`. `names`: all that is defined, with faults too."""
    paused = (name for name in files.names(origin.paths.pause("x").parent) if pause_words(origin, name))
    found = former_names(ledger, jobs, names, paused, entries_of)
    return {name: former for name, former in found.items() if not pause_words(origin, name)}


def desired_of(
    origin: Origin, job: Job, source: Source, head: HeadState, inputs: Mapping[str, Entry], paused: str
) -> Desired:
    """One valid definition; `inputs` are the entries that a daemon's restart depends on, `paused` as `Wanted`'s."""
    if job.unwanted is not None:
        return Unwanted(job.unwanted)
    if paused and job.daemon is not None:
        return Unwanted(paused, Outcome.PAUSED)
    rendering = origin.scheduler.render(job)
    return Wanted(
        rendering=rendering,
        source=source,
        entries=head.entries.under(job.inputs),
        inputs=job.inputs,
        in_head=head.holds(job.name),
        launch_digest=_launch_digest(job, rendering, inputs),
        is_daemon=job.daemon is not None,
        at_login=job.schedule.at_login,
        needs_login=needs_login(origin, [job]),
        paused=paused,
    )


def is_paused(desired: Desired | None) -> bool:
    """It is away because its user paused it."""
    return isinstance(desired, Unwanted) and desired.outcome is Outcome.PAUSED


def read_from(head: HeadState, name: str) -> tuple[str, str]:
    """All that a job's rendering depends on, beside the machine's configuration and jobsync itself."""
    return SETTINGS, f"{head.jobs}/{name}/job.toml"


def digest_of(blobs: Mapping[str, str]) -> str:
    """Of the blob ids of such files, by path."""
    return digest("\n".join(f"{blob} {path}" for path, blob in blobs.items()).encode("utf-8", "surrogateescape"))


def definition_in(head: HeadState, name: str) -> str:
    """Digest of what HEAD's definition of a job is read from: of two that are equal the renderings are."""
    return digest_of({path: head.entries.id_of(path) or "" for path in read_from(head, name)})


def are_missing(definitions: Definitions, tree: Tree, ledger: Ledger) -> bool:
    """Whether the jobs directory should be there and is not.

    git keeps no empty directories: with a repository's only job its directory goes, and that is no accident.
    """
    if definitions.faults or not definitions.jobs_missing:
        return definitions.jobs_missing
    directory = read_settings(tree).jobs
    known = [record for record in ledger.records.values() if not is_own(record.name)]
    return len(known) != 1 or f"{directory}/{known[0].name}" not in known[0].inputs
