"""Modes do not depend on the umask, and jobsync does not act through sudo for somebody else."""

import os
import shutil
import stat
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.reconcile.hook import wake
from jobsync.repo.place import check_user, open_repository

from ..laptop import JOB, Laptop, Ran
from ..unprivileged import as_somebody_else

NOBODY = 65534
UMASKS = ("000", "022", "077")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else, and is refused through sudo")


def under(laptop: Laptop, umask: str, *argv: str) -> Ran:
    """A command as a user with this umask types it."""
    # What is compiled of jobsync itself would be for everybody to replace.
    compiles_nothing = {"PYTHONDONTWRITEBYTECODE": "1"}
    return laptop.run("sh", "-c", 'umask "$1"; shift; exec "$@"', "sh", umask, *argv, env=compiles_nothing)


def lived(laptop: Laptop, umask: str) -> None:
    """Everything that writes: registering, syncs by hand and in a hook, a run, a pause, a hand edit, a removal."""
    launchctl = str(laptop.simulator.launchctl)
    under(laptop, umask, "jobsync", "init", "--prefix", "test", "--launchctl", launchctl, "--yes", "--no-sync")
    for name in ("one", "two", "three"):
        laptop.job(name)
    under(laptop, umask, "jobsync", "sync")
    laptop.git("add", "-A")
    laptop.git("commit", "-qm", "jobs")
    laptop.job("one", JOB.replace("09", "10"))
    laptop.git("add", "-A")
    under(laptop, umask, "git", "-c", "core.sharedRepository=0600", "commit", "-qm", "change")
    assert laptop.hour("one") == 10
    under(laptop, umask, "jobsync", "pause", "two")
    laptop.plist_path("one").write_bytes(laptop.plist_path("one").read_bytes().replace(b">10<", b">8<"))
    under(laptop, umask, "jobsync", "sync")
    # The launcher by hand, for it must not depend on launchd's umask either.
    (laptop.state / "runs" / "three").unlink(missing_ok=True)
    under(laptop, umask, str(laptop.home / ".local/share/jobsync" / laptop.state.name / "three"))
    laptop.drop("jobs/one")
    under(laptop, umask, "jobsync", "sync")


def modes(directory: Path, *, of_directories: bool) -> dict[str, str]:
    """Path → mode of what is below, links left out."""
    found = (path for path in (directory, *directory.rglob("*")) if path.is_dir() == of_directories)
    return {str(path): oct(stat.S_IMODE(path.lstat().st_mode)) for path in found}


@pytest.mark.parametrize("umask", UMASKS)
def test_modes_are_the_same_whatever_the_umask(laptop: Laptop, umask: str) -> None:
    lived(laptop, umask)
    places = (laptop.config_file.parent, laptop.state.parent, laptop.home / ".local/share/jobsync")
    for place in places:
        assert set(modes(place, of_directories=True).values()) == {"0o700"}
    state, config = (modes(place, of_directories=False) for place in (laptop.state, laptop.config_file.parent))
    assert {path: mode for path, mode in (state | config).items() if mode != "0o600"} == {}
    assert {"ledger", "runs/three", "pause/two"} <= {path.removeprefix(f"{laptop.state}/") for path in state}
    assert any("/kept/" in path for path in state) and any("/store/" in path for path in state)
    launchers = modes(laptop.home / ".local/share/jobsync", of_directories=False)
    assert set(launchers.values()) == {"0o700"} and len(launchers) == 4  # with our own two
    plists = modes(laptop.agents, of_directories=False)
    assert set(plists.values()) == {"0o644"} and len(plists) == 4  # with our own two


@pytest.mark.parametrize("umask", ["000", "077", "022"])
def test_a_command_runs_under_the_umask_that_its_launcher_was_started_with(registered: Laptop, umask: str) -> None:
    registered.job("one", 'run = "umask >~/umask"\n')
    registered.jobsync("sync")
    under(registered, umask, str(registered.home / ".local/share/jobsync" / registered.state.name / "one"))
    assert int((registered.home / "umask").read_text(), 8) == int(umask, 8)


# -- sudo


def refused(laptop: Laptop, *argv: str, at: Path | None = None, **env: str) -> str:
    """A command that ends in a sentence with a way out, having changed nothing and asked launchd nothing."""
    laptop.mutations()
    before = laptop.snapshot()
    ran = laptop.run(*argv, at=at, env=env, status=1)
    assert ran.out == "" and ran.err.startswith("jobsync: ") and "as the user whose jobs these are" in ran.err, ran
    assert laptop.snapshot() == before and laptop.mutations() == []
    return ran.err


COMMANDS = ("sync", "sync -n", "sync --head", "status", "diff", "cat one", "run one", "pause one", "adopt one")


@as_root
@pytest.mark.parametrize("command", COMMANDS)
def test_through_sudo_nothing_is_done(registered: Laptop, command: str) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", JOB.replace("09", "10"))
    caller = str(os.getuid() + 501)
    said = refused(registered, "jobsync", *command.split(), SUDO_UID=caller, SUDO_USER="ada")
    assert "through sudo" in said and caller in said


@as_root
@pytest.mark.parametrize("command", ["config", "config machine theirs", "uninstall --yes"])
def test_through_sudo_the_configuration_stays_its_owners(registered: Laptop, command: str) -> None:
    registered.work.rename(registered.root / "moved")  # a repository that is gone is not even opened
    caller = str(os.getuid() + 501)
    said = refused(registered, "jobsync", "--repo", "test", *command.split(), at=registered.root, SUDO_UID=caller)
    assert "through sudo" in said


