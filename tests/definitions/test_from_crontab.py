"""Lines of a crontab become jobs that run the same command at the same times, in the same environment."""

import subprocess
from datetime import datetime
from pathlib import Path

import croniter
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jobsync.definitions.foreign import Draft, Found, Kind, Refused
from jobsync.definitions.from_crontab import name_for, parse, read_crontab, without
from jobsync.definitions.job import Line, Script

from .clock_oracle import matching, readings, steady
from .importing import PATH, read_again, written

HOME = "/Users/nils"
START = datetime(2026, 1, 26)


def imported(text: str) -> list[Found]:
    return read_crontab(parse(text), PATH, HOME)


def one(text: str) -> Draft:
    (found,) = imported(text)
    assert isinstance(found, Draft), found
    read_again(found)
    return found


def numbers(low: int, high: int) -> st.SearchStrategy[str]:
    """One field of a cron line."""
    single = st.integers(low, high).map(str)
    spans = st.tuples(st.integers(low, high - 1), st.integers(1, 9)).map(
        lambda pair: f"{pair[0]}-{min(pair[0] + pair[1], high)}"
    )
    return st.one_of(
        st.just("*"),
        single,
        spans,
        st.sampled_from(["*/2", "*/5"]),
        st.lists(single, min_size=2, max_size=3).map(",".join),
    )


@given(numbers(0, 59), numbers(0, 23), numbers(1, 28), st.sampled_from(["*", "1", "2-3"]), numbers(0, 6))
@settings(steady, max_examples=6, phases=[Phase.explicit, Phase.generate])
def test_it_starts_when_cron_would(minute: str, hour: str, day: str, month: str, weekday: str) -> None:
    line = f"{minute} {hour} {day} {month} {weekday}"
    (found,) = imported(f"{line} /bin/thing\n")
    if isinstance(found, Refused):
        # The one thing that slots cannot say: a step of one kind of day beside a restricted other.
        assert "*/" in day or "*/" in weekday or "more than" in found.reasons[0] or "never" in found.reasons[0]
        return
    mine = matching(read_again(found).schedule.slots, START, 8)
    for reading in readings(START, 8):
        if reading.minute % 31 == 0 or reading in mine:
            assert croniter.croniter.match(line, reading) == (reading in mine), reading


