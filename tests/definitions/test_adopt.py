"""Hand edits of a property list, taken over into job.toml: exactly, with its comments, or not at all."""

import plistlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobsync.definitions.adopt import Adoption, adopt, unmet
from jobsync.definitions.editing import comments
from jobsync.definitions.hand_edits import Plists, facets, read_calendar
from jobsync.definitions.job import Argv, Job, Restart, Slot
from jobsync.definitions.load import load
from jobsync.definitions.slots import simplify
from jobsync.schedulers import plist
from jobsync.values import replace

from .clock_oracle import steady
from .trees import MACHINE, tree

PATH = "/usr/bin:/bin"
LAUNCHER = "/state/backup"
Edit = Callable[[dict[str, Any]], object]


def render(job: Job) -> dict[str, Any]:
    """The installed property list of a job, by way of its bytes."""
    agent = plist.definition(job, label="org.nils.backup", owner="abc", launcher=LAUNCHER, path=PATH)
    loaded: dict[str, Any] = plistlib.loads(plist.dumps(agent, "a comment"))
    return loaded


def defined(text: str, defaults: str = "") -> Job:
    found = load(tree({"backup": text}, defaults), MACHINE)
    assert found.faults == ()
    return found.jobs[0]


def edited(text: str, edit: Edit, defaults: str = "", written: str | None = None) -> Adoption:
    """What becomes of an edit of the job's property list; the new definition is proved to mean the edit."""
    job = defined(text, defaults)
    installed = render(job if written is None else defined(written, defaults))
    before = plistlib.loads(plistlib.dumps(installed))
    edit(installed)
    plists = Plists(before, render(job), installed)
    found = adopt(tree({"backup": text}, defaults), MACHINE, job, plists)
    assert found.before == text
    if found.refusals:
        assert found.after == text
        assert found.keys == ()
        return found
    assert found.job == defined(found.after, defaults)
    assert set(comments(text)) <= set(comments(found.after))
    assert unmet(found, job, plists, render(found.job)) == ()
    return found


def adopted(text: str, edit: Edit, defaults: str = "", written: str | None = None) -> str:
    found = edited(text, edit, defaults, written)
    assert found.refusals == ()
    return found.after


def refused(text: str, edit: Edit, defaults: str = "", written: str | None = None) -> list[str]:
    return [str(one) for one in edited(text, edit, defaults, written).refusals]


def sets(**values: object) -> Edit:
    """An edit that sets keys; None takes one out."""

    def edit(agent: dict[str, Any]) -> None:
        agent.update({key: value for key, value in values.items() if value is not None})
        for key in (key for key, value in values.items() if value is None):
            del agent[key]

    return edit


def at(*slots: dict[str, int]) -> Edit:
    return sets(StartCalendarInterval=list(slots))


def exports(**values: object) -> Edit:
    return lambda agent: agent["EnvironmentVariables"].update(values)


NINE = {"Hour": 9, "Minute": 0}
TEXT = """\
# The backup of everything.
description = "Back up" # short

# what
run = "restic backup"

[schedule]
# when
at = "09:00" # before the standup

# --- variables
[env]
A = "1"

# the end
"""


# --- the clock ---------------------------------------------------------------------------------------------------


def test_an_edited_time_changes_one_line_and_nothing_else() -> None:
    assert adopted(TEXT, at({"Hour": 10, "Minute": 30})) == TEXT.replace('"09:00"', '"10:30"')


def test_a_single_dict_is_read_as_a_list_of_one() -> None:
    after = adopted(TEXT, sets(StartCalendarInterval={"Weekday": 7, "Hour": 10, "Minute": 30}))
    assert after == TEXT.replace('"09:00"', '"sun 10:30"')


def slots(weekdays: Iterable[int], **fields: int) -> list[dict[str, int]]:
    return [{"Weekday": day, **fields} for day in weekdays]


