"""What is wrong with files or machine ends in a sentence with a way out, and changes nothing."""

import re
from pathlib import Path

import pytest

from jobsync import config as configuration
from jobsync.errors import JobsyncError
from jobsync.reconcile.origin import open_origin
from jobsync.reconcile.plan import Orders
from jobsync.reconcile.sync import sync
from jobsync.schedulers import launchd

from ..laptop import JOB, Laptop, Ran, Snapshot

BROKEN = 'run = 3\n\n[schedule]\nevery = "5 min"\n'
LATER = JOB.replace("09:00", "10:00")


def says(ran: Ran, *words: str) -> None:
    """One sentence with a way out, on stderr alone."""
    assert ran.out == "", ran
    first, *hints = ran.err.splitlines()
    assert first.startswith("jobsync: ") and hints and all(line.startswith("  ") for line in hints), ran
    assert all(word in ran.err for word in words), ran


def set_launchctl(laptop: Laptop, text: str) -> Path:
    """Give the configuration another launchctl: a script with this body."""
    script = laptop.put("bin/launchctl", f"#!/bin/sh\n{text}\n", at=laptop.root, mode=0o755)
    laptop.jobsync("config", "launchctl", str(script))
    return script


def settled(laptop: Laptop) -> Snapshot:
    """Everything of the home, and no call of launchctl remembered."""
    laptop.mutations()
    return laptop.snapshot()


def unchanged(laptop: Laptop, before: Snapshot) -> bool:
    return laptop.mutations() == [] and laptop.snapshot() == before


def test_a_broken_definition_leaves_its_job_as_it_is_and_every_other_in_line(registered: Laptop) -> None:
    for name in ("one", "two"):
        registered.job(name)
    registered.commit()
    registered.job("one", BROKEN)
    registered.job("two", LATER)
    registered.job("three", BROKEN)
    plist, inode = registered.plist("one"), registered.plist_path("one").stat().st_ino
    ran = registered.jobsync("sync", status=1)
    assert "failed   one    2 faults in its definition; the installed job stays as it is" in ran.out.splitlines()
    assert ran.out.splitlines()[-1] == "1 updated, 2 failed"
    assert ran.err.splitlines() == [
        line
        for name in ("one", "three")
        for line in (
            f'jobs/{name}/job.toml: run: the number 3 is not a text; write run = "brew update -q && brew upgrade -q"',
            f'jobs/{name}/job.toml: schedule.every: "5 min" is not a duration; write "5m"',
        )
    ]
    assert registered.plist("one") == plist and registered.plist_path("one").stat().st_ino == inode
    assert registered.hour("two") == 10
    assert registered.loaded() == registered.installed() == {"one", "two"}


def test_a_pull_of_a_broken_definition_says_so_each_time_and_leaves_the_job(registered: Laptop) -> None:
    registered.upstream("one")
    registered.pull()
    registered.upstream("one", BROKEN)
    said = registered.pull().err
    assert "failed one (2 faults in its definition; the installed job stays as it is)" in said
    assert "jobs/one/job.toml: schedule.every" in said
    registered.upstream("two")
    said = registered.pull().err
    assert "installed two" in said and "1 job is not as HEAD wants: one" in said
    assert registered.hour("one") == 9
    registered.upstream("one", LATER)
    assert registered.pull().told == "jobsync: updated one (changed: jobs/one/job.toml in COMMIT)\n"


@pytest.mark.parametrize(
    ("mode", "text", "complaint"),
    [
        (None, "", "there is no file jobs/one/run"),
        (0o644, "#!/bin/sh\ntrue\n", "chmod +x"),
        (0o755, "true\n", "#!"),
    ],
)
def test_a_script_that_could_not_run_is_a_fault_before_anything_is_installed(
    registered: Laptop, mode: int | None, text: str, complaint: str
) -> None:
    registered.job("one", '[schedule]\nat = "09:00"\n')
    if mode is not None:
        registered.put("jobs/one/run", text, mode=mode)
    registered.job("good")
    ran = registered.jobsync("sync", status=1)
    assert complaint in ran.err and "jobs/one" in ran.err
    assert registered.loaded() == registered.installed() == {"good"}


