"""launchd through a real `launchctl` executable: manners, answers in three kinds, and errors that say all."""

import os
import plistlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from jobsync.config import Config
from jobsync.definitions.job import Job, Line, Restart, Schedule, Slot
from jobsync.errors import JobsyncError
from jobsync.paths import Paths, paths_of
from jobsync.schedulers import choose
from jobsync.schedulers.launchd import Launchd, domain
from jobsync.schedulers.protocol import Failures, Identity, Loaded, NoSession, SchedulerError, Survey, Unknown
from jobsync.simulator import Simulator
from jobsync.values import replace

from ..laptop import MUTATING
from ..launchds import Quick
from ..scratch import SCRATCH
from .samples import CONFIG, RICH
from .samples import REPO as OTHER


def _raise(failures: Failures) -> None:
    for failure in failures.values():
        raise failure


def load(launchd: Launchd, label: str) -> None:
    """One job; its failure is raised."""
    _raise(launchd.load([label]))


def unload(launchd: Launchd, label: str, wait: float | None = None) -> None:
    """One job; its failure is raised."""
    _raise(launchd.unload([label], wait=wait).failures)


@dataclass(frozen=True)
class Bench:
    """A Mac and one repository's view of its launchd."""

    mac: Simulator
    config: Config
    paths: Paths
    launchd: Launchd

    def install(self, job: Job) -> str:
        """Write the artefacts of a job; gives its label."""
        rendering = self.launchd.render(job)
        for one in rendering.artefacts:
            path = Path(one.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(one.content)
            path.chmod(one.mode)
        return rendering.label

    def load(self, job: Job) -> str:
        """Install and load it."""
        label = self.install(job)
        load(self.launchd, label)
        return label


@pytest.fixture
def bench() -> Iterator[Bench]:
    root = Path(tempfile.mkdtemp(prefix="jobsync-test-", dir=SCRATCH))
    home = root / "home"
    with Quick.start(root / "mac", home) as mac:
        config = replace(
            CONFIG,
            launchctl=str(mac.launchctl),
            home=str(home),
            state=f"{root}/state",
            data=f"{root}/data",
            logs=f"{root}/logs",
        )
        paths = paths_of(config, OTHER)
        yield Bench(mac, config, paths, Launchd(config, OTHER, paths))
    shutil.rmtree(root)


def job(name: str = "one", line: str = "true", **fields: object) -> Job:
    made = Job(name=name, description="", command=Line(line), directory="/", home_directory="/")
    return replace(made, **fields)  # type: ignore[arg-type]  # each caller names real fields


SLEEPER = job("sleeper", "exec sleep 1000", daemon=Restart.ALWAYS)


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def services(bench: Bench) -> Mapping[str, Loaded]:
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    return answer.services


def wait_until_gone(bench: Bench, label: str) -> None:
    until(lambda: label not in services(bench))


@pytest.mark.parametrize(
    ("agent", "runs_on"),
    [
        ({"KeepAlive": True}, True),
        ({"KeepAlive": {"SuccessfulExit": False}}, True),
        ({"KeepAlive": False}, False),
        ({"RunAtLoad": True}, False),
    ],
)
def test_a_daemons_definition_is_known(bench: Bench, agent: dict[str, object], *, runs_on: bool) -> None:
    assert bench.launchd.keeps_running(plistlib.dumps(agent)) is runs_on


def test_what_is_no_definition_is_no_daemons(bench: Bench) -> None:
    assert bench.launchd.keeps_running(b"nonsense") is None


def test_a_loaded_job_is_surveyed_and_identified(bench: Bench) -> None:
    label = bench.load(SLEEPER)
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    assert answer.services[label].pid
    said = Identity(OTHER.id, bench.launchd.render(SLEEPER).load_digest, bench.launchd.definition_path(label))
    assert bench.launchd.identities([label]) == {label: said}
    assert bench.launchd.owns(label)
    assert bench.launchd.installed_labels() == (label,)


def test_the_survey_is_one_call_and_the_very_command_that_the_hook_runs(bench: Bench) -> None:
    bench.mac.clear_calls()
    bench.launchd.survey()
    assert bench.mac.calls() == [["print", domain()]]
    assert bench.launchd.query().argv == (bench.config.launchctl, "print", domain())


def test_what_is_not_loaded_has_no_identity_and_no_owner(bench: Bench) -> None:
    assert bench.launchd.identities(["ada.none"]) == {}
    assert not bench.launchd.owns("ada.none")
    assert bench.launchd.survey() == Survey({}, {})


def test_a_job_of_somebody_else_is_not_owned(bench: Bench) -> None:
    others = Launchd(bench.config, replace(OTHER, id="ffff"), bench.paths)
    label = bench.load(job())
    assert bench.launchd.owns(label)
    assert not others.owns(label)
    content = bench.paths.plist(label).read_bytes()
    assert bench.launchd.is_ours(content)
    assert not others.is_ours(content)


def test_a_job_unloads_by_label_without_its_file(bench: Bench) -> None:
    label = bench.load(SLEEPER)
    bench.paths.plist(label).unlink()
    unload(bench.launchd, label)
    wait_until_gone(bench, label)


@pytest.mark.parametrize("code", [3, 36, 37, 112, 113, 125])
def test_unloading_what_is_gone_or_going_is_fine(bench: Bench, code: int) -> None:
    unload(bench.launchd, "ada.none")
    bench.mac.fault("bootout", code=code)
    unload(bench.launchd, "ada.none")


@pytest.mark.parametrize("code", [1, 5, 64, 150])
def test_unloading_that_failed_is_an_error_with_argv_status_and_stderr(bench: Bench, code: int) -> None:
    bench.mac.fault("bootout", code=code, text="it would not\nTry again.\n")
    with pytest.raises(SchedulerError) as caught:
        unload(bench.launchd, "ada.one")
    argv = f"{bench.config.launchctl} bootout {domain()}/ada.one"
    assert caught.value.message == f"`{argv}` failed with status {code}: it would not; Try again."


def test_a_silent_failure_says_so(bench: Bench) -> None:
    bench.mac.fault("bootstrap", code=5, text="")
    with pytest.raises(SchedulerError, match="failed with status 5: nothing on stderr"):
        load(bench.launchd, "ada.one")


@pytest.mark.parametrize("verb", ["unload", "load", "start", "restart", "stop", "identities", "owns"])
def test_a_call_without_a_label_never_reaches_launchctl(bench: Bench, verb: str) -> None:
    if verb == "load":
        # bootstrap names a file; an empty label names one that is not there.
        with pytest.raises(SchedulerError):
            load(bench.launchd, "")
        return
    with pytest.raises(ValueError, match="needs a label"):
        getattr(bench.launchd, verb)([""] if verb in ("unload", "restart", "identities") else "")
    assert bench.mac.calls() == []


def test_start_restart_and_stop(bench: Bench) -> None:
    label = bench.load(job("one", "exec sleep 1000", launchd={"ThrottleInterval": 1}))
    bench.launchd.start(label)
    first = pid_of(bench, label)
    bench.launchd.start(label)
    assert pid_of(bench, label) == first, "a running job is not started again"
    assert bench.launchd.restart([label]) == {}
    until(lambda: pid_of(bench, label) != first)
    bench.launchd.stop(label)
    bench.mac.settle()
    bench.launchd.stop(label)
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    assert answer.services[label].pid is None


def pid_of(bench: Bench, label: str) -> int:
    """Of its process, once it runs."""
    until(lambda: services(bench)[label].pid is not None)
    return services(bench)[label].pid or 0


def test_how_the_last_run_ended_is_surveyed(bench: Bench) -> None:
    label = bench.load(job("one", "exit 7"))
    bench.launchd.start(label)
    bench.mac.settle()
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    assert answer.services[label] == Loaded(None, 7)


@pytest.mark.parametrize("code", [112, 125])
def test_no_gui_session_is_an_answer_of_its_own(bench: Bench, code: int) -> None:
    bench.mac.fault("print", code=code)
    answer = bench.launchd.survey()
    assert isinstance(answer, NoSession)
    assert "jobs load at the next login" in answer.reason


def test_logged_out_there_is_no_session(bench: Bench) -> None:
    bench.mac.logout()
    assert isinstance(bench.launchd.survey(), NoSession)
    bench.mac.login()
    assert isinstance(bench.launchd.survey(), Survey)


@pytest.mark.parametrize("code", [1, 5, 64, 69])
def test_a_survey_that_failed_is_could_not_ask(bench: Bench, code: int) -> None:
    bench.mac.fault("print", code=code, text="no luck\n")
    answer = bench.launchd.survey()
    assert isinstance(answer, Unknown)
    assert f"failed with status {code}: no luck" in answer.reason


@pytest.mark.parametrize("garbage", ["", "\x00!?\n", "gui/501 = {\n\tservices = {\n"])
def test_a_survey_that_cannot_be_read_is_could_not_ask(bench: Bench, garbage: str) -> None:
    bench.mac.fault("print", garbage=garbage)
    answer = bench.launchd.survey()
    assert isinstance(answer, Unknown)
    assert "printed nothing that jobsync can read" in answer.reason


def test_without_launchctl_it_is_could_not_ask(bench: Bench) -> None:
    lost = Launchd(replace(bench.config, launchctl="/nonexistent/launchctl"), OTHER, bench.paths)
    assert lost.survey() == Unknown("cannot run /nonexistent/launchctl: No such file or directory")


def test_an_identity_that_cannot_be_asked_for_says_why(bench: Bench) -> None:
    bench.mac.fault("print", code=125)
    found = bench.launchd.identities(["ada.one"])["ada.one"]
    assert "status 125" in found.problem and (found.owner, found.digest) == ("", "")
    bench.mac.fault("print", code=125)
    assert not bench.launchd.owns("ada.one")


def test_a_label_that_the_user_disabled_is_surveyed_as_such(bench: Bench) -> None:
    label = bench.load(job())
    subprocess.run([bench.config.launchctl, "disable", f"{domain()}/{label}"], check=True)
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    assert answer.disabled == {label: f"launchctl enable {domain()}/{label}"}


def test_launchctl_gets_nothing_of_the_callers_environment(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub = tmp_path / "launchctl"
    stub.write_text(f"#!/bin/sh\nenv >'{tmp_path}/env'\n", encoding="utf-8")
    stub.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "/x")
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    Launchd(replace(bench.config, launchctl=str(stub)), OTHER, bench.paths).survey()
    found = dict(line.split("=", 1) for line in (tmp_path / "env").read_text(encoding="utf-8").splitlines())
    assert {name: found[name] for name in ("HOME", "PATH", "LC_ALL")} == {
        "HOME": bench.config.home,
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
        "LC_ALL": "C",
    }
    assert set(found) <= {"HOME", "PATH", "LC_ALL", "PWD", "OLDPWD", "SHLVL", "_"}


def test_installed_labels_are_those_under_our_prefix(bench: Bench) -> None:
    bench.paths.agents.mkdir(parents=True, exist_ok=True)
    for name in ("ada.b.plist", "ada.a.plist", "adab.x.plist", "com.apple.x.plist", "ada.c.txt", "ada.plist"):
        (bench.paths.agents / name).touch()
    assert bench.launchd.installed_labels() == ("ada.a", "ada.b")


def test_without_a_directory_nothing_is_installed(bench: Bench) -> None:
    bench.paths.agents.rmdir()
    assert bench.launchd.installed_labels() == ()
    bench.paths.agents.touch()
    with pytest.raises(JobsyncError, match=r"cannot read .*LaunchAgents: Not a directory"):
        bench.launchd.installed_labels()


@pytest.mark.parametrize(
    ("keys", "seconds"), [({}, 15), ({"ExitTimeOut": 30}, 40), ({"ExitTimeOut": 0}, 10), ({"ExitTimeOut": "x"}, 15)]
)
def test_a_job_is_given_its_own_time_to_end_and_a_margin(bench: Bench, keys: dict[str, object], seconds: float) -> None:
    content = bench.launchd.render(job(launchd=keys)).artefacts[1].content
    assert bench.launchd.unload_limit(content) == seconds


def test_without_a_definition_the_time_to_end_is_launchds_own(bench: Bench) -> None:
    assert bench.launchd.unload_limit(None) == bench.launchd.unload_limit(b"junk") == 15


def test_rendering_calls_nothing(bench: Bench) -> None:
    bench.mac.clear_calls()
    rendering = bench.launchd.render(RICH)
    bench.launchd.meaning(rendering.artefacts[1].content)
    assert bench.mac.calls() == []
    assert [(Path(one.path).name, one.mode) for one in rendering.artefacts] == [
        ("rich", 0o700),
        ("ada.rich.plist", 0o644),
    ]


def test_what_happens_to_slots_while_away_is_said_for_each_kind(bench: Bench) -> None:
    assert list(bench.launchd.away_meaning(job())) == []
    slots = Schedule(slots=(Slot(hour=9, minute=0),))
    kinds = [slots, Schedule(at_login=True), Schedule(on_change=("/x",)), Schedule(on_files=("/x",))]
    said = [bench.launchd.away_meaning(job(schedule=kind)) for kind in kinds]
    assert [len(sentences) for sentences in said] == [3, 3, 3, 3]
    assert len(bench.launchd.away_meaning(SLEEPER)) == 3
    several = bench.launchd.away_meaning(job(schedule=replace(slots, at_login=True)))
    assert [line.partition(":")[0] for line in several] == [
        *("slots, asleep", "slots, off", "slots, logged out"),
        *("at_login, asleep", "at_login, off", "at_login, logged out"),
    ]


def test_no_reading_verb_changes_anything(bench: Bench) -> None:
    label = bench.load(SLEEPER)
    bench.mac.clear_calls()
    bench.launchd.survey()
    bench.launchd.identities([label])
    bench.launchd.owns(label)
    bench.launchd.installed_labels()
    assert not {call[0] for call in bench.mac.calls()} & MUTATING


def test_a_scheduler_that_this_jobsync_does_not_know_is_refused(bench: Bench) -> None:
    assert isinstance(choose.scheduler_for(bench.config, OTHER, bench.paths), Launchd)
    with pytest.raises(JobsyncError, match='scheduler: "cron" is not one of launchd') as caught:
        choose.scheduler_for(replace(bench.config, scheduler="cron"), OTHER, bench.paths)
    assert caught.value.hint


def test_a_bootout_waits_where_launchctl_can(bench: Bench) -> None:
    bench.mac.configure(version="26.0", teardown=0.5)
    label = bench.load(Job("d", "", Line("sleep 100"), "/", "/repo/jobs/d", daemon=Restart.ALWAYS))
    unload(Launchd(bench.config, OTHER, bench.paths, darwin=25), label, wait=20)
    answer = bench.launchd.survey()
    assert isinstance(answer, Survey)
    assert label not in answer.services
    assert [call[:2] for call in bench.mac.calls() if call[0] == "bootout"] == [["bootout", "--wait"]]


@pytest.mark.parametrize(("darwin", "wait"), [(24, 20.0), (25, None)])
def test_a_bootout_does_not_wait_where_launchctl_cannot_or_more_is_to_be_done(
    bench: Bench, darwin: int, wait: float | None
) -> None:
    label = bench.load(Job("d", "", Line("true"), "/", "/repo/jobs/d"))
    unload(Launchd(bench.config, OTHER, bench.paths, darwin=darwin), label, wait=wait)
    assert "--wait" not in [word for call in bench.mac.calls() for word in call]


def test_waiting_for_a_bootout_has_a_limit(bench: Bench) -> None:
    bench.mac.configure(version="26.0")
    bench.mac.fault("bootout", hang=True)
    unload(Launchd(bench.config, OTHER, bench.paths, darwin=25), "test.d", wait=0.2)


def test_a_refusal_is_explained_by_what_can_be_seen(bench: Bench) -> None:
    label = bench.install(Job("d", "", Line("true"), "/", "/repo/jobs/d"))
    path = bench.paths.plist(label)
    assert "launchd gives no reason" in bench.launchd.why_refused(label)
    path.chmod(0o666)
    assert "may be written by others" in bench.launchd.why_refused(label)
    path.chmod(0o644)
    path.write_bytes(b"no plist")
    assert "is not the property list" in bench.launchd.why_refused(label)
    path.unlink()
    assert "cannot be read" in bench.launchd.why_refused(label)


def test_a_refusal_is_explained_by_what_launchd_says(bench: Bench) -> None:
    label = bench.load(Job("d", "", Line("true"), "/", "/repo/jobs/d"))
    assert "loaded already" in bench.launchd.why_refused(label)
    unload(bench.launchd, label)
    bench.launchd._call("disable", f"{domain()}/{label}")
    assert "you disabled it" in bench.launchd.why_refused(label)
    bench.mac.logout()
    assert "no GUI session" in bench.launchd.why_refused(label)


def test_a_refusal_for_another_session_is_explained(bench: Bench) -> None:
    job = Job("d", "", Line("true"), "/", "/repo/jobs/d", launchd={"LimitLoadToSessionType": "Background"})
    assert "other sessions" in bench.launchd.why_refused(bench.install(job))


# -- waiting for the end, from macOS 26 on


@pytest.mark.parametrize(("darwin", "flags"), [(0, []), (24, []), (25, ["--wait"])])
def test_only_a_launchctl_that_knows_it_is_asked_to_wait(bench: Bench, darwin: int, flags: list[str]) -> None:
    bench.mac.configure(version="26.0")
    label = bench.load(SLEEPER)
    bench.mac.clear_calls()
    unload(Launchd(bench.config, OTHER, bench.paths, darwin), label, 30)
    assert bench.mac.calls() == [["bootout", *flags, f"{domain()}/{label}"]]
    wait_until_gone(bench, label)


def test_without_need_nobody_waits(bench: Bench) -> None:
    label = bench.load(SLEEPER)
    bench.mac.clear_calls()
    unload(Launchd(bench.config, OTHER, bench.paths, 25), label)
    assert bench.mac.calls() == [["bootout", f"{domain()}/{label}"]]


def test_a_wait_that_takes_too_long_is_no_error(bench: Bench) -> None:
    bench.mac.fault("bootout", hang=True)
    unload(Launchd(bench.config, OTHER, bench.paths, 25), "ada.one", 0.2)


# -- why a load was refused


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file or directory"),
        (lambda path: path.chmod(0o666), "may be written by others"),
        (lambda path: path.write_bytes(b"junk"), "is not the property list of ada.one"),
        (lambda path: path.write_bytes(path.read_bytes().replace(b"ada.one", b"ada.two")), "is not the property list"),
        (lambda path: path, "launchd gives no reason"),
    ],
    ids=["missing", "open to others", "junk", "another label", "nothing to see"],
)
def test_the_reason_is_looked_for_in_the_file(bench: Bench, spoil: Callable[[Path], object], reason: str) -> None:
    label = bench.install(job())
    spoil(bench.paths.plist(label))
    assert reason in bench.launchd.why_refused(label)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_the_reason(bench: Bench) -> None:
    label = bench.install(job())
    os.chown(bench.paths.plist(label), 65534, -1)
    assert "belongs to uid 65534" in bench.launchd.why_refused(label)


@pytest.mark.parametrize(("sessions", "is_reason"), [("Background", True), (["Background", "Aqua"], False)])
def test_a_job_for_other_sessions_is_the_reason(bench: Bench, sessions: object, is_reason: bool) -> None:
    label = bench.install(job(launchd={"LimitLoadToSessionType": sessions}))
    assert ("other sessions only" in bench.launchd.why_refused(label)) is is_reason


def test_the_reason_is_looked_for_in_launchd_too(bench: Bench) -> None:
    label = bench.install(job())
    subprocess.run([bench.config.launchctl, "disable", f"{domain()}/{label}"], check=True)
    assert f"launchctl enable {domain()}/{label}" in bench.launchd.why_refused(label)
    loaded = bench.load(job("two"))
    assert "it is loaded already" in bench.launchd.why_refused(loaded)
    bench.mac.fault("print", code=64, times=None)
    assert "status 64" in bench.launchd.why_refused(loaded)
