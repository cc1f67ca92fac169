"""`import`: a home that has grown moves into the repository, and no job runs twice or is lost on the way."""

import os
import plistlib
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from ..laptop import Laptop
from ..migration import CRONTAB, SERVICE, TIMER, agents, furnish

PLISTS = 10
"""Of twelve agents two say what no definition can."""


@pytest.fixture
def grown(registered: Laptop) -> Laptop:
    furnish(registered)
    return registered


def _labels(machine: Laptop) -> set[str]:
    rows = machine.launchctl("list").out.splitlines()[1:]
    return {row.split("\t")[2] for row in rows}


def _all(machine: Laptop) -> list[str]:
    return sorted(str(path) for path in machine.agents.glob("*.plist"))


def test_a_dry_run_shows_everything_and_touches_nothing(grown: Laptop) -> None:
    before = grown.snapshot()
    shown = grown.jobsync("import", status=1)
    assert "14 jobs to import, 2 not" in shown.out
    assert "nothing was written" in shown.out
    assert "StartInterval: every 7m cannot be said" in shown.err
    assert "KeepAlive: only true" in shown.err
    assert grown.snapshot() == before
    assert not (grown.work / "jobs").exists()
    assert grown.mutations() == []


def test_the_repositorys_priority_is_not_given_to_jobs_that_had_none(grown: Laptop) -> None:
    """The settings that `init` writes have one."""
    grown.put("jobsync.toml", '[defaults.limits]\npriority = "background"\n')
    shown = grown.jobsync("import", status=1)
    assert "14 jobs to import, 2 not" in shown.out
    assert shown.out.count('priority = "normal"') == 14


def test_what_the_repository_gives_all_of_its_jobs_is_said(grown: Laptop) -> None:
    defaults = "[defaults.{}]\n{}\n"
    grown.put(
        "jobsync.toml",
        defaults.format("env", 'LANG = "C"') + defaults.format("retry", "attempts = 2")
        + defaults.format("schedule", "catch_up = false"),
    )  # fmt: skip
    shown = grown.jobsync("import", str(grown.put("lines.txt", "0 9 * * * /bin/true\n"))).out
    assert "differs  [defaults]  jobsync.toml gives it, as all jobs, [schedule], [env], [retry]" in shown
    grown.put("jobsync.toml", defaults.format("only", 'os = "macos"'))
    refused = grown.jobsync("import", str(grown.put("lines.txt", "0 9 * * * /bin/true\n")), status=1)
    assert '[defaults] of jobsync.toml: only.os is "macos"' in refused.err


def test_all_agents_move_in_one_go_and_nothing_runs_twice(grown: Laptop) -> None:
    done = grown.jobsync("import", "--take-over", *_all(grown), status=1)
    names = {"backup", "report", "greeting", "sync-notes", "poll", "beacon", "inbox", "netrc", "briefing"}
    assert grown.loaded() == names
    left = _labels(grown) - {grown.label(name) for name in names}
    assert {label for label in left if not label.startswith("test.")} == {"com.ada.pathstate", "com.ada.odd-interval"}
    assert {path.stem for path in grown.agents.glob("*.plist") if not path.stem.startswith("test.")} == left - {
        label for label in left if label.startswith("test.")
    }
    copies = {path.name.split("Z-", 1)[1] for path in (grown.state / "kept/taken-over").iterdir()}
    assert copies == {f"{label}.plist" for label in agents("/x") if label not in left}
    assert "jobs/old" in done.out
    assert "enabled = false" in (grown.work / "jobs/old/job.toml").read_text()
    grown.jobsync("run", "backup")
    assert f"backed up in {grown.home}/notes" in grown.jobsync("logs", "backup").out
    assert grown.commit("import").text.strip() == ""
    assert "9 unchanged" in grown.jobsync("sync").out


def test_a_kept_copy_is_what_was_there(grown: Laptop) -> None:
    path = grown.agents / "com.ada.backup.plist"
    content = path.read_bytes()
    assert content.startswith(b"bplist")
    grown.jobsync("import", "--take-over", str(path))
    (copy,) = (grown.state / "kept/taken-over").iterdir()
    assert copy.read_bytes() == content
    # The way back is the copy and one call of launchctl.
    assert "of what was taken over stay in " in grown.jobsync("uninstall", "--yes").out
    assert copy.read_bytes() == content
    path.write_bytes(content)
    grown.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    assert "com.ada.backup" in _labels(grown)