@pytest.mark.parametrize(
    ("calendar", "line"),
    [
        (slots(range(1, 6), **NINE), 'at = "mon-fri 09:00"'),
        ([*slots((6, 0), Hour=10, Minute=0)], 'at = "sat,sun 10:00"'),
        ([{"Day": 1, "Hour": 6, "Minute": 0}, {"Day": 15, "Hour": 6, "Minute": 0}], 'at = "1,15 06:00"'),
        ([{"Hour": 9, "Minute": 0}, {"Hour": 17, "Minute": 30}], 'at = "09:00,17:30"'),
        (
            [*slots(range(1, 6), Hour=8, Minute=0), *slots((1,), Hour=12, Minute=0)],
            'at = ["mon 12:00", "mon-fri 08:00"]',
        ),
        ([{"Minute": 0}], 'every = "1h"'),
        ([{"Minute": minute} for minute in (0, 15, 30, 45)], 'every = "15m"'),
        ([{}], 'every = "1m"'),
        ([{"Minute": 5}], 'cron = "5 * * * *"'),
        ([{"Month": month, "Day": 1, "Hour": 4, "Minute": 5} for month in (1, 6)], 'cron = "5 4 1 1,6 *"'),
        ([{"Hour": 9, "Weekday": 1}], 'cron = "* 9 * * 1"'),
        # Either of day and weekday, as cron.
        ([{"Day": 13, "Weekday": 5, **NINE, "Hour": 7}], 'at = ["13 07:00", "fri 07:00"]'),
        (
            [{"Hour": hour, "Minute": minute} for hour in range(9, 18) for minute in range(0, 60, 7)],
            'cron = "*/7 9-17 * * *"',
        ),
    ],
)
def test_times_are_said_as_readably_as_they_can_be(calendar: list[dict[str, int]], line: str) -> None:
    after = adopted(TEXT, at(*calendar))
    assert after == TEXT.replace('at = "09:00"', line)


def test_entries_that_still_hold_stay_as_they_are_written() -> None:
    text = 'run = "x"\n[schedule]\nat = [\n  "Mon - Fri 9:00", # work\n  "sat 10:00",      # leisure\n]\n'
    after = adopted(text, at(*slots(range(1, 6), **NINE), {"Weekday": 6, "Hour": 11, "Minute": 0}))
    assert '  "Mon - Fri 9:00", # work\n' in after
    assert "sat 11:00" in after
    assert "sat 10:00" not in after


def test_an_interval_stays_beside_a_new_time() -> None:
    text = 'run = "x"\n[schedule]\nevery = "6h" # often\n'
    assert edited(text, at(NINE)).keys == ("schedule.every", "schedule.at")
    after = adopted(text, lambda agent: agent["StartCalendarInterval"].append({"Hour": 9, "Minute": 5}))
    assert after == text + 'at = "09:05"\n'


def test_a_time_that_a_wider_one_covers_is_left_out() -> None:
    text = 'run = "x"\n[schedule]\nat = "mon-fri 09:00" # early\n'
    assert adopted(text, at(NINE)) == text.replace("mon-fri ", "")


def test_times_moved_by_a_spread_are_said_before_it() -> None:
    text = 'run = "x"\n[schedule]\nat = "09:00"\nspread = "10m"\n'
    (slot,) = render(defined(text))["StartCalendarInterval"]
    assert slot != NINE
    assert adopted(text, at({**slot, "Hour": 11})) == text.replace("09:00", "11:00")
    weekly = adopted(text, at({"Weekday": 1, "Hour": 0, "Minute": slot["Minute"]}))
    assert weekly == text.replace("09:00", "mon 00:00")


def test_the_spread_of_the_defaults_counts() -> None:
    defaults = '[defaults.schedule]\nspread = "10m"\n'
    text = 'run = "x"\n[schedule]\nat = "09:00"\n'
    (slot,) = render(defined(text, defaults))["StartCalendarInterval"]
    assert adopted(text, at({**slot, "Hour": 11}), defaults) == text.replace("09:00", "11:00")


