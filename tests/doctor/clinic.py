"""One healthy machine, and every fault that doctor knows, made for real on it and taken away again."""

import errno
import os
import plistlib
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest

from jobsync import config as configuration
from jobsync import files, local_zone
from jobsync.doctor.view import View
from jobsync.findings import Level
from jobsync.reconcile.origin import open_origin
from jobsync.schedulers import launchd_doctor

from ..hours import far
from ..laptop import JOB, Laptop

STRICT = '#!/usr/bin/env bash\nset -euo pipefail\necho "well"\n'
PYTHON = "import sys\n\ntry:\n    print('well')\nexcept Exception as error:\n    sys.exit(str(error))\n"
TYPESCRIPT = "async function main() {}\nmain().catch((error) => {\n  console.error(error);\n  process.exit(1);\n});\n"
DAEMON = 'run = "sleep 1000"\n[daemon]\nrestart = "always"\n'
SCHEDULE = f'[schedule]\nat = "{far()}"\n'
TOKEN = "ghp_" + "a1B2" * 9
"""Of GitHub's shape, and nobody's."""


@dataclass
class Clinic:
    """The machine, seen by checks in this very process: a machine of its own for each check would take minutes."""

    laptop: Laptop
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = dict(self.laptop.environment)

    def view(self, only: str = "") -> View:
        """A fresh look."""
        config = configuration.load(self.laptop.config_file)
        (repo,) = config.repos
        return View(open_origin(config, repo, self.environment), local_zone.now(), self.environment, only)

    @property
    def logs(self) -> Path:
        """Where the logs of all jobs are."""
        return Path(configuration.load(self.laptop.config_file).logs)

    @contextmanager
    def config_line(self, old: str, new: str) -> Iterator[None]:
        """The machine's configuration, edited by hand for a while."""
        file = self.laptop.config_file
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(text, encoding="utf-8")

    @contextmanager
    def text(self, path: str, text: str, mode: int = 0o644) -> Iterator[Path]:
        """A file of the work tree with another text for a while; what was not there goes again."""
        file = self.laptop.work / path
        former, was = (file.read_text(encoding="utf-8"), file.stat().st_mode & 0o777) if file.exists() else (None, 0)
        self.laptop.put(path, text, mode=mode)
        try:
            yield file
        finally:
            if former is not None:
                self.laptop.put(path, former, mode=was)
            elif file.parent == self.laptop.work:
                file.unlink()
            else:
                shutil.rmtree(file.parent)

    @contextmanager
    def mode(self, path: Path, mode: int) -> Iterator[None]:
        """Another mode for a while."""
        was = path.stat().st_mode & 0o777
        path.chmod(mode)
        try:
            yield
        finally:
            path.chmod(was)

    @contextmanager
    def program(self, name: str, text: str) -> Iterator[Path]:
        """A program in front of the caller's PATH for a while."""
        directory = self.laptop.root / "front"
        directory.mkdir()
        file = directory / name
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
        path = self.environment["PATH"]
        self.environment["PATH"] = f"{directory}:{path}"
        try:
            yield file
        finally:
            self.environment["PATH"] = path
            shutil.rmtree(directory)

    def launch(self, job: str, times: int = 1, **environment: str) -> None:
        """Start the real launcher, as the scheduler would, and wait for it."""
        (launcher,) = (self.laptop.home / ".local/share/jobsync").glob(f"*/{job}")
        for _ in range(times):
            subprocess.run([launcher], env={**self.laptop.environment, **environment}, timeout=60, check=False)

    def forget_runs(self, job: str) -> None:
        """As if it had never run."""
        (self.laptop.state / "runs" / job).unlink(missing_ok=True)


@contextmanager
def clinic_of(laptop: Laptop) -> Iterator[Clinic]:
    """Everything set up so that no check finds anything."""
    laptop.job("plain", f'run = "true"\n{SCHEDULE}')
    laptop.job("script", SCHEDULE)
    laptop.put("jobs/script/run", STRICT, mode=0o755)
    laptop.job("python", f'run = ["python3", "./main.py"]\n{SCHEDULE}')
    laptop.put("jobs/python/main.py", PYTHON)
    laptop.job("typed", f'run = ["/bin/cat", "./main.ts"]\n{SCHEDULE}')
    laptop.put("jobs/typed/main.ts", TYPESCRIPT)
    laptop.job("watch", DAEMON)
    laptop.init()
    laptop.jobsync("sync")
    laptop.commit()
    laptop.wait_for(lambda: laptop.runs("watch") == 1)
    yield Clinic(laptop)