def test_a_secret_in_a_command_is_said_for_it_would_go_into_git(grown: Laptop) -> None:
    token = "ghp_" + "a1B2" * 9
    text = f"0 9 * * * TOKEN={token} /bin/true\n0 8 * * * /bin/true % {token}\n0 7 * * * /bin/true plain\n"
    lines = grown.jobsync("import", str(grown.put("lines.txt", text))).out.splitlines()
    told = [line.split()[1] for line in lines if line.startswith("  exposed  ") and "a GitHub token" in line]
    assert told == ["job.toml", "run"]


def test_what_import_writes_is_executable_where_it_must_be_and_no_others_to_write(grown: Laptop) -> None:
    grown.jobsync("import", "--write", str(grown.put("lines.txt", "0 8 * * * /bin/cat % told\n")))
    job, script = (grown.work / "jobs/cat" / name for name in ("job.toml", "run"))
    assert [stat.S_IMODE(path.stat().st_mode) for path in (job, script)] == [0o644, 0o755]


def test_a_secret_goes_to_the_machine_and_not_into_git(grown: Laptop) -> None:
    grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.briefing.plist"))
    assert "abcd1234" not in (grown.work / "jobs/briefing/job.toml").read_text()
    env = grown.home / ".config/jobsync/env/briefing.env"
    assert env.read_text() == "BRIEFING_API_TOKEN=abcd1234efgh5678\n"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    grown.jobsync("run", "briefing")


def test_a_crontab_is_taken_over_line_by_line(grown: Laptop) -> None:
    grown.jobsync("import", "--take-over", "crontab")
    assert grown.loaded() == {"fetch-mail", "prune", "welcome", "archive"}
    after = (grown.home / ".crontab").read_text()
    assert [line for line in after.splitlines() if line and not line.startswith("#")] == CRONTAB.splitlines()[3:5]
    (copy,) = (grown.state / "kept/taken-over").iterdir()
    assert copy.read_text() == CRONTAB
    assert "there is nothing to import" in grown.jobsync("import", "crontab").out


def test_what_is_no_utf_8_in_a_crontab_stays_as_it_is(grown: Laptop) -> None:
    lines = [
        b"# S\xe4ubern\x0cund fegen",
        b"0 4 * * * ~/bin/sweep",
        b"0 5 * * * echo \xfc",
        b"0 6 * * * ~/bin/other",
        b"",
    ]
    crontab = grown.home / ".crontab"
    crontab.write_bytes(b"\n".join(lines))
    shown = grown.jobsync("import", "--take-over", "crontab", status=1)
    assert "not imported: crontab line 3: it holds bytes that are no UTF-8" in shown.err
    assert grown.loaded() == {"sweep", "other"}
    (copy,) = (grown.state / "kept/taken-over").iterdir()
    assert copy.read_bytes() == b"\n".join(lines)
    lines[1], lines[3] = (
        b"# taken over by jobsync as %s: %s" % (name, lines[at]) for name, at in ((b"sweep", 1), (b"other", 3))
    )
    assert crontab.read_bytes() == b"\n".join(lines)


def test_a_crontab_that_changes_meanwhile_is_left_alone(grown: Laptop) -> None:
    """The command answers one thing first and another later, as when somebody edits in between."""
    command = grown.home / "bin/crontab"
    count = grown.root / "count"
    command.write_text(
        f'#!/bin/sh\necho x >>"{count}"\n[ $(wc -l <"{count}") -lt 2 ] || echo "# edited" >>"$HOME/.crontab"\n'
        'case $1 in -l) cat "$HOME/.crontab" ;; *) exit 9 ;; esac\n'
    )
    shown = grown.jobsync("import", "--take-over", "crontab", status=1)
    assert "was changed meanwhile" in shown.err
    assert grown.loaded() == set()
    assert not list((grown.work / "jobs").glob("*/job.toml"))


