"""Another jobsync than the one that synced last, and a registration whose repository is elsewhere now."""

import re
import shlex
import threading

from jobsync.reconcile import ledger as ledgers
from jobsync.reconcile.ledger import RENDER_FORMAT, Store, placed
from jobsync.reconcile.state import Record, Source
from jobsync.schedulers.protocol import Artefact
from jobsync.values import replace

from ..laptop import Laptop

LONG = 'run = "until [ -e ~/go ]; do sleep 0.1; done; echo the end"\n'

LATER = 'run = "true"\n\n[schedule]\nat = "10:00"\n'


def _older(laptop: Laptop, record: Record) -> Record:
    """As a jobsync that rendered other launchers has left it."""
    launcher = laptop.home / ".local/share/jobsync" / laptop.state.name / record.name
    content = launcher.read_bytes() + b"# as it was\n"
    launcher.write_bytes(content)
    Store(laptop.state / "store").put(content)
    was = placed(Artefact(str(launcher), content, launcher.stat().st_mode & 0o777))
    artefacts = tuple(was if one.path == was.path else one for one in record.artefacts)
    return replace(record, artefacts=artefacts)


def synced_by_an_older_one(laptop: Laptop) -> None:
    """Everything is as if the last sync had been an older jobsync's."""
    known = ledgers.read(laptop.state / "ledger")
    assert known is not None
    records = {name: _older(laptop, record) for name, record in known.records.items()}
    former = replace(known, records=records, render_format=RENDER_FORMAT - 1)
    ledgers.write(laptop.state / "ledger", former, None)


def test_after_an_upgrade_status_and_sync_say_that_it_is_one_and_no_edit(registered: Laptop) -> None:
    registered.job("one")
    registered.job("two")
    registered.commit()
    synced_by_an_older_one(registered)
    told = registered.jobsync("status").err.splitlines()
    why = "this jobsync renders differently; `jobsync sync`"
    assert told == [f"{name}: {why}" for name in ("jobsync-finish", "jobsync-login", "one", "two")]
    edited = registered.job("two", 'run = "false"\n\n[schedule]\nat = "09:00"\n')
    assert "two: your work tree and what is installed differ; `jobsync sync`" in registered.jobsync("status").err
    assert edited.is_file()
    assert "updated  one  this jobsync renders differently\nupdated  two\n" in registered.jobsync("sync").out
    assert registered.jobsync("sync").out.endswith("2 unchanged\n")


def test_the_first_hook_after_an_upgrade_renders_anew_though_nothing_has_changed(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    ledger = registered.state / "ledger"
    text = re.sub(rf"(?m)^(config\t\w+)\t{RENDER_FORMAT}$", r"\1", ledger.read_text())
    ledger.write_text(text.replace(f'"render_format": {RENDER_FORMAT}', f'"render_format": {RENDER_FORMAT - 1}'))
    registered.git("commit", "--allow-empty", "-qm", "more")
    known = ledgers.read(ledger)
    assert known is not None and known.render_format == RENDER_FORMAT
    before = registered.snapshot()
    registered.git("commit", "--allow-empty", "-qm", "more")
    assert registered.snapshot() == before


def test_an_edit_that_is_committed_after_an_upgrade_is_no_longer_local(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", LATER)
    registered.job("new", LATER)
    registered.jobsync("sync")
    synced_by_an_older_one(registered)
    told = registered.git("commit", "--allow-empty", "-qm", "nothing of ours").err
    assert told == "jobsync: one: local: installed from your work tree\n"
    assert registered.hour("one") == 10
    told = registered.commit().told
    assert "updated new (added: jobs/new/job.toml in COMMIT)" in told
    assert "updated one (changed: jobs/one/job.toml in COMMIT)" in told
    for name in ("one", "new"):
        known = registered.record(name)
        assert known is not None and known.source is Source.HEAD
    assert registered.jobsync("sync").out.endswith("2 unchanged\n")


def test_a_run_under_the_former_prefix_is_seen_to_run(registered: Laptop) -> None:
    registered.job("long", LONG)
    registered.commit()
    registered.jobsync("run", "--detach", "long")
    registered.wait_for(lambda: "running" in registered.jobsync("status").out)
    registered.jobsync("init", "--prefix", "moved", "--yes", "--sync")
    (line,) = [line for line in registered.jobsync("status").out.splitlines() if line.startswith("long")]
    assert "deferred" in line and "running for" in line and "killed" not in line
    threading.Timer(1, (registered.home / "go").touch).start()
    assert registered.jobsync("logs", "--follow", "long").out.endswith("the end\n")


def test_a_repository_that_was_moved_is_not_registered_twice(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    moved = registered.work.rename(registered.home / "moved")
    launchctl = str(registered.simulator.launchctl)
    words = ("init", "--prefix", "another", "--launchctl", launchctl, "--yes", "--sync")
    said = registered.jobsync(*words, at=moved, status=1)
    assert f"registered already, from {registered.work}, which is gone: its jobs test.JOB go on" in said.err
    assert "will register" not in said.out
    assert "another.JOB" in registered.jobsync(*words, at=registered.editor).out, "shares no commit of a sync's"
    registered.jobsync("--repo", "test", "uninstall", "--yes", at=moved)
    registered.jobsync("init", "--prefix", "test", "--launchctl", launchctl, "--yes", "--sync", at=moved)
    assert registered.loaded() == {"one"}


def test_a_repository_whose_git_directory_was_moved_is_not_registered_twice(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    moved = (registered.work / ".git").rename(registered.home / "git")
    (registered.work / ".git").write_text(f"gitdir: {moved}\n")
    hook = registered.git("commit", "--allow-empty", "-qm", "more").err
    assert f"was it moved from {registered.work}/.git?" in hook
    launchctl = str(registered.simulator.launchctl)
    words = ("init", "--launchctl", launchctl, "--yes", "--sync", "--prefix")
    said = registered.jobsync(*words, "another", status=1).err
    assert f"registered already, from {registered.work}/.git, which is gone" in said
    assert "jobsync --repo test uninstall" in registered.jobsync(*words, "test", status=2).err
    (way_out,) = re.findall("`jobsync (.*) uninstall`", hook)
    registered.jobsync(*shlex.split(way_out), "uninstall", "--yes")
    assert registered.loaded() == set()
    registered.jobsync(*words, "test")
    assert registered.loaded() == {"one"}
    assert registered.git("commit", "--allow-empty", "-qm", "more").err == ""
