"""systemd services that no timer starts become daemons, or jobs of each login."""

import subprocess

import pytest

from jobsync.definitions.foreign import Draft, Found, Kind, Refused
from jobsync.definitions.from_services import read_service, targets_of
from jobsync.definitions.from_units import parse
from jobsync.schedulers.units import units

from .importing import PATH, read_again, written

HOME = "/Users/nils"
UNIT = "[Unit]\nDescription=Play music\n[Service]\n{}\nExecStart=%h/bin/mpd --no-daemon\n{}\n[Install]\n{}\n"


def unit(lines: str = "Restart=always", install: str = "WantedBy=default.target", more: str = "") -> str:
    return UNIT.format(lines, more, install)


def imported(text: str) -> Found:
    service = parse(text)
    return read_service("mpd.service", "mpd", service, PATH, HOME, targets_of(service))


def draft(text: str) -> Draft:
    found = imported(text)
    read_again(found)
    assert isinstance(found, Draft), found
    return found


def told(found: Draft, kind: Kind) -> set[str]:
    return {notice.key for notice in found.notices if notice.kind is kind}


@pytest.mark.parametrize("restart", ["always", "on-failure"])
@pytest.mark.parametrize("kind", ["", "Type=simple\n", "Type=exec\n"])
def test_a_daemon_reads_as_one_would_write_it(kind: str, restart: str) -> None:
    assert written(draft(unit(f"{kind}Restart={restart}")))["job.toml"] == (
        'description = "Play music"\n'
        'run = ["/Users/nils/bin/mpd", "--no-daemon"]\n'
        'dir = "~"\n'
        f'\n[daemon]\nrestart = "{restart}"\n'
    )


def test_a_oneshot_service_is_a_job_of_each_login() -> None:
    text = unit("Type=oneshot\nRemainAfterExit=yes\nTimeoutStartSec=5min\nStartLimitBurst=3")
    found = draft(text)
    lines = written(found)["job.toml"].splitlines()
    assert "at_login = true" in lines and 'timeout = "5m"' in lines
    assert told(found, Kind.DIFFERS) == {"RemainAfterExit"}
    assert told(found, Kind.LEFT_OUT) == {"WantedBy", "StartLimitBurst"}


@pytest.mark.parametrize(("text", "kept"), [("30", "30s"), ("1min 30s", "1m30s"), ("500ms", None), ("0", None)])
def test_the_pause_before_the_next_start_is_kept_or_told(text: str, kept: str | None) -> None:
    found = draft(unit(f"Restart=always\nRestartSec={text}"))
    assert found.raw == ({"systemd.service": {"RestartSec": kept}} if kept else {})
    assert "RestartSec" in told(found, Kind.RAW if kept else Kind.DIFFERS)


def test_what_ends_a_daemon_another_way_is_told_and_only_then() -> None:
    found = draft(unit("Restart=on-failure\nStartLimitBurst=5\nStartLimitIntervalSec=60"))
    assert told(found, Kind.DIFFERS) == {
        "KillMode", "Restart", "RestartSec", "StartLimitBurst", "StartLimitIntervalSec", "TimeoutStopSec",
    }  # fmt: skip
    same = draft(
        unit(
            "Restart=always\nRestartSec=10\nKillMode=mixed\nTimeoutStopSec=30\n[Unit]\nStartLimitIntervalSec=0\n[Service]"
        )
    )
    assert told(same, Kind.DIFFERS) == set()
    assert same.limits == {"grace": "30s"}


def test_a_status_means_nothing_where_it_is_started_again_anyway() -> None:
    found = draft(
        unit("Restart=always\nSuccessExitStatus=3 4\nRestartForceExitStatus=3 4\nExecReload=/bin/kill -HUP $MAINPID")
    )
    assert told(found, Kind.LEFT_OUT) == {"WantedBy", "SuccessExitStatus", "RestartForceExitStatus", "ExecReload"}
    assert [one.words for one in found.notices if one.key == "SuccessExitStatus"] == [
        "it is started again whatever its status"
    ]


@pytest.mark.parametrize("keys", ["SuccessExitStatus=3 4\nRestartForceExitStatus=3 4", "SuccessExitStatus=143"])
def test_a_status_that_is_started_again_after_all_is_left_out(keys: str) -> None:
    """The first is what syncthing brings along, the second what Java programs have."""
    found = draft(unit(f"Restart=on-failure\n{keys}"))
    assert "SuccessExitStatus" in told(found, Kind.LEFT_OUT)


def test_what_comes_before_a_daemon_leaves_it_in_its_place() -> None:
    """`exec`: it hears TERM itself, and no shell in between."""
    found = draft(unit("Restart=always\nExecStartPre=-/bin/false\nExecStartPre=/bin/echo ready"))
    run = written(found)["run"]
    assert run.splitlines()[2:] == ["/bin/false || :", "/bin/echo ready", "exec /Users/nils/bin/mpd --no-daemon"]
    echo = run.replace("/Users/nils/bin/mpd --no-daemon", "/bin/echo playing")
    assert subprocess.run(["/bin/sh", "-c", echo], capture_output=True, text=True).stdout == "ready\nplaying\n"


