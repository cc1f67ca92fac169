"""A tree of files becomes Jobs, and every fault of every file is listed in one run."""

import pytest

from jobsync import __version__
from jobsync.definitions.job import Argv, Job, Line, Machine, Priority, Restart, Retry, Schedule, Script, Slot
from jobsync.definitions.load import Settings, load, read_settings
from jobsync.errors import JobsyncError
from jobsync.values import replace

from .trees import DIRECTORY, EXECUTABLE, FILE, LINK, MACHINE, SCRIPT, MemoryTree, faults, job, tree

HOME = "/Users/nils"
HERE = "/Users/nils/dotfiles/jobs/backup"


def test_an_empty_definition_runs_the_file_beside_it_when_asked() -> None:
    assert job("") == Job(
        name="backup",
        description="",
        command=Script(f"{HERE}/run"),
        directory=HERE,
        home_directory=HERE,
        inputs=("jobs/backup",),
    )


def test_every_key_arrives() -> None:
    found = job(
        """
        description = "Back up — täglich"
        run = "restic backup ~"
        dir = "~/notes"
        path = ["~/.bun/bin", "/opt/homebrew/bin/", "./bin"]
        inputs = ["../../lib", "../../lib/retry.sh", "./run", "../../lib"]
        enabled = true
        [schedule]
        on_files = ["~/Inbox"]
        at = ["mon 09:00", "tue 10:00"]
        cron = "5 * * * *"
        every = "12h"
        at_login = true
        on_change = ["~/.netrc", "/etc/hosts"]
        catch_up = true
        [only]
        os = "macos"
        machines = ["mbp-*"]
        tags = ["home"]
        [env]
        B = "two\\nlines"
        A = ""
        [limits]
        priority = "background"
        [launchd]
        Umask = "022"
        SoftResourceLimits = { NumberOfFiles = 1024 }
        [systemd.service]
        UMask = "022"
        [systemd.timer]
        AccuracySec = "1m"
        """
    )
    assert found == Job(
        name="backup",
        description="Back up — täglich",
        command=Line("restic backup ~"),
        directory=f"{HOME}/notes",
        home_directory=HERE,
        path=(f"{HOME}/.bun/bin", "/opt/homebrew/bin", f"{HERE}/bin"),
        inputs=("jobs/backup", "lib", "lib/retry.sh"),
        schedule=Schedule(
            slots=(
                Slot(minute=5),
                Slot(hour=0, minute=0),
                Slot(hour=12, minute=0),
                Slot(weekday=1, hour=9, minute=0),
                Slot(weekday=2, hour=10, minute=0),
            ),
            at_login=True,
            on_change=(f"{HOME}/.netrc", "/etc/hosts"),
            on_files=(f"{HOME}/Inbox",),
            words=(
                "when ~/Inbox is not empty",
                "mon at 09:00",
                "tue at 10:00",
                "hourly at :05",
                "every 12 hours",
                "at login",
                "when ~/.netrc changes",
                "when /etc/hosts changes",
            ),
        ),
        environment=(("A", ""), ("B", "two\nlines")),
        priority=Priority.BACKGROUND,
        launchd={"SoftResourceLimits": {"NumberOfFiles": 1024}, "Umask": "022"},
        systemd={"service": {"UMask": ("022",)}, "timer": {"AccuracySec": ("1m",)}},
    )


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('run = "a && b"', Line("a && b")),
        ("run = '''\na\n\tb\n'''", Line("a\n\tb\n")),
        ('run = ["a", "b c", "$d", "~", ""]', Argv(("a", "b c", "$d", "~", ""))),
        ('run = ["/Applications/My App/a"]', Argv(("/Applications/My App/a",))),
    ],
)
def test_run_is_a_line_or_a_list_of_words(text: str, command: Line | Argv) -> None:
    assert job(text).command == command


@pytest.mark.parametrize(
    ("text", "restart"),
    [
        ("[daemon]", Restart.ALWAYS),
        ('[daemon]\nrestart = "always"', Restart.ALWAYS),
        ('[daemon]\nrestart = "on-failure"', Restart.ON_FAILURE),
        ("", None),
    ],
)
def test_a_daemon_is_started_again(text: str, restart: Restart | None) -> None:
    assert job(text).daemon is restart


@pytest.mark.parametrize(
    ("text", "settings", "retry"),
    [
        ("", "", Retry(attempts=1)),
        ("[retry]", "", Retry(attempts=3, delay=1, max_delay=300)),
        ('[retry]\ndelay = "10m"', "", Retry(attempts=3, delay=600, max_delay=600)),
        ("", "[defaults.retry]", Retry()),
        ("", "[defaults.retry]\nattempts = 5", Retry(attempts=5)),
        ("[retry]", "[defaults.retry]\nattempts = 5", Retry(attempts=5)),
        ("[daemon]", "[defaults.retry]", Retry(attempts=1)),
    ],
)
def test_a_table_of_retries_means_three_attempts_where_it_says_nothing_else(
    text: str, settings: str, retry: Retry
) -> None:
    assert job(text, settings).retry == retry


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('dir = "~"', HOME),
        ('dir = "~/a//b/./c/"', f"{HOME}/a/b/c"),
        ('dir = "//tmp"', "/tmp"),
        ('dir = "/"', "/"),
        ('dir = "."', HERE),
        ('dir = "../.."', "/Users/nils/dotfiles"),
        ('dir = "../../lib"', "/Users/nils/dotfiles/lib"),
        ('dir = "~/ä b"', f"{HOME}/ä b"),
    ],
)
def test_a_place_is_absolute_whatever_it_starts_with(text: str, path: str) -> None:
    assert job(text).directory == path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("enabled = true", None),
        ("enabled = false", "enabled = false"),
        ('enabled = false\n[only]\nos = "linux"', "enabled = false"),
        ('[only]\nos = "macos"', None),
        ('[only]\nos = "linux"', 'only.os is "linux"'),
        ('[only]\nmachines = ["other", "MBP-*"]', None),
        ('[only]\nmachines = ["!mbp-old"]', None),
        ('[only]\nmachines = ["mbp-*", "!mbp-n*"]', 'only.machines leaves out "mbp-nils"'),
        ('[only]\nmachines = ["imac"]', 'only.machines leaves out "mbp-nils"'),
        ('[only]\ntags = ["work", "home"]', None),
        ('[only]\ntags = ["!laptop"]', "only.tags leaves out this machine"),
        ('[only]\ntags = ["work"]', "only.tags leaves out this machine"),
        ('[only]\nmachines = ["mbp-*"]\ntags = ["work"]', "only.tags leaves out this machine"),
    ],
)
def test_a_job_that_is_not_for_this_machine_says_why(text: str, reason: str | None) -> None:
    assert job(text).unwanted == reason


