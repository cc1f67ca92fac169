"""Checks of git: that pulls wake jobsync up, and that what is installed is what is committed."""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jobsync import files
from jobsync.definitions.load import SETTINGS_FILE
from jobsync.doctor.check import Check
from jobsync.doctor.view import View
from jobsync.errors import JobsyncError
from jobsync.findings import Finding, InstallHooks, Sync, error, info, warning
from jobsync.reconcile.ahead import ahead, jobs_ahead
from jobsync.reconcile.state import Source
from jobsync.repo import carriers, waking
from jobsync.repo.carriers import HookState
from jobsync.repo.events import EVENTS
from jobsync.repo.waking import Carrier, Way

CONFIGURATION = ".pre-commit-config.yaml"
_STEMS = ("check", *(event for event in EVENTS if event != "post-applypatch"))
IDS = frozenset(f"jobsync-{stem}{suffix}" for stem in _STEMS for suffix in ("", "-system"))
"""Of `.pre-commit-hooks.yaml`; pre-commit knows no stage post-applypatch."""
_MOVING = frozenset({"HEAD", "head", "main", "master", "trunk", "develop", "latest"})
_IDLE = "a pull changes the repository, and nothing on this machine"
_TEMPLATE = "https://example.com/"

_MEANINGS = {
    HookState.MISSING: "not installed",
    HookState.STALE: "older, another installation's, or not executable",
    HookState.FOREIGN: "somebody else's, and ours is not in front",
    HookState.SHADOWED: "not where git looks",
}


def _text(view: View) -> str:
    try:
        return (files.read(Path(view.origin.repo.work_tree, CONFIGURATION)) or b"").decode("utf-8")
    except (JobsyncError, UnicodeDecodeError):
        return ""


def _is_expected(one: Way, found: Iterable[Way]) -> bool:
    """Frameworks know no post-applypatch: under them it may be missing."""
    by_framework = any(way.carrier in (Carrier.PRE_COMMIT, Carrier.PREK) for way in found)
    return not (by_framework and one.event == "post-applypatch")


def _hooks(view: View) -> Iterable[Finding]:
    found = view.ways
    # Hooks for a jobsync that is gone would be none: the check `installation` says so, and `init` records this one.
    is_there = waking.can_start(view.origin.config.hook)
    command, repair = ("jobsync hooks install", InstallHooks()) if is_there else ("jobsync init", None)
    lacking = [one for one in found if one.state is not HookState.INSTALLED and _is_expected(one, found)]
    for state in dict.fromkeys(one.state for one in lacking):
        those = [one for one in lacking if one.state is state]
        works = all(one.reached for one in those)
        yield warning(
            f"{', '.join(one.event for one in those)}: {_MEANINGS[state]}",
            meaning="jobsync is reached all the same" if works else _IDLE,
            command=command,
            repair=repair if state is not HookState.SHADOWED else None,
        )
    if lost := [one.event for one in found if one.reached is False]:
        yield error(
            f"git was asked to run {', '.join(lost)} and did not reach jobsync",
            meaning=_IDLE,
            command=command,
            repair=repair,
        )


def _repositories(text: str) -> Iterator[Mapping[str, Any]]:
    """pre-commit's repositories that name hooks of ours. `ImportError`: there is nobody to read it."""
    import yaml  # comes with pre-commit, which pipx and uv install apart from jobsync

    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return
    entries = document.get("repos") if isinstance(document, dict) else None
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and any(one.startswith("jobsync-") for one in _ids(entry)):
            yield entry


def _ids(entry: Mapping[str, Any]) -> list[str]:
    hooks = entry.get("hooks")
    return [str(one.get("id")) for one in hooks if isinstance(one, dict)] if isinstance(hooks, list) else []


def _pre_commit(view: View) -> Iterable[Finding]:
    text = _text(view)
    if "jobsync-" not in text:
        return
    try:
        entries = list(_repositories(text))
    except ImportError:
        # Not a warning: that is so wherever pipx or uv has installed both, and no fault of anybody's.
        yield info(
            f"{CONFIGURATION} names jobsync, and PyYAML, which would read it, is not installed beside jobsync",
            meaning="a wrong id, address or revision there is not found",
            command="pipx inject jobsync pyyaml",
        )
        return
    for entry in entries:
        yield from _entry(view, entry)


def _entry(view: View, entry: Mapping[str, Any]) -> Iterator[Finding]:
    address, revision = str(entry.get("repo", "")), str(entry.get("rev", ""))
    edit = f"vi {shlex.quote(str(Path(view.origin.repo.work_tree, CONFIGURATION)))}"
    for unknown in sorted(one for one in _ids(entry) if one.startswith("jobsync-") and one not in IDS):
        yield error(
            f"{CONFIGURATION} names the hook {unknown}, which there is not",
            meaning="pre-commit fails at every event until that is mended",
            command=edit,
        )
    if address.startswith(_TEMPLATE):
        yield error(
            f"{CONFIGURATION} still has the template's address {address}",
            meaning="pre-commit cannot fetch it, and fails",
            command=edit,
        )
    if revision in _MOVING:
        yield warning(
            f"{CONFIGURATION} takes jobsync from `{revision}`, which moves",
            meaning="pre-commit keeps whatever it fetched first",
            command="pre-commit autoupdate",
        )
    # Where something else carries the event, pulls wake us up all the same: then there is nothing to say.
    idle = [one.event for one in view.ways if one.carrier is None]
    lacking = [event for event in idle if {f"jobsync-{event}", f"jobsync-{event}-system"} & set(_ids(entry))]
    if lacking:
        yield warning(
            f"pre-commit is not installed for {', '.join(lacking)}",
            meaning="what is configured for these events never runs",
            command=f"pre-commit install {' '.join(f'-t {event}' for event in lacking)}",
        )


