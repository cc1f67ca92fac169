"""Plans as tables: states in, text out. Every outcome, and every rule that decides between them."""

from dataclasses import dataclass, field

import pytest

from jobsync.errors import Fault
from jobsync.reconcile.index import digest
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import (
    Caller,
    Desired,
    Faulty,
    FileState,
    Observed,
    Outcome,
    Record,
    Remove,
    Source,
    Unwanted,
    Wanted,
)
from jobsync.schedulers.protocol import Identity, Loaded, NoSession, Survey, Unknown
from jobsync.values import replace

from .states import (
    DAEMON,
    EMPTY,
    LABEL,
    LAUNCHD,
    LAUNCHER,
    NINE,
    OTHER_LINE,
    PLIST,
    STORED,
    TEN,
    claims,
    files,
    job,
    loaded,
    plan_for,
    plist_of,
    record,
    see,
    text,
    wanted,
)

HOOK = Orders(caller=Caller.HOOK)
NOW = Orders(now=True)
RELEASED = Orders(allow_removals=True)
EDITED = plist_of(NINE).replace(b"<integer>9</integer>", b"<integer>8</integer>")
BROKEN = plist_of(NINE).replace(b"<!--", b"<--")
REPHRASED = plist_of(NINE).replace(b"Written by jobsync", b"Written by me")
FOREIGN = plist_of(NINE).replace(b"0f1e2d3c4b5a6978", b"ffffffffffffffff")
LINK = FileState(problem="is a symbolic link", target=b"elsewhere")
DIRECTORY = FileState(problem="is a directory")
GONE = Unwanted("no longer defined")
PAUSE = Unwanted("paused by you", Outcome.PAUSED)
OUT = "unload ada.one within 15 s unless it runs"
REPLACE_PLIST = f"\n  {OUT}\n  write plist\n  load ada.one"
daemon = wanted(DAEMON, is_daemon=True, launch_digest="l1")
daemon_record = record(DAEMON, is_daemon=True, launch_digest="l1")
OLD_LABEL = replace(
    record(),
    label="old.one",
    artefacts=(record().artefacts[0], replace(record().artefacts[1], path=PLIST.replace("ada.", "old."))),
)
OLD_PLIST = {OLD_LABEL.artefacts[1].path: FileState(b"old", 0o644)}


@dataclass(frozen=True)
class Case:
    """One row."""

    name: str
    desired: Desired
    known: Record | None
    seen: Observed
    plan: str
    orders: Orders = field(default_factory=Orders)