def test_spread_moves_the_slots_by_this_jobs_part_and_says_so() -> None:
    found = job('[schedule]\nat = "09:00"\nat_login = true\nspread = "10m"').schedule
    assert found.slots == (Slot(hour=9, minute=1),)
    assert found.words == ("daily at 09:00 (+1m)", "at login")
    none = job('[schedule]\nat = "1 23:58"\nspread = "0m"', '[defaults.schedule]\nspread = "10m"').schedule
    assert none.slots == (Slot(day=1, hour=23, minute=58),) and none.words == ("on day 1 at 23:58",)
    other = replace(MACHINE, name="imac")
    assert job('[schedule]\nat = "09:00"\nspread = "10m"', machine=other).schedule.slots != found.slots


FAULTS = {
    'description = "a\\nb"': ['description: "a\\u000ab" holds the control character U+000A; take it out'],
    "description = 1": [
        'description: the number 1 is not a text; write description = "Back up the photos"',
    ],
    'descripton = "x"': ["descripton: is not a key; did you mean `description`?"],
    'frobnicate = "x"': [
        (
            "frobnicate: is not a key; known here: description, run, dir, path, inputs, enabled, schedule, daemon, "
            "only, limits, retry, when, expect, notify, env, launchd, systemd"
        ),
    ],
    "enabled = 1": ["enabled: the number 1 is not true or false; write enabled = false"],
    'enabled = "no"': ['enabled: "no" is not true or false; write enabled = false'],
    'run = ""': ['run: is empty; write run = "brew update -q && brew upgrade -q"'],
    "run = []": ['run: is empty; leave it out or write run = "brew update -q && brew upgrade -q"'],
    "run = 1": ['run: the number 1 is not a text; write run = "brew update -q && brew upgrade -q"'],
    'run = ["a", 1]': ['run: the number 1 is not a text; write run = "brew update -q && brew upgrade -q"'],
    'run = "a\\u0007"': ['run: "a\\u0007" holds the control character U+0007; take it out'],
    'run = ["a\\r"]': ['run: "a\\u000d" holds the control character U+000D; take it out'],
    'run = [" "]': ['run: its first word is empty; write run = ["command", "argument"]'],
    'run = ["~/bin/x"]': [
        'run: "~/bin/x": no shell expands a list; write an absolute path, or one text instead of the list'
    ],
    'run = ["$HOME/x"]': [
        'run: "$HOME/x": no shell expands a list; write an absolute path, or one text instead of the list'
    ],
    'run = ["brew update", "-q"]': ['run: "brew update" is one word here; write ["brew", "update", "-q"]'],
    'dir = "notes"': ['dir: "notes" is not clear; write "~/notes", "/notes", or "./notes" beside job.toml'],
    'dir = ""': ["dir: is empty; write the path, or leave it out"],
    'dir = "$HOME/notes"': ['dir: "$HOME/notes": variables are not expanded; write the path, or ~ for your home'],
    'dir = "~bob/notes"': ['dir: "~bob/notes": other people\'s homes are not looked up; write an absolute path'],
    'dir = "~/a/../b"': ['dir: "~/a/../b": write the path without `..`'],
    'dir = "../../../x"': ['dir: "../../../x" leaves the repository; write it from / or ~'],
    'path = "~/bin"': ['path: "~/bin" is not a list; write path = ["~/.bun/bin"]'],
    'path = ["/a:/b"]': ['path: "/a:/b" holds a colon, which separates directories; write one per text'],
    'inputs = ["/etc"]': ['inputs: "/etc" is not a path from the job\'s directory; write "../../lib"'],
    'inputs = ["../../../x"]': [
        'inputs: "../../../x" leaves the repository; only its own files can be inputs, so leave it out'
    ],
    'inputs = ["../.."]': ['inputs: "../.." is the whole repository; name the directories that the job uses'],
    'inputs = ["../../.git/HEAD"]': [
        'inputs: "../../.git/HEAD" is git\'s own, and no file of the repository; leave it out'
    ],
    'inputs = ["lib"]': [
        'inputs: "lib" is jobs/backup/lib in the repository, where no file of it is, submodules aside; correct it'
    ],
    'schedule = "daily"': ['schedule: "daily" is not a table; write [schedule] and below it at = "mon-fri 09:00"'],
    '[[schedule]]\nat = "09:00"': [
        'schedule: a list is not a table; write [schedule] and below it at = "mon-fri 09:00"'
    ],
    'env = ["A=b"]': ['env: a list is not a table; write [env] and below it NAME = "text"'],
    'every = "5m"': ["every: `every` belongs below [schedule]"],
    'timeout = "1h"': ["timeout: `timeout` belongs below [limits]"],
    "[schedule]\nat = 09:00:00": [
        'schedule.at: a date or time is not a text; write at = "mon-fri 09:00"',
    ],
    "[schedule]\nat = []": ['schedule.at: is empty; leave it out or write at = "mon-fri 09:00"'],
    '[schedule]\nat = ["09:00", "9am", "monday 1:00"]': [
        'schedule.at: "9am" is not a time of day; write "09:00"',
        'schedule.at: "monday" is not a day; write "mon"',
    ],
    '[schedule]\nevery = "5 min"': ['schedule.every: "5 min" is not a duration; write "5m"'],
    "[schedule]\nevery = 15": ['schedule.every: the number 15 is not a text; write every = "15m"'],
    '[schedule]\nevery = ["5m"]': ['schedule.every: a list is not a text; write every = "15m"'],
    '[schedule]\nat_login = "yes"': ['schedule.at_login: "yes" is not true or false; write at_login = true'],
    '[schedule]\nspread = "5m"': [
        'schedule.spread: moves times, and there are none; leave it out or write at = "mon-fri 09:00"'
    ],
    '[schedule]\nspread = "often"\ncatch_up = "late"': [
        'schedule.spread: "often" is not a duration; write it as "15m", "1h" or "12h"',
        'schedule.spread: moves times, and there are none; leave it out or write at = "mon-fri 09:00"',
        'schedule.catch_up: "late" is not a duration; write it as "90s", "15m", "1h30m", "2d" or "1w"',
        'schedule.catch_up: is about times, and there are none; leave it out or write at = "mon-fri 09:00"',
    ],
    '[schedule]\nat = "1 23:58"\nspread = "5m"': [
        (
            "schedule.spread: would move a start past midnight, to a day of the month that launchd cannot name; start "
            '5m before midnight at the latest, or write spread = "0m"'
        ),
    ],
    '[schedule]\nat = "09:00"\nat_login = true\ncatch_up = false': [
        (
            "schedule.catch_up: cannot tell a late start from one by at_login; make two jobs of it, or write "
            "catch_up = true"
        )
    ],
    '[schedule]\ncatch_up = "3h"': [
        'schedule.catch_up: is about times, and there are none; leave it out or write at = "mon-fri 09:00"'
    ],
    '[schedule]\nat = "09:00"\ncatch_up = "3 hours"': ['schedule.catch_up: "3 hours" is not a duration; write "3h"'],
    '[schedule]\nat = "09:00"\ncatch_up = 3': [
        'schedule.catch_up: the number 3 is not true, false or a duration; write catch_up = "3h"'
    ],
    '[schedule]\nat = "09:00"\ncatch_up = "false"': [
        'schedule.catch_up: "false" is a text; without quotes it is: catch_up = false'
    ],
    '[schedule]\non_change = "~/.netrc"': [
        'schedule.on_change: "~/.netrc" is not a list; write on_change = ["~/.netrc"]'
    ],
    '[schedule]\non_files = ["~/*.pdf"]': ['schedule.on_files: "~/*.pdf": patterns are not expanded; write one path'],
    '[schedule]\nat = "09:00"\ndir = "~/notes"': [
        "schedule.dir: `dir` belongs above the first [table]: a line below a header belongs to that table"
    ],
    '[schedule]\nrestart = "always"': ["schedule.restart: `restart` belongs below [daemon]"],
    "[schedule]\nstart_interval = 300": [
        'schedule.start_interval: is another tool\'s word; write below [schedule]: every = "15m"'
    ],
    '[schedule]\nevry = "15m"': ["schedule.evry: is not a key; did you mean `every`?"],
    '[schedule]\nmachnes = ["a"]': ["schedule.machnes: is not a key here; did you mean `only.machines`?"],
    '[daemon]\nrestart = "on failure"': ['daemon.restart: "on failure" is not known; write "always" or "on-failure"'],
    '[daemon]\n[schedule]\nat = "09:00"': [
        "daemon: a daemon runs all the time, so it has no [schedule]; leave one of the two out"
    ],
    '[only]\nos = "darwin"': ['only.os: "darwin" is not known; write "macos"'],
    '[only]\nos = "Linux"': ['only.os: "Linux" is not known; write "linux"'],
    '[only]\nos = "windows"': ['only.os: "windows" is not known; write "macos" or "linux"'],
    "[only]\nmachines = []": ['only.machines: is empty; leave it out or write machines = ["mbp-*", "!mbp-old"]'],
    '[only]\ntags = ["!"]': ['only.tags: "!" names nothing; write tags = ["home"]'],
    '[env]\nPATH = "/bin"': [
        'env.PATH: is made from the machine\'s; write above the first [table]: path = ["~/.bun/bin"]'
    ],
    '[env]\nrun = "x"': [
        (
            "env.run: `run` belongs above the first [table]: a line below a header belongs to that table (a variable "
            "of this name is the script's to set)"
        ),
    ],
    '[env]\n"A-B" = "x"': ['env.A-B: "A-B" is not a variable\'s name; letters, digits and _ make one'],
    '[env]\nJOBSYNC_X = "x"': ["env.JOBSYNC_X: names that start with JOBSYNC_ are jobsync's own; write another name"],
    '[env]\nUID = "1"': ["env.UID: belongs to the shell; write another name"],
    "[env]\nA = 1\nB = true\nC = [1]\nD = 1e300": [
        'env.A: is not a text; write it in quotes: A = "1"',
        'env.B: is not a text; write it in quotes: B = "true"',
        'env.C: a list is not a text; write C = "…"',
        'env.D: a number of that size is not a text; write D = "…"',
    ],
    '[env]\nA = "\\u0000"': ["env.A: holds the control character U+0000; take it out"],
    '[env]\nA = "\\uFFFF"': ["env.A: holds the control character U+FFFF; take it out"],
    '[limits]\npriority = "low"': ['limits.priority: "low" is not known; write "normal" or "background"'],
    '[limits]\ntimeout = "367d"': ['limits.timeout: 367d is not 0s to 366d; write timeout = "1h"'],
    '[limits]\ngrace = "0s"': ['limits.grace: 0s is not 1s to 366d; write grace = "10s"'],
    '[when]\nwait = "5m"': ["when.wait: is for power and network, and neither is asked for; write online = true"],
    '[limits]\nlock = "a/b"': ['limits.lock: "a/b" is no name of a lock; letters, digits, `.`, `_` and `-` make one'],
    "[retry]\nattempts = 0": ["retry.attempts: the number 0 is not 1 to 100; write attempts = 3"],
    "[retry]\nattempts = true": ["retry.attempts: true is not a whole number; write attempts = 3"],
    "[retry]\non_codes = []": ["retry.on_codes: is empty; write on_codes = [75]"],
    "[retry]\non_codes = [75, 256]": ["retry.on_codes: the number 256 is not 1 to 255; write on_codes = [75]"],
    '[retry]\ndelay = "1m"\nmax_delay = "30s"': ["retry.max_delay: is less than the first delay; make it at least 1m"],
    '[expect]\nprints = "("': [
        (
            'expect.prints: "(" is no pattern that `grep -E` reads: missing ), unterminated subpattern; '
            "a sign that stands for itself is written in brackets, as [(]"
        )
    ],
    "[expect]\nprints = '[[:alpha:]'": [
        (
            'expect.prints: "[[:alpha:]" is no pattern that `grep -E` reads: unterminated character set; '
            "a sign that stands for itself is written in brackets, as [(]"
        )
    ],
    "[expect]\nprints = '^[:digit:]+'": [
        'expect.prints: "^[:digit:]+": `grep -E` wants brackets around [:digit:]; write [[:digit:]]'
    ],
    "[expect]\nprints = '[^-[:number:]]'": [
        (
            'expect.prints: "[^-[:number:]]": `grep -E` knows no [:number:]; write one of alnum, alpha, blank, cntrl, '
            "digit, graph, lower, print, punct, space, upper, xdigit in it"
        )
    ],
    "[expect]\nprints_not = '(?i)error'": [
        'expect.prints_not: "(?i)error": `grep -E` knows no (?…); for either case write [Ee]rror'
    ],
    "[expect]\nprints = '^\\d+ files'": ['expect.prints: "^\\d+ files": `grep -E` knows no \\d; write [0-9]'],
    "[expect]\nprints = 'a\\tb'": ['expect.prints: "a\\tb": `grep -E` knows no \\t; write the character itself'],
    "[expect]\nprints = '[\\d,]+ files'": [
        (
            'expect.prints: "[\\d,]+ files": `grep -E` reads \\d in brackets as two characters; '
            "write 0-9 or the characters themselves"
        ),
    ],
    '[expect]\nprints_not = [""]': ["expect.prints_not: is empty, which every line matches; write a part of the line"],
    "[expect]\nsuccess_codes = [0, 78]": [
        "expect.success_codes: 78 is a run's that could not start; let the command end otherwise"
    ],
    '[schedule]\nat = "mon 09:00"\n[expect]\nsuccess_within = "6d"': [
        "expect.success_within: is less than the longest time between two starts, 1w; write that or more"
    ],
    '[notify]\non = ["failure"]': [
        'notify.on: "failure" is not known; write one of failed, recovered, missed, succeeded'
    ],
    '[notify]\ncommand = "x"': ["notify.command: is another tool's word; did you mean `run`?"],
    '[daemon]\n[retry]\nattempts = 2\n[expect]\nprints = "x"\n'
    '[limits]\ntimeout = "1h"\nlock = "x"\n[when]\nonline = true': [
        "retry: a daemon is started again anyway: [daemon] restart says when; leave it out",
        "expect: a daemon has no end at which to look; leave it out",
        "when: a daemon runs all the time, and would be started again and again; let its program look",
        "limits.timeout: a daemon shall run for ever; leave it out",
        "limits.lock: a daemon would hold it for ever; leave it out",
    ],
    "systemd = 1": [
        'systemd: the number 1 is not a table; write [systemd] and below it service = { MemoryMax = "1G" }'
    ],
    "[systemd]\nservice = 1": [
        'systemd.service: the number 1 is not a table; write [systemd.service] and below it MemoryMax = "1G"'
    ],
    '[systemd.Service]\nMemoryMax = "1G"': ["systemd.Service: is not a key; did you mean `service`?"],
    '[Schedule]\nat = "09:00"': ["Schedule: is not a key; did you mean `schedule`?"],
    "[systemd.timers]\nWakeSystem = true": ["systemd.timers: is not a key; did you mean `timer`?"],
    "[systemd]\nNice = 1": ['systemd.Nice: is another tool\'s word; write below [limits]: priority = "background"'],
    "at = mon 09:00": ["line 1: unexpected character: 'm'; text needs quotes: at = \"mon 09:00\""],
    "[schedule]\nat = 09:00": [
        'line 2: expected newline or end of document after a statement; text needs quotes: at = "09:00"'
    ],
    "at = 1,15 06:00": ["line 1: unexpected character: ','; text needs quotes: at = \"1,15 06:00\""],
    "every = 15m": ['line 1: invalid number; text needs quotes: every = "15m"'],
    "[launchd]\nUmask = 022": ['line 2: invalid number; text needs quotes: Umask = "022"'],
    "enabled = False  # for now": ["line 1: unexpected character: 'F'; in TOML it is: enabled = false"],
    "schedule = { at = '09:00',\n  every = '5m' }": ["line 1: invalid initial character for a key part"],
    "# x\nrun: ls": ["line 2: unexpected character: ':'; TOML has = and no colon: run = …"],
    "a = 1\na = 2": ['line 2: key "a" already exists'],
    '[schedule]\nat = "09:00"\nat = "10:00"\n\n[env]': ['line 3: key "at" already exists'],
    '[schedule]\nat = "09:00"\nat = "10:00"': ['line 3: key "at" already exists'],
    '[schedule]\nat = "09:00"\n[schedule]\nevery = "5m"': ['line 3: key "schedule" already exists'],
    "[schedule]\nevery = 5\n\n[schedule.every]\n": ['line 4: key "every" already exists'],
    "env = {A = '1', A = '2'}": ['line 1: key "A" already exists'],
    "a\t\tb = 1": ['line 1: invalid key "a b"'],
    "a = b\tc": ["line 1: unexpected character: 'b'; text needs quotes: a = \"b c\""],
    "run =": ["line 1: something is missing at its end"],
    # tomlkit counts these as ends of lines, which they are to no editor.
    "# a\u2028b\x85\nrun =": ["line 2: something is missing at its end"],
    'description = "a\u2028b"\nrun = x\n': ["line 2: unexpected character: 'x'; text needs quotes: run = \"x\""],
    '[schedule]\revery = "5m"\r': ["line 1: holds a carriage return that no line feed follows; save the file with LF"],
    'run = "x"\r\n\rdir = "~"\r\n': [
        "line 2: holds a carriage return that no line feed follows; save the file with LF"
    ],
    'description = "two\nrun = "true"\n': ["line 1: a text does not end on its line; close it with a quote"],
    "a = [" + "[" * 5_000: ["line 1: TOML value nested more than 100 levels deep"],
    "a = " + "[" * 20 + "]" * 20: ["is nested too deeply to be a definition; write it flat"],
    "a = " + "9" * 5_000: ["line 1: invalid number"],
    "# " + "x" * 70_000: ["is larger than 64 KiB, so it is no definition; keep data in files of their own"],
}


