"""What takes its time does not change what is true: the tests pass where launchers, workers or launchctl dawdle.

A race that jobsync, or a test, loses once in a thousand runs is lost each time then. `TRUST_DAWDLING=all` plays all
that has to do with those parts (`make trust`); without it what has lost such a race before, with every
second dawdler.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from .test_seeded_bugs import copy_of_the_project, run

ALL = os.environ.get("TRUST_DAWDLING") == "all"
SECONDS = 0.4


@dataclass(frozen=True)
class Dawdler:
    """Who, and the places at which it is given a pause: each by a file and its text before and after."""

    name: str
    pauses: tuple[tuple[str, str, str], ...]


START, END = "jobsync/runs/parts/start.py", "jobsync/runs/parts/end.py"
DAWDLERS = (
    Dawdler("a launcher begins", ((START, "umask 077\n\n", f"umask 077\nsleep {SECONDS}\n\n"),)),
    Dawdler(
        "a launcher ends",
        (
            (START, "  shorten\n  exit 0\n}\n", f"  shorten\n  sleep {SECONDS}\n  exit 0\n}}\n"),
            (END, "@mark_end@\\\n}\n", f"@mark_end@\\\n  sleep {SECONDS}\n}}\n"),
        ),
    ),
    Dawdler(
        "a worker begins",
        (
            (
                "jobsync/entry.py",
                "    from jobsync.reconcile.finish import run\n",
                f"    import time\n    from jobsync.reconcile.finish import run\n    time.sleep({SECONDS})\n",
            ),
        ),
    ),
    Dawdler(
        "launchctl answers",
        (("tests/launchctl.c", "    make_request(words);\n", "    make_request(words);\n    usleep(80000);\n"),),
    ),
)
ONCE_LOST = (
    "tests/e2e/test_running.py::test_a_second_run_says_what_it_waits_for",
    "tests/e2e/test_editing.py::test_a_rename_takes_label_logs_history_pause_and_secrets_along",
    "tests/reconcile/test_apply.py::test_a_former_job_that_starts_at_login_comes_back_without_a_run",
    "tests/reconcile/test_apply.py::test_a_held_start_is_made_up_for_where_the_change_fails",
    "tests/e2e/test_deferred.py::test_a_hook_defers_and_the_change_follows_too",
)
PLAYED = (
    *(f"tests/e2e/test_{name}.py" for name in ("catch_up", "deferred", "editing", "looking", "running", "watchdog")),
    *(f"tests/reconcile/test_{name}.py" for name in ("apply", "twice")),
    "tests/contract/test_contract.py",
    "tests/test_main.py",
    "tests/trust/test_kills.py",
)
"""Not those in which a job itself syncs: what the scheduler starts is the installed package, not the copy."""


@pytest.mark.slow
@pytest.mark.parametrize("played", PLAYED if ALL else [ONCE_LOST], ids=str if ALL else lambda _: "once lost")
@pytest.mark.parametrize("dawdler", DAWDLERS if ALL else DAWDLERS[::2], ids=lambda dawdler: dawdler.name)
def test_the_same_is_true_while(dawdler: Dawdler, played: str | tuple[str, ...], tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path / "copy")
    for name, before, after in dawdler.pauses:
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{name}: {before!r}"
        path.write_text(text.replace(before, after), encoding="utf-8")
    ended = run(root, [played] if isinstance(played, str) else played, timeout=3000)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    print(f"{dawdler.name}: {ended.stdout.splitlines()[-1]}")