def test_a_time_that_no_spread_leads_to_is_refused() -> None:
    text = 'run = "x"\n[schedule]\nat = "09:00"\nspread = "10m"\n'
    assert "from a day nobody can name" in refused(text, at({"Day": 1, "Hour": 0, "Minute": 0}))[0]


def test_no_times_at_all_leave_no_schedule() -> None:
    text = TEXT.replace('at = "09:00"', 'at = "09:00"\nspread = "5m"')
    for edit in (sets(StartCalendarInterval=None), sets(StartCalendarInterval=[])):
        after = adopted(text, edit)
        assert "[schedule]" not in after
        assert "# before the standup" in after


def test_an_interval_from_loading_on_is_refused_with_the_line_to_write() -> None:
    for seconds, way_out in ((900, 'every = "15m"'), (420, '"6m" or "8m"'), (45, '"1m"'), (7 * 86_400, 'at = "mon')):
        assert way_out in refused(TEXT, sets(StartInterval=seconds))[0]
    assert 'every = "15m"' in refused(TEXT, sets(StartInterval="often"))[0]


@pytest.mark.parametrize(
    ("calendar", "reason"),
    [
        ([{"Hour": 25}], "nothing that launchd documents"),
        ([{"Second": 1}], "nothing that launchd documents"),
        ([{"Hour": True}], "nothing that launchd documents"),
        ([{"Hour": "9"}], "nothing that launchd documents"),
        ("daily", "no dict"),
        ([{"Day": 30, "Month": 2, **NINE}], "never happens"),
        ([{"Hour": 1, "Minute": number % 60} for number in range(1_001)], "more than 1,000"),
    ],
)
def test_times_without_a_documented_meaning_are_refused(calendar: object, reason: str) -> None:
    assert reason in refused(TEXT, sets(StartCalendarInterval=calendar))[0]


# --- other triggers ----------------------------------------------------------------------------------------------


def test_a_login_becomes_at_login_and_back() -> None:
    after = adopted(TEXT, sets(RunAtLoad=True))
    assert after == TEXT.replace("standup\n", "standup\nat_login = true\n")
    assert adopted(after, sets(RunAtLoad=None)) == TEXT
    assert adopted(after, sets(RunAtLoad=False)) == TEXT
    assert refused(TEXT, sets(RunAtLoad="yes")) == ["RunAtLoad: is not true or false; correct it"]


def test_a_login_that_is_false_is_no_edit() -> None:
    assert edited(TEXT, sets(RunAtLoad=False, KeepAlive=False)).changes == {}


@pytest.mark.parametrize(("key", "word"), [("WatchPaths", "on_change"), ("QueueDirectories", "on_files")])
def test_watched_paths_keep_the_spelling_that_they_have(key: str, word: str) -> None:
    text = f'run = "x"\n[schedule]\n{word} = ["~/./a", "/etc/b"] # both\n'
    after = adopted(text, lambda agent: agent[key].extend(["/Users/nils/c", "/var/d/", "/Users/nils/dotfiles/jobs/e"]))
    assert after == text.replace('"/etc/b"', '"/etc/b", "~/c", "/var/d", "../e"')
    assert f'{word} = ["~/./a"] # both' in adopted(text, lambda agent: agent[key].pop())
    assert adopted(text, sets(**{key: []})) == 'run = "x"\n# both\n'
    assert edited(text, lambda agent: agent[key].reverse()).changes == {}
    assert refused(text, lambda agent: agent[key].append("/a/*")) == [
        f'{key}: "/a/*" is no path that a definition can name; make it absolute and plain'
    ]
    assert refused(text, sets(**{key: "/etc"})) == [f"{key}: is not a list of texts; correct it"]