@pytest.mark.parametrize(("text", "expected"), FAULTS.items(), ids=lambda value: str(value)[:40])
def test_a_fault_says_what_to_write(text: str, expected: list[str]) -> None:
    assert faults(text) == expected


@pytest.mark.parametrize(
    "pattern",
    [
        r"\[ok\] done", r"[(?][.]d", r"\bin\w+\s", r"C:\\data", "[[:digit:]]+", r"a\.b", "[[]ok[]]", "[[a]", "[&&|~]",
        "[^[:alnum:](]", "[^][:space:]]", "[\\]", "[[:alpha:]-]", "[:a-z]",
    ],
)  # fmt: skip
def test_what_grep_reads_alike_is_a_pattern(pattern: str) -> None:
    assert faults(f"[expect]\nprints = '{pattern}'") == []


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ('environment = "x"', 'write below [env]: NAME = "text"'),
        ("keep_alive = true", 'write below [daemon]: restart = "always"'),
        ("KeepAlive = true", 'write below [daemon]: restart = "always"'),
        ('OnCalendar = "x"', 'write below [schedule]: at = "mon-fri 09:00"'),
        ('on_calendar = "x"', 'write below [schedule]: at = "mon-fri 09:00"'),
        ("start_interval = 5", 'write below [schedule]: every = "15m"'),
        ("StartInterval = 5", 'write below [schedule]: every = "15m"'),
        ('working_directory = "x"', 'write dir = "~/notes"'),
        ('WorkingDirectory = "x"', 'write dir = "~/notes"'),
        ("RunAtLoad = true", "write below [schedule]: at_login = true"),
        ('command = "x"', 'write run = "command argument", or put it into the file `run` beside job.toml'),
        ('cmd = "x"', 'write run = "command argument", or put it into the file `run` beside job.toml'),
        ('script = "x"', 'write run = "command argument", or put it into the file `run` beside job.toml'),
        ('timezone = "x"', "leave it out; times are the local time of the machine"),
        ('user = "x"', "leave it out; jobs run as you"),
        ('env_file = ".env"', "put NAME=VALUE into ~/.config/jobsync/env/JOB.env (mode 0600), and leave it out"),
        ('secrets = ["A"]', "put NAME=VALUE into ~/.config/jobsync/env/JOB.env (mode 0600), and leave it out"),
        ('name = "x"', "leave it out; the name of its directory is the job's name"),
    ],
)
def test_another_tools_word_is_answered_with_the_line_to_write(line: str, advice: str) -> None:
    assert faults(line) == [f"{line.split()[0]}: is another tool's word; {advice}"]