CASES = (
    # -- nothing to do
    Case("all is as it should be", wanted(), record(), see(loaded(), files()), "unchanged one"),
    Case("a running one changes nothing", wanted(), record(), see(loaded(pid=7), files()), "unchanged one"),
    Case(
        "without a ledger, all there and loaded as claimed",
        wanted(),
        None,
        see(loaded(), files(), identities=claims(NINE)),
        "unchanged one",
    ),
    Case(
        "without a digest in the ledger, loaded as claimed",
        wanted(),
        record(load_digest=""),
        see(loaded(), files(), identities=claims(NINE)),
        "unchanged one",
    ),
    # -- installed
    Case(
        "new",
        wanted(),
        None,
        see(EMPTY),
        "installed one (changed: jobs/one/job.toml)\n  write launcher\n  write plist\n  load ada.one",
    ),
    Case(
        "new, and starts at login",
        wanted(at_login=True),
        None,
        see(EMPTY),
        "installed one (changed: jobs/one/job.toml)\n  write launcher\n  write plist\n  load ada.one with a token",
    ),
    Case(
        "written by a killed sync, not loaded",
        wanted(),
        None,
        see(EMPTY, files()),
        "installed one (changed: jobs/one/job.toml)\n  load ada.one",
    ),
    Case(
        "half written by a killed sync",
        wanted(),
        None,
        see(EMPTY, files(plist=None)),
        "installed one (changed: jobs/one/job.toml)\n  write plist\n  load ada.one",
    ),
    # -- updated
    Case(
        "another time",
        wanted(TEN),
        record(),
        see(loaded(), files()),
        "updated one (changed: jobs/one/job.toml)" + REPLACE_PLIST,
    ),
    Case(
        "another command only: the launcher, no reload",
        wanted(OTHER_LINE),
        record(),
        see(loaded(), files()),
        "updated one (changed: jobs/one/job.toml)\n  write launcher",
    ),
    Case(
        "a running one's launcher is replaced under it",
        wanted(OTHER_LINE),
        record(),
        see(loaded(pid=7), files()),
        "updated one (changed: jobs/one/job.toml)\n  write launcher",
    ),
    Case(
        "another time, and written by a killed sync already",
        wanted(TEN),
        record(),
        see(loaded(), files(TEN)),
        f"reloaded one (another definition was loaded)\n  {OUT}\n  load ada.one",
    ),
    Case(
        "another time, killed after the old one was out",
        wanted(TEN),
        record(),
        see(EMPTY, files()),
        "updated one (changed: jobs/one/job.toml)\n  write plist\n  load ada.one",
    ),
    Case(
        "lost ledger, another definition loaded",
        wanted(TEN),
        None,
        see(loaded(), files(), identities=claims(NINE)),
        "updated one (changed: jobs/one/job.toml)" + REPLACE_PLIST,
    ),
    Case(
        "a job's own time to end counts",
        wanted(TEN),
        record(),
        see(loaded(), files(plist=plist_of(LAUNCHD.render(job(launchd={"ExitTimeOut": 60}))))),
        "updated one (changed: jobs/one/job.toml)\n  unload ada.one within 70 s unless it runs\n"
        "  keep and write plist\n  load ada.one",
    ),
    # -- reloaded
    Case("not loaded", wanted(), record(), see(EMPTY, files()), "reloaded one (was not loaded)\n  load ada.one"),
    Case(
        "not loaded, and starts at login",
        wanted(at_login=True),
        record(),
        see(EMPTY, files()),
        "reloaded one (was not loaded)\n  load ada.one with a token",
    ),
    Case(
        "another one is loaded than the file says",
        wanted(),
        record(load_digest=""),
        see(loaded(), files(), identities=claims(TEN)),
        f"reloaded one (another definition was loaded)\n  {OUT}\n  load ada.one",
    ),
    # -- repaired
    Case(
        "launcher gone",
        wanted(),
        record(),
        see(loaded(), files(launcher=None)),
        f"repaired one (was missing: {LAUNCHER})\n  write launcher",
    ),
    Case(
        "plist gone, still loaded",
        wanted(),
        record(),
        see(loaded(), files(plist=None)),
        f"repaired one (was missing: {PLIST})\n  write plist",
    ),
    Case(
        "plist gone, not loaded",
        wanted(),
        record(),
        see(EMPTY, files(plist=None)),
        f"repaired one (was missing: {PLIST})\n  write plist\n  load ada.one",
    ),
    Case(
        "launcher edited",
        wanted(),
        record(),
        see(loaded(), files(launcher=b"rm -rf /")),
        f"repaired one (edited by hand: {LAUNCHER})\n  keep and write launcher",
    ),
    Case(
        "plist edited to mean something else: what is loaded is unknown",
        wanted(),
        record(),
        see(loaded(), files(plist=EDITED)),
        f"repaired one (edited by hand: {PLIST})\n  {OUT}\n  keep and write plist\n  load ada.one",
    ),
    Case(
        "plist edited to junk",
        wanted(),
        record(),
        see(loaded(), files(plist=b"junk")),
        f"repaired one (edited by hand: {PLIST})\n  {OUT}\n  keep and write plist\n  load ada.one",
    ),
    Case(
        "plist edited in its comment only: rewritten, not reloaded",
        wanted(),
        record(),
        see(loaded(), files(plist=REPHRASED)),
        f"repaired one (edited by hand: {PLIST})\n  keep and write plist",
    ),
    Case(
        "mode changed: no copy",
        wanted(),
        record(),
        see(loaded(), files(launcher=FileState(NINE.artefacts[0].content, 0o755))),
        "repaired one (mode or kind of the file was changed)\n  write launcher",
    ),
    Case(
        "a link in the place of our plist",
        wanted(),
        record(),
        see(loaded(), files(plist=LINK)),
        "repaired one (mode or kind of the file was changed)\n  write plist",
    ),
    Case(
        "a directory in the place of our launcher",
        wanted(),
        record(),
        see(loaded(), files(launcher=DIRECTORY)),
        f"conflict one ({LAUNCHER} is a directory; move it away)",
    ),
    Case(
        "lost ledger, edited, and the edit claims our digest: a login may have loaded it",
        wanted(),
        None,
        see(loaded(), files(plist=EDITED), identities=claims(NINE)),
        f"updated one (changed: jobs/one/job.toml)\n  {OUT}\n  keep and write plist\n  load ada.one",
    ),
    Case(
        "lost ledger, and an edit that broke the XML: it is ours all the same",
        wanted(),
        None,
        see(loaded(), files(plist=BROKEN), identities=claims(NINE)),
        f"updated one (changed: jobs/one/job.toml)\n  {OUT}\n  keep and write plist\n  load ada.one",
    ),
    Case(
        "lost ledger, and what is installed is what was written for a definition of before: no copy",
        wanted(TEN),
        None,
        see(loaded(), files(), identities=claims(NINE)),
        f"updated one (changed: jobs/one/job.toml)\n  {OUT}\n  write plist\n  load ada.one",
    ),
    # -- restarted
    Case(
        "a daemon whose inputs changed",
        replace(daemon, launch_digest="l2"),
        daemon_record,
        see(loaded(pid=7), files(DAEMON)),
        "restarted one (changed: jobs/one/job.toml)\n  restart ada.one",
    ),
    Case(
        "a daemon whose inputs changed, without a word why",
        replace(daemon, launch_digest="l2", cause=""),
        daemon_record,
        see(loaded(), files(DAEMON)),
        "restarted one (its inputs changed)\n  restart ada.one",
    ),
    Case("a daemon with the same inputs", daemon, daemon_record, see(loaded(pid=7), files(DAEMON)), "unchanged one"),
    Case(
        "a daemon that is loaded anew needs no restart",
        replace(daemon, launch_digest="l2"),
        daemon_record,
        see(EMPTY, files(DAEMON)),
        "reloaded one (was not loaded)\n  load ada.one",
    ),
    Case(
        "a daemon known without inputs is not restarted",
        daemon,
        replace(daemon_record, launch_digest=""),
        see(loaded(pid=7), files(DAEMON)),
        "unchanged one",
    ),
    Case(
        "a running daemon is replaced",
        replace(daemon, rendering=NINE),
        daemon_record,
        see(loaded(pid=7), files(DAEMON)),
        "updated one (changed: jobs/one/job.toml)\n  unload ada.one within 15 s\n"
        "  write launcher\n  write plist\n  load ada.one",
    ),
    # -- deferred
    Case(
        "running: a change waits",
        wanted(TEN),
        record(),
        see(loaded(pid=7), files()),
        "deferred one (running (pid 7); finished when it ends)",
    ),
    Case(
        "running: a repair waits",
        wanted(),
        record(),
        see(loaded(pid=7), files(plist=EDITED)),
        "deferred one (running (pid 7); finished when it ends)",
    ),
    Case(
        "running: --now stops it",
        wanted(TEN),
        record(),
        see(loaded(pid=7), files()),
        "updated one (changed: jobs/one/job.toml)\n  unload ada.one within 15 s\n  write plist\n  load ada.one",
        NOW,
    ),
    Case(
        "our own ancestor",
        wanted(TEN),
        record(),
        see(loaded(pid=7), files(), ancestors=frozenset({7})),
        "deferred one (this sync runs inside it (pid 7); finished when that has ended)",
    ),
    Case(
        "our own ancestor, also with --now",
        wanted(TEN),
        record(),
        see(loaded(pid=7), files(), ancestors=frozenset({7})),
        "deferred one (this sync runs inside it (pid 7); finished when that has ended)",
        NOW,
    ),
    Case(
        "a daemon that becomes a job with times is replaced, for it would never end",
        wanted(NINE),
        daemon_record,
        see(loaded(pid=7), files(DAEMON)),
        "updated one (changed: jobs/one/job.toml)\n  unload ada.one within 15 s\n"
        "  write launcher\n  write plist\n  load ada.one",
    ),
    Case(
        "the same without a record: the installed definition says that it is a daemon",
        wanted(NINE),
        None,
        see(loaded(pid=7), files(DAEMON), stored=STORED, identities=claims(DAEMON)),
        "updated one (changed: jobs/one/job.toml)\n  unload ada.one within 15 s\n"
        "  write launcher\n  write plist\n  load ada.one",
    ),
    Case(
        "a job that runs and becomes a daemon is not stopped",
        daemon,
        record(),
        see(loaded(pid=7), files()),
        "deferred one (running (pid 7); finished when it ends)",
    ),
    Case(
        "the same without a record",
        daemon,
        None,
        see(loaded(pid=7), files(), stored=STORED, identities=claims(NINE)),
        "deferred one (running (pid 7); finished when it ends)",
    ),
    Case(
        "a daemon that is our ancestor is not restarted",
        replace(daemon, launch_digest="l2"),
        daemon_record,
        see(loaded(pid=7), files(DAEMON), ancestors=frozenset({7}), errand=9),
        "deferred one (this sync runs inside it (pid 7); finished when this command has ended (pid 9))",
    ),
    Case(
        "our ancestor, but nothing about it changes",
        wanted(),
        record(),
        see(loaded(pid=7), files(), ancestors=frozenset({7})),
        "unchanged one",
    ),
    Case(
        "no session: files yes, loading later",
        wanted(),
        None,
        see(NoSession("no GUI session")),
        "deferred one (no GUI session)\n  write launcher\n  write plist",
    ),
    Case(
        "no session, all written",
        wanted(),
        record(),
        see(NoSession("no GUI session"), files()),
        "deferred one (no GUI session)",
    ),
    # -- paused
    Case(
        "paused by the user, all in place",
        wanted(paused="paused by you"),
        record(),
        see(loaded(), files()),
        "paused one (paused by you)",
    ),
    Case(
        "paused by the user does not keep a change out",
        wanted(TEN, paused="paused by you"),
        record(),
        see(loaded(), files()),
        "updated one (changed: jobs/one/job.toml)" + REPLACE_PLIST,
    ),
    Case(
        "disabled in launchd: files yes, loading never",
        wanted(),
        None,
        see(Survey({}, {LABEL: f"launchctl enable gui/501/{LABEL}"})),
        "paused one (disabled by you; `launchctl enable gui/501/ada.one` ends that)\n  write launcher\n  write plist",
    ),
    Case(
        "disabled in launchd and still loaded, unchanged",
        wanted(),
        record(),
        see(loaded(disabled=[LABEL]), files()),
        "unchanged one",
    ),
    Case(
        "disabled in launchd and loaded with nobody knows what: its word is not believed once its file is mended",
        wanted(),
        record(load_digest=""),
        see(loaded(disabled=[LABEL]), files(), identities=claims(NINE)),
        "paused one (disabled by you; `launchctl enable gui/501/ada.one` ends that)",
    ),
    Case(
        "disabled in launchd and still loaded, changed: left as it is until it is enabled",
        wanted(TEN),
        record(),
        see(loaded(disabled=[LABEL]), files()),
        "paused one (disabled by you; `launchctl enable gui/501/ada.one` ends that)\n  write plist",
    ),
    Case(
        "a paused daemon is taken away",
        Unwanted("paused by you", Outcome.PAUSED),
        daemon_record,
        see(loaded(pid=7), files(DAEMON)),
        "paused one (paused by you; stopped (pid 7))\n  unload ada.one within 15 s\n  remove launcher\n  remove plist",
    ),
    Case(
        "a paused daemon that is away already",
        Unwanted("paused by you", Outcome.PAUSED),
        None,
        see(EMPTY),
        "paused one (paused by you)",
    ),
    # -- conflict
    Case(
        "a stranger's file in our place",
        wanted(),
        None,
        see(EMPTY, {PLIST: FileState(b"theirs", 0o644)}),
        f"conflict one ({PLIST} is not jobsync's; move it away, or rename the job)",
    ),
    Case(
        "another repository's file in our place",
        wanted(),
        None,
        see(EMPTY, files(plist=FOREIGN)),
        f"conflict one ({PLIST} is of another registration of jobsync (ffffffffffffffff); uninstall that one, or move "
        "the file away if it is gone)",
    ),
    Case(
        "a link in our place that we never wrote",
        wanted(),
        None,
        see(EMPTY, {PLIST: LINK}),
        f"conflict one ({PLIST} is not jobsync's; move it away, or rename the job)",
    ),
    Case(
        "a directory in our place that we never made",
        wanted(),
        None,
        see(EMPTY, {PLIST: DIRECTORY}),
        f"conflict one ({PLIST} is not jobsync's; move it away, or rename the job)",
    ),
    Case(
        "a stranger's job under our label",
        wanted(),
        None,
        see(loaded(), identities=claims(NINE, owner="")),
        "conflict one (ada.one is loaded, and not by jobsync; take it out of launchd, or rename the job)",
    ),
    Case(
        "another repository's job under our label",
        wanted(),
        None,
        see(loaded(), identities=claims(NINE, owner="ffff")),
        "conflict one (ada.one is loaded by another registration of jobsync (ffff); uninstall that one, or take it out "
        "of launchd if it is gone)",
    ),
    Case(
        "a job that launchd does not speak of",
        wanted(TEN),
        record(),
        see(loaded(), files(), identities={LABEL: Identity("", "", problem="`launchctl print` failed")}),
        "failed one (`launchctl print` failed)",
    ),
    Case(
        "a removed job that launchd does not speak of",
        GONE,
        record(),
        see(loaded(), files(), identities={LABEL: Identity("", "", problem="`launchctl print` failed")}),
        "failed one (`launchctl print` failed)",
    ),
    Case(
        "our own file without a ledger is ours by its mark",
        wanted(TEN),
        None,
        see(EMPTY, files()),
        "installed one (changed: jobs/one/job.toml)\n  write plist\n  load ada.one",
    ),
    Case(
        "a file in our own directory is ours by place, and without a record it may be an edit",
        wanted(),
        None,
        see(EMPTY, {LAUNCHER: FileState(b"x", 0o600)}),
        "installed one (changed: jobs/one/job.toml)\n  keep and write launcher\n  write plist\n  load ada.one",
    ),
    Case(
        "without a record the store knows what jobsync wrote",
        wanted(),
        None,
        see(EMPTY, files(OTHER_LINE), stored=STORED),
        "installed one (changed: jobs/one/job.toml)\n  write launcher\n  load ada.one",
    ),
    Case(
        "what a killed sync wrote is no edit, and may have been loaded",
        wanted(),
        record(),
        see(loaded(), files(TEN), stored=STORED),
        f"repaired one (a sync was stopped before it was done)\n  {OUT}\n  write plist\n  load ada.one",
    ),
    Case(
        "somebody else's job under the label of ours, about to be replaced",
        wanted(TEN),
        record(),
        see(loaded(), files(), identities={LABEL: Identity("", "", "/theirs.plist")}),
        "conflict one (ada.one is loaded, and not by jobsync; take it out of launchd, or rename the job)",
    ),
    Case(
        "ours without its mark, loaded from our own place",
        wanted(TEN),
        record(),
        see(loaded(), files(), identities={LABEL: Identity("", "", PLIST)}),
        f"updated one (changed: jobs/one/job.toml)\n  {OUT}\n  write plist\n  load ada.one",
    ),
    Case(
        "no longer wanted, and somebody else's job has its label",
        Unwanted("no longer defined"),
        record(),
        see(loaded(), files(), identities={LABEL: Identity("", "", "/theirs.plist")}),
        "removed one (no longer defined; the ada.one that is loaded is not jobsync's and stays)\n"
        "  remove launcher\n  remove plist",
    ),
    Case(
        "our file without its mark is ours by the ledger",
        wanted(),
        record(),
        see(EMPTY, files(plist=FOREIGN)),
        f"repaired one (edited by hand: {PLIST})\n  keep and write plist\n  load ada.one",
    ),
    # -- failed
    Case(
        "could not ask", wanted(TEN), record(), see(Unknown("launchctl hung"), files()), "failed one (launchctl hung)"
    ),
    Case(
        "could not ask, nothing to do for all we know",
        wanted(),
        record(),
        see(Unknown("launchctl hung"), files()),
        "failed one (launchctl hung)",
    ),
    Case(
        "could not ask about a removal",
        GONE,
        record(),
        see(Unknown("launchctl hung"), files()),
        "failed one (launchctl hung)",
    ),
    Case(
        "a fault keeps what is installed",
        Faulty((Fault("jobs/one/job.toml", "run", "odd"),)),
        record(),
        see(loaded(), files()),
        "failed one (1 fault in its definition; the installed job stays as it is)",
    ),
    Case(
        "faults of what was never installed",
        Faulty((Fault("a", "b", "c"), Fault("a", "d", "e"))),
        None,
        see(EMPTY),
        "failed one (2 faults in its definition)",
    ),
    Case(
        "given up: a hook does not try the same again",
        wanted(TEN),
        record(failed=TEN.load_digest, message="refused"),
        see(EMPTY, files()),
        "failed one (refused (not tried again until something changes))",
        HOOK,
    ),
    Case(
        "given up, the former one is back: a hook does not try again either",
        wanted(TEN),
        record(failed=TEN.load_digest, message="refused"),
        see(loaded(), files()),
        "failed one (refused (not tried again until something changes))",
        HOOK,
    ),
    Case(
        "given up: by hand it is tried",
        wanted(TEN),
        record(failed=TEN.load_digest, message="refused"),
        see(EMPTY, files()),
        "updated one (changed: jobs/one/job.toml)\n  write plist\n  load ada.one",
    ),
    Case(
        "given up, and something changed: a hook tries",
        wanted(TEN),
        record(failed=NINE.load_digest, message="refused"),
        see(EMPTY, files()),
        "updated one (changed: jobs/one/job.toml)\n  write plist\n  load ada.one",
        HOOK,
    ),
    Case(
        "given up, but it is loaded after all",
        wanted(),
        record(failed=NINE.load_digest, load_digest=""),
        see(loaded(), files(), identities=claims(NINE)),
        "unchanged one",
        HOOK,
    ),
    # -- removed
    Case(
        "removed: out, then its files",
        GONE,
        record(),
        see(loaded(), files()),
        "removed one (no longer defined)\n  unload ada.one within 15 s\n  remove launcher\n  remove plist",
    ),
    Case(
        "removed while running: stopped, and said",
        GONE,
        record(),
        see(loaded(pid=7), files()),
        "removed one (no longer defined; stopped (pid 7))\n  unload ada.one within 15 s\n"
        "  remove launcher\n  remove plist",
    ),
    Case(
        "removed, not loaded any more",
        GONE,
        record(),
        see(EMPTY, files()),
        "removed one (no longer defined)\n  remove launcher\n  remove plist",
    ),
    Case(
        "removed, half of it is gone already",
        GONE,
        record(),
        see(EMPTY, files(plist=None)),
        "removed one (no longer defined)\n  remove launcher",
    ),
    Case("removed, nothing is there: only forgotten", GONE, record(), see(EMPTY), "removed one (no longer defined)"),
    Case(
        "removed, an edit is kept",
        GONE,
        record(),
        see(EMPTY, files(plist=EDITED)),
        "removed one (no longer defined)\n  remove launcher\n  keep and remove plist",
    ),
    Case(
        "removed without a session",
        GONE,
        record(),
        see(NoSession("no GUI session"), files()),
        "removed one (no longer defined)\n  remove launcher\n  remove plist",
    ),
    Case(
        "removed from inside: deferred",
        GONE,
        record(),
        see(loaded(pid=7), files(), ancestors=frozenset({7})),
        "deferred one (this sync runs inside it (pid 7); removed when that has ended)",
    ),
    Case(
        "a daemon removed from inside: gone with the command that it runs now",
        GONE,
        daemon_record,
        see(loaded(pid=7), files(DAEMON), ancestors=frozenset({7}), errand=9),
        "deferred one (this sync runs inside it (pid 7); removed when this command has ended (pid 9))",
    ),
    Case("unwanted, and never here", GONE, None, see(EMPTY), ""),
    Case(
        "paused, and a daemon from now on: a run that is under way is not stopped",
        PAUSE,
        record(),
        see(loaded(pid=7), files()),
        "deferred one (running (pid 7); finished when it ends)",
    ),
    Case(
        "the same: --now stops it",
        PAUSE,
        record(),
        see(loaded(pid=7), files()),
        "paused one (paused by you; stopped (pid 7))\n  unload ada.one within 15 s\n  remove launcher\n  remove plist",
        NOW,
    ),
    Case(
        "paused, and a daemon that runs: stopping it is what a pause of it means",
        PAUSE,
        daemon_record,
        see(loaded(pid=7), files(DAEMON)),
        "paused one (paused by you; stopped (pid 7))\n  unload ada.one within 15 s\n  remove launcher\n  remove plist",
    ),
    # -- another prefix
    Case(
        "another prefix: the old label goes first, its edited plist is kept",
        wanted(),
        OLD_LABEL,
        see(loaded(label="old.one"), {**OLD_PLIST, LAUNCHER: files()[LAUNCHER]}),
        "updated one (changed: jobs/one/job.toml)\n  unload old.one within 15 s unless it runs\n"
        "  write plist\n  keep and remove plist\n  load ada.one",
    ),
    Case(
        "another prefix while the old one runs",
        wanted(),
        OLD_LABEL,
        see(loaded(pid=7, label="old.one"), OLD_PLIST),
        "deferred one (running (pid 7); finished when it ends)",
    ),
    Case(
        "another prefix, and switched off by the user under the old one: a move would switch it on",
        wanted(),
        OLD_LABEL,
        see(Survey({}, {"old.one": "launchctl enable gui/501/old.one"}), OLD_PLIST),
        "deferred one (old.one is disabled by you, and ada.one would not be; `jobsync pause one` first)",
    ),
    Case(
        "the same, and paused: so it stays off",
        wanted(paused="paused by you"),
        OLD_LABEL,
        see(Survey({}, {"old.one": "launchctl enable gui/501/old.one"}), {**OLD_PLIST, LAUNCHER: files()[LAUNCHER]}),
        "updated one (changed: jobs/one/job.toml)\n  write plist\n  keep and remove plist\n  load ada.one",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_plan_is(case: Case) -> None:
    assert text(plan_for(case.desired, case.known, case.seen, case.orders)) == case.plan


def test_the_table_has_every_outcome() -> None:
    assert {case.plan.split(" ")[0] for case in CASES if case.plan} == {outcome.value for outcome in Outcome}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_dry_run_says_that_something_would_change_only_where_a_step_would_be_taken(case: Case) -> None:
    plan = plan_for(case.desired, case.known, case.seen, case.orders)
    assert plan.would_change is ("\n  " in case.plan)
    if all(change.is_settled for change in plan.changes):
        assert not plan.would_change


# -- what the ledger will hold


def the_record(desired: Wanted, known: Record | None, seen: Observed) -> Record | None:
    (change,) = plan_for(desired, known, seen).changes
    return change.record


def test_what_was_carried_out_is_remembered_with_what_is_loaded() -> None:
    assert the_record(wanted(), None, see(EMPTY)) == record()
    assert the_record(wanted(TEN), record(), see(loaded(), files())) == record(TEN)


def test_what_is_not_loaded_is_remembered_without_a_digest() -> None:
    for seen in (see(NoSession("x")), see(Survey({}, {LABEL: f"launchctl enable gui/501/{LABEL}"}), files())):
        found = the_record(wanted(), None, seen)
        assert found is not None
        assert found.load_digest == ""


def test_a_deferred_job_keeps_its_record_so_it_stays_affected() -> None:
    assert the_record(wanted(TEN), record(), see(loaded(pid=7), files())) == record()


def test_a_removed_job_is_forgotten() -> None:
    (change,) = plan_for(GONE, record(), see(loaded(), files())).changes
    assert change.record is None


def test_a_job_that_is_only_compared_keeps_what_its_record_says_of_head() -> None:
    old = record(source=Source.WORK_TREE, message="x", failed="y")
    found = the_record(wanted(advances=False, entries={}, source=Source.HEAD), old, see(EMPTY, files()))
    assert found == replace(old, message="", failed="")


def test_a_job_that_is_switched_off_in_the_scheduler_is_not_settled() -> None:
    disabled = Survey({}, {LABEL: f"launchctl enable gui/501/{LABEL}"})
    (switched_off,) = plan_for(wanted(), record(load_digest=""), see(disabled, files())).changes
    assert not switched_off.steps
    assert not switched_off.is_settled
    (paused,) = plan_for(wanted(paused="by you"), record(), see(loaded(), files())).changes
    assert paused.is_settled


# -- several jobs: order, orphans, leftovers, brake


def named(name: str) -> Record:
    return replace(record(LAUNCHD.render(job(name))), name=name)


def test_changes_come_in_order_of_name_whatever_the_order_of_wishes() -> None:
    renderings = {name: wanted(LAUNCHD.render(job(name))) for name in ("b", "c", "a")}
    plan = plan_for(renderings, None, see(EMPTY))
    assert [change.name for change in plan.changes] == ["a", "b", "c"]


def test_an_orphan_is_removed_with_all_that_is_its_own() -> None:
    seen = see(loaded(), files(), stored=STORED, orphans={"one": LABEL}, belongings={"one": (PLIST, LAUNCHER)})
    assert text(plan_for({}, None, seen)) == (
        "removed one (no longer defined)\n  unload ada.one within 15 s\n  remove plist\n  remove launcher"
    )


@pytest.mark.parametrize("content", [EDITED, BROKEN])
def test_an_orphan_that_was_edited_is_copied_before_it_is_removed(content: bytes) -> None:
    found = files(plist=content)
    seen = see(EMPTY, found, stored=STORED, orphans={"one": LABEL}, belongings={"one": (PLIST, LAUNCHER)})
    assert text(plan_for({}, None, seen)) == (
        "removed one (no longer defined)\n  keep and remove plist\n  remove launcher"
    )


def test_an_orphans_launcher_that_the_store_does_not_know_is_copied_too() -> None:
    seen = see(EMPTY, files(launcher=b"mine"), stored=STORED, orphans={"one": LABEL},
               belongings={"one": (PLIST, LAUNCHER)})  # fmt: skip
    assert text(plan_for({}, None, seen)) == (
        "removed one (no longer defined)\n  remove plist\n  keep and remove launcher"
    )


def test_an_orphan_that_is_defined_faultily_stays() -> None:
    seen = see(loaded(), files(), orphans={"one": LABEL}, belongings={"one": (PLIST, LAUNCHER)})
    assert not plan_for({"one": Faulty((Fault("f", "", "odd"),))}, None, seen).would_change


def test_leftovers_are_removed() -> None:
    plan = plan_for({}, None, see(EMPTY, leftovers=("/d/x",)))
    assert plan.leftovers == (Remove("/d/x", keeps=False),)
    unknown = {"/d/x": FileState(b"mine", 0o700)}
    (leftover,) = plan_for({}, None, see(EMPTY, unknown, leftovers=("/d/x",))).leftovers
    assert leftover.keeps
    known = see(EMPTY, unknown, leftovers=("/d/x",), stored=frozenset({digest(b"mine")}))
    assert not plan_for({}, None, known).leftovers[0].keeps
    assert plan.would_change
    assert plan.would_change


@pytest.mark.parametrize(
    ("installed", "going", "brake"),
    [
        (1, 1, ""),
        (2, 1, ""),
        (2, 2, "all 2 jobs are gone at once"),
        (3, 2, ""),
        (3, 3, "all 3 jobs are gone at once"),
        (9, 2, ""),
        (9, 3, "3 of 9 jobs are gone at once"),
        (10, 3, ""),
        (10, 4, "4 of 10 jobs are gone at once"),
        (12, 4, "4 of 12 jobs are gone at once"),
        (5, 3, "3 of 5 jobs are gone at once"),
    ],
)
def test_the_brake(installed: int, going: int, brake: str) -> None:
    names = [f"j{number:02}" for number in range(installed)]
    records = [named(name) for name in names]
    jobs: dict[str, Desired] = {name: wanted(LAUNCHD.render(job(name))) for name in names[going:]}
    jobs |= dict.fromkeys(names[:going], GONE)
    plan = plan_for(jobs, records, see(EMPTY))
    outcomes = [change.outcome for change in plan.changes[:going]]
    assert plan.brake == brake
    assert set(outcomes) == {Outcome.DEFERRED if brake else Outcome.REMOVED}
    assert all(change.steps for change in plan.changes[going:]), "the rest goes on"
    if brake:
        assert all(not change.steps and change.record is not None for change in plan.changes[:going])
        released = plan_for(jobs, records, see(EMPTY), RELEASED)
        assert (released.brake, released.changes[0].outcome) == ("", Outcome.REMOVED)


def test_without_a_jobs_directory_not_even_one_job_is_removed() -> None:
    plan = plan_for(GONE, record(), see(loaded(), files()), jobs_missing=True)
    assert text(plan) == "deferred one (not removed: the jobs directory is missing)"
    assert plan.brake == "the jobs directory is missing"
    assert plan_for(wanted(), record(), see(loaded(), files()), jobs_missing=True).brake == ""


def test_orphans_count_for_the_brake() -> None:
    seen = see(EMPTY, orphans={"a": "ada.a", "b": "ada.b", "c": "ada.c"}, belongings={})
    assert plan_for({}, None, seen).brake == "all 3 jobs are gone at once"


@pytest.mark.parametrize("installed", [2, 3])
def test_the_job_that_the_sync_runs_inside_counts_for_the_brake_and_does_not_go_afterwards_either(
    installed: int,
) -> None:
    names = [f"j{number}" for number in range(installed)]
    services = {f"ada.{name}": Loaded(None, 0) for name in names} | {"ada.j0": Loaded(7, None)}
    inside = see(Survey(services, {}), ancestors=frozenset({7}))
    plan = plan_for(dict.fromkeys(names, GONE), [named(name) for name in names], inside)
    assert plan.brake == f"all {installed} jobs are gone at once"
    assert plan.held == tuple(names)
    assert [(change.outcome, change.pid) for change in plan.changes] == [(Outcome.DEFERRED, 0)] * installed
    assert not plan.would_change


@pytest.mark.parametrize(
    ("orders", "pid", "said"),
    [
        (Orders(), None, "removed bob.a (its prefix was taken back before a sync was done)"),
        (Orders(), 7, "deferred bob.a (running (pid 7); finished when it ends)"),
        (Orders(now=True), 7, "removed bob.a (its prefix was taken back before a sync was done; stopped (pid 7))"),
    ],
    ids=["idle", "running", "running, --now"],
)
def test_what_a_killed_move_has_left_is_no_job_that_goes(orders: Orders, pid: int | None, said: str) -> None:
    """However many there are: their jobs are there, under the former label."""
    names = [f"bob.{letter}" for letter in "abcd"]
    places = {name: LAUNCHD.definition_path(name) for name in names}
    seen = see(
        Survey({name: Loaded(pid, None) for name in names}, {}),
        {place: FileState(plist_of(NINE), 0o644) for place in places.values()},
        orphans={name: name for name in names},
        belongings={name: (place,) for name, place in places.items()},
    )
    plan = plan_for({}, None, seen, orders)
    assert not plan.brake
    assert text(plan).splitlines()[0] == said


def test_a_job_whose_files_cannot_be_read_counts_for_the_brake_too() -> None:
    unreadable = see(EMPTY, {named("a").artefacts[0].path: FileState(problem="cannot be read: no")})
    plan = plan_for({"a": GONE, "b": GONE}, [named("a"), named("b")], unreadable)
    assert plan.brake == "all 2 jobs are gone at once"
    assert [change.outcome for change in plan.changes] == [Outcome.FAILED, Outcome.DEFERRED]


def test_pauses_do_not_count_for_the_brake() -> None:
    paused = Unwanted("by you", Outcome.PAUSED)
    plan = plan_for({"a": paused, "b": paused}, [named("a"), named("b")], see(EMPTY))
    assert plan.brake == ""
    assert {change.outcome for change in plan.changes} == {Outcome.PAUSED}


@pytest.mark.parametrize("caller", list(Caller))
def test_the_brake_holds_for_every_caller(caller: Caller) -> None:
    plan = plan_for({"a": GONE, "b": GONE}, [named("a"), named("b")], see(EMPTY), Orders(caller=caller, now=True))
    assert plan.brake
    assert not plan.would_change


def test_faults_and_notices_are_carried_along() -> None:
    fault = Fault("jobs/x/job.toml", "", "odd")
    plan = plan_for({}, None, see(EMPTY), faults=(fault,), notices=("look",))
    assert (plan.faults, plan.notices) == ((fault,), ("look",))