def test_a_failure_that_is_passed_over_is_one_where_it_is_started_again_anyway() -> None:
    found = draft(unit().replace("ExecStart=", "ExecStart=-"))
    assert found.command == ("/Users/nils/bin/mpd", "--no-daemon")


def test_rendered_again_the_unit_means_the_same() -> None:
    keys = {"Nice": "5", "LimitNOFILE": "1024:4096", "RestartSec": "30", "MemoryMax": "1G"}
    found = draft(unit("Restart=on-failure\n" + "".join(f"{key}={value}\n" for key, value in keys.items())))
    made = units(read_again(found), owner="o", launcher="/x", asked="/a", home=HOME, path=PATH, comment="")
    again = parse(made["service"].decode())
    assert {key: again.last(f"Service.{key}") for key in keys} == {**keys, "RestartSec": "30s"}
    assert again.last("Service.Restart") == "on-failure"
    assert again.last("Install.WantedBy") == "default.target"


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (
            "",
            "Restart: it may run all the time or end; write always or on-failure where it shall run, else Type=oneshot",
        ),
        ("Restart=no", "Restart: it may run all the time or end"),
        ("Restart=on-success", "Restart: on-success cannot be said; write always or on-failure"),
        ("Restart=on-abnormal", "Restart: on-abnormal cannot be said; write always or on-failure"),
        ("Restart=always\nType=notify", "Type: notify cannot be said; it tells systemd that it is ready"),
        ("Restart=always\nType=forking", "Type: forking cannot be said; it goes into the background"),
        ("Restart=always\nType=dbus", "Type: dbus cannot be said; it is ready once it has its name on the bus"),
        ("Restart=always\nType=idle", "Type: idle cannot be said; write simple"),
        ("Restart=always\nRuntimeMaxSec=1h", "RuntimeMaxSec: a daemon runs until it ends itself"),
        ("Restart=always\nTimeoutSec=5", "TimeoutSec: write TimeoutStopSec"),
        ("Restart=always\nKillMode=process", "KillMode: cannot be kept: the launcher ends what the job started"),
        ("Restart=always\nRestartPreventExitStatus=3", "RestartPreventExitStatus: a daemon has always and on-failure"),
        ("Restart=on-failure\nRestartForceExitStatus=0", "RestartForceExitStatus: only 0 is a good end"),
        ("Restart=on-failure\nSuccessExitStatus=3", "SuccessExitStatus: only 0 is a good end of a daemon"),
        ("Restart=always\nExecStop=/bin/x", "ExecStop: TERM ends a job; take it out"),
        ("Restart=always\nExecStartPost=/bin/x", "ExecStartPost: runs beside ExecStart, and a job is one program"),
        ("Restart=always\nExecStart=/bin/x", "ExecStart: there are several, and systemd starts none of them"),
        ("Restart=always\nEnvironmentFile=/x", "EnvironmentFile: cannot be kept: write below [env]"),
        ("Restart=always\nSockets=x.socket", "Sockets: cannot be kept"),
        ("Type=oneshot\nRestart=on-failure", "Restart: a job of each login is not started again by systemd"),
        ("Restart=always\n[Unit]\nRequires=x.socket\n[Service]", "Requires: jobs know nothing of each other"),
        ("Restart=always\n[Unit]\nPartOf=x.target\n[Service]", "PartOf: jobs know nothing of each other"),
        ("Restart=always\n[Unit]\nBindsTo=x.service\n[Service]", "BindsTo: jobs know nothing of each other"),
        ("Restart=always\n[Unit]\nConditionPathExists=/x\n[Service]", "ConditionPathExists: take it out"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_key(lines: str, why: str) -> None:
    found = imported(unit(lines))
    assert isinstance(found, Refused)
    assert why in "\n".join(found.reasons)


def test_a_failure_that_is_passed_over_is_refused_where_only_failures_count() -> None:
    found = imported(unit("Restart=on-failure").replace("ExecStart=", "ExecStart=-"))
    assert isinstance(found, Refused)
    assert "ExecStart: its prefix - takes every failure for a good end" in found.reasons[0]


@pytest.mark.parametrize(
    ("install", "why"),
    [
        (
            "WantedBy=graphical-session.target",
            "WantedBy: it starts with graphical-session.target, and a job with the user manager",
        ),
        ("WantedBy=default.target sway-session.target", "WantedBy: it starts with sway-session.target"),
        ("WantedBy=multi-user.target", "WantedBy: multi-user.target is the machine's, which no login reaches; write"),
        ("Alias=music.service", "Alias: a job has one name"),
        ("", "WantedBy: neither a timer of its name nor a login starts it"),
        ("RequiredBy=x.target", "RequiredBy: "),
    ],
)
def test_what_starts_otherwise_than_a_job_does_is_refused(install: str, why: str) -> None:
    found = imported(unit(install=install))
    assert isinstance(found, Refused)
    assert why in "\n".join(found.reasons)