def test_all_faults_of_all_files_come_in_one_run() -> None:
    found = load(tree({"b": 'dirr = "x"\nrun = 1', "a": "x", "good": "", "c": "[env]\nA = 1"}), MACHINE)
    assert [(fault.file, fault.key) for fault in found.faults] == [
        ("jobs/a/job.toml", ""),
        ("jobs/b/job.toml", "dirr"),
        ("jobs/b/job.toml", "run"),
        ("jobs/c/job.toml", "env.A"),
    ]
    assert str(found.faults[-1]) == 'jobs/c/job.toml: env.A: is not a text; write it in quotes: A = "1"'
    assert [job.name for job in found.jobs] == ["good"]
    assert found.faulty == {"a", "b", "c"}
    assert not found.jobs_missing


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (None, "there is no file jobs/a/run; write it, or a `run` line into job.toml"),
        ((FILE, b"#!/bin/sh\n"), "jobs/a/run is not executable; run: chmod +x jobs/a/run"),
        ((EXECUTABLE, b" \n"), "jobs/a/run is empty; write what it shall do"),
        (
            (EXECUTABLE, b"echo\n"),
            'jobs/a/run does not say what runs it; make its first line "#!/bin/sh" or "#!/usr/bin/env bash"',
        ),
        (
            (EXECUTABLE, b"#!/bin/sh\r\necho\r\n"),
            "jobs/a/run has Windows line ends, so its first line names no program; save it with LF",
        ),
        ((EXECUTABLE, b"#!bash\n"), 'jobs/a/run: its first line needs an absolute path, as "#!/usr/bin/env bash"'),
        (
            (LINK, b"../../.git/annex/objects/V7/mx/SHA256E-s19--121f"),  # as `git annex add` leaves it
            "jobs/a/run is a link that leads to no file, or to one that is in no commit; put the file itself there",
        ),
        (
            (FILE, b"/annex/objects/SHA256E-s19--121f2f57\n"),  # git-annex 10.20230126
            "jobs/a/run is what git-annex puts in its place; type `git annex unannex` with its name, and commit it",
        ),
        (
            (EXECUTABLE, b"version https://git-lfs.github.com/spec/v1\noid sha256:c4e7\nsize 15\n"),  # git-lfs 3.3.0
            "jobs/a/run is what git-lfs puts in its place; type `git lfs install`, then `git lfs pull`",
        ),
        ((EXECUTABLE, b"\0GITCRYPT\0\xc3\x28"), "jobs/a/run is encrypted; type `git-crypt unlock`"),
    ],
)
def test_a_run_file_that_could_not_start_is_a_fault(run: tuple[int, bytes] | None, message: str) -> None:
    files = {"jobsync.toml": (FILE, b""), "jobs/a/job.toml": (FILE, b"")} | ({} if run is None else {"jobs/a/run": run})
    found = load(MemoryTree(files), MACHINE)
    assert [str(fault) for fault in found.faults] == [f"jobs/a/job.toml: run: {message}"]