@dataclass(frozen=True)
class Case:
    """One fault: which check finds it, how bad it is, on which job, and a part of what is said."""

    check: str
    level: Level
    job: str
    says: str
    make: Callable[[Clinic], Iterator[None]]

    @property
    def id(self) -> str:
        return self.make.__name__


CASES: list[Case] = []


def fault(check: str, level: Level, job: str, says: str) -> Callable[[Callable[[Clinic], Iterator[None]]], None]:
    """The generator makes the fault, yields, and takes it away."""

    def note(make: Callable[[Clinic], Iterator[None]]) -> None:
        CASES.append(Case(check, level, job, says, make))

    return note


ERROR, WARNING, INFO = Level.ERROR, Level.WARNING, Level.INFO

# -- definitions


@fault("definitions", ERROR, "bad", "jobs/bad/job.toml: run:")
def a_definition_with_a_fault(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/bad/job.toml", "run = 3\n"):
        yield


@fault("directories", ERROR, "lost", "gone, which is not there")
def a_directory_that_is_gone(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "true"\ndir = "~/gone"\n{SCHEDULE}'):
        yield


@fault("directories", ERROR, "lost", "dir is what jobsync cannot look at /xxx")
def a_directory_that_cannot_be_looked_at(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "true"\ndir = "/{"x" * 300}"\n{SCHEDULE}'):
        yield


@fault("path", WARNING, "lost", "path names what jobsync cannot look at /xxx")
def a_path_that_cannot_be_looked_at(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "true"\npath = ["/{"x" * 300}"]\n{SCHEDULE}'):
        yield


@fault("path", WARNING, "lost", "bin, which is not there")
def a_path_that_is_gone(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "true"\npath = ["~/gone/bin"]\n{SCHEDULE}'):
        yield


@fault("secrets", ERROR, "leaky", "run holds what looks like a GitHub token")
def a_secret_on_the_command_line(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/leaky/job.toml", f'run = "true --token {TOKEN}"\n{SCHEDULE}'):
        yield


@fault("unexpanded", WARNING, "lost", "env.TO holds $HOME, which nothing expands there")
def a_variable_with_a_variable(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "true"\n{SCHEDULE}\n[env]\nTO = "/opt/a:$HOME/b"\nIN = "a~/b"\n'):
        yield


@fault("unexpanded", WARNING, "lost", "run holds ~, which nothing expands there")
def an_argument_that_no_shell_sees(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = ["/bin/true", "--out=~/notes"]\n{SCHEDULE}'):
        yield


def _env_file(clinic: Clinic, mode: int) -> Path:
    directory = clinic.laptop.config_file.parent / "env"
    directory.mkdir(mode=0o700)
    file = directory / "plain.env"
    file.write_text("TOKEN=x\n", encoding="utf-8")
    file.chmod(mode)
    return file


@fault("env-modes", ERROR, "plain", "has mode 0644")
def secrets_for_everybody_to_read(clinic: Clinic) -> Iterator[None]:
    file = _env_file(clinic, 0o644)
    yield
    shutil.rmtree(file.parent)


@fault("env-modes", ERROR, "plain", "has mode 0200, and launchers take 0600")
def secrets_for_nobody_to_read(clinic: Clinic) -> Iterator[None]:
    file = _env_file(clinic, 0o200)
    yield
    shutil.rmtree(file.parent)


@fault("env-tracked", ERROR, "plain", "plain.env is tracked by the repository")
def secrets_in_a_repository(clinic: Clinic) -> Iterator[None]:
    file = _env_file(clinic, 0o600)
    clinic.laptop.git("init", "-q", at=file.parent)
    clinic.laptop.git("add", "plain.env", at=file.parent)
    yield
    shutil.rmtree(file.parent)


@fault("config", ERROR, "", "config.toml may be written by others (mode 0666)")
def a_configuration_that_others_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.config_file, 0o666):
        yield


# -- what jobs run


@fault("run-file", ERROR, "script", "is not executable")
def a_run_without_its_bit(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.work / "jobs/script/run", 0o644):
        yield


@fault("noexec", ERROR, "", "/.local/share/jobsync/")
def launchers_where_no_program_may_be_started(clinic: Clinic) -> Iterator[None]:
    with patch.object(files, "is_without_programs", lambda path: path != clinic.laptop.work):
        yield


@fault("noexec", ERROR, "", "is mounted noexec")
def a_repository_where_no_program_may_be_started(clinic: Clinic) -> Iterator[None]:
    with patch.object(files, "is_without_programs", lambda path: path == clinic.laptop.work):
        yield


@fault("run-in-git", ERROR, "script", "is 100644 in git, not 100755")
def a_run_without_its_bit_in_git(clinic: Clinic) -> Iterator[None]:
    for sign in ("-", "+"):
        clinic.laptop.git("update-index", f"--chmod={sign}x", "jobs/script/run")
        clinic.laptop.git("commit", "-qm", "mode", env={"JOBSYNC_CONFIG": "/dev/null"})
        if sign == "-":
            yield
    clinic.laptop.jobsync("sync")


@fault("interpreters", ERROR, "lost", "nonesuch, named by `run`, is not in the job's PATH")
def a_program_that_is_nowhere(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "A=1 nonesuch --all"\n{SCHEDULE}'):
        yield


@fault("interpreters", ERROR, "lost", "your shell finds")
def a_program_that_only_the_shell_finds(clinic: Clinic) -> Iterator[None]:
    with (
        clinic.program("mytool", "#!/bin/sh\n"),
        clinic.text("jobs/lost/job.toml", f'run = ["mytool"]\n{SCHEDULE}'),
    ):
        yield


@fault("interpreters", ERROR, "script", "nonesuch, named by the first line of `run`")
def a_first_line_that_leads_nowhere(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/script/run", STRICT.replace("bash", "nonesuch"), 0o755):
        yield


@fault("interpreters", WARNING, "lost", "nonesuch, by which [notify] tells of it, is not in the job's PATH")
def a_teller_that_is_nowhere(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "true"\n{SCHEDULE}[notify]\nrun = "nonesuch hello"\n'):
        yield


@fault("bash", WARNING, "script", "it lacks -u, -o pipefail")
def a_script_that_goes_on(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/script/run", STRICT.replace("set -euo pipefail", "set -e"), 0o755):
        yield


@fault("bash", WARNING, "script", "does not say `set -eu` (it lacks -e, -u)")
def a_script_of_sh_that_goes_on(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/script/run", "#!/bin/sh\n# two commands\nfalse\necho well\n", 0o755):
        yield


@fault("pipes", WARNING, "lost", "`run` pipes what cat prints into another program")
def a_line_that_hides_a_failure_in_a_pipe(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/lost/job.toml", f'run = "LC_ALL=C cat gone.txt | sort"\n{SCHEDULE}'):
        yield


@fault("typescript", WARNING, "typed", "its last catch neither exits")
def typescript_that_only_prints(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/typed/main.ts", TYPESCRIPT.replace("process.exit(1)", "process.exit(0)")):
        yield


@fault("typescript", INFO, "typed", "has no catch that exits with 1")
def typescript_without_a_catch(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/typed/main.ts", "await fetch('x'); // .catch( is only a comment\n"):
        yield


@fault("python", WARNING, "python", "main.py:5 catches every error and goes on")
def python_that_swallows(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/python/main.py", PYTHON.replace("sys.exit(str(error))", "print(error)")):
        yield


# -- what is installed


@fault("scheduler", WARNING, "", "no GUI session")
def nobody_is_logged_in(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.simulator.logout()
    yield
    clinic.laptop.simulator.login()
    clinic.laptop.wait_for(lambda: "watch" in clinic.laptop.loaded())


@fault("scheduler", ERROR, "", "the scheduler could not be asked")
def the_scheduler_talks_nonsense(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.simulator.fault("print", garbage="nonsense\n", times=None)
    yield
    clinic.laptop.simulator.clear_faults()


@fault("artefacts", ERROR, "plain", "edited by hand")
def a_hand_edit(clinic: Clinic) -> Iterator[None]:
    plist = clinic.laptop.plist_path("plain")
    text = plist.read_bytes()
    plist.write_bytes(text.replace(b"<integer>0</integer>", b"<integer>5</integer>"))
    yield
    plist.write_bytes(text)


@fault("synced", WARNING, "new", "is defined and not installed")
def a_job_that_no_sync_has_seen(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/new/job.toml", JOB):
        yield


@fault("loaded", ERROR, "plain", "was not loaded")
def a_job_that_was_booted_out(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.bootout("plain")
    yield
    clinic.laptop.jobsync("sync")


@fault("identity", ERROR, "plain", "it was loaded from")
def a_job_loaded_from_elsewhere(clinic: Clinic) -> Iterator[None]:
    laptop = clinic.laptop
    copy = laptop.root / "copy.plist"
    copy.write_bytes(laptop.plist_path("plain").read_bytes())
    laptop.bootout("plain")
    laptop.launchctl("bootstrap", f"gui/{os.getuid()}", str(copy))
    yield
    copy.unlink()
    laptop.jobsync("doctor", "plain", "--fix", "--yes")


@fault("identity", ERROR, "plain", "another definition of it is loaded")
def another_definition_under_the_same_label(clinic: Clinic) -> Iterator[None]:
    laptop = clinic.laptop
    plist, digest = laptop.plist_path("plain"), laptop.plist("plain")["EnvironmentVariables"]["JOBSYNC_DIGEST"]
    text = plist.read_bytes()
    laptop.bootout("plain")
    plist.write_bytes(text.replace(digest.encode(), b"0" * 32))
    laptop.launchctl("bootstrap", f"gui/{os.getuid()}", str(plist))
    plist.write_bytes(text)
    yield
    laptop.jobsync("doctor", "--fix", "--yes")


@fault("failures", ERROR, "plain", "the last sync could not apply it")
def a_load_that_was_refused(clinic: Clinic) -> Iterator[None]:
    laptop = clinic.laptop
    laptop.bootout("plain")
    laptop.simulator.fault("bootstrap", code=5, times=None, label=laptop.label("plain"))
    laptop.jobsync("sync", status=1)
    yield
    laptop.simulator.clear_faults()
    laptop.jobsync("sync")


@fault("conflicts", ERROR, "taken", "is not jobsync's")
def a_strangers_file_in_our_place(clinic: Clinic) -> Iterator[None]:
    stranger = clinic.laptop.plist_path("taken")
    stranger.write_bytes(clinic.laptop.plist_path("plain").read_bytes().replace(b"JOBSYNC_OWNER", b"OTHER_OWNER"))
    with clinic.text("jobs/taken/job.toml", JOB):
        yield
    stranger.unlink()


@fault("orphans", WARNING, "plain", "no longer defined")
def a_job_that_is_gone_from_the_repository(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.drop("jobs/plain")
    yield
    clinic.laptop.git("checkout", "-q", "--", "jobs")


@fault("brake", ERROR, "", "nothing is removed")
def many_jobs_gone_at_once(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.drop("jobs")
    yield
    clinic.laptop.git("checkout", "-q", "--", "jobs")


@fault("deferred", INFO, "slow", "a change of it waits: running")
def a_change_that_waits_for_a_run(clinic: Clinic) -> Iterator[None]:
    laptop = clinic.laptop
    with clinic.text("jobs/slow/job.toml", 'run = "sleep 1000"\n' + SCHEDULE):
        laptop.jobsync("sync")
        laptop.launchctl("kickstart", laptop.target("slow"))
        laptop.wait_for(lambda: "start" in (laptop.state / "runs" / "slow").read_text())
        laptop.job("slow", 'run = "sleep 1000"\n' + SCHEDULE.replace(":00", ":30"))
        yield
    laptop.jobsync("sync")


@fault("pauses", INFO, "plain", "paused by you")
def a_pause(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.jobsync("pause", "plain")
    yield
    clinic.laptop.jobsync("resume", "plain")


@fault("pauses", ERROR, "plain", "pause/plain: Permission denied")
def a_pause_that_cannot_be_read(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.jobsync("pause", "plain")
    pause, read = clinic.laptop.state / "pause" / "plain", files.read

    def closed(path: Path) -> bytes | None:
        if path == pause:  # no mode keeps root from it
            raise files.complaint("read", path, PermissionError(errno.EACCES, "Permission denied"))
        return read(path)

    with patch.object(files, "read", closed):
        yield
    clinic.laptop.jobsync("resume", "plain")


@fault("pauses", INFO, "watch", "paused by you")
def a_paused_daemon(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.jobsync("pause", "watch")
    yield
    clinic.laptop.jobsync("resume", "watch")


@fault("ownership", ERROR, "", "may be written by others (mode 0777)")
def launchers_that_others_can_write(clinic: Clinic) -> Iterator[None]:
    (launcher,) = (clinic.laptop.home / ".local/share/jobsync").glob("*/plain")
    with clinic.mode(launcher.parent, 0o777):
        yield


@fault("ownership", ERROR, "script", "may be written by everybody (mode 0777)")
def a_script_that_everybody_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.work / "jobs/script/run", 0o777):
        yield


@fault("ownership", ERROR, "", "may be written by everybody (mode 0777)")
def hooks_that_everybody_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.work / ".git/hooks", 0o777):
        yield


@fault("ownership", ERROR, "", "may be written by everybody (mode 0777)")
def jobs_that_everybody_can_add_to(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.work / "jobs", 0o777):
        yield


@fault("ownership", ERROR, "", "may be written by others (mode 0722)")
def a_directory_above_the_launchers_that_others_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.home / ".local/share/jobsync", 0o722):
        yield


@fault("ownership", ERROR, "", "may be written by others (mode 0722)")
def a_directory_above_the_state_that_others_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.home / ".local/state/jobsync", 0o722):
        yield


@fault("ownership", ERROR, "", "may be written by everybody (mode 0777)")
def a_hook_that_everybody_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.work / ".git/hooks/post-merge", 0o777):
        yield


@fault("ownership", ERROR, "", "may be written by everybody (mode 0666)")
def a_git_configuration_that_everybody_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.work / ".git/config", 0o666):
        yield


@fault("ownership", ERROR, "", "may be written by everybody (mode 0777)")
def a_home_that_everybody_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.home, 0o777):
        yield


@fault("ownership", ERROR, "plain", "belongs to uid 65534")
def a_launcher_of_another_owner(clinic: Clinic) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another owner")
    (launcher,) = (clinic.laptop.home / ".local/share/jobsync").glob("*/plain")
    os.chown(launcher, 65_534, -1)
    try:
        yield
    finally:
        os.chown(launcher, os.geteuid(), -1)


# -- runs


@contextmanager
def _installed(clinic: Clinic, job: str, text: str) -> Iterator[None]:
    """A job of its own for a while, installed."""
    with clinic.text(f"jobs/{job}/job.toml", text):
        clinic.laptop.jobsync("sync")
        yield
    clinic.laptop.jobsync("sync")
    clinic.forget_runs(job)


@fault("last-run", ERROR, "lan", "ended with exit 7")
def a_run_that_may_not_reach_the_local_network(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "lan", f'run = "echo connect: No route to host >&2; exit 7"\n{SCHEDULE}'):
        clinic.launch("lan")
        yield


@fault("last-run", ERROR, "failing", "ended with exit 127 (command not found)")
def a_run_that_failed(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "failing", f'run = "exit 127"\n{SCHEDULE}'):
        clinic.launch("failing")
        yield


@fault("last-run", WARNING, "ended", "the daemon ended well, and does not run")
def a_daemon_that_ended_well(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "ended", 'run = "true"\n[daemon]\nrestart = "on-failure"\n'):
        clinic.laptop.wait_for(lambda: "the daemon ended" in clinic.laptop.jobsync("status").text)
        yield


@fault("missed", WARNING, "plain", "runs did not come, the last due")
def a_machine_that_slept(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.age_job("plain", days=3)
    long_ago = int(time.time()) - 3 * 86_400
    with (clinic.laptop.state / "runs/plain").open("a", encoding="utf-8") as file:
        file.write(f"start 20260101T000000Z-1 {long_ago} 1\nend 20260101T000000Z-1 {long_ago + 1} 0\n")
    yield
    clinic.forget_runs("plain")
    os.utime(clinic.laptop.plist_path("plain"))


@fault("never-ran", ERROR, "plain", "has never run: 2 runs did not come")
def a_job_that_never_comes_to_run(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.age_job("plain", days=2)
    yield
    clinic.forget_runs("plain")
    os.utime(clinic.laptop.plist_path("plain"))


@fault("overdue", ERROR, "weekly", "has not succeeded for 9d, and expect.success_within is 3d")
def a_success_that_is_long_ago(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "weekly", 'run = "true"\n[expect]\nsuccess_within = "3d"\n'):
        clinic.laptop.age_job("weekly", days=9)
        yield


@fault("crash-loop", ERROR, "failing", "failed 3 times within")
def a_job_that_fails_again_and_again(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "failing", f'run = "exit 1"\n{SCHEDULE}'):
        clinic.launch("failing", times=3)
        yield


@fault("crash-loop", ERROR, "tried", "failed 3 times within")
def a_job_that_failed_again_and_again_after_tries_by_hand(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "tried", f'run = "exit 1"\n{SCHEDULE}'):
        for _ in range(3):
            assert clinic.laptop.jobsync("run", "--here", "tried", status=1).err
        assert "whatever starts it" not in clinic.laptop.jobsync("doctor", "tried", status=1).out, "somebody tries it"
        clinic.launch("tried", times=3)
        yield


@fault("throttled", WARNING, "brief", "ended by themselves within 10 s")
def a_daemon_that_does_not_stay(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "brief", 'run = "true"\n[daemon]\nrestart = "on-failure"\n'):
        clinic.laptop.wait_for(lambda: clinic.laptop.runs("brief") == 1)
        clinic.launch("brief", times=3)
        yield


@fault("logs", ERROR, "", "is in the way of the directory")
def a_file_where_logs_shall_be(clinic: Clinic) -> Iterator[None]:
    logs = clinic.logs
    logs.mkdir(parents=True, exist_ok=True)
    logs.rename(logs.with_name("aside"))
    logs.touch()
    yield
    logs.unlink()
    logs.with_name("aside").rename(logs)


@fault("logs", ERROR, "plain", "runs/plain: Is a directory")
def a_directory_where_records_shall_be(clinic: Clinic) -> Iterator[None]:
    runs = clinic.laptop.state / "runs" / "plain"
    clinic.forget_runs("plain")
    runs.mkdir()
    yield
    runs.rmdir()


@fault("log-size", WARNING, "plain", "its logs take 300 MB")
def logs_without_end(clinic: Clinic) -> Iterator[None]:
    directory = clinic.logs / "test.plain"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "20260101T000000Z-1.log").touch()
    os.truncate(directory / "20260101T000000Z-1.log", 300_000_000)
    yield
    shutil.rmtree(directory)


# -- git


@fault("hooks", WARNING, "", "post-merge: not installed")
def a_hook_that_is_gone(clinic: Clinic) -> Iterator[None]:
    (clinic.laptop.work / ".git/hooks/post-merge").unlink()
    yield
    clinic.laptop.jobsync("hooks", "install")


@fault("hooks", ERROR, "", "git was asked to run post-merge and did not reach jobsync")
def a_hook_that_ends_before_it_reaches_us(clinic: Clinic) -> Iterator[None]:
    hook = clinic.laptop.work / ".git/hooks/post-merge"
    text = hook.read_text(encoding="utf-8")
    hook.write_text(text.replace("status=0\n", "exit 0\n", 1), encoding="utf-8")
    yield
    hook.write_text(text, encoding="utf-8")


@fault("hooks", WARNING, "", "post-applypatch: not where git looks")
def hooks_that_git_does_not_look_for(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.git("config", "core.hooksPath", str(clinic.laptop.root / "elsewhere"))
    yield
    clinic.laptop.git("config", "--unset", "core.hooksPath")


@fault("chained-hooks", WARNING, "", "which ours runs first, is not executable")
def a_chained_hook_without_its_bit(clinic: Clinic) -> Iterator[None]:
    chained = clinic.laptop.work / ".git/hooks/post-merge.jobsync-chained"
    chained.write_text("#!/bin/sh\n", encoding="utf-8")
    chained.chmod(0o644)
    yield
    chained.unlink()


@fault("chained-hooks", INFO, "", "prek has no hooks here but those that ours run first: post-merge.jobsync-chained")
def a_framework_that_left(clinic: Clinic) -> Iterator[None]:
    chained = clinic.laptop.work / ".git/hooks/post-merge.jobsync-chained"
    chained.write_text("#!/bin/sh\n# File generated by prek: https://github.com/j178/prek\n", encoding="utf-8")
    chained.chmod(0o755)
    yield
    chained.unlink()


def _pre_commit(clinic: Clinic, *lines: str) -> Iterator[None]:
    text = "repos:\n- repo: https://git.example.net/jobsync\n" + "".join(f"  {line}\n" for line in lines)
    with clinic.text(".pre-commit-config.yaml", text):
        yield


@fault("pre-commit", ERROR, "", "names the hook jobsync-post-pull, which there is not")
def an_id_that_there_is_not(clinic: Clinic) -> Iterator[None]:
    yield from _pre_commit(clinic, "rev: v0.1.0", "hooks: [{id: jobsync-post-pull}]")


@fault("pre-commit", WARNING, "", "takes jobsync from `main`, which moves")
def a_revision_that_moves(clinic: Clinic) -> Iterator[None]:
    yield from _pre_commit(clinic, "rev: main", "hooks: [{id: jobsync-check}]")


@fault("pre-commit", WARNING, "", "pre-commit is not installed for post-merge")
def an_event_that_pre_commit_does_not_get(clinic: Clinic) -> Iterator[None]:
    (clinic.laptop.work / ".git/hooks/post-merge").unlink()
    yield from _pre_commit(clinic, "rev: v0.1.0", "hooks: [{id: jobsync-post-merge}]")
    clinic.laptop.jobsync("hooks", "install")


@fault("pre-commit", INFO, "", "names jobsync, and PyYAML, which would read it, is not installed beside jobsync")
def a_configuration_that_nobody_can_read(clinic: Clinic) -> Iterator[None]:
    with patch.dict(sys.modules, {"yaml": None}):  # pipx gives pre-commit, with which it comes, a place of its own
        yield from _pre_commit(clinic, "rev: v0.1.0", "hooks: [{id: jobsync-nonsense}]")


@fault("head", WARNING, "", "HEAD is 1 commit ahead of the last sync: plain")
def a_commit_that_no_hook_saw(clinic: Clinic) -> Iterator[None]:
    laptop = clinic.laptop
    laptop.put("jobs/plain/notes", "x")
    laptop.git("add", "-A")
    laptop.git("-c", "core.hooksPath=/dev/null", "commit", "-qm", "unseen")
    yield
    laptop.jobsync("sync")


@fault("uncommitted", INFO, "mine", "is installed from your work tree")
def a_job_that_is_not_committed(clinic: Clinic) -> Iterator[None]:
    with _installed(clinic, "mine", JOB):
        yield


@fault("artefacts-in-git", WARNING, "", "syncs write into the work tree: agents")
def agents_that_are_linked_into_the_repository(clinic: Clinic) -> Iterator[None]:
    agents, kept = clinic.laptop.plist_path("plain").parent, clinic.laptop.work / "agents"
    agents.rename(kept)
    agents.symlink_to(kept)
    yield
    agents.unlink()
    kept.rename(agents)


@fault("branch", INFO, "", "main is checked out, and hooks sync only release")
def another_branch(clinic: Clinic) -> Iterator[None]:
    with clinic.config_line('prefix = "test"\n', 'prefix = "test"\nbranch = "release"\n'):
        yield


# -- the machine


@fault("reboot", ERROR, "plain", "test.plain.plist is a link")
def a_plist_that_is_a_link(clinic: Clinic) -> Iterator[None]:
    plist = clinic.laptop.plist_path("plain")
    real = clinic.laptop.root / "real.plist"
    plist.rename(real)
    plist.symlink_to(real)
    yield
    real.rename(plist)


@fault("reboot", WARNING, "plain", "is installed, enabled, and not loaded")
def a_job_switched_off_in_login_items(clinic: Clinic) -> Iterator[None]:
    laptop = clinic.laptop
    laptop.simulator.login_item(laptop.label("plain"), on=False)
    laptop.bootout("plain")
    yield
    laptop.simulator.login_item(laptop.label("plain"), on=True)
    laptop.jobsync("sync")


@fault("reboot", ERROR, "", "LaunchAgents may be written by others")
def a_directory_of_agents_that_others_can_write(clinic: Clinic) -> Iterator[None]:
    with clinic.mode(clinic.laptop.agents, 0o777):
        yield


@fault("domain", ERROR, "plain", "is loaded in user/")
def a_job_in_two_domains(clinic: Clinic) -> Iterator[None]:
    laptop, domain = clinic.laptop, f"user/{os.getuid()}"
    copy = laptop.root / "background.plist"
    copy.write_bytes(plistlib.dumps({**laptop.plist("plain"), "LimitLoadToSessionType": "Background"}))
    laptop.launchctl("bootstrap", domain, str(copy))
    yield
    laptop.launchctl("bootout", f"{domain}/{laptop.label('plain')}")


@fault("overrides", INFO, "plain", "you disabled it in launchd")
def a_job_that_the_user_disabled(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.launchctl("disable", clinic.laptop.target("plain"))
    yield
    clinic.laptop.launchctl("enable", clinic.laptop.target("plain"))


@fault("privacy", WARNING, "tidy", "Full Disk Access for /bin/sh")
def a_job_in_a_guarded_place(clinic: Clinic) -> Iterator[None]:
    with clinic.text("jobs/tidy/job.toml", f'run = "ls ~/Downloads/*.zip"\n{SCHEDULE}'):
        yield


NOTIFICATIONS = "Library/Preferences/com.apple.ncprefs.plist"


@contextmanager
def _who_may_notify(clinic: Clinic, *apps: dict[str, object]) -> Iterator[None]:
    """A Mac that keeps this, and a job that wants to tell."""
    preferences = clinic.laptop.home / NOTIFICATIONS
    preferences.parent.mkdir(exist_ok=True)
    preferences.write_bytes(plistlib.dumps({"apps": [*apps]}))
    with (
        patch.object(launchd_doctor, "OSASCRIPT", "/bin/sh"),
        clinic.text("jobs/told/job.toml", 'run = "true"\n[notify]\n'),
    ):
        yield
    preferences.unlink()


@fault("notifications", INFO, "", "has never shown anything here")
def a_mac_on_which_nothing_was_allowed(clinic: Clinic) -> Iterator[None]:
    with _who_may_notify(clinic):
        yield


@fault("notifications", WARNING, "", "may show no notifications")
def a_mac_on_which_notifications_were_refused(clinic: Clinic) -> Iterator[None]:
    with _who_may_notify(clinic, {"bundle-id": "com.apple.ScriptEditor2", "flags": 8206}):
        yield


@fault("installation", ERROR, "", "which the git hooks call, is gone")
def a_jobsync_that_is_gone(clinic: Clinic) -> Iterator[None]:
    hook = configuration.load(clinic.laptop.config_file).hook
    with clinic.config_line(hook, "/nonexistent/jobsync-hook"):
        yield


@fault("installation", ERROR, "", "needs /nonexistent/python3, which is gone")
def a_python_that_is_gone(clinic: Clinic) -> Iterator[None]:
    hook = configuration.load(clinic.laptop.config_file).hook
    with clinic.program("jobsync-hook", "#!/nonexistent/python3\n") as other, clinic.config_line(hook, str(other)):
        yield


@fault("gui-path", ERROR, "", "does not work with a GUI client's PATH: ")
def a_hook_that_needs_the_shells_path(clinic: Clinic) -> Iterator[None]:
    hook = configuration.load(clinic.laptop.config_file).hook
    with (
        # As jobsync-hook itself, which fails no git command.
        clinic.program("jobsync-hook", "#!/bin/sh\nonly-in-my-shell\nexit 0\n") as other,
        clinic.config_line(hook, str(other)),
    ):
        yield


@fault("git-version", ERROR, "", "git version 2.20.1 is older than 2.31")
def an_old_git(clinic: Clinic) -> Iterator[None]:
    real = shutil.which("git")
    script = f'#!/bin/sh\ncase $* in *--version) echo "git version 2.20.1" ;; *) exec {real} "$@" ;; esac\n'
    with clinic.program("git", script):
        yield


@fault("scheduler-version", WARNING, "", "launchd does not say which version it is")
def a_scheduler_without_a_version(clinic: Clinic) -> Iterator[None]:
    clinic.laptop.simulator.fault("version", code=1, times=None)
    yield
    clinic.laptop.simulator.clear_faults()


@fault("clock", WARNING, "", "the last run of plain was at 2099-01-01")
def a_clock_that_was_set_back(clinic: Clinic) -> Iterator[None]:
    run = "20990101T000000Z-1"
    lines = f"start {run} 4070908800 1 offset=+0000\nend {run} 4070908800 0 offset=+0000 attempts=1 bytes=0\n"
    (clinic.laptop.state / "runs" / "plain").write_text(lines, encoding="utf-8")
    yield
    clinic.forget_runs("plain")


@fault("zone", INFO, "", "this shell has TZ=LATE3:21")
def a_shell_with_another_zone(clinic: Clinic) -> Iterator[None]:
    clinic.environment["TZ"] = "LATE3:21"  # no machine is there
    yield
    del clinic.environment["TZ"]


ON_SYSTEMD = {
    "reboot": {INFO},
    "links": {ERROR},
    "overrides": {INFO, WARNING, ERROR},
}
"""Levels of what only systemd can have; `test_systemd.py` makes each of these faults."""