COMMANDS = [
    "echo hello",
    "echo one; false; echo two",
    "false; true",
    "true && echo yes || echo no",
    "false || echo rescued",
    "false && echo never",
    "echo $UNSET_VARIABLE.",
    "cd / && pwd",
    "echo $(echo inner)",
    "printf 'a\\nb\\n' | sort -r",
    "echo 'quoted; text' \"and more\"",
    "exit 3",
    "( cd /; pwd )",
    "if true; then echo yes; fi",
    "! false",
    "echo a & wait",
    "cat%one%two",
    "cat%",
    "echo 50\\% off",
    "ls /nonexistent-file 2>/dev/null",
    "set -- a b; echo $#",
    "echo ~ >/dev/null",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_it_does_what_cron_would_do(command: str, tmp_path: Path) -> None:
    """The command as cron runs it, and as the job's launcher runs what came of it."""
    draft = one(f"0 9 * * * {command}\n")
    head, _, rest = command.partition("%") if "\\%" not in command else (command.replace("\\%", "%"), "", "")
    given_input = rest.replace("%", "\n") + "\n" if rest else ""
    crons = subprocess.run(
        ["/bin/sh", "-c", head], input=given_input, cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    job = read_again(draft)
    if isinstance(job.command, Line):
        argv = ["/bin/sh", "-eu", "-c", job.command.text]
    else:
        assert isinstance(job.command, Script)
        script = tmp_path / "run"
        script.write_text(written(draft)["run"])
        script.chmod(0o755)
        argv = [str(script)]
    ours = subprocess.run(argv, input="", cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert (ours.stdout, ours.returncode) == (crons.stdout, crons.returncode)


def test_a_whole_crontab_is_read() -> None:
    text = (
        "# Edit this file to introduce tasks to be run by cron.\n"
        "# …\n"
        "# m h  dom mon dow   command\n"
        "\n"
        "MAILTO=ada@example.org\n"
        'GREETING = "good morning"\n'
        "# Back up the notes\n"
        "30 4 * * * ~/bin/backup.sh --all >>/tmp/backup.log 2>&1\n"
        "\n"
        "SHELL=/bin/bash\n"
        "PATH=/Users/nils/bin:/usr/bin:/bin\n"
        "# old:\n"
        "#0 5 * * * old-thing\n"
        "@reboot tmux new -d\n"
        "*/15 9-17 * * MON-FRI cd ~/src && ./poll.py\n"
        "# the end\n"
    )
    backup, tmux, poll = imported(text)
    assert [found.name for found in (backup, tmux, poll)] == ["backup", "tmux", "poll"]
    assert isinstance(backup, Draft)
    assert isinstance(tmux, Draft)
    assert isinstance(poll, Draft)
    assert written(backup) == {
        "job.toml": (
            'description = "Back up the notes"\n'
            'run = "~/bin/backup.sh --all >>/tmp/backup.log 2>&1"\n'
            'dir = "~"\n'
            '\n[schedule]\ncron = "30 4 * * *"\n'
            '\n[env]\nGREETING = "good morning"\n'
        )
    }
    assert written(tmux)["job.toml"].startswith('# old:\n# 0 5 * * * old-thing\ndir = "~"\npath = ["~/bin", ')
    assert written(tmux)["run"] == "#!/bin/bash\ntmux new -d\n"
    assert poll.description == "the end"
    assert poll.schedule == {"cron": "*/15 9-17 * * mon-fri"}
    told = {(notice.kind, notice.key) for notice in tmux.notices}
    assert told == {(Kind.LEFT_OUT, "MAILTO"), (Kind.DIFFERS, "@reboot"), (Kind.DIFFERS, "PATH")}
    for found in (backup, tmux, poll):
        read_again(found)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("61 * * * * x\n", '"61" is not a minute'),
        ("CRON_TZ=UTC\n0 9 * * * x\n", "CRON_TZ = UTC"),
        ("0 0 */2 * 1 x\n", "means both"),
        ("@fortnightly x\n", "@fortnightly is no time that jobsync knows; write five fields"),
        ("0 9 * * * @AppleNotOnBattery x\n", "ac_power = true"),
        ("SHELL=bash\n0 9 * * * x\n", "SHELL = bash"),
        ("PATH=$HOME/bin:/bin\n0 9 * * * x\n", "no absolute path: nothing expands it; write it from /"),
        # Vixie's cron (macOS's, Debian's) gives sh one backslash of these two, cronie both.
        ("0 9 * * * grep 'a\\\\.b' x\n", "crons differ"),
        ("0 9 * * * printf 50\\\\\\%\n", "crons differ"),
        ("0 9 * * * cat \\\\%input\n", "crons differ"),
        # cronie's alone: mail is sent only when the command fails.
        ("0 9 * * * -n x\n", "an option of cron's own"),
    ],
)
def test_what_cannot_be_said_is_refused(text: str, why: str) -> None:
    (found,) = imported(text)
    assert isinstance(found, Refused)
    assert why in "\n".join(found.reasons)


def test_backslashes_of_the_input_are_all_kept() -> None:
    assert written(one("0 9 * * * cat%a\\\\b\\%c%d\n"))["run"] == (
        "#!/bin/sh\n{\ncat\n} <<'END_OF_INPUT'\na\\\\b%c\nd\nEND_OF_INPUT\n"
    )


def test_a_delay_at_random_is_told() -> None:
    """RANDOM_DELAY is cronie's; to the others it is a variable that means nothing."""
    draft = one("RANDOM_DELAY=30\n0 9 * * * x\n")
    assert draft.environment == {}
    assert [(notice.kind, notice.key) for notice in draft.notices] == [
        (Kind.LEFT_OUT, "RANDOM_DELAY"),
        (Kind.DIFFERS, "PATH"),
    ]


def test_a_variable_of_many_words_is_one_and_a_command_that_begins_with_one_is_a_command() -> None:
    (found,) = imported("GREETING = to all of you a good day\n0 9 * * * FOO=1 x = y\n")
    assert isinstance(found, Draft)
    assert (found.environment, found.command) == ({"GREETING": "to all of you a good day"}, "FOO=1 x = y")


@pytest.mark.parametrize("command", ["cd /srv && ./serve &", "nohup ~/bin/serve >/tmp/log 2>&1 &", "a & b", "a&"])
def test_what_goes_on_in_the_background_with_cron_is_said_to_end(command: str) -> None:
    told = {(notice.kind, notice.key) for notice in one(f"@reboot {command}\n").notices}
    assert (Kind.DIFFERS, "&") in told


@pytest.mark.parametrize(
    "command",
    [
        "a && b",
        "a >/dev/null 2>&1",
        "a &>/dev/null",
        "a & b & wait",
        "get 'x?a=1&b=2' \"c&d\" e\\&f",
        "a |& b",
        "a <&-",
    ],
)
def test_what_only_looks_like_it_is_not(command: str) -> None:
    assert "&" not in {notice.key for notice in one(f"@reboot {command}\n").notices}


@pytest.mark.parametrize(
    "comment",
    ["m h  dom mon dow   command", "min   hour   mday   month   wday   command", "vim: ft=crontab", "-*- sh -*-"],
)
def test_what_is_no_word_about_a_job_does_not_describe_it(comment: str) -> None:
    assert (one(f"# {comment}\n0 9 * * * x\n").description, one(f"# {comment}\n0 9 * * * x\n").comments) == ("", ())
    assert one(f"# {comment}\n# Fetch mail\n0 9 * * * x\n").description == "Fetch mail"


def test_a_line_that_is_none_is_named() -> None:
    assert parse("0 9 * * *\nnonsense\n").faults == (
        (1, "is nothing that cron reads"),
        (2, "is nothing that cron reads"),
    )


def test_lines_taken_over_are_comments_and_not_read_again() -> None:
    text = "0 9 * * * a\n0 10 * * * b\n"
    after = without(text, {1: "a"})
    assert after == "# taken over by jobsync as a: 0 9 * * * a\n0 10 * * * b\n"
    (left,) = imported(after)
    assert isinstance(left, Draft)
    assert (left.name, left.comments, left.description) == ("b", (), "")


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/home/ada/bin/backup.sh -q", "backup"),
        ("cd ~/x && ./poll.py", "poll"),
        ("FOO=1 nice -n 10 /usr/bin/restic backup ~", "restic"),
        ("/usr/bin/env python3 /opt/report.py", "report"),
        ("[ -d /x ] && sync-it", "sync-it"),
        ("flock -n /tmp/l /usr/local/bin/Fetch.Mail", "fetch-mail"),
        ("export DISPLAY=:0 && export A=b && .local/bin/check.sh cron 2>&1 | logger -t x", "check"),
        (". ~/.agent-info; A=`tty` /usr/local/bin/mbsync home", "mbsync"),
        ('source ~/.profile && "$HOME/bin/drive.sh"', "drive"),
        (">/dev/null", "job"),
    ],
)
def test_a_name_says_what_is_run(command: str, name: str) -> None:
    assert name_for(command) == name


