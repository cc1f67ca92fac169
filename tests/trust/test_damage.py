"""Files of ours that somebody closed, or whose place something else has taken: no bug, no loss, and a way out."""

from pathlib import Path

import pytest

from ..laptop import Laptop, Ran
from ..unprivileged import CONFINED

COMMANDS = ("status", "status one", "doctor", "logs one", "history", "resume", "sync", "uninstall --yes")
PLACES = (
    "ledger", "sources", "runs/one", "failing", "pause", "kept", ".", "../logs", "../logs/test.one",
    "../../../../.config/jobsync/config.toml", "../../../../.config/jobsync/config.index",
)  # fmt: skip
"""Below the state of a repository."""


def at_work(laptop: Laptop) -> Path:
    """A machine on which everything has happened once; its state."""
    laptop.job("one", 'run = "exit 3"\n')
    laptop.job("two")
    laptop.commit()
    laptop.jobsync("run", "one", status=3)
    laptop.jobsync("pause", "two")
    laptop.plist_path("two").write_text(laptop.plist_path("two").read_text().replace("9", "8", 1))
    laptop.jobsync("sync")
    return laptop.state


def ask(laptop: Laptop, command: str) -> Ran:
    ran = laptop.run(*CONFINED, "jobsync", *command.split(), status=None)
    assert ran.status in (0, 1), (command, ran)
    return ran


@pytest.mark.parametrize("place", PLACES)
def test_a_place_that_a_mode_closes_is_a_sentence_that_says_how_it_is_opened(registered: Laptop, place: str) -> None:
    closed = Path(at_work(registered), place).resolve()
    mode = closed.stat().st_mode
    for command in COMMANDS:
        if closed.exists():
            closed.chmod(0)
        ran = ask(registered, command)
        assert "Permission denied" not in ran.err or f"`chmod u+rwX {closed}`" in ran.err, (command, ran)
        if closed.exists():
            closed.chmod(mode)