@pytest.mark.parametrize("file_mode", ["true", "false"])
def test_a_script_that_git_alone_does_not_know_as_executable_says_how_git_learns_it(
    registered: Laptop, file_mode: str
) -> None:
    registered.git("config", "core.fileMode", file_mode)
    registered.job("one", '[schedule]\nat = "09:00"\n')
    registered.put("jobs/one/run", "#!/bin/sh\ntrue\n", mode=0o755)
    registered.git("add", "-A")
    registered.git("update-index", "--chmod=-x", "jobs/one/run")
    said = registered.jobsync("check", "--staged", status=1).err
    assert registered.git("commit", "-qm", "one").err.endswith(f"jobsync: {said.splitlines()[0]}\n"), "the same"
    (command,) = re.findall("not executable in git; run: (chmod .*), and commit\n", said)
    registered.run("sh", "-c", command)
    assert registered.jobsync("check", "--staged").err == ""
    assert "installed one" in registered.git("commit", "-qm", "executable").err


def test_a_definition_that_became_a_directory_leaves_its_job(registered: Laptop) -> None:
    for name in ("one", "two", "three"):
        registered.job(name)
    registered.commit()
    registered.jobsync("sync")
    definition = registered.work / "jobs/one/job.toml"
    definition.unlink()
    registered.put("jobs/one/job.toml/job.toml", JOB)
    said = "jobs/one/job.toml: is a directory; make it a file, or delete jobs/one to remove the job"
    assert said in registered.jobsync("sync", status=1).text
    assert f"jobsync: {said}" in registered.commit().err
    assert "faulty" in registered.jobsync("status").out
    assert registered.loaded() == {"one", "two", "three"}
    registered.git("revert", "--no-edit", "HEAD")
    assert "3 jobs, all well" in registered.jobsync("status").out


def test_before_init_every_command_says_what_to_run_first(laptop: Laptop) -> None:
    before = settled(laptop)
    commands = ("sync", "status", "diff", "config", "hooks status", "run x", "pause", "uninstall --yes")
    for command in commands:
        says(laptop.jobsync(*command.split(), status=1), "not set up", "run `jobsync init` to register this repository")
    says(laptop.jobsync("sync", at=laptop.root, status=1), "run `jobsync init` inside your dotfiles repository")
    says(laptop.jobsync("init", "--yes", at=laptop.root, status=1), "launchd", "jobsync simulator")
    launchctl = str(laptop.simulator.launchctl)
    away = laptop.jobsync("init", "--yes", "--launchctl", launchctl, at=laptop.root, status=1)
    says(away, "not a git repository", "git init")
    says(laptop.jobsync("init", "--yes", "--launchctl", "/nowhere/launchctl", status=2), "/nowhere/launchctl")
    assert unchanged(laptop, before)


def test_a_repository_that_is_not_registered_is_named_with_the_way_in(registered: Laptop) -> None:
    before = settled(registered)
    says(registered.jobsync("sync", at=registered.editor, status=1), str(registered.editor), "jobsync init")
    says(registered.jobsync("--repo", "nope", "sync", status=2), "nope", "registered: test (")
    assert unchanged(registered, before)


def test_outside_of_any_repository_commands_mean_all_registered_ones(registered: Laptop) -> None:
    registered.job("one")
    assert "installed  one" in registered.jobsync("sync", at=registered.root).out
    assert "one" in registered.jobsync("status", at=registered.root).out


def test_a_registered_repository_that_is_gone_is_named_with_the_ways_out(registered: Laptop) -> None:
    registered.work.rename(registered.home / "moved")
    says(registered.jobsync("sync", at=registered.root, status=1), str(registered.work), "jobsync init", "uninstall")


def test_a_configuration_that_cannot_be_read_is_named_with_its_file(registered: Laptop) -> None:
    for text in ("machine = \n", 'machine = "x"\n', ""):
        registered.config_file.write_text(text)
        says(registered.jobsync("sync", status=1), str(registered.config_file))