def test_keeping_alive_makes_a_daemon_and_back() -> None:
    text = 'run = "x"\n'
    always = adopted(text, sets(KeepAlive=True))
    assert always == text + '\n[daemon]\nrestart = "always"\n'
    failing = adopted(always, sets(KeepAlive={"SuccessfulExit": False}))
    assert adopted(always, sets(KeepAlive={"Crashed": True, "SuccessfulExit": False})) == failing
    assert failing == always.replace("always", "on-failure")
    assert defined(failing).daemon is Restart.ON_FAILURE
    assert adopted(failing, sets(KeepAlive=None)) == text
    timed = adopted(failing, sets(KeepAlive=None, StartCalendarInterval=NINE))
    assert defined(timed).daemon is None
    assert timed.endswith('[schedule]\nat = "09:00"\n')


def test_a_daemon_takes_the_place_of_a_schedule_that_was_taken_out() -> None:
    text = TEXT.replace("# when", "at_login = true # when")
    after = adopted(text, sets(KeepAlive=True, StartCalendarInterval=None))
    assert defined(after).daemon is Restart.ALWAYS
    assert "[schedule]" not in after


def test_a_daemon_beside_a_schedule_is_refused() -> None:
    (reason,) = refused(TEXT, sets(KeepAlive=True))
    assert reason.startswith("KeepAlive: a daemon runs all the time") and "take out StartCalendarInterval" in reason


def test_a_schedule_beside_a_daemon_is_refused() -> None:
    text = 'run = "x"\n[daemon]\n'
    why = "a daemon runs all the time, so it has no schedule; take out this or KeepAlive"
    assert refused(text, at(NINE)) == [f"StartCalendarInterval: {why}"]
    assert refused(text, sets(WatchPaths=["/x"], QueueDirectories=["/q"])) == [
        f"QueueDirectories: {why}",
        f"WatchPaths: {why}",
    ]
    assert adopted(text, sets(WatchPaths=[], StartCalendarInterval=[])) == text


def test_other_ways_to_keep_alive_are_refused() -> None:
    for value in ({"NetworkState": True}, {"SuccessfulExit": True}, "yes", 1):
        assert "only true and {SuccessfulExit = false}" in refused('run = "x"\n', sets(KeepAlive=value))[0]


# --- what the launcher does --------------------------------------------------------------------------------------


def test_variables_go_into_env() -> None:
    assert adopted(TEXT, exports(A="2", B="3 'x'\n#")) == TEXT.replace('A = "1"\n', 'A = "2"\nB = "3 \'x\'\\n#"\n')
    assert edited(TEXT, exports(A="1")).keys == ()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("JOBSYNC_OWNER", "me", "is the mark by which jobsync knows its own"),
        ("JOBSYNC_X", "me", "jobsync's own"),
        ("IFS", "x", "belongs to the shell"),
        ("a-b", "x", "is not a variable's name"),
        ("run", "x", "belongs above the first"),
        ("N", 5, "launchd drops it"),
    ],
)
def test_variables_that_no_definition_may_set_are_refused(name: str, value: object, reason: str) -> None:
    assert reason in refused(TEXT, exports(**{name: value}))[0]


def test_the_digest_means_nothing() -> None:
    assert edited(TEXT, exports(JOBSYNC_DIGEST="0" * 32)).changes == {}


def test_directories_in_front_of_the_machines_path_become_path() -> None:
    after = adopted(TEXT, exports(PATH=f"/Users/nils/.bun/bin:/opt/x:{PATH}"))
    assert 'run = "restic backup"\npath = ["~/.bun/bin", "/opt/x"]\n' in after
    assert adopted(after, exports(PATH=PATH)) == TEXT
    assert "does not end as this machine's PATH" in refused(TEXT, exports(PATH="/bin"))[0]
    assert (
        "does not end as this machine's PATH"
        in refused(TEXT, lambda agent: agent["EnvironmentVariables"].pop("PATH"))[0]
    )


def test_an_environment_that_is_none_is_refused() -> None:
    found = refused(TEXT, sets(EnvironmentVariables="A=1"))
    assert 'EnvironmentVariables: "A=1" is no dict; correct it' in found


