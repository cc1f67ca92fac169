"""What launchd refuses or puts off is reported as what it is."""

from ..laptop import JOB, Laptop

DAEMON = 'run = "sleep 600"\n[daemon]\nrestart = "always"\n'


def test_a_refused_load_is_explained_and_the_former_job_comes_back(registered: Laptop) -> None:
    registered.job("one")
    registered.jobsync("sync")
    registered.job("one", JOB.replace("09", "10"))
    registered.simulator.fault("bootstrap", code=5, times=5)
    said = registered.jobsync("sync", status=1).out
    assert "launchd gives no reason" in said
    assert "the former job is back" in said
    assert registered.loaded() == {"one"}
    assert registered.plist("one")["StartCalendarInterval"] == [{"Hour": 9, "Minute": 0}]
    assert "updated  one" in registered.jobsync("sync").out


def test_a_daemon_whose_start_is_pended_is_kickstarted(registered: Laptop) -> None:
    registered.job("one", DAEMON)
    registered.simulator.pend(registered.label("one"))
    registered.jobsync("sync")
    assert [call[0] for call in registered.mutations()] == ["bootstrap", "kickstart"]
    registered.wait_for(lambda: registered.runs("one") == 1)


def test_a_one_shot_whose_start_is_pended_is_left_alone(registered: Laptop) -> None:
    registered.job("one", 'run = "true"\n[schedule]\nat_login = true\n')
    registered.simulator.pend(registered.label("one"))
    registered.jobsync("sync")
    assert [call[0] for call in registered.mutations()] == ["bootstrap"]
    assert registered.runs("one") == 0
