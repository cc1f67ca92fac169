"""Random sequences of edits, pulls, syncs, hand edits, logins, kills and faults against a model of what must hold.

Two repositories on one machine, both callers. Whatever happened before: one fault-free sync by hand converges, the one
after it does nothing at all, nothing foreign was touched and no hand edit was lost. `TRUST_SEQUENCES=N` plays N
sequences (`make trust`); without it a short form runs.
"""

import json
import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from jobsync.errors import JobsyncError
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Outcome, Report
from jobsync.reconcile.sync import sync

from ..forks import run
from ..laptop import Laptop
from .machines import Pair, two_repositories
from .spoiler import spoilt

SEQUENCES = int(os.environ.get("TRUST_SEQUENCES", "4"))
SHARDS = 32 if SEQUENCES >= 320 else 1
"""Short ones, so that no processor is left with one at the end."""
STEPS = 12
COUNTS: Counter[str] = Counter()

which = st.sampled_from((0, 1))
jobs = st.sampled_from(("ant", "bee", "cat"))
kinds = st.sampled_from(("slot", "login", "daemon", "manual"))
times = st.sampled_from(("06:00", "07:00", "08:00"))


Operation = TypeVar("Operation", bound=Callable[..., None])
ALPHABET: list[st.SearchStrategy[tuple[str, dict[str, object]]]] = []


def happens(**arguments: st.SearchStrategy[object]) -> Callable[[Operation], Operation]:
    """One letter of the alphabet. As rules of their own, hypothesis would use some of them hardly ever."""

    def register(operation: Operation) -> Operation:
        ALPHABET.append(st.tuples(st.just(operation.__name__), st.fixed_dictionaries(arguments)))
        return operation

    return register


def definition(kind: str, time: str, *, enabled: bool = True) -> str:
    """A definition of this kind; `time` makes two of a kind differ."""
    head = f'description = "{kind} {time}"\nrun = "{"sleep 600" if kind == "daemon" else f"echo {time}"}"\n'
    head += "" if enabled else "enabled = false\n"
    body = {
        "slot": f'[schedule]\nat = "{time}"\n',
        "login": "[schedule]\nat_login = true\n",
        "daemon": f'[daemon]\nrestart = "always"\n[env]\nT = "{time}"\n',
        "manual": "",
    }
    return head + body[kind]