def test_a_working_directory_becomes_dir() -> None:
    after = adopted(TEXT, sets(WorkingDirectory="/Users/nils/notes/"))
    assert 'run = "restic backup"\ndir = "~/notes"\n' in after
    assert adopted(after, sets(WorkingDirectory="/Users/nils/dotfiles/jobs/backup")) == TEXT
    assert edited(after, sets(WorkingDirectory="/Users/nils/notes")).keys == ()
    assert "launchd expands nothing" in refused(TEXT, sets(WorkingDirectory="~/notes"))[0]


def test_other_arguments_become_run_as_a_list() -> None:
    argv = ["/bin/sh", "-c", 'echo "$HOME"']
    after = adopted(TEXT, sets(ProgramArguments=argv))
    assert after == TEXT.replace('"restic backup"', """["/bin/sh", "-c", "echo \\"$HOME\\""]""")
    assert defined(after).command == Argv(tuple(argv))
    assert edited(after, sets(ProgramArguments=argv)).keys == ()
    assert 'run = ["/bin/date"]' in adopted(TEXT, sets(Program="/bin/date", ProgramArguments=None))
    assert 'run = ["/bin/date", "-u"]' in adopted(TEXT, sets(Program="/bin/date", ProgramArguments=["/bin/date", "-u"]))


def test_a_script_beside_the_definition_gives_way_to_run() -> None:
    text = '# about\n[schedule]\nat = "09:00"\n'
    assert adopted(text, sets(ProgramArguments=["/bin/date"])) == '# about\nrun = ["/bin/date"]\n\n' + text[8:]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([LAUNCHER, "-v"], "gives jobsync's launcher arguments"),
        ([], "is not a list of texts"),
        ("date", "is not a list of texts"),
        (["~/bin/x"], "no shell expands a list"),
    ],
)
def test_arguments_that_run_cannot_be_are_refused(arguments: object, reason: str) -> None:
    assert reason in refused(TEXT, sets(ProgramArguments=arguments))[0]


def test_a_program_that_is_not_the_first_argument_is_refused() -> None:
    assert "one name for both" in refused(TEXT, sets(Program="/bin/date"))[0]


# --- raw keys ----------------------------------------------------------------------------------------------------


def test_raw_keys_go_into_launchd_and_out_again() -> None:
    limits = {"NumberOfFiles": 1024}
    after = adopted(TEXT, sets(ExitTimeOut=60, HardResourceLimits=limits, Umask="022", StartOnMount=True))
    assert defined(after).launchd == {
        "ExitTimeOut": 60,
        "HardResourceLimits": limits,
        "StartOnMount": True,
        "Umask": "022",
    }
    assert after.startswith(TEXT)
    assert adopted(after, sets(ExitTimeOut=None, HardResourceLimits=None, Umask=None, StartOnMount=None)) == TEXT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('run = "x"\n', 'run = "x"\n\n[launchd]\n'),
        ('run = "x"\n\n[launchd]\nUmask = 18\n', 'run = "x"\n\n[launchd]\nUmask = 18\n'),
        ('run = "x"\n\n[launchd]\nSoftResourceLimits = { CPU = 1 } # enough\n', 'run = "x"\n\n[launchd]\n'),
    ],
)
def test_limits_stand_on_a_line_of_their_table(text: str, expected: str) -> None:
    after = adopted(text, sets(SoftResourceLimits={"NumberOfFiles": 2048}))
    comment = " # enough" if "# enough" in text else ""
    assert after == f"{expected}SoftResourceLimits = {{NumberOfFiles = 2048}}{comment}\n"


def test_a_last_line_without_an_end_gets_one() -> None:
    dotted = 'run = "x"\nlaunchd.Umask = 18'
    assert adopted(dotted, sets(WorkingDirectory="/tmp")) == f'{dotted}\ndir = "/tmp"\n'
    assert adopted(dotted, sets(Umask=23)) == 'run = "x"\nlaunchd.Umask = 23'


