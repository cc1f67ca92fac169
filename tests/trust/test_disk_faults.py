"""A disk that is full, read-only, closed or broken, at every single call; and places that are not what they should be.

Each time: a sentence and exit status 1, nothing lost, nothing foreign touched, and the next sync on a sound disk
converges. `TRUST_KILLS=all` goes through every call (`make trust`); without it a few of each error are tried.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync.reconcile.index import RENDER_FORMAT

from ..forks import run
from ..laptop import JOB, Laptop, Ran
from .machines import Pair, two_repositories
from .spoiler import spoilt

ALL = os.environ.get("TRUST_KILLS") == "all"
ERRORS = {
    "ENOSPC": "No space left on device",
    "EACCES": "Permission denied",
    "EROFS": "Read-only file system",
    "EIO": "Input/output error",
}
STEP = 1 if ALL else 47
MOST = 1000
"""More calls than any of these syncs makes."""
DAEMON = 'run = "sleep 600"\n[daemon]\nrestart = "always"\n'
EDIT = b"\t<key>Nice</key>\n\t<integer>7</integer>\n</dict>\n</plist>"


def change(laptop: Laptop, turn: int) -> bytes:
    """An update, a restart, a removal, a new job, and a hand edit (given) for the next sync to meet."""
    laptop.job("one", JOB.replace("09", f"{10 + turn % 10}"))
    laptop.job("two", DAEMON.replace("600", str(600 + turn)))
    laptop.job("four" if turn % 2 else "five")
    if (laptop.work / "jobs" / ("five" if turn % 2 else "four")).exists():
        laptop.drop(f"jobs/{'five' if turn % 2 else 'four'}")
    plist = laptop.plist_path("three")
    plist.write_bytes(plist.read_bytes().replace(b"</dict>\n</plist>", EDIT.replace(b"7", str(turn).encode())))
    return plist.read_bytes()


def spoilt_sync(laptop: Laptop, mode: str, number: int, error: str) -> tuple[Ran, int]:
    """How a sync on such a disk ended, and how many calls could have been hit."""
    count = laptop.root / "spoilt"
    env = {**laptop.environment, "JOBSYNC_SPOILER": str(count)}
    ended = run(spoilt, mode, str(number), error, "sync", "--allow-removals", at=laptop.work, env=env)
    return ended, int(count.read_text())


def assert_honest(ended: Ran, error: str) -> None:
    """Trouble is status 1 and a sentence with the system's words; anything else is success."""
    said = ended.text
    assert "Traceback" not in said, said
    assert ended.status in (0, 1), (ended, bugs(ended))
    assert ended.status == 0 or ERRORS[error] in said, ended


def bugs(ended: Ran) -> str:
    """The end of the log of a bug, for whoever reads the failure."""
    path = Path(ended.err.rpartition("report it with ")[2].strip() or "/nonexistent")
    return path.read_text() if path.is_file() else ""


def copies(laptop: Laptop) -> list[bytes]:
    """Everything that was kept of hand edits, and what is installed."""
    kept = (laptop.home / ".local/state/jobsync").glob("*/kept/*")
    return [path.read_bytes() for path in (*kept, laptop.plist_path("three")) if path.is_file()]