def test_a_home_of_the_crontabs_own_is_where_its_lines_run_and_what_they_call_home() -> None:
    (found,) = imported("HOME=/srv/ada\n0 9 * * * ls ~\n")
    assert isinstance(found, Draft)
    assert (found.directory, found.environment) == ("/srv/ada", {"HOME": "/srv/ada"})
    read_again(found)
    # macOS's cron sets it anew for each command.
    assert (Kind.DIFFERS, "HOME") in {(notice.kind, notice.key) for notice in found.notices}


@pytest.mark.parametrize(
    ("begin", "end", "writer"),
    [
        ("BEGIN GIT MAINTENANCE SCHEDULE", "END GIT MAINTENANCE SCHEDULE", "git maintenance"),
        ("BEGIN ANSIBLE MANAGED BLOCK", "END ANSIBLE MANAGED BLOCK", "ansible"),
        ("Begin Whenever generated tasks for: app", "End Whenever generated tasks for: app", "whenever"),
    ],
)
def test_what_another_program_would_write_again_is_left_to_it(begin: str, end: str, writer: str) -> None:
    text = f"# Mine.\n0 1 * * * mine\n\n# {begin}\n# Theirs.\n0 2 * * * theirs\n\n# {end}\n0 3 * * * mine-too\n"
    first, theirs, last = imported(text)
    assert isinstance(theirs, Refused)
    assert theirs.reasons == (f"{writer} wrote it, and would write it again beside the job; leave it there",)
    assert isinstance(first, Draft) and isinstance(last, Draft)
    assert (first.description, last.description) == ("Mine.", "")