def test_the_time_that_grace_asks_for_is_not_taken_out_by_a_hand() -> None:
    text = TEXT + '[limits]\ngrace = "10s"\n'
    (reason,) = refused(text, sets(ExitTimeOut=None))
    assert reason == "ExitTimeOut: is what `limits.grace` asks for; change that in job.toml, or take it out"
    assert refused(text + "[launchd]\nExitTimeOut = 60\n", sets(ExitTimeOut=None)) == [reason]
    after = adopted(text, sets(ExitTimeOut=60))
    assert (defined(after).launchd, defined(after).limits.grace) == ({"ExitTimeOut": 60}, 10)


def test_a_number_is_no_flag() -> None:
    assert refused(TEXT, sets(StartOnMount=1)) == ["StartOnMount: the number 1 is not true or false"]
    text = TEXT + "[launchd]\nStartOnMount = true\n"
    assert refused(text, sets(StartOnMount=1)) != []


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("StandardOutPath", "/tmp/log", "jobsync keeps the output"),
        ("Label", "org.other", "put it back, or rename the directory"),
        ("UserName", "root", "launchd ignores it for an agent"),
        ("Nonsense", 1, "is not a key of launchd.plist(5)"),
        ("Nice", 50, "is not a number from 0 to 20"),
        ("Nice", 1.5, "is not a whole number"),
        ("Disabled", True, "enabled = false"),
    ],
)
def test_keys_that_a_definition_cannot_hold_are_refused(key: str, value: object, reason: str) -> None:
    (said,) = refused(TEXT, sets(**{key: value}))
    assert said.startswith(f"{key}: ") and reason in said


def test_every_reason_comes_in_one_run_and_nothing_is_written() -> None:
    found = refused(TEXT, sets(StartInterval=60, UserName="root", Umask=18, StartCalendarInterval=None))
    assert [line.split(":")[0] for line in found] == ["StartInterval", "UserName"]


def test_background_becomes_a_priority_where_that_says_it_all() -> None:
    background = adopted(TEXT, sets(ProcessType="Background"))
    assert background.endswith('[limits]\npriority = "background"\n')
    assert adopted(background, sets(ProcessType=None)) == TEXT
    nice = adopted(background, sets(Nice=5))
    assert nice == TEXT + '\n[launchd]\nProcessType = "Background"\nNice = 5\n'
    assert adopted(nice, sets(Nice=None)) == nice.replace("Nice = 5\n", "")
    assert "[launchd]\nProcessType" in adopted(background, sets(ProcessType="Interactive"))
    assert adopted(TEXT + "[launchd]\nNice = 5\n", sets(Nice=None, ProcessType="Background")).endswith(
        '[limits]\npriority = "background"\n'
    )
    assert adopted(TEXT, sets(ProcessType="Background", LowPriorityIO=True)).endswith(
        '[launchd]\nLowPriorityIO = true\nProcessType = "Background"\n'
    )


# --- what comes from elsewhere -----------------------------------------------------------------------------------


def test_what_the_defaults_say_cannot_be_taken_out() -> None:
    assert refused(TEXT, sets(Umask=None), "[defaults.launchd]\nUmask = 18\n") == [
        "Umask: comes from [defaults] of jobsync.toml, and a job.toml cannot take it back"
    ]
    assert 'priority = "normal"' in adopted(
        TEXT, sets(ProcessType=None), '[defaults.limits]\npriority = "background"\n'
    )


def test_the_defaults_directory_is_overruled() -> None:
    text = 'run = "x"\n'
    here = sets(WorkingDirectory="/Users/nils/dotfiles/jobs/backup")
    assert adopted(text, here, '[defaults]\ndir = "~/notes"\n') == text + 'dir = "."\n'


def test_only_what_a_hand_changed_is_taken_over() -> None:
    now = TEXT + "[launchd]\nUmask = 18\n"
    assert adopted(now, at({"Hour": 7, "Minute": 0}), written=TEXT) == now.replace("09:00", "07:00")


