"""`hooks`: the git hooks that wake jobsync up."""

from collections.abc import Mapping
from typing import TypedDict

import click

from jobsync import columns, report
from jobsync.cli.console import ExitCode, complain, json_option, note, say, say_all, say_json
from jobsync.cli.context import Context, pass_context
from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile.origin import Origin
from jobsync.repo import carriers, waking
from jobsync.repo.repository import Repository
from jobsync.repo.waking import Carrier, Way
from jobsync.values import replace


class HookRow(TypedDict):
    """One event of git's."""

    event: str
    state: str
    carrier: str | None
    reached: bool | None
    path: str
    chained: str | None


class RepoHooks(TypedDict):
    """The hooks of one repository."""

    work_tree: str
    hooks: list[HookRow]


class HooksDocument(TypedDict):
    """`hooks status --json`."""

    version: int
    repos: list[RepoHooks]


def install_hooks(origin: Origin, carrier: Carrier | None = None) -> int:
    """Install them, say so, and give the exit status."""
    hook = origin.config.hook
    if not waking.can_start(hook):
        complain(
            f"the git hooks were not installed: {hook}, which they would call, cannot be started",
            "`jobsync init` records this jobsync, and installs them",
        )
        return ExitCode.FAILURE
    try:
        used, count = waking.install(origin.repository, origin.config, carrier)
    except JobsyncError as error:
        complain(f"the git hooks were not installed: {error.message}", error.hint)
        return ExitCode.FAILURE
    where = " in git's configuration" if used is Carrier.CONFIGURATION else ""
    say(f"installed {columns.plural(count, 'git hook')}{where}" if count else "the git hooks are installed already")
    return ExitCode.OK


@click.group()
def hooks() -> None:
    """The git hooks that wake jobsync up after a pull, a switch, a rebase or a commit.

    \b
    Examples:
      jobsync hooks status    whether git reaches jobsync
      jobsync hooks install   put the hooks in place again
    """


@hooks.command("install")
@click.option("--files", "as_files", is_flag=True, help="As hook files, which every git runs.")
@click.option("--config", "as_configuration", is_flag=True,
              help="In the repository's git configuration (git 2.54 and later).")  # fmt: skip
@pass_context
def hooks_install(context: Context, /, *, as_files: bool, as_configuration: bool) -> int:
    """Install the hooks, in front of those that are there already. They keep working.

    Without an option: hook files; where the hooks directory is not this repository's own, its git configuration.

    \b
    Examples:
      jobsync hooks install            where they fit best
      jobsync hooks install --config   in git's configuration
    """
    if as_files and as_configuration:
        raise UsageError("--files and --config exclude each other")
    wanted = Carrier.FILE if as_files else Carrier.CONFIGURATION if as_configuration else None
    return max((install_hooks(origin, wanted) for origin in context.reached()), default=ExitCode.OK)


@hooks.command("uninstall")
@pass_context
def hooks_uninstall(context: Context, /) -> int:
    """Remove the hooks, and put back what they stood in front of.

    \b
    Examples:
      jobsync hooks uninstall   pulls change no job any more
    """
    for origin in context.reached():
        with context.apart(origin.repo):
            count = waking.uninstall(origin.repository)
            say(f"removed {columns.plural(count, 'git hook')}" if count else "no git hook of jobsync is installed")
            say_left_aside(origin.repository)
    return ExitCode.OK


def say_left_aside(repository: Repository) -> None:
    """After ours were taken away: where a hook of the user's stays that could not come back."""
    for path in carriers.left_aside(repository):
        say(f"a hook that was here before stays in {path}, for another one has its place")


def unheard(origin: Origin) -> tuple[str, ...]:
    """A line where an event does not reach us as it should, for whom a commit came that no hook synced. Reads only."""
    if waking.are_well(waking.ways(origin.repository, origin.config)):
        return ()
    return ("git's hooks do not reach jobsync as they should, so pulls may not be synced: `jobsync hooks status`",)


def _row(one: Way) -> HookRow:
    return {
        "event": one.event,
        "state": one.state.value,
        "carrier": one.carrier.value if one.carrier else None,
        "reached": one.reached,
        "path": str(one.path),
        "chained": str(one.chained) if one.chained else None,
    }


def _place(one: Way) -> str:
    through = one.carrier if one.carrier not in (None, Carrier.FILE) else None
    return f"{one.path} ({through.value})" if through else str(one.path)


def _ends_elsewhere(one: Way) -> bool:
    """It should reach us, and what runs first does not let it: that is not ours, and doctor knows nothing of it."""
    return one.reached is False and one.is_behind


def _findings(found: tuple[Way, ...], environment: Mapping[str, str]) -> list[str]:
    """What came of trying them, in this environment."""
    lost = [one.event for one in found if one.reached is False]
    untried = [one.event for one in found if one.carrier and one.reached is None]
    lines = [f"git was asked to run them and did not reach jobsync: {', '.join(lost)}"] if lost else []
    if elsewhere := next(filter(_ends_elsewhere, found), None):
        off = " and ".join(f"`{one}`" for one in waking.switches(environment))
        way_out = f"`{waking.try_again(elsewhere)}` shows what runs instead"
        lines.append(f"{off}, which is set here, may be why: try again without it" if off else way_out)
    if untried:
        way_out = "`jobsync hooks status --run` does, and runs your other hooks too"
        lines.append(f"not tried, for something else runs first: {', '.join(untried)}; {way_out}")
    reached = [one.event for one in found if one.reached]
    if reached and not lines:
        which = "them" if len(reached) == len(found) else ", ".join(reached)
        lines.append(f"git was asked to run {which}, and reached jobsync")
    return lines


@hooks.command("status", short_help="Show how each event of git's reaches jobsync.")
@click.option("--run", is_flag=True, help="Try pre-commit and prek too, which run your other hooks as well.")
@json_option(HooksDocument)
@pass_context
def hooks_status(context: Context, /, *, run: bool, as_json: bool) -> int:
    """Show how each event of git's reaches jobsync, and try whether it does. Exits with 1 when one does not.

    Ours alone are run, with the PATH of a graphical client, and do nothing but answer.

    \b
    Examples:
      jobsync hooks status         try jobsync's own hooks
      jobsync hooks status --run   pre-commit and prek too
    """
    found = []
    for origin in context.reached():
        with context.apart(origin.repo):
            ways = waking.ways_tried(origin.repository, origin.config, origin.paths.state, everything=run)
            found.append((origin, ways))
    if as_json:
        repos: list[RepoHooks] = [
            {"work_tree": origin.repo.work_tree, "hooks": [_row(one) for one in events]} for origin, events in found
        ]
        say_json(HooksDocument(version=report.JSON_VERSION, repos=repos))
    else:
        for origin, events in found:
            say_all(columns.table([(one.event, one.state.value, _place(one)) for one in events]))
            say_all(_findings(events, origin.repository.environment))
    if all(waking.are_well(events) for _, events in found):
        return ExitCode.OK
    mendable = ((replace(one, reached=None) if _ends_elsewhere(one) else one for one in events) for _, events in found)
    if not all(map(waking.are_well, mendable)):
        note("`jobsync doctor` says what mends it")
    return ExitCode.FAILURE