@as_root
@pytest.mark.parametrize("command", ["", "status", "sync", "init --yes"])
def test_through_sudo_nobody_is_told_to_register_anything(laptop: Laptop, command: str) -> None:
    said = refused(laptop, "jobsync", *command.split(), SUDO_UID=str(os.getuid() + 501))
    assert "through sudo" in said and "jobsync init" not in said


@as_root
@pytest.mark.parametrize("command", ["status", "init --yes"])
def test_somebody_elses_home_is_called_that_also_where_nothing_in_it_is_readable(laptop: Laptop, command: str) -> None:
    home = laptop.root / "theirs"
    (home / ".config" / "jobsync").mkdir(parents=True)
    os.chown(home, NOBODY, NOBODY)
    assert f"the home {home} belongs to another user" in refused(laptop, "jobsync", *command.split(), HOME=str(home))


@as_root
def test_init_through_sudo_registers_nothing(laptop: Laptop) -> None:
    argv = ("jobsync", "init", "--launchctl", str(laptop.simulator.launchctl), "--yes", "--no-sync")
    refused(laptop, *argv, SUDO_UID=str(os.getuid() + 501))
    assert not laptop.config_file.exists()


@as_root
def test_a_pull_through_sudo_succeeds_and_its_hook_syncs_nothing(registered: Laptop) -> None:
    registered.upstream("one")
    ran = registered.git("pull", "-q", env={"SUDO_UID": str(os.getuid() + 501)})
    assert "through sudo" in ran.err
    assert registered.installed() == registered.loaded() == set()
    registered.jobsync("sync")
    assert registered.installed() == {"one"}


@pytest.mark.parametrize("caller", ["own", "", "nonsense", "-1"])
def test_sudo_to_oneself_and_what_is_no_uid_change_nothing(registered: Laptop, caller: str) -> None:
    registered.job("one")
    registered.jobsync("sync", env={"SUDO_UID": str(os.getuid()) if caller == "own" else caller})
    assert registered.installed() == {"one"}


@pytest.mark.parametrize("caller", ["0", "501"])
def test_whom_sudo_makes_somebody_else_in_his_own_home_is_that_user(tmp_path: Path, caller: str) -> None:
    user = tmp_path.stat().st_uid or 1000
    check_user(user, {"SUDO_UID": caller, "HOME": str(tmp_path) if user == os.geteuid() else ""})


@pytest.mark.parametrize("home", [None, "/"])
def test_root_through_sudo_is_refused_also_in_its_own_home(home: str | None) -> None:
    with pytest.raises(JobsyncError, match="through sudo"):
        check_user(0, {"SUDO_UID": "501"} | ({} if home is None else {"HOME": home}))


def test_whom_sudo_leaves_in_its_callers_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobsyncError, match="belongs to another user"):
        check_user(tmp_path.stat().st_uid + 1, {"SUDO_UID": "501", "HOME": str(tmp_path)})


@as_root
def test_somebody_elses_home_is_refused(registered: Laptop) -> None:
    home = registered.root / "theirs"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    pinned = str(registered.config_file)
    said = refused(registered, "jobsync", "sync", HOME=str(home), JOBSYNC_CONFIG=pinned)
    assert str(home) in said and str(NOBODY) in said
    assert not list(home.iterdir())


@as_root
def test_somebody_elses_repository_is_refused(registered: Laptop) -> None:
    registered.job("one")
    os.chown(registered.work, NOBODY, NOBODY)
    try:
        ran = registered.run("jobsync", "--repo", "test", "sync", at=registered.root, status=1)
    finally:
        os.chown(registered.work, 0, 0)
    assert "belongs to another user" in ran.err
    assert registered.installed() == set()


@as_root
@pytest.mark.parametrize(("owner", "is_told"), [(12345, False), (0, True), (NOBODY, True)])
def test_the_hook_of_a_shared_clone_says_nothing_to_whom_it_does_not_serve(
    registered: Laptop, capsys: pytest.CaptureFixture[str], owner: int, *, is_told: bool
) -> None:
    closed = registered.home / ".config"
    registered.root.chmod(0o755)
    registered.config_file.chmod(0)
    registered.config_file.parent.chmod(0o700)
    os.chown(closed, owner, -1)
    closed.chmod(0)
    with as_somebody_else():
        wake("post-merge", (), {"JOBSYNC_CONFIG": str(registered.config_file), "PATH": os.defpath})
    assert ("cannot look at" in capsys.readouterr().err) is is_told
    os.chown(closed, 0, -1)
    closed.chmod(0o700)


def test_a_plain_user_in_a_home_of_its_own_works_root_included(registered: Laptop) -> None:
    assert registered.home.stat().st_uid == os.geteuid()
    registered.job("one")
    registered.jobsync("sync")
    assert registered.installed() == registered.loaded() == {"one"}


@pytest.mark.parametrize("home", [None, "", "/nowhere/at/all"])
def test_a_home_that_is_not_there_decides_nothing(registered: Laptop, home: str | None) -> None:
    environ = {name: value for name, value in registered.environment.items() if name != "HOME"}
    environ |= {} if home is None else {"HOME": home}
    open_repository(str(registered.work / ".git"), str(registered.work), environ)


@as_root
def test_the_reason_comes_before_any_git_is_started(registered: Laptop) -> None:
    empty = registered.root / "empty"
    empty.mkdir()
    assert shutil.which("git", path=str(empty)) is None
    environ = {"PATH": str(empty), "SUDO_UID": str(os.getuid() + 1)}
    with pytest.raises(JobsyncError, match="through sudo"):
        open_repository(str(registered.work / ".git"), str(registered.work), environ)