@pytest.mark.parametrize(
    ("key", "line"),
    [("machine", ""), ("home", 'home = "relative"'), ("tags", "tags = 3"), ("os", "os = 1"), ("launchctl", "")],
)
def test_the_way_out_of_a_broken_configuration_is_one(registered: Laptop, key: str, line: str) -> None:
    registered.job("one")
    registered.commit()
    file = registered.config_file
    kept = [one for one in file.read_text().splitlines() if not one.startswith(f"{key} =")]
    file.write_text("\n".join([line, *kept]))
    for words in (("status",), ("doctor",), ("init", "--yes")):
        says(registered.jobsync(*words, status=1), f"{key}: ", "mend the file, or move it away and run `jobsync init`")
    file.unlink()
    registered.init()
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (None, "cannot run"),
        ("echo nonsense", "printed nothing that jobsync can read"),
        ("echo broken >&2; exit 5", "failed with status 5: broken"),
        ("kill -9 $$", "failed with status -9"),
    ],
)
def test_a_scheduler_that_cannot_be_asked_changes_nothing_and_is_never_called_healthy(
    registered: Laptop, script: str | None, words: str
) -> None:
    registered.job("one")
    registered.commit()
    launchctl = set_launchctl(registered, script or "exit 0")
    if script is None:
        launchctl.unlink()
    registered.job("one", LATER)
    before = settled(registered)
    ran = registered.jobsync("sync", status=1)
    says(ran, "could not ask the scheduler", words, "nothing was changed")
    assert registered.git("commit", "-qam", "later").err.startswith("jobsync: could not ask the scheduler: ")
    shown = registered.jobsync("status", "--exit-code", status=3)
    assert "unknown" in shown.out and "all well" not in shown.out
    assert "jobsync-finish" not in shown.out and "\n1 job; " in shown.out, "jobsync's own are nobody's jobs"
    assert shown.err == "" and shown.out.endswith("; `jobsync doctor`\n"), "the same for every job is said once"
    says(registered.jobsync("run", "one", status=1), words)
    leaving = registered.jobsync("uninstall", "--yes", status=1).text
    assert "not everything" not in leaving and "run `jobsync uninstall` again when it answers" in leaving
    assert unchanged(registered, before)