@pytest.mark.parametrize("name", ["jobsync.toml", "jobs/a/job.toml"])
def test_a_definition_that_git_crypt_keeps_locked_is_said_to_be(name: str) -> None:
    files = {
        "jobsync.toml": (FILE, b""),
        "jobs/a/job.toml": (FILE, b'run = "x"'),
        name: (FILE, b"\0GITCRYPT\0\xc3\x28"),
    }
    (fault,) = load(MemoryTree(files), MACHINE).faults
    assert str(fault) == f"{name}: is encrypted; type `git-crypt unlock`"


def test_a_run_file_may_be_a_link_inside_the_repository() -> None:
    files = {"jobs/a/job.toml": (FILE, b""), "jobs/a/run": (LINK, b"../../bin/x"), "bin/x": SCRIPT}
    assert load(tree({}, files=files), MACHINE).faults == ()


def test_what_is_no_job_is_ignored() -> None:
    files = {
        "jobs/README.md": (FILE, b""),
        "jobs/.DS_Store": (FILE, b""),
        "jobs/Notes and more/text": (FILE, b""),
        "jobs/latest": (LINK, b"a"),
        "jobs/dangling": (LINK, b"../nowhere"),
    }
    found = load(tree({"b": ""}, files=files), MACHINE)
    assert (found.faults, [job.name for job in found.jobs]) == ((), ["b"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jobsync-finish", "names that start with `jobsync-` are jobsync's own; give the directory another name"),
        ("My Job", '"My Job" is not a job\'s name; give the directory another name, such as "my-job"'),
        ("a.b", '"a.b" is not a job\'s name; give the directory another name, such as "a-b"'),
        ("-a", '"-a" is not a job\'s name; give the directory another name, such as "a"'),
        ("ü", '"ü" is not a job\'s name; give the directory another name, such as "job"'),
        ("a\n", '"a\\u000a" is not a job\'s name; give the directory another name, such as "a"'),
        ("a" * 101, "its name is longer than 100 characters; give the directory another name"),
    ],
)
def test_a_name_that_is_no_jobs_name_is_a_fault(name: str, message: str) -> None:
    found = load(tree({name: ""}), MACHINE)
    assert [fault.message for fault in found.faults] == [message]
    assert found.jobs == ()
    assert found.faulty == {name}


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"jobs/a/job.toml/x": (FILE, b"")}, "a directory"),
        ({"jobs/a/job.toml/x": (FILE, b""), "jobs/a/run": SCRIPT}, "a directory"),
        ({"jobs/a/job.toml": (LINK, b"../../nowhere")}, "a link that leads to no file"),
    ],
)
def test_a_definition_that_is_no_file_is_a_fault_and_keeps_its_job(
    files: dict[str, tuple[int, bytes]], what: str
) -> None:
    found = load(tree({}, files=files), MACHINE)
    assert [str(fault) for fault in found.faults] == [
        f"jobs/a/job.toml: is {what}; make it a file, or delete jobs/a to remove the job"
    ]
    assert found.faulty == {"a"}