def test_a_running_job_waits_and_a_daemon_does_not(grown: Laptop) -> None:
    path = grown.agents / "com.ada.long.plist"
    path.write_bytes(plistlib.dumps({"Label": "com.ada.long", "ProgramArguments": ["/bin/sleep", "60"]}))
    grown.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    grown.launchctl("kickstart", f"gui/{os.getuid()}/com.ada.long")
    beacon = str(grown.agents / "homebrew.mxcl.beacon.plist")
    shown = grown.jobsync("import", "--take-over", str(path), beacon, status=1)
    assert "com.ada.long is running" in shown.err
    assert grown.loaded() == {"beacon"}
    assert path.exists()
    assert not (grown.work / "jobs/long").exists()
    grown.launchctl("bootout", f"gui/{os.getuid()}/com.ada.long")


def test_what_runs_here_is_not_written_beside_it(grown: Laptop) -> None:
    shown = grown.jobsync("import", "--write", str(grown.agents / "com.ada.inbox.plist"), status=1)
    assert "`jobsync import --take-over" in shown.err
    assert not (grown.work / "jobs").exists()


def test_an_agent_that_is_loaded_from_elsewhere_runs_here_too(grown: Laptop) -> None:
    path = grown.home / "from-desktop/odd.plist"
    path.write_bytes(plistlib.dumps({"Label": "com.ada.odd", "ProgramArguments": ["/bin/echo"]}))
    grown.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    assert "--take-over" in grown.jobsync("import", "--write", str(path), status=1).err
    grown.jobsync("import", "--take-over", str(path))
    assert "com.ada.odd" not in _labels(grown)
    assert grown.loaded() == {"odd"}


def test_what_launchctl_disabled_stays_off(grown: Laptop) -> None:
    grown.launchctl("disable", f"gui/{os.getuid()}/com.ada.inbox")
    grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.inbox.plist"))
    assert "enabled = false" in (grown.work / "jobs/inbox/job.toml").read_text()
    assert grown.loaded() == set()


def test_what_launchctl_enabled_in_spite_of_its_file_stays_on(grown: Laptop) -> None:
    domain, path = f"gui/{os.getuid()}", grown.agents / "com.ada.old.plist"
    grown.launchctl("enable", f"{domain}/com.ada.old")
    grown.launchctl("bootstrap", domain, str(path))
    grown.jobsync("import", "--take-over", str(path))
    assert "enabled" not in (grown.work / "jobs/old/job.toml").read_text()
    assert grown.loaded() == {"old"}


def test_an_agent_that_is_a_link_loses_the_link_however_its_file_is_named(grown: Laptop) -> None:
    path = grown.agents / "com.ada.inbox.plist"
    source = path.rename(grown.home / "from-desktop" / path.name)
    path.symlink_to(source)
    grown.jobsync("import", "--take-over", str(source))
    assert source.is_file() and not path.is_symlink()
    assert grown.loaded() == {"inbox"}


def test_two_files_of_one_label_are_not_two_jobs(grown: Laptop) -> None:
    path = grown.agents / "com.ada.inbox.plist"
    copy = grown.agents / "com.ada.inbox copy.plist"
    copy.write_bytes(path.read_bytes())
    shown = grown.jobsync("import", "--take-over", str(copy), str(path), status=1)
    assert f"{copy}: Label: com.ada.inbox is that of {path}, too" in shown.err
    assert f"{path}: Label: com.ada.inbox is that of {copy}, too" in shown.err
    assert grown.loaded() == set() and "com.ada.inbox" in _labels(grown)
    copy.unlink()
    grown.jobsync("import", "--take-over", str(path))
    assert grown.loaded() == {"inbox"}


def test_what_runs_elsewhere_is_only_written(grown: Laptop) -> None:
    elsewhere = grown.home / "from-desktop"
    shown = grown.jobsync("import", "--write", str(elsewhere / "feeds.timer"), str(grown.home / "course/jobs"))
    assert "wrote jobs/feeds" in shown.out
    assert "wrote jobs/water" in shown.out
    assert os.access(grown.work / "jobs/water/run", os.X_OK)
    assert (elsewhere / "feeds.timer").exists()
    assert grown.loaded() == set()
    grown.jobsync("sync")
    assert grown.loaded() == {"feeds", "water"}
    assert "water the plants" in grown.jobsync("run", "water").out