def test_a_launchctl_that_hangs_is_given_up_and_nothing_is_changed(
    registered: Laptop, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", LATER)
    config = configuration.load(registered.config_file)
    origin = open_origin(config, config.repos[0], registered.environment)
    # In process, with a shorter limit than a user's: his half minute is too long for a test.
    monkeypatch.setattr(launchd.Launchd._call, "__kwdefaults__", {"timeout": 0.5})
    registered.simulator.fault("print", hang=True, times=None)
    before = settled(registered)
    with pytest.raises(JobsyncError, match=r"could not ask the scheduler.*did not answer within") as caught:
        sync(origin, Orders())
    assert caught.value.hint and "nothing was changed" in caught.value.hint
    assert unchanged(registered, before)


def test_without_a_login_files_are_written_and_loading_waits_for_the_next_one(registered: Laptop) -> None:
    registered.job("before")
    registered.commit()
    registered.simulator.logout()
    registered.job("one")
    registered.job("before", LATER)
    registered.mutations()
    ran = registered.jobsync("sync")
    assert [line.split()[:2] for line in ran.out.splitlines()[:2]] == [["deferred", "before"], ["deferred", "one"]]
    assert "at the next login" in ran.out
    assert registered.installed() == {"before", "one"}
    assert registered.mutations() == []
    assert "deferred" in registered.jobsync("status").out
    says(registered.jobsync("run", "one", status=1), "no GUI session", "log in")

    registered.simulator.login()
    assert registered.loaded() == {"before", "one"}
    registered.mutations()
    assert registered.jobsync("sync").out.splitlines()[-1] == "2 unchanged"
    assert registered.mutations() == []
    assert registered.jobsync("status").out.splitlines()[-1] == "2 jobs, all well"


def test_a_git_in_the_middle_of_something_refuses_a_sync_by_hand(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.job("one", LATER)
    registered.git("checkout", "-q", "--detach")
    before = settled(registered)
    says(registered.jobsync("sync", status=1), "HEAD is detached", "jobsync sync --force")
    registered.job("new")
    shown = registered.jobsync("status")
    assert "new: is defined and not installed\n" in shown.err, "nothing that would be refused is offered"
    assert "HEAD is detached, so `jobsync sync` waits; with `--force` it takes the files as they are" in shown.err
    screen = registered.jobsync("status", "new").out
    assert "sync would  wait: HEAD is detached" in screen and "try " not in screen
    assert unchanged(registered, before)
    assert "would be: 1 installed, 1 updated" in registered.jobsync("sync", "-n").out
    registered.jobsync("sync", "--force")
    assert registered.hour("one") == 10


def test_a_head_that_jj_detached_is_no_reason_to_refuse(registered: Laptop) -> None:
    """It does so wherever it goes, and runs no hooks."""
    registered.job("one")
    registered.commit()
    registered.put(".jj/.gitignore", "/*\n")
    registered.git("checkout", "-q", "--detach")
    registered.job("one", LATER)
    assert "updated  one" in registered.jobsync("sync").out
    assert "1 job, all well" in registered.jobsync("status").out
    registered.job("one", LATER.replace("10", "11"))
    registered.jobsync("sync", "--head")
    assert registered.hour("one") == 10, "by itself nothing follows"


def test_a_job_that_no_sync_can_install_is_not_offered_one(registered: Laptop) -> None:
    registered.job("bad", "nonsense = 1\n")
    registered.job("new")
    says(registered.jobsync("run", "bad", status=1), "bad is not installed on this machine", "`jobsync check` says")
    says(registered.jobsync("run", "new", status=1), "new is not installed on this machine", "`jobsync sync new`")


def test_a_first_sync_before_the_first_commit_waits_for_it(laptop: Laptop) -> None:
    fresh = laptop.home / "fresh"
    laptop.git("init", "-q", str(fresh))
    laptop.put("jobsync.toml", "", at=fresh)
    laptop.job("one", at=fresh)
    launchctl = str(laptop.simulator.launchctl)
    ran = laptop.jobsync("init", "--prefix", "test", "--launchctl", launchctl, "--yes", "--sync", at=fresh, status=1)
    assert "there is no commit yet" in ran.err
    assert laptop.loaded() == laptop.installed() == set()
    assert "installed one" in laptop.commit(at=fresh).err
    assert laptop.loaded() == {"one"}


def test_a_fault_in_the_settings_stops_every_job_where_it_is(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.put("jobsync.toml", "jobs = 3\n")
    registered.job("one", LATER)
    registered.mutations()
    assert "jobsync.toml: jobs: " in registered.jobsync("sync", status=1).err
    assert registered.jobsync("status", "one").out.startswith("one (test.one)")
    assert "there is no job" in registered.jobsync("status", "nope", status=2).err
    assert registered.mutations() == [] and registered.hour("one") == 9


@pytest.mark.parametrize("command", [("sync",), ("sync", "-n"), ("doctor",)])
def test_a_fault_that_concerns_every_job_is_told_to_whoever_names_one(
    registered: Laptop, command: tuple[str, ...]
) -> None:
    registered.job("one")
    registered.put("jobsync.toml", "nonsense = 1\n")
    assert "jobsync.toml: nonsense: " in registered.jobsync(*command, "one", status=None).text


def test_the_faults_of_one_job_are_not_those_of_another_below_a_directory_of_its_name(registered: Laptop) -> None:
    registered.put("jobsync.toml", 'jobs = "my/backup/jobs"\n')
    for name in ("backup", "other"):
        registered.put(f"my/backup/jobs/{name}/job.toml", "run = 1\n")
    for command in ("sync", "status", "doctor"):
        said = registered.jobsync(command, "backup", status=None).text
        assert "my/backup/jobs/backup/job.toml: run: " in said, command
        assert "other" not in said, command


def test_a_job_that_cannot_be_read_is_a_fault_of_that_job_alone(registered: Laptop) -> None:
    outside = registered.put("outside.toml", JOB, at=registered.root)
    (registered.work / "jobs/linked").mkdir(parents=True)
    (registered.work / "jobs/linked/job.toml").symlink_to(outside)
    (registered.work / "jobs/round").symlink_to("round")
    registered.job("one")
    ran = registered.jobsync("sync", status=1)
    assert "jobs/linked" in ran.err and "out of the repository" in ran.err
    assert registered.installed() == {"one"}
    assert "faulty" in registered.jobsync("status", "linked").out