def test_a_conflict_is_called_one() -> None:
    text = '[schedule]\n<<<<<<< HEAD\nat = "04:10"\n=======\nat = "04:20"\n>>>>>>> 1234567\n'
    found = load(tree({"a": text}), MACHINE)
    assert [str(fault) for fault in found.faults] == [
        "jobs/a/job.toml: line 2: a merge conflict begins here; resolve it, and take out git's markers"
    ]
    assert load(tree({"a": f'run = """\n{text}"""\n'}), MACHINE).jobs


def test_a_directory_with_run_and_no_definition_is_a_fault_and_keeps_its_job() -> None:
    found = load(tree({}, files={"jobs/a/run": SCRIPT}), MACHINE)
    assert [str(fault) for fault in found.faults] == [
        "jobs/a/job.toml: is missing beside `run`; write it, or delete the directory to remove the job"
    ]
    assert found.faulty == {"a"}


def test_a_linked_directory_is_no_job() -> None:
    found = load(tree({"a": ""}, files={"jobs/b": (LINK, b"a")}), MACHINE)
    assert [str(fault) for fault in found.faults] == [
        "jobs/b/job.toml: jobs/b is a link; a job is a directory of its own, so make it one"
    ]
    assert [job.name for job in found.jobs] == ["a"]


def test_an_input_behind_a_link_is_a_fault_and_a_link_is_one_with_what_it_leads_to() -> None:
    files = {"shared/lib/x": SCRIPT, "lib": (LINK, b"shared/lib")}
    found = load(tree({"a": 'inputs = ["../../lib/x"]', "b": 'inputs = ["../../lib"]'}, files=files), MACHINE)
    advice = "and git sees no change behind one; name the file where it is"
    assert [str(fault) for fault in found.faults] == [
        f'jobs/a/job.toml: inputs: "../../lib/x" leads through the link lib, {advice}'
    ]
    assert [job.inputs for job in found.jobs] == [("jobs/b", "lib", "shared/lib")]