def assert_converges(pair: Pair, wanted: set[str]) -> None:
    laptop = pair.first
    laptop.jobsync("sync", "--allow-removals")
    assert laptop.installed() - {"theirs"} == laptop.loaded() - {"theirs"} == wanted
    laptop.mutations()
    assert laptop.jobsync("sync").out.splitlines()[-1] == f"{len(wanted)} unchanged"
    assert laptop.mutations() == []
    assert not list(laptop.home.rglob("*.jobsync-tmp"))


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A machine with jobs in place."""
    with two_repositories() as made:
        for name in ("one", "three"):
            made.first.job(name)
        made.first.drop("jobs/ant")
        made.first.job("two", DAEMON)
        made.first.jobsync("sync", "--allow-removals")
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["once", "ever"])
@pytest.mark.parametrize("error", ERRORS)
def test_a_disk_that_fails_at_any_call_loses_nothing(pair: Pair, error: str, mode: str) -> None:
    laptop, foreign = pair.first, pair.foreign.read_bytes()
    failed = 0
    for turn, number in enumerate(range(0, MOST, STEP)):
        edit = change(laptop, turn)
        ended, calls = spoilt_sync(laptop, mode, number, error)
        assert_honest(ended, error)
        assert edit in copies(laptop), f"the hand edit was lost at call {number}"
        assert pair.foreign.read_bytes() == foreign
        failed += ended.status == 1
        assert_converges(pair, {"one", "two", "three", "four" if turn % 2 else "five"})
        if calls <= number:
            break
    else:
        pytest.fail(f"a sync made more than {MOST} such calls")
    print(f"{error} {mode}: {turn + 1} syncs, {failed} of them failed")
    assert failed >= 1


def test_a_configuration_that_cannot_be_looked_at_is_a_sentence(registered: Laptop) -> None:
    # The first look at its directory only asks whether that is a link; from the next one on, it is the file itself.
    complaints = [spoilt_sync(registered, "once", number, "EIO")[0] for number in range(6)]
    (ended,) = [one for one in complaints if "config.toml" in one.err and "look at" in one.err][:1]
    assert ended.status == 1
    said = ended.err.splitlines()[0]
    assert said == f"jobsync: cannot look at {registered.config_file}: Input/output error"


# -- the ledger


def three_jobs(laptop: Laptop) -> None:
    """Installed and loaded; nothing is left to do."""
    for name in ("one", "two", "three"):
        laptop.job(name)
    laptop.jobsync("sync")
    laptop.mutations()


def assert_silent(laptop: Laptop) -> None:
    """The sync that follows finds everything as it should be, and says so."""
    assert laptop.jobsync("sync").out.splitlines()[-1] == "3 unchanged"
    assert laptop.mutations() == []


def test_a_lost_ledger_makes_nothing_foreign_and_changes_nothing(registered: Laptop) -> None:
    three_jobs(registered)
    whole = (registered.state / "ledger").read_bytes()
    (registered.state / "ledger").unlink()
    assert_silent(registered)
    record = registered.record("one")
    assert record is not None
    assert record.artefacts
    assert (registered.state / "ledger").read_bytes().count(b"load_digest") == whole.count(b"load_digest")


def test_a_new_registration_makes_nothing_foreign(registered: Laptop) -> None:
    three_jobs(registered)
    shutil.rmtree(registered.config_file.parent)
    shutil.rmtree(registered.home / ".local/state/jobsync")
    registered.init()
    assert_silent(registered)
    registered.drop("jobs/one")
    registered.jobsync("sync")
    assert registered.loaded() == registered.installed() == {"two", "three"}


def test_a_broken_plist_is_ours_without_a_ledger_and_is_kept(registered: Laptop) -> None:
    three_jobs(registered)
    path = registered.plist_path("one")
    broken = path.read_bytes().replace(b"<!--", b"<--")
    path.write_bytes(broken)
    (registered.state / "ledger").unlink()
    said = registered.jobsync("sync").text
    assert "conflict" not in said
    assert [copy.read_bytes() for copy in (registered.state / "kept").iterdir()] == [broken]
    assert registered.plist("one")["Label"] == "test.one"
    registered.mutations()
    assert_silent(registered)


def test_a_broken_plist_whose_job_is_gone_is_removed_without_a_ledger_and_kept(registered: Laptop) -> None:
    three_jobs(registered)
    path = registered.plist_path("one")
    broken = path.read_bytes().replace(b"<!--", b"<--")
    path.write_bytes(broken)
    (registered.state / "ledger").unlink()
    registered.drop("jobs/one")
    registered.jobsync("sync")
    assert registered.loaded() == registered.installed() == {"two", "three"}
    assert [copy.read_bytes() for copy in (registered.state / "kept").iterdir()] == [broken]


def test_a_newer_ones_ledger_is_a_sentence_and_left_alone(registered: Laptop) -> None:
    three_jobs(registered)
    ledger = registered.state / "ledger"
    newer = ledger.read_bytes().replace(b'"render_format": %d' % RENDER_FORMAT, b'"render_format": 999')
    ledger.write_bytes(newer)
    registered.job("one", JOB.replace("09", "10"))
    ended = registered.jobsync("sync", status=1)
    assert "a newer jobsync has synced this repository" in ended.err
    assert "upgrade this jobsync" in ended.err
    assert ledger.read_bytes() == newer
    assert registered.mutations() == []
    assert registered.hour("one") == 9


def test_a_ledger_of_another_machine_is_corrected_by_what_is_here(registered: Laptop) -> None:
    """The state directory was copied here with the home, and neither plists nor jobs came along."""
    three_jobs(registered)
    for name in ("one", "two"):
        registered.bootout(name)
        registered.plist_path(name).unlink()
    ledger = registered.state / "ledger"
    ledger.write_bytes(ledger.read_bytes().replace(b'"load_digest": "', b'"load_digest": "f'))
    registered.jobsync("sync")
    assert registered.loaded() == registered.installed() == {"one", "two", "three"}
    registered.mutations()
    assert_silent(registered)


def test_a_ledger_that_names_places_of_another_home_touches_none_of_them(registered: Laptop) -> None:
    three_jobs(registered)
    elsewhere = registered.root / "elsewhere"
    theirs = elsewhere / "Library/LaunchAgents/test.one.plist"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("precious")
    ledger = registered.state / "ledger"
    ledger.write_bytes(ledger.read_bytes().replace(f"{registered.home}/".encode(), f"{elsewhere}/".encode()))
    registered.jobsync("sync", status=None)
    assert registered.loaded() == registered.installed() == {"one", "two", "three"}
    assert theirs.read_text() == "precious"
    registered.mutations()
    assert_silent(registered)


# -- ~/Library/LaunchAgents


def test_a_missing_launch_agents_is_made_again(registered: Laptop) -> None:
    three_jobs(registered)
    shutil.rmtree(registered.agents)
    registered.jobsync("sync")
    assert registered.installed() == registered.loaded() == {"one", "two", "three"}
    registered.mutations()
    assert_silent(registered)


def test_a_launch_agents_that_leads_elsewhere_is_used_and_stays_a_link(registered: Laptop) -> None:
    three_jobs(registered)
    elsewhere = registered.root / "agents"
    registered.agents.rename(elsewhere)
    registered.agents.symlink_to(elsewhere)
    assert_silent(registered)
    registered.job("one", JOB.replace("09", "10"))
    registered.jobsync("sync")
    assert registered.agents.is_symlink()
    assert registered.hour("one") == 10


def test_a_launch_agents_that_is_a_file_is_a_sentence_and_nothing_is_done(registered: Laptop) -> None:
    three_jobs(registered)
    registered.agents.rename(registered.root / "agents")
    registered.agents.touch()
    ended = registered.jobsync("sync", status=1)
    assert f"cannot read {registered.agents}: Not a directory" in ended.err
    assert registered.mutations() == []
    registered.agents.unlink()
    (registered.root / "agents").rename(registered.agents)
    assert_silent(registered)


# -- owner and mode


@pytest.mark.parametrize("mode", [0o600, 0o666, 0o777, 0o444])
def test_another_mode_of_a_plist_is_mended(registered: Laptop, mode: int) -> None:
    three_jobs(registered)
    registered.plist_path("one").chmod(mode)
    assert "repaired" in registered.jobsync("sync").out
    assert registered.plist_path("one").stat().st_mode & 0o777 == 0o644
    registered.mutations()
    assert_silent(registered)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_another_owner_of_a_plist_is_a_sentence(registered: Laptop) -> None:
    three_jobs(registered)
    path = registered.plist_path("one")
    os.chown(path, 65534, 65534)
    registered.bootout("one")
    ended = registered.jobsync("sync", status=1)
    assert f"{path} belongs to uid 65534, and launchd loads only your own" in ended.out
    assert path.is_file()
    assert registered.loaded() == {"two", "three"}
    path.unlink()
    registered.jobsync("sync")
    assert registered.loaded() == {"one", "two", "three"}
    registered.mutations()
    assert_silent(registered)


def test_jobs_under_a_former_prefix_are_found_when_the_ledger_is_lost(registered: Laptop) -> None:
    registered.job("one")
    registered.job("gone")
    registered.commit()
    registered.drop("jobs/gone")
    registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "gone")
    shutil.rmtree(registered.state)
    registered.prefix = "other"
    registered.init()
    registered.jobsync("sync")
    former = [registered.agents / f"test.{name}.plist" for name in ("gone", "one")]
    assert registered.installed() == {"one"}
    said = registered.jobsync("doctor", status=None).out
    assert all(
        f"~/Library/LaunchAgents/{path.name} is this repository's, under another prefix than other" in said
        for path in former
    ), said
    assert "fix: jobsync init --prefix test && jobsync sync\n" in said
    # What it says mends it.
    for prefix in ("test", "other"):
        registered.jobsync("init", "--prefix", prefix, "--yes")
        registered.jobsync("sync")
    assert not any(path.exists() for path in former)
    assert registered.installed() == registered.loaded() == {"one"}
    assert "another prefix" not in registered.jobsync("doctor", status=None).out
