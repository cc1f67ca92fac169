"""Random sequences of edits, pulls, syncs, hand edits, logins and faults against a small model of what must hold.

Whatever happened before: one fault-free sync by hand converges, and the one after it does nothing at all.
`TRUST_SEQUENCES=N` plays N sequences (`make trust`); without it a short form runs.
"""

import os
import signal
import subprocess
import tempfile
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from jobsync import config
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import Origin, open_origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.state import Outcome, Report
from jobsync.reconcile.sync import sync

from ..laptop import Laptop

NAMES = ("ant", "bee", "cat")
TIMES = ("06:00", "07:00", "08:00")
KINDS = ("slot", "login", "daemon", "manual")
COUNTS: Counter[str] = Counter()
FOREIGN = "test.theirs"

jobs = st.sampled_from(NAMES)
kinds = st.sampled_from(KINDS)
times = st.sampled_from(TIMES)


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

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        root = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="jobsync-trust-", dir="/tmp"))
        self.laptop = self._stack.enter_context(Laptop.start(Path(root), teardown=0.05))
        self.laptop.job("ant", definition("slot", "05:00"), at=self.laptop.editor)
        self.laptop.push("begin with a job")
        self.laptop.init()
        self._foreign_bytes = self._place_a_foreign_job()
        self.disabled: set[str] = set()
        self.logged_in = True

    def teardown(self) -> None:
        self._stack.close()

    def _place_a_foreign_job(self) -> bytes:
        path = self.laptop.agents / f"{FOREIGN}.plist"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            '<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0"><dict><key>Label</key>'
            f"<string>{FOREIGN}</string><key>ProgramArguments</key><array><string>/bin/true</string></array>"
            "</dict></plist>\n"
        )
        self.laptop.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
        return path.read_bytes()

    def origin(self) -> Origin:
        found = config.load(self.laptop.config_file)
        return open_origin(found, found.repos[0], self.laptop.environment)

    def wanted(self) -> set[str]:
        """What the work tree defines for this machine, read with a plain eye."""
        found = self.laptop.work.glob("jobs/*/job.toml")
        return {path.parent.name for path in found if "enabled = false" not in path.read_text()}

    def try_sync(self) -> Report | None:
        try:
            return sync(self.origin(), Orders(allow_removals=True))
        except JobsyncError:
            return None

    # -- what people do at the other machine, and pull

    @rule(name=jobs, kind=kinds, time=times)
    def edit_upstream(self, name: str, kind: str, time: str) -> None:
        COUNTS["edit_upstream"] += 1
        self.laptop.job(name, definition(kind, time), at=self.laptop.editor)
        self.laptop.git("add", "-A", at=self.laptop.editor)
        self.laptop.git("commit", "-qm", f"edit {name}", "--allow-empty", at=self.laptop.editor)
        self.laptop.git("push", "-qf", at=self.laptop.editor)

    @rule(name=jobs)
    def delete_upstream(self, name: str) -> None:
        COUNTS["delete_upstream"] += 1
        if (self.laptop.editor / "jobs" / name).exists():
            self.laptop.drop(f"jobs/{name}", at=self.laptop.editor)
            self.laptop.push(f"delete {name}")

    @rule(name=jobs)
    def disable_upstream(self, name: str) -> None:
        COUNTS["disable_upstream"] += 1
        self.laptop.job(name, definition("slot", "09:00", enabled=False), at=self.laptop.editor)
        self.laptop.git("add", "-A", at=self.laptop.editor)
        self.laptop.git("commit", "-qm", "disable", "--allow-empty", at=self.laptop.editor)
        self.laptop.git("push", "-qf", at=self.laptop.editor)

    @rule()
    def pull(self) -> None:
        COUNTS["pull"] += 1
        self.laptop.git("pull", "-q", "--rebase", "--autostash", status=None)
        if self.laptop.git("ls-files", "-u").out:
            self.laptop.git("checkout", "-q", "--theirs", ".", status=None)
            self.laptop.git("rebase", "--abort", status=None)
            self.laptop.git("reset", "-q", "--hard", "origin/main")

    # -- what they do here

    @rule(name=jobs, kind=kinds, time=times)
    def edit_here(self, name: str, kind: str, time: str) -> None:
        COUNTS["edit_here"] += 1
        self.laptop.job(name, definition(kind, time))

    @rule(name=jobs)
    def delete_here(self, name: str) -> None:
        COUNTS["delete_here"] += 1
        if (self.laptop.work / "jobs" / name).exists():
            self.laptop.drop(f"jobs/{name}")

    @rule()
    def restore(self) -> None:
        COUNTS["restore"] += 1
        self.laptop.git("restore", "--staged", "--worktree", ".")

    @rule()
    def commit_here(self) -> None:
        COUNTS["commit_here"] += 1
        self.laptop.git("add", "-A")
        self.laptop.git("commit", "-qm", "here", status=None)

    @rule()
    def reset_hard(self) -> None:
        COUNTS["reset_hard"] += 1
        self.laptop.git("fetch", "-q")
        self.laptop.git("reset", "-q", "--hard", "origin/main")

    @rule()
    def sync_by_hand(self) -> None:
        COUNTS["sync_by_hand"] += 1
        self.try_sync()

    @rule(name=jobs)
    def sync_one(self, name: str) -> None:
        COUNTS["sync_one"] += 1
        with suppress(JobsyncError):
            sync(self.origin(), Orders(allow_removals=True), [name])

    # -- what happens behind our back

    @rule(name=jobs, text=st.sampled_from(("<integer>0</integer>", "<!--")))
    def edit_plist(self, name: str, text: str) -> None:
        COUNTS["edit_plist"] += 1
        path = self.laptop.plist_path(name)
        if path.is_file():
            path.write_bytes(path.read_bytes().replace(text.encode(), b"<integer>1</integer>", 1))

    @rule(name=jobs)
    def delete_plist(self, name: str) -> None:
        COUNTS["delete_plist"] += 1
        self.laptop.plist_path(name).unlink(missing_ok=True)

    @precondition(lambda self: self.logged_in)
    @rule(name=jobs)
    def boot_out(self, name: str) -> None:
        COUNTS["boot_out"] += 1
        if name in self.laptop.loaded():
            self.laptop.bootout(name)

    @precondition(lambda self: self.logged_in)
    @rule(name=jobs)
    def disable(self, name: str) -> None:
        COUNTS["disable"] += 1
        self.laptop.launchctl("disable", self.laptop.target(name))
        self.disabled.add(name)

    @precondition(lambda self: self.logged_in)
    @rule(name=jobs)
    def enable(self, name: str) -> None:
        COUNTS["enable"] += 1
        self.laptop.launchctl("enable", self.laptop.target(name))
        self.disabled.discard(name)

    @precondition(lambda self: self.logged_in)
    @rule()
    def log_out(self) -> None:
        COUNTS["log_out"] += 1
        self.laptop.simulator.logout()
        self.logged_in = False

    @precondition(lambda self: not self.logged_in)
    @rule()
    def log_in(self) -> None:
        COUNTS["log_in"] += 1
        self.laptop.simulator.login()
        self.logged_in = True

    @rule()
    def lose_the_ledger(self) -> None:
        COUNTS["lose_the_ledger"] += 1
        for path in (self.laptop.home / ".local/state/jobsync").glob("*/ledger"):
            path.unlink()

    @rule()
    def truncate_the_ledger(self) -> None:
        COUNTS["truncate_the_ledger"] += 1
        for path in (self.laptop.home / ".local/state/jobsync").glob("*/ledger"):
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    @rule(
        verb=st.sampled_from(("bootstrap", "bootout", "print")),
        code=st.sampled_from((5, 37, 125)),
        times=st.integers(1, 3),
    )
    def spoil(self, verb: str, code: int, times: int) -> None:
        COUNTS["spoil"] += 1
        self.laptop.simulator.fault(verb, code=code, times=times)

    @rule(after=st.floats(0.0, 0.6))
    def kill_a_sync(self, after: float) -> None:
        COUNTS["kill_a_sync"] += 1
        program = ("jobsync", "sync", "--allow-removals", "--force")
        process = subprocess.Popen(
            program, cwd=self.laptop.work, env=self.laptop.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()

    # -- what must hold

    @invariant()
    def nothing_foreign_is_touched(self) -> None:
        path = self.laptop.agents / f"{FOREIGN}.plist"
        assert path.read_bytes() == self._foreign_bytes
        if self.logged_in:
            assert "theirs" in self.laptop.loaded()

    @rule()
    def settle(self) -> None:
        """One fault-free sync converges; the next does nothing."""
        COUNTS["settle"] += 1
        self.laptop.simulator.clear_faults()
        if not self.logged_in:
            self.log_in()
        done = self.try_sync()
        assert done is not None
        assert not done.has_failures, done
        wanted = self.wanted()
        assert self.laptop.installed() - {"theirs"} == wanted, done
        assert self.laptop.loaded() - {"theirs"} - self.disabled == wanted - self.disabled, done
        self._assert_silent()

    def _assert_silent(self) -> None:
        self.laptop.simulator.settle()
        self.laptop.simulator.clear_calls()
        before = self.laptop.snapshot()
        again = self.try_sync()
        assert again is not None
        quiet = (Outcome.UNCHANGED, Outcome.PAUSED)
        assert all(result.outcome in quiet for result in again.results), again
        assert self.laptop.mutations() == []
        assert {path for path, state in self.laptop.snapshot().items() if before.get(path) != state} == set()
        assert not list(self.laptop.home.rglob("*.jobsync-tmp"))


def play(sequences: int, steps: int) -> None:
    """Play that many sequences of that many steps, each ending in a check of everything."""

    class Ending(Machine):
        def teardown(self) -> None:
            try:
                self.settle()
            finally:
                super().teardown()

    options = settings(
        max_examples=sequences,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if "TRUST_SHRINK" in os.environ else [Phase.generate],
        print_blob=False,
    )
    run_state_machine_as_test(Ending, settings=options)


@pytest.mark.slow
def test_any_sequence_converges_and_then_is_silent() -> None:
    play(int(os.environ.get("TRUST_SEQUENCES", "8")), 12)
    print(f"operations: {dict(sorted(COUNTS.items()))}")