@pytest.mark.parametrize(
    ("settings", "files", "link", "real"),
    [
        ("", {"jobs": (LINK, b"config")}, "jobs", "config"),
        ('jobs = "all/jobs"', {"all": (LINK, b"config"), "config/jobs/b/job.toml": (FILE, b"")}, "all", "config/jobs"),
    ],
)
def test_a_jobs_directory_behind_a_link_leaves_all_jobs_as_they_are(
    settings: str, files: dict[str, tuple[int, bytes]], link: str, real: str
) -> None:
    found = load(tree({}, settings, {"config/a/job.toml": (FILE, b'run = "true"'), **files}), MACHINE)
    assert [fault.key for fault in found.faults] == ["jobs"]
    assert found.faults[0].message == (
        f'leads through the link {link}, and git sees no change behind one; write jobs = "{real}"'
    )
    assert found.jobs_missing and not found.jobs


def test_only_the_jobs_that_were_asked_for_are_read() -> None:
    found = load(tree({"a": "", "b": "x", "c": ""}), MACHINE, names={"a", "nobody"})
    assert [job.name for job in found.jobs] == ["a"]
    assert found.faults == ()
    assert not found.faulty


def test_what_cannot_be_read_is_the_fault_of_one_job() -> None:
    files = tree({"a": "", "b": 'inputs = ["../../lib"]', "c": ""}, files={"lib/x": SCRIPT}).files
    for path in ("jobs/a/job.toml", "jobs/a/run", "jobs/a"):
        found = load(MemoryTree(files, frozenset({path})), MACHINE)
        assert [job.name for job in found.jobs] == ["b", "c"]
        assert found.faulty == {"a"}
        assert f"{path}: permission denied" in [fault.message for fault in found.faults]
    assert load(MemoryTree(files, frozenset({"lib"})), MACHINE).faulty == {"b"}


def test_a_missing_jobs_directory_is_told_from_an_empty_one() -> None:
    assert load(tree({}), MACHINE).jobs_missing
    assert not load(tree({}, files={"jobs/.keep": (FILE, b"")}), MACHINE).jobs_missing


def test_an_unreadable_jobs_directory_counts_as_missing() -> None:
    found = load(MemoryTree(tree({"a": ""}).files, frozenset({"jobs"})), MACHINE)
    assert found.jobs_missing
    assert [str(fault) for fault in found.faults] == ["jobs: jobs: permission denied"]


# --- jobsync.toml -----------------------------------------------------------------------------------------------


def test_settings_say_where_the_jobs_are() -> None:
    settings = 'jobs = "config/jobs/"\nmin_version = "0.0.1"\n'
    files = {"config/jobs/a/job.toml": (FILE, b""), "config/jobs/a/run": SCRIPT}
    where = tree({}, settings, files)
    assert read_settings(where) == Settings("config/jobs", "0.0.1", {}, ())
    found = load(where, MACHINE)
    assert found.jobs[0].home_directory == "/Users/nils/dotfiles/config/jobs/a"
    assert found.jobs[0].inputs == ("config/jobs/a",)


@pytest.mark.parametrize("text", ["config/jobs", "config/jobs/", "./config/jobs", "config//./jobs"])
def test_the_jobs_directory_is_a_path_as_others_are(text: str) -> None:
    assert read_settings(tree({}, f'jobs = "{text}"')) == Settings("config/jobs")


def test_defaults_are_merged_key_by_key_and_lists_replace() -> None:
    settings = """
        [defaults]
        path = ["~/default"]
        dir = "~/work"
        env = { A = "default", B = "default" }
        schedule = { spread = "10m" }
        launchd = { SoftResourceLimits = { Core = 0, Stack = 1 }, Nice = 5 }
        only = { os = "linux" }
    """
    found = job(
        """
        path = ["~/own"]
        [schedule]
        at = "09:00"
        [env]
        B = "own"
        [launchd]
        SoftResourceLimits = { Stack = 2 }
        """,
        settings,
    )
    assert found.path == (f"{HOME}/own",)
    assert found.directory == f"{HOME}/work"
    assert found.environment == (("A", "default"), ("B", "own"))
    assert found.schedule.words == ("daily at 09:00 (+1m)",)
    assert found.launchd == {"Nice": 5, "SoftResourceLimits": {"Core": 0, "Stack": 2}}
    assert found.unwanted == 'only.os is "linux"'


@pytest.mark.parametrize("text", ["[daemon]", "", "[schedule]\nat_login = true"])
def test_a_default_spread_is_nothing_to_a_job_without_times(text: str) -> None:
    assert job(text, '[defaults.schedule]\nspread = "10m"').schedule.slots == ()


def test_a_job_may_want_none_of_a_default() -> None:
    settings = """
        [defaults]
        path = ["~/default"]
        inputs = ["../../lib"]
        limits = { timeout = "1h" }
        notify = { run = "say so" }
    """
    text = "path = []\ninputs = []\n[limits]\ntimeout = '0s'\n[notify]\non = []"
    found = job(text, settings)
    assert (found.path, found.inputs, found.limits.timeout, found.notify) == ((), ("jobs/backup",), None, None)


@pytest.mark.parametrize("text", ["[when]\nonline = false", "[when]\nonline = false\nstale_after = '1h'"])
def test_a_default_wait_is_nothing_to_a_job_that_asks_for_neither_power_nor_network(text: str) -> None:
    assert job(text, '[defaults.when]\nonline = true\nwait = "5m"').when.wait == 0
    assert job("", '[defaults.when]\nwait = "5m"').when.wait == 0
    assert job("[when]\nac_power = true", '[defaults.when]\nwait = "5m"').when.wait == 300