def _head(view: View) -> Iterable[Finding]:
    found = ahead(view.origin, view.planned)
    names = [name for name in jobs_ahead(view.origin, view.planned) if view.is_meant(name)] if found else []
    if found and names:
        yield warning(
            f"{found.words}: {', '.join(names)}",
            meaning="a hook did not run, or could not",
            command="jobsync sync",
            repair=Sync(),
        )


def _made_of(view: View, name: str) -> list[str]:
    """What to commit for a job, and nothing else: where the home is the work tree, `add -A` would take all of it."""
    root, job = Path(view.origin.repo.work_tree), view.jobs.get(name)
    paths = (SETTINGS_FILE, f"{view.planned.head.jobs}/{name}", *(job.inputs if job else ()))
    return [path for path in dict.fromkeys(paths) if (root / path).exists()]


def _uncommitted(view: View) -> Iterable[Finding]:
    for name, record in view.planned.ledger.records.items():
        if record.source is Source.WORK_TREE and view.is_meant(name):
            yield info(
                "is installed from your work tree, not from a commit",
                name,
                meaning="pulls leave it alone until its definition is committed",
                command=f"{view.git} add {shlex.join(_made_of(view, name))} && {view.git} commit",
            )


def _branch(view: View) -> Iterable[Finding]:
    """`init --branch`: on another one hooks do nothing, and say so once."""
    wanted, head = view.origin.repo.branch, view.origin.repository.head()
    if wanted is not None and head.branch != wanted:
        there = head.branch or "no branch"
        yield info(
            f"{there} is checked out, and hooks sync only {wanted}",
            meaning="commits here change no job",
            command=f"{view.git} switch {shlex.quote(wanted)}",
        )


def _chained(view: View) -> Iterable[Finding]:
    """git itself would name such a hook in a hint; behind ours it is passed over."""
    for one in view.ways:
        if one.chained is not None and not os.access(one.chained, os.X_OK):
            yield warning(
                f"{one.chained}, which ours runs first, is not executable",
                meaning="git would have said so; now it is passed over",
                command=f"chmod +x {shlex.quote(str(one.chained))}",
            )
    for tool, hooks in carriers.left_behind(view.origin.repository).items():
        yield info(
            f"{tool} has no hooks here but those that ours run first: {', '.join(one.name for one in hooks)}",
            meaning="where it was uninstalled, they run all the same, for it did not find them",
            command=shlex.join(("rm", *map(str, hooks))),
        )


def _in_the_work_tree(view: View) -> list[str]:
    """What syncs wrote, as paths in the work tree: a directory that the scheduler reads may be a link into it."""
    root = Path(view.origin.repository.work_tree)
    placed = (Path(one.path) for record in view.planned.ledger.records.values() for one in record.artefacts)
    physical = [Path(os.path.realpath(path.parent), path.name) for path in placed]
    return sorted(str(path.relative_to(root)) for path in physical if path.is_relative_to(root))


def _seen_by_git(view: View) -> Iterable[str]:
    """Of what syncs wrote, what git has or offers to take."""
    repository, written = view.origin.repository, _in_the_work_tree(view)
    if not written:
        return ()
    return repository.work_tree_entries(written) if repository.shows_untracked() else repository.staged_entries(written)


def _artefacts_in_git(view: View) -> Iterable[Finding]:
    if not (seen := _seen_by_git(view)):
        return
    work_tree, prefix = view.origin.repo.work_tree, view.origin.repo.prefix
    # What is not named after a label stands in a directory of ours alone.
    ours = {
        (str(Path(path).parent), f"{prefix}.*" if Path(path).name.startswith(f"{prefix}.") else "*") for path in seen
    }
    patterns = " ".join(shlex.quote(f"{place}/{names}") for place, names in sorted(ours))
    yield warning(
        f"syncs write into the work tree: {', '.join(sorted({place for place, _ in ours}))}",
        meaning="git takes what is this machine's for the repository's: others get it, and a checkout takes it away",
        command=f"cd {shlex.quote(work_tree)} && printf '%s\\n' {patterns} >>.gitignore && "
        f"{view.git} rm -q --cached --ignore-unmatch -- {patterns}",
    )


CHECKS = (
    Check("hooks", "the git hooks are in force", _hooks),
    Check("chained-hooks", "the hooks that ours run first can run", _chained),
    Check("pre-commit", "pre-commit's configuration names what there is", _pre_commit),
    Check("head", "the last sync was of this HEAD", _head),
    Check("uncommitted", "what is installed is committed", _uncommitted),
    Check("artefacts-in-git", "nothing that syncs write is in git", _artefacts_in_git),
    Check("branch", "the branch that hooks sync is checked out", _branch),
)