def test_a_key_that_both_changed_is_refused() -> None:
    now = TEXT.replace("09:00", "11:00")
    (said,) = refused(now, at({"Hour": 7, "Minute": 0}), written=TEXT)
    assert said.startswith("StartCalendarInterval: was changed in job.toml too")


def test_a_key_that_both_changed_alike_is_no_edit() -> None:
    assert edited(TEXT.replace("09:00", "11:00"), at({"Hour": 11, "Minute": 0}), written=TEXT).changes == {}


def test_windows_line_ends_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    after = adopted(text, sets(RunAtLoad=True, Umask=18))
    assert after.count("\n") == after.count("\r\n") > text.count("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('run = "x"\nschedule = { at = "09:00" } # x\n', 'run = "x"\nschedule = { at = "10:00" } # x\n'),
        ('schedule.at = "09:00" # x\nrun = "x"\n', 'schedule.at = "10:00" # x\nrun = "x"\n'),
        ('run = "x"\n[schedule]\nat = "09:00"', 'run = "x"\n[schedule]\nat = "10:00"'),
        ('run = "x"\n["schedule"]\n"at" = \'09:00\'', 'run = "x"\n["schedule"]\n"at" = "10:00"'),
    ],
)
def test_tables_may_be_written_in_any_way(text: str, expected: str) -> None:
    assert adopted(text, at({"Hour": 10, "Minute": 0})) == expected


def test_a_check_finds_what_the_new_definition_does_not_mean() -> None:
    job = defined(TEXT)
    installed = render(job)
    at({"Hour": 7, "Minute": 0})(installed)
    exports(B="2")(installed)
    plists = Plists(render(job), render(job), installed)
    found = adopt(tree({"backup": TEXT}), MACHINE, job, plists)
    assert found.job is not None
    assert unmet(found, job, plists, render(found.job)) == ()
    stale = replace(found, job=job)
    assert unmet(stale, job, plists, render(job)) == ("StartCalendarInterval", "EnvironmentVariables.B")
    other = replace(found.job, description="another")
    assert unmet(replace(found, job=other), job, plists, render(other)) == ("definition",)
    assert unmet(replace(found, job=None), job, plists, {}) == tuple(found.changes)


# --- any edit ----------------------------------------------------------------------------------------------------

clocks = st.sampled_from(
    [
        'at = "09:00" # at', 'at = ["mon-fri 09:00", "1,15 06:00,18:00"] # at', 'cron = "*/20 9-17 * * 1-5" # cron',
        'every = "90m" # every', 'at = [\n "sat 10:00", # one\n "sun 11:00", # two\n]\nevery = "6h"',
        'cron = ["0 0 1 1 *", "5 * * * *"] # c\nat_login = true # l', "at_login = true # login",
        'on_change = ["~/a", "/etc/b"] # paths\nat = "09:00"\nspread = "1h" # spread',
    ]
)  # fmt: skip
tables = st.lists(
    st.sampled_from(
        ['[env]\nA = "1" # a\n# b\n', '[limits]\npriority = "background" # low\n', "[launchd]\n# raw\nUmask = 18 # u\n",
         '[only]\nos = "macos" # here\n']
    ),
    unique=True,
)  # fmt: skip
texts = st.builds(
    lambda clock, others: "\n".join(
        ['# top\nrun = "x" # run\npath = ["~/p"] # path\n', f"[schedule]\n{clock}\n", *others]
    ),
    clocks,
    tables,
)


def _dict(*names: str) -> st.SearchStrategy[dict[str, int]]:
    ranges = {"Month": (1, 12), "Day": (1, 28), "Weekday": (0, 7), "Hour": (0, 23), "Minute": (0, 59)}
    return st.fixed_dictionaries({}, optional={name: st.integers(*ranges[name]) for name in names})