SETTINGS_FAULTS = {
    'jobs = "../jobs"': ['jobs: "../jobs" is not a directory inside the repository; write jobs = "jobs"'],
    'jobs = ""': ['jobs: "" is not a directory inside the repository; write jobs = "jobs"'],
    "jobs = 1": ['jobs: the number 1 is not a text; write jobs = "jobs"'],
    'min_version = "new"': [f'min_version: "new" is not a version; write min_version = "{__version__}"'],
    "min_version = 1.5": ['min_version: the number 1.5 is not a text; write min_version = "0.1"'],
    'job = "jobs"': ["job: is another tool's word; leave it out; the name of its directory is the job's name"],
    'jbs = "jobs"': ["jbs: is not a key; did you mean `jobs`?"],
    'path = ["~/bin"]': ["path: `path` is for one job; write it below [defaults], or in a job.toml"],
    "defaults = 1": ['defaults: the number 1 is not a table; write [defaults] and below it dir = "~/notes"'],
    '[defaults]\njobs = "x"': [
        "defaults.jobs: `jobs` belongs above the first [table]: a line below a header belongs to that table"
    ],
    '[defaults]\nrun = "x"': ["defaults.run: is each job's own; write it in its job.toml"],
    "[defaults]\nretry = { attempts = 0 }": [
        "defaults.retry.attempts: the number 0 is not 1 to 100; write attempts = 3"
    ],
    '[defaults.expect]\nprints = "x"': ["defaults.expect: is each job's own; write it in its job.toml"],
    '[defaults.limits]\nlock = "x"': ["defaults.limits.lock: is each job's own; write it in its job.toml"],
    '[defaults]\nworkdir = "x"': ['defaults.workdir: is another tool\'s word; write dir = "~/notes"'],
    '[defaults.schedule]\nat = "09:00"': ["defaults.schedule.at: is each job's own; write it in its job.toml"],
    '[defaults.schedule]\nspred = "9m"': ["defaults.schedule.spred: is not a key; did you mean `spread`?"],
    '[defaults.schedule]\nspread = "9"': ['defaults.schedule.spread: "9" is not a duration; write "9m"'],
    'jobs = "."': ['jobs: "." is not a directory inside the repository; write jobs = "jobs"'],
    'jobs = "./.git/x"': ['jobs: "./.git/x" is not a directory inside the repository; write jobs = "jobs"'],
    '[defaults.env]\nPATH = "/x"': [
        'defaults.env.PATH: is made from the machine\'s; write below [defaults]: path = ["~/.bun/bin"]'
    ],
    "[defaults.env]\nA = 1": ['defaults.env.A: is not a text; write it in quotes: A = "1"'],
    "[defaults.systemd.timer]\nPersistent = true": [
        "defaults.systemd.timer.Persistent: write below [schedule]: catch_up = false (true is the default)"
    ],
    "[defaults.systemd]\ntimr = { WakeSystem = true }": ["defaults.systemd.timr: is not a key; did you mean `timer`?"],
    "[defaults.launchd]\nLabel = 1": [
        "defaults.launchd.Label: is the prefix of this machine and the name of the job's directory; leave it out"
    ],
    '[defaults.only]\nos = "darwin"': ['defaults.only.os: "darwin" is not known; write "macos"'],
    "[defaults]\nschedule = 1": [
        'defaults.schedule: the number 1 is not a table; write [defaults.schedule] and below it at = "mon-fri 09:00"'
    ],
    '[defaults]\ndir = "x"': ['defaults.dir: "x" is not clear; write "~/x", "/x", or "./x" beside job.toml'],
    "x": ["line 1: something is missing at its end"],
}


@pytest.mark.parametrize(("settings", "expected"), SETTINGS_FAULTS.items())
def test_a_fault_of_jobsync_toml_leaves_every_job_as_it_is(settings: str, expected: list[str]) -> None:
    found = load(tree({"a": "", "b": "dirr = 1"}, settings), MACHINE)
    mine = [str(fault) for fault in found.faults if fault.file == "jobsync.toml"]
    assert mine == [f"jobsync.toml: {message}" for message in expected]
    assert found.jobs == ()
    assert found.jobs_missing or found.faulty == {"a", "b"}
    assert found.jobs_missing or "jobs/b/job.toml" in {fault.file for fault in found.faults}


def test_a_missing_jobsync_toml_concludes_nothing() -> None:
    found = load(tree({"a": ""}, settings=None), MACHINE)
    assert [str(fault) for fault in found.faults] == [
        "jobsync.toml: is missing; write it (an empty file will do), or type `jobsync init --skeleton`"
    ]
    assert (found.jobs, found.jobs_missing) == ((), True)


def test_an_unreadable_jobsync_toml_concludes_nothing() -> None:
    found = load(MemoryTree(tree({"a": ""}).files, frozenset({"jobsync.toml"})), MACHINE)
    assert [str(fault) for fault in found.faults] == ["jobsync.toml: jobsync.toml: permission denied"]
    assert found.jobs_missing


@pytest.mark.parametrize("version", ["99", "99.1", "0.1.1"])
def test_an_older_jobsync_than_the_repository_wants_reads_nothing(version: str) -> None:
    where = tree({"a": "x"}, f'min_version = "{version}"\nnew_key = 1')
    for read in (lambda: load(where, MACHINE), lambda: read_settings(where)):
        with pytest.raises(JobsyncError, match=f"needs jobsync {version}, and this is {__version__}") as refusal:
            read()
        assert "upgrade" in (refusal.value.hint or "")


@pytest.mark.parametrize("version", ["0", "0.1", __version__])
def test_the_version_that_is_wanted_and_newer_ones_go_on(version: str) -> None:
    assert load(tree({"a": ""}, f'min_version = "{version}"'), MACHINE).faults == ()


def test_a_work_tree_at_the_root_has_paths_like_any_other() -> None:
    machine = replace(MACHINE, work_tree="/")
    found = load(tree({"a": 'dir = "../../lib"'}), machine)
    assert found.jobs[0].directory == "/lib"


def test_a_linux_machine_is_told_from_a_mac() -> None:
    machine = Machine("box", (), "linux", "/home/nils", "jobsync", "/home/nils/dotfiles", "systemd")
    assert job('[only]\nos = "linux"', machine=machine).unwanted is None
    assert DIRECTORY == 0o040000
