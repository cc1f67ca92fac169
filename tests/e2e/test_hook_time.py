"""git is not kept waiting: what takes long goes on in the background, and so does what was interrupted."""

import os
import signal
import subprocess
import time

from jobsync import lock

from ..laptop import JOB, Laptop
from ..programs import beside

DAEMON = """
run = "trap 'sleep {0}; exit' TERM; echo up; while :; do sleep 0.1; done"
[daemon]
restart = "always"
[launchd]
ExitTimeOut = {1}
"""


def running(laptop: Laptop, seconds: int) -> None:
    """A daemon that takes its time to end, and a newer one upstream."""
    laptop.job("one", DAEMON.format(seconds, 60))
    laptop.commit()
    laptop.wait_for(lambda: laptop.jobsync("logs", "one", status=None).out == "up\n")
    laptop.git("push", "-q")
    laptop.git("pull", "-q", at=laptop.editor)
    laptop.job("one", DAEMON.format(0, 61), at=laptop.editor)
    laptop.push()


def is_updated(laptop: Laptop) -> bool:
    return laptop.plist("one")["ExitTimeOut"] == 61 and laptop.loaded() == {"one"}


def test_a_pull_that_would_wait_long_ends_and_the_next_hook_says_what_came_of_it(registered: Laptop) -> None:
    running(registered, 9)
    said = registered.pull().err
    assert said == "jobsync: this takes a while: it goes on in the background, and the next hook says what came of it\n"
    assert not is_updated(registered)
    assert "in the background: at work" in registered.jobsync("status").err
    registered.wait_for(lambda: lock.is_held(registered.state / "worker"))  # else the next hook does it
    assert registered.git("commit", "-q", "--allow-empty", "-m", "meanwhile").err == ""
    registered.wait_for(lambda: is_updated(registered), 60)
    registered.wait_for(lambda: "updated one" in registered.jobsync("status").err)
    said = registered.git("commit", "-q", "--allow-empty", "-m", "later").told
    assert said == "jobsync: in the background: updated one (changed: jobs/one/job.toml in COMMIT)\n"
    assert registered.git("commit", "-q", "--allow-empty", "-m", "all is well").err == ""


def test_who_waits_for_a_run_takes_up_what_a_hook_hands_on_meanwhile(registered: Laptop) -> None:
    """Inside of a job there is one who finishes everything, and he is started once."""
    registered.job("one", JOB)
    registered.commit()
    with beside(["sleep", "1000"]) as run:
        registered.put(str(registered.state / "deferred"), f'{{"another": ["hand", {run.pid}, false]}}')
        finishing = ["jobsync-hook", "finish", registered.state.name]
        with beside(finishing, cwd=registered.work, env=registered.environment):
            registered.wait_for(lambda: lock.is_held(registered.state / "waiter"))
            registered.job("one", JOB.replace("09", "10"))
            registered.git("-c", "core.hooksPath=/dev/null", "commit", "-qam", "ten")
            registered.put(str(registered.state / "background"), '{"begun": 1, "ended": 0, "lines": []}')
            registered.wait_for(lambda: registered.hour("one") == 10)
            registered.wait_for(lambda: "in the background: updated one" in registered.jobsync("status").err)
            run.kill()


def test_work_that_nobody_took_up_is_said_once_there_was_time_to(registered: Laptop) -> None:
    for nonsense in ("{}", "[]", "0", "[" * 100_000, '{"begun": 1e999, "ended": 0, "lines": []}'):
        registered.put(str(registered.state / "background"), nonsense)
        assert "in the background" not in registered.jobsync("status").err
    for seconds, said in ((0, "in the background: at work"), (60, "was not finished; `jobsync sync` finishes it")):
        begun = int(time.time()) - seconds
        registered.put(str(registered.state / "background"), f'{{"begun": {begun}, "ended": 0, "lines": []}}')
        assert said in registered.jobsync("status").err
    registered.jobsync("sync")
    assert "finish" not in registered.jobsync("status").text


def test_a_pull_that_is_interrupted_is_made_up_for_at_once(registered: Laptop) -> None:
    running(registered, 2)
    registered.mutations()
    pull = subprocess.Popen(
        ["git", "pull", "-q"], cwd=registered.work, env=registered.environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    registered.wait_for(lambda: any(call[0] == "bootout" for call in registered.simulator.calls()))
    os.killpg(pull.pid, signal.SIGINT)
    _, said = pull.communicate(timeout=60)
    assert pull.returncode == -signal.SIGINT and b"interrupted; the sync is done in the background" in said
    registered.wait_for(lambda: is_updated(registered), 60)
    registered.wait_for(lambda: "updated one" in registered.jobsync("status").err)
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"