dicts = st.one_of(
    _dict("Weekday", "Hour", "Minute"),
    _dict("Month", "Day", "Hour", "Minute"),
    _dict(*("Day", "Weekday", "Hour", "Minute")),
)
paths = st.lists(st.sampled_from(["/etc/b", "/Users/nils/a", "/Users/nils/dotfiles/lib", "/var/x/"]), min_size=1)
edits = st.fixed_dictionaries(
    {},
    optional={
        "StartCalendarInterval": st.one_of(dicts, st.lists(dicts, max_size=6)),
        "RunAtLoad": st.booleans(),
        "WatchPaths": paths,
        "QueueDirectories": paths,
        "WorkingDirectory": st.sampled_from(["/tmp", "/Users/nils/n", "/Users/nils/dotfiles/jobs/backup"]),
        "ProgramArguments": st.sampled_from([["/bin/date"], ["/bin/sh", "-c", "a # b"]]),
        "Nice": st.integers(0, 20),
        "ProcessType": st.sampled_from(["Background", "Interactive"]),
        "Umask": st.integers(0, 0o777),
        "KeepAlive": st.sampled_from([False, True, {"SuccessfulExit": False}]),
        "EnvironmentVariables": st.fixed_dictionaries(
            {"PATH": st.sampled_from([PATH, f"/Users/nils/p:{PATH}", f"/q:{PATH}"])},
            optional={"A": st.sampled_from(["1", "2", "ä\n\"'#"]), "B": st.just("")},
        ),
    },
)
removals = st.sets(st.sampled_from(["StartCalendarInterval", "RunAtLoad", "WatchPaths", "Umask", "ProcessType"]))


@given(texts, edits, removals)
@settings(steady, max_examples=40)
def test_any_edit_is_taken_over_exactly_or_refused_and_every_comment_stays(
    text: str, values: dict[str, Any], gone: set[str]
) -> None:
    def edit(agent: dict[str, Any]) -> None:
        for key in gone:
            agent.pop(key, None)
        variables = {**agent["EnvironmentVariables"], **values.get("EnvironmentVariables", {})}
        agent |= values | {"EnvironmentVariables": variables}

    found = edited(text, edit)  # proves meaning and comments
    allowed = {"KeepAlive"}
    if "spread" in text:
        allowed.add("StartCalendarInterval")
    assert {one.key for one in found.refusals} <= allowed, found.refusals
    if not found.refusals and found.job is not None:
        # What launchd reads is the edit, down to its own keys.
        installed = render(defined(text))
        edit(installed)
        expected, got = facets(installed), facets(render(found.job))
        wanted = expected.get("StartCalendarInterval", [])
        assert read_calendar(wanted) == read_calendar(got.get("StartCalendarInterval", []))
        for key in ("RunAtLoad", "KeepAlive", "Nice", "ProcessType", "Umask", "EnvironmentVariables.PATH"):
            assert (expected.get(key) or None) == (got.get(key) or None)


@given(st.lists(dicts, min_size=1, max_size=8))
@settings(steady, max_examples=40)
def test_any_times_come_back_as_the_same_slots(calendar: list[dict[str, int]]) -> None:
    after = adopted('run = "x"\n', at(*calendar))
    expected = simplify(
        Slot(one.get("Month"), day, weekday, one.get("Hour"), one.get("Minute"))
        for one in calendar
        for day, weekday in _either(one)
    )
    assert defined(after).schedule.slots == expected


def _either(one: dict[str, int]) -> list[tuple[int | None, int | None]]:
    day, weekday = one.get("Day"), one.get("Weekday")
    if weekday is not None:
        weekday %= 7
    return [(day, weekday)] if None in (day, weekday) else [(day, None), (None, weekday)]


def test_a_key_with_control_characters_is_shown_and_not_printed() -> None:
    (said,) = refused(TEXT, sets(**{"No\x85nsense": 1}))
    assert said.startswith('"No\\u0085nsense": ')