class Machine(RuleBasedStateMachine):
    """One laptop; every rule is something that happens to people."""

    pair: ClassVar[Pair]

    def __init__(self) -> None:
        super().__init__()
        self.pair.begin_anew()
        self.foreign = self.pair.foreign.read_bytes()
        self.disabled: set[tuple[str, str]] = set()
        self.edited: dict[Path, bytes] = {}
        """What a hand wrote over a plist, until a copy of it was seen or a hand took it away."""
        self.dirty = [False, False]
        self.logged_in = True
        COUNTS["sequences"] += 1

    def teardown(self) -> None:
        """Each sequence ends in a check of everything; then the user's switches are as at the start."""
        self.settle()
        for prefix, name in self.disabled:
            self.pair.first.launchctl("enable", f"gui/{os.getuid()}/{prefix}.{name}")

    def wanted(self, place: Laptop) -> set[str]:
        """What the work tree defines for this machine, read with a plain eye."""
        found = place.work.glob("jobs/*/job.toml")
        return {path.parent.name for path in found if "enabled = false" not in path.read_text()}

    def try_sync(self, place: Laptop, *names: str) -> Report | None:
        try:
            return sync(self.pair.registration(place), Orders(allow_removals=True), names)
        except JobsyncError:
            return None

    # -- what people do at the other machine, and pull

    def _push(self, place: Laptop, name: str, text: str) -> None:
        place.job(name, text, at=place.editor)
        place.git("add", "-A", at=place.editor)
        place.git("commit", "-qm", f"edit {name}", "--allow-empty", at=place.editor)
        place.git("push", "-qf", at=place.editor)

    @happens(at=which, name=jobs, kind=kinds, time=times)
    def edit_upstream(self, at: int, name: str, kind: str, time: str) -> None:
        COUNTS["edit upstream"] += 1
        self._push(self.pair.places[at], name, definition(kind, time))

    @happens(at=which, name=jobs)
    def delete_upstream(self, at: int, name: str) -> None:
        COUNTS["delete upstream"] += 1
        place = self.pair.places[at]
        if (place.editor / "jobs" / name).exists():
            place.drop(f"jobs/{name}", at=place.editor)
            place.push(f"delete {name}")

    @happens(at=which, name=jobs)
    def disable_upstream(self, at: int, name: str) -> None:
        COUNTS["disable upstream"] += 1
        self._push(self.pair.places[at], name, definition("slot", "09:00", enabled=False))

    @happens(at=which)
    def pull(self, at: int) -> None:
        COUNTS["pull"] += 1
        COUNTS["pull into a dirty tree"] += self.dirty[at]
        place = self.pair.places[at]
        place.git("pull", "-q", "--rebase", "--autostash", status=None)
        if place.git("ls-files", "-u").out:
            place.git("checkout", "-q", "--theirs", ".", status=None)
            place.git("rebase", "--abort", status=None)
            place.git("reset", "-q", "--hard", "origin/main")
            self.dirty[at] = False

    @happens(at=which, name=jobs, kind=kinds, time=times)
    def pull_into_a_dirty_tree(self, at: int, name: str, kind: str, time: str) -> None:
        self.edit_upstream(at, "ant", kind, time)
        self.edit_here(at, name, kind, time)
        self.pull(at)

    # -- what they do here

    @happens(at=which, name=jobs, kind=kinds, time=times)
    def edit_here(self, at: int, name: str, kind: str, time: str) -> None:
        COUNTS["edit here"] += 1
        self.pair.places[at].job(name, definition(kind, time))
        self.dirty[at] = True

    @happens(at=which, name=jobs)
    def delete_here(self, at: int, name: str) -> None:
        COUNTS["delete here"] += 1
        if (self.pair.places[at].work / "jobs" / name).exists():
            self.pair.places[at].drop(f"jobs/{name}")
            self.dirty[at] = True

    @happens(at=which)
    def restore(self, at: int) -> None:
        COUNTS["restore"] += 1
        self.pair.places[at].git("restore", "--staged", "--worktree", ".")
        self.dirty[at] = False

    @happens(at=which)
    def commit_here(self, at: int) -> None:
        COUNTS["commit here"] += 1
        self.pair.places[at].git("add", "-A")
        self.pair.places[at].git("commit", "-qm", "here", status=None)
        self.dirty[at] = False

    @happens(at=which)
    def reset_hard(self, at: int) -> None:
        COUNTS["reset hard"] += 1
        self.pair.places[at].git("fetch", "-q")
        self.pair.places[at].git("reset", "-q", "--hard", "origin/main")
        self.dirty[at] = False

    @happens(at=which)
    def sync_by_hand(self, at: int) -> None:
        COUNTS["sync by hand"] += 1
        self.try_sync(self.pair.places[at])

    @happens(at=which, name=jobs)
    def sync_one(self, at: int, name: str) -> None:
        COUNTS["sync of one job"] += 1
        self.try_sync(self.pair.places[at], name)

    @happens(at=which)
    def wake_the_hook(self, at: int) -> None:
        COUNTS["hook"] += 1
        self.pair.places[at].run("jobsync-hook", "post-merge", "0")

    # -- what happens behind our back

    def _installed(self, at: int, name: str) -> str:
        """This job, or else one that is installed, if need be by a sync now: a hand must find something to spoil."""
        place = self.pair.places[at]
        if not place.installed() - {"theirs"}:
            self.try_sync(place)
        found = sorted(place.installed() - {"theirs"})
        return name if name in found or not found else found[0]

    def _scribble(self, path: Path, old: bytes, new: bytes) -> int:
        """Write over a plist as a hand does; 1 if there was something to write over."""
        self._look_for_the_copy(path)
        content = path.read_bytes() if path.is_file() else b""
        if old not in content:
            return 0
        self.edited[path] = content.replace(old, new, 1)
        path.write_bytes(self.edited[path])
        return 1

    def _look_for_the_copy(self, path: Path) -> None:
        """An edit is where it was made, or it was kept."""
        content = self.edited.pop(path, None)
        if content is not None and not (path.is_file() and path.read_bytes() == content):
            copies = (self.pair.first.home / ".local/state/jobsync").glob(f"*/kept/*{path.name}")
            assert content in [copy.read_bytes() for copy in copies], f"an edit of {path} was lost"

    @happens(at=which, name=jobs)
    def edit_plist(self, at: int, name: str) -> None:
        added = b"\t<key>Nice</key>\n\t<integer>7</integer>\n</dict>\n</plist>"
        path = self.pair.places[at].plist_path(self._installed(at, name))
        COUNTS["edit a plist"] += self._scribble(path, b"</dict>\n</plist>", added)

    @happens(at=which, name=jobs)
    def break_plist(self, at: int, name: str) -> None:
        path = self.pair.places[at].plist_path(self._installed(at, name))
        COUNTS["break a plist's XML"] += self._scribble(path, b"<!--", b"<--")

    @happens(at=which, name=jobs)
    def delete_plist(self, at: int, name: str) -> None:
        path = self.pair.places[at].plist_path(self._installed(at, name))
        COUNTS["delete a plist"] += path.is_file()
        self._look_for_the_copy(path)
        path.unlink(missing_ok=True)

    @happens(at=which, name=jobs)
    def spoil_launcher(self, at: int, name: str) -> None:
        found = self._installed(at, name)
        path = self.pair.registration(self.pair.places[at]).paths.launcher(found)
        if path.is_file():
            COUNTS["spoil a launcher"] += 1
            path.write_bytes(b"#!/bin/sh\n")
            path.chmod(0o777 if at else 0o600)

    @happens(at=which, name=jobs)
    def boot_out(self, at: int, name: str) -> None:
        place, installed = self.pair.places[at], self._installed(at, name)
        if self.logged_in and installed in place.loaded():
            COUNTS["boot out"] += 1
            place.simulator.clear_faults()
            place.bootout(installed)

    @happens(at=which, name=jobs)
    def disable(self, at: int, name: str) -> None:
        place = self.pair.places[at]
        if self.logged_in:
            COUNTS["disable"] += 1
            place.launchctl("disable", place.target(name))
            self.disabled.add((place.prefix, name))

    @happens(at=which, name=jobs)
    def enable(self, at: int, name: str) -> None:
        place = self.pair.places[at]
        if self.logged_in:
            COUNTS["enable"] += 1
            place.launchctl("enable", place.target(name))
            self.disabled.discard((place.prefix, name))

    @happens()
    def log_out(self) -> None:
        if self.logged_in:
            COUNTS["log out"] += 1
            self.pair.first.simulator.logout()
            self.logged_in = False

    @happens()
    def log_in(self) -> None:
        if not self.logged_in:
            COUNTS["log in"] += 1
            self.pair.first.simulator.login()
            self.logged_in = True

    @happens(at=which)
    def lose_the_ledger(self, at: int) -> None:
        COUNTS["lose a ledger"] += 1
        self.pair.registration(self.pair.places[at]).paths.ledger.unlink(missing_ok=True)

    @happens()
    def truncate_the_ledgers(self) -> None:
        COUNTS["truncate the ledgers"] += 1
        for path in self.pair.ledgers():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    @happens(
        verb=st.sampled_from(("bootstrap", "bootout", "print")),
        code=st.sampled_from((5, 37, 125)),
        times=st.integers(1, 3),
    )
    def spoil(self, verb: str, code: int, times: int) -> None:
        COUNTS["fault of launchd"] += 1
        self.pair.first.simulator.fault(verb, code=code, times=times)

    @happens(at=which, mode=st.sampled_from(("once", "ever")), number=st.integers(0, 40),
          error=st.sampled_from(("ENOSPC", "EACCES", "EROFS", "EIO")))  # fmt: skip
    def spoil_the_disk(self, at: int, mode: str, number: int, error: str) -> None:
        COUNTS["fault of the disk"] += 1
        place = self.pair.places[at]
        env = {**place.environment, "JOBSYNC_SPOILER": str(place.root / "spoiled")}
        ended = run(spoilt, mode, str(number), error, "sync", "--allow-removals", at=place.work, env=env)
        assert "Traceback" not in ended.text, ended
        assert ended.status in (0, 1), ended

    @happens(at=which, after=st.floats(0.0, 0.6))
    def kill_a_sync(self, at: int, after: float) -> None:
        COUNTS["kill"] += 1
        place = self.pair.places[at]
        process = subprocess.Popen(
            ("jobsync", "sync", "--allow-removals"), cwd=place.work, env=place.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with suppress(subprocess.TimeoutExpired):
            process.wait(after)
        process.send_signal(signal.SIGKILL)
        process.wait()

    # -- what must hold

    @rule(what=st.deferred(lambda: st.one_of(ALPHABET)))
    def step(self, what: tuple[str, dict[str, object]]) -> None:
        operation, arguments = what
        getattr(self, operation)(**arguments)

    @invariant()
    def nothing_foreign_is_touched(self) -> None:
        assert self.pair.foreign.read_bytes() == self.foreign

    @happens()
    def settle(self) -> None:
        """One fault-free sync of each repository converges; the next ones do nothing."""
        COUNTS["settle"] += 1
        self.pair.first.simulator.clear_faults()
        self.log_in()
        for place in self.pair.places:
            self._assert_converges(place)
        self._assert_silent()
        for path in tuple(self.edited):
            self._look_for_the_copy(path)

    def _synced(self, place: Laptop) -> Report | None:
        """A sync; what it had to leave because of a run, the waiter that it left finishes when that has ended."""
        done = self.try_sync(place)
        waits = self.pair.first.home.glob(".local/state/jobsync/*/deferred")
        if any(waits):
            place.wait_for(lambda: not any(self.pair.first.home.glob(".local/state/jobsync/*/deferred")), seconds=60)
            # A waiter finishes by name; only a sync of all leaves what the next one is answered by.
            self.try_sync(place)
        return done

    def _assert_converges(self, place: Laptop) -> None:
        done = self._synced(place)
        assert done is not None
        assert not done.has_failures, done
        wanted = self.wanted(place)
        off = {name for prefix, name in self.disabled if prefix == place.prefix}
        loaded = place.loaded()
        theirs = {"theirs"} if place is self.pair.first else set()
        assert loaded & theirs == theirs
        assert place.installed() - theirs == wanted, done
        assert loaded - theirs - off == wanted - off, done

    def _assert_silent(self) -> None:
        first = self.pair.first
        first.simulator.settle()
        first.simulator.clear_calls()
        before = self.pair.files()
        for place in self.pair.places:
            again = self.try_sync(place)
            assert again is not None
            quiet = (Outcome.UNCHANGED, Outcome.PAUSED)
            assert all(result.outcome in quiet for result in again.results), again
        assert first.mutations() == []
        changed = {path for path, state in self.pair.files().items() if before.get(path) != state}
        # A daemon that was loaded a moment ago may begin only now: what its launcher writes is none of a sync's.
        assert {path for path in changed if "/runs/" not in path and "/logs/" not in path} == set()
        assert not list(first.home.rglob("*.jobsync-tmp"))


def play(machine: type[Machine], sequences: int, shard: int) -> None:
    """Play that many sequences; `shard` makes them others than those of the other shards."""
    options = settings(
        max_examples=sequences,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if "TRUST_SHRINK" in os.environ else [Phase.generate],
        print_blob=False,
    )
    run_state_machine_as_test(seed(shard)(machine), settings=options)


def _write_figures() -> None:
    """One line for `figures.py`, which adds up what several processes did."""
    if target := os.environ.get("TRUST_FIGURES"):
        with Path(target).open("a", encoding="utf-8") as file:
            file.write(json.dumps(COUNTS) + "\n")


@pytest.mark.slow
@pytest.mark.parametrize("shard", range(SHARDS))
def test_any_sequence_converges_and_then_is_silent(shard: int) -> None:
    COUNTS.clear()
    with two_repositories() as pair:
        Machine.pair = pair
        play(Machine, -(-SEQUENCES // SHARDS), shard)
    print(f"operations of shard {shard}: {dict(sorted(COUNTS.items()))}")
    _write_figures()