def test_a_directorys_run_is_copied_byte_by_byte_and_what_is_beside_it_is_said(grown: Laptop) -> None:
    job = grown.home / "course/jobs/water"
    script = b"#!/bin/sh\n# gie\xdfen\n. ./lib.sh\n"
    (job / "run").write_bytes(script)
    (job / "lib.sh").write_text("true\n")
    shown = grown.jobsync("import", "--write", str(job)).out
    assert (grown.work / "jobs/water/run").read_bytes() == script
    assert "left out  lib.sh" in shown
    assert "next: `jobsync sync`, then commit\n" in shown
    again = grown.jobsync("import", "--write", str(job), status=1)
    assert "is there already" in again.err and "next: " not in again.out


def test_a_failing_unload_takes_the_new_job_back(grown: Laptop) -> None:
    grown.simulator.fault("bootout", code=5, text="Input/output error", times=20)
    shown = grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.briefing.plist"), status=1)
    assert "not taken over" in shown.err
    assert not (grown.work / "jobs/briefing").exists()
    assert not (grown.home / ".config/jobsync/env/briefing.env").exists()
    assert "com.ada.briefing" in _labels(grown)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_import_that_is_interrupted_leaves_no_job_beside_the_former_one(
    grown: Laptop, number: signal.Signals
) -> None:
    path = grown.agents / "com.ada.inbox.plist"
    grown.simulator.fault("bootout", hang=True)
    started = subprocess.Popen(
        ["jobsync", "import", "--take-over", str(path)], cwd=grown.work, env=grown.environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    grown.wait_for(lambda: any("bootout" in call for call in grown.simulator.calls()))
    started.send_signal(number)
    assert started.wait(timeout=60) == 130
    assert path.exists() and not (grown.work / "jobs/inbox").exists()
    grown.simulator.clear_faults()
    grown.jobsync("import", "--take-over", str(path))
    assert grown.loaded() == {"inbox"} and not path.exists()


def test_names_that_are_there_are_not_overwritten_and_can_be_chosen(grown: Laptop) -> None:
    path = str(grown.agents / "com.ada.inbox.plist")
    grown.job("inbox")
    assert "jobs/inbox is there already" in grown.jobsync("import", "--take-over", path, status=1).err
    grown.jobsync("import", "--take-over", "--name", "filing", path)
    assert "filing" in grown.loaded()


def test_lines_that_run_the_same_are_numbered(grown: Laptop) -> None:
    lines = grown.put("lines.txt", "0 1 * * * poll a\n0 2 * * * poll b\n0 3 * * * poll c\n")
    shown = grown.jobsync("import", str(grown.agents / "org.nix-community.home.poll.plist"), str(lines)).out
    assert [line.split()[0] for line in shown.splitlines() if line.startswith("jobs/")] == [
        "jobs/poll",
        "jobs/poll-2",
        "jobs/poll-3",
        "jobs/poll-4",
    ]


def test_what_is_no_file_or_cannot_be_read_stops_no_others(grown: Laptop) -> None:
    (grown.agents / "com.ada.dangling.plist").symlink_to(grown.home / "nowhere.plist")
    (grown.agents / "com.ada.directory.plist").mkdir()
    command = grown.home / "bin/crontab"
    command.write_text('#!/bin/sh\necho "You are not allowed to use this program (crontab)" >&2; exit 1\n')
    shown = grown.jobsync("import", status=1)
    assert "10 jobs to import, 3 not" in shown.out
    assert "not imported: crontab: `crontab -l` failed: You are not allowed" in shown.err
    assert "dangling" not in shown.text and "directory" not in shown.text


def test_a_source_that_cannot_be_looked_at_is_not_imported(grown: Laptop) -> None:
    loop = grown.home / "loop.plist"
    loop.symlink_to(loop)
    for source in (loop, grown.home / ("x" * 300)):
        shown = grown.jobsync("import", str(source), status=1)
        assert f"not imported: {source}: cannot look at {source}: " in shown.err


def test_a_timer_and_its_service_are_one_job_and_a_service_without_one_is_none(grown: Laptop) -> None:
    elsewhere = grown.home / "from-desktop"
    (elsewhere / "lone.service").write_text("[Service]\nExecStart=/usr/bin/syncthing\nRestart=always\n")
    shown = grown.jobsync("import", "--write", *(str(path) for path in sorted(elsewhere.iterdir())), status=1)
    assert shown.out.count("wrote ") == 1
    assert f"not imported: {elsewhere}/lone.service: WantedBy: neither a timer of its name nor a login" in shown.err


def test_what_a_timer_has_instead_of_its_service_is_said(grown: Laptop) -> None:
    elsewhere = grown.home / "from-desktop"
    for name in ("mail@.timer", "mail@work.timer", "lone.timer"):
        (elsewhere / name).write_text(TIMER)
    (elsewhere / "mail@.service").write_text(SERVICE)
    shown = grown.jobsync("import", *(str(path) for path in sorted(elsewhere.glob("*.timer"))), status=1).err
    assert f"{elsewhere}/mail@.timer: is a template, which starts nothing itself" in shown
    assert "mail@work.service is not there, and mail@.service is; write it out under that name, with work for" in shown
    assert "lone.service is not there; a timer is imported together with the service" in shown


def test_a_unit_that_is_no_utf_8_is_refused_and_not_spoilt(grown: Laptop) -> None:
    service = grown.home / "from-desktop/feeds.service"
    service.write_bytes(service.read_bytes() + b"ExecStart=/bin/echo \xfc\n")
    shown = grown.jobsync("import", str(service.with_suffix(".timer")), status=1)
    assert f"{service} holds bytes that are no UTF-8" in shown.err


def test_a_copy_of_the_systems_crontab_is_not_taken_for_ones_own(grown: Laptop) -> None:
    copy = grown.home / "etc-crontab"
    copy.write_text("SHELL=/bin/sh\n17 * * * * root cd / && run-parts /etc/cron.hourly\n25 6 * * * root true\n")
    shown = grown.jobsync("import", str(copy), status=2).err
    assert "names a user in each line" in shown
    copy.write_text("17 * * * * root cd /\n25 6 * * * true\n")
    assert "2 jobs to import" in grown.jobsync("import", str(copy)).out


def test_the_directory_that_jobsync_toml_names_is_said(grown: Laptop) -> None:
    grown.put("jobsync.toml", 'jobs = "scheduled"\n')
    shown = grown.jobsync("import", "--write", str(grown.home / "from-desktop/feeds.timer")).out
    assert "scheduled/feeds  from " in shown and "wrote scheduled/feeds\n" in shown
    assert (grown.work / "scheduled/feeds/job.toml").is_file()


def test_without_a_jobsync_toml_one_line_says_so(grown: Laptop) -> None:
    (grown.work / "jobsync.toml").unlink()
    shown = grown.jobsync("import", status=1)
    assert shown.err.startswith("jobsync: nothing can be imported: jobsync.toml: is missing; write it")
    assert shown.out == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--take-over"], "name what to import"),
        (["/nonexistent"], "is not there"),
        (["/etc/crontab"], "names a user in each line"),
        (["--name", "x", "crontab"], "one at a time"),
        (["--name", "Bad Name", "crontab"], 'take another name, such as "bad-name"'),
    ],
)
def test_a_wrong_call_says_what_to_write(grown: Laptop, arguments: list[str], said: str) -> None:
    assert said in grown.jobsync("import", *arguments, status=2).err


def test_the_schema_line_is_written_where_the_repository_has_the_schema(grown: Laptop) -> None:
    grown.jobsync("schema", "--write", "schemas")
    grown.jobsync("import", "--take-over", str(grown.agents / "com.ada.inbox.plist"))
    text = Path(grown.work / "jobs/inbox/job.toml").read_text()
    assert text.startswith("#:schema ../../schemas/job.schema.json\n")
    grown.jobsync("new", "another", "--at", "09:00")
    assert Path(grown.work / "jobs/another/job.toml").read_text().startswith("#:schema ../../schemas/job.schema.json\n")
