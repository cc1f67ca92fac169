"""What a sync would do now, and out of what that was concluded. Reads only.

Whoever only asks (`sync -n`, `diff`, `status`, `doctor`, `history`) asks here, and what applies a plan is left alone.
"""

from collections.abc import Collection, Iterable

from jobsync.errors import JobsyncError, UsageError
from jobsync.reconcile import index, observe
from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.from_head import in_hook
from jobsync.reconcile.head import HeadState, head_state
from jobsync.reconcile.ledger import Ledger
from jobsync.reconcile.origin import Heard, Origin
from jobsync.reconcile.own import is_own
from jobsync.reconcile.plan import Orders, make_plan
from jobsync.reconcile.state import BAD, Caller, Faulty, Observed, Plan, Report, Result, Want, Wanted
from jobsync.values import dataclass, replace


class HeadMoved(JobsyncError):
    """HEAD is no longer the commit that a hook's verdict was about. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan together with all that it was made from."""

    plan: Plan
    want: Want
    observed: Observed
    ledger: Ledger
    head: HeadState
    whole: bool
    """Made for all jobs, not for some by name."""
    caller: Caller = Caller.HAND


def _heard(origin: Origin) -> Heard | None:
    """What the hook found out, unless another sync may have changed it: then its ledger is another file."""
    heard = origin.heard
    return heard if heard is not None and heard.ledger == index.stamp(str(origin.paths.ledger)) else None


def _known_names(want: Want, observed: Observed) -> set[str]:
    return {*want.jobs, *want.untouched, *observed.orphans}


def no_such_job(name: str, known: Collection[str]) -> UsageError:
    """The complaint about a name that none of the `known` jobs has."""
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    return UsageError(
        f"there is no job named {name!r}",
        hint=f"did you mean {close[0]!r}?" if close else "`jobsync status` lists the jobs",
    )


def _only(want: Want, names: Collection[str], known: set[str]) -> Want:
    """The part of `want` that concerns these jobs, and jobsync's own; `UsageError` for a name that nobody knows."""
    for name in names:
        if name not in known:
            raise no_such_job(name, known)
    faulty = (one for name, one in want.jobs.items() if name in names and isinstance(one, Faulty))
    needed = {name for name, one in want.jobs.items() if is_own(name) and isinstance(one, Wanted)}
    jobs = {name: one for name, one in want.jobs.items() if name in {*names, *needed}}
    absent = {name: one for name, one in want.absent.items() if name in names}
    untouched = {name: one for name, one in want.untouched.items() if name in names}
    faults = dict.fromkeys(fault for one in faulty for fault in one.faults)
    renamed = {name: former for name, former in want.renamed.items() if name in names}
    return replace(want, jobs=jobs, faults=tuple(faults), absent=absent, renamed=renamed, untouched=untouched)


def remembered(origin: Origin) -> Ledger:
    """The ledger; one that speaks of other places is a lost one, for nothing there is ours to touch."""
    known = ledgers.read(origin.paths.ledger)
    return known if known is not None and ledgers.is_of_here(known, origin.paths) else Ledger(render_format=0)


def plan(origin: Origin, orders: Orders, names: Collection[str] = ()) -> Planned:
    """What a sync would do now. Reads only.

    `JobsyncError`: repository or machine cannot be read, or a newer jobsync was here. `UsageError`: no such job.
    """
    with origin.repository.kept_open() as repository:
        return _plan(replace(origin, repository=repository), orders, names)


def _plan(origin: Origin, orders: Orders, names: Collection[str]) -> Planned:
    known = remembered(origin)
    head = head_state(origin)
    if origin.seen and head.commit != origin.seen:
        raise HeadMoved("HEAD has moved meanwhile", hint="run `jobsync sync` again")
    answer = None
    if orders.caller is Caller.HAND:
        from jobsync.reconcile.from_work_tree import by_hand  # hooks do without it: 1 ms

        want = by_hand(origin, known, head)
    else:
        heard = _heard(origin)
        answer = observe.ask(known, origin.paths, origin.scheduler, heard.said if heard else None)
        want = in_hook(origin, known, head, answer, heard.pack if heard else "")
    whole = not names
    search = whole and orders.caller is Caller.HAND
    observed = observe.observe(want, known, origin.paths, origin.scheduler, whole=search, answer=answer)
    if not whole:
        # Whoever names a job means it.
        orders = replace(orders, allow_removals=True)
        want = _only(want, names, {*_known_names(want, observed), *known.absent})
    made = make_plan(want, observed, known, origin.scheduler, orders)
    return Planned(made, want, observed, known, head, whole, orders.caller)


def shown(results: Iterable[Result]) -> tuple[Result, ...]:
    """As people see them: in order of name; of jobsync's own jobs only those in trouble, for nobody asked for them."""
    return tuple(
        sorted((one for one in results if not is_own(one.name) or one.outcome in BAD), key=lambda one: one.name)
    )


def dry_run(planned: Planned) -> Report:
    """The plan as a report: what a sync would do."""
    results = shown(Result(one.name, one.label, one.outcome, one.cause, one.pid) for one in planned.plan.changes)
    made = planned.plan
    return Report(results, made.faults, made.brake, made.notices, dry_run=True, would_change=made.would_change)
