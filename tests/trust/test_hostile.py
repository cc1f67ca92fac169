"""Hostile repositories: refused with a reason or rendered exactly, and nothing outside our directories is written."""

import json
import os
import sys
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobsync.config import Config, Repo
from jobsync.definitions.load import load
from jobsync.paths import paths_of
from jobsync.schedulers.launchd import Launchd

from ..definitions.trees import MACHINE, tree
from ..laptop import JOB, Laptop

# -- texts


def quoted(text: str) -> str:
    """A text as TOML writes it, whatever is in it."""
    plain = (char if char.isascii() and char.isalnum() else f"\\U{ord(char):08x}" for char in text)
    return '"' + "".join(plain) + '"'


SHELL = (
    "'; touch pwned; $(touch pwned) `touch pwned` \" \\ && touch pwned | touch pwned > pwned # ${IFS} $HOME ~ * ? [a] !"
)
EXACT = {
    "shell": SHELL,
    "quotes": "'\"'\"''\\''",
    "end of quotes": "'",
    "backslash at the end": "\\",
    "option": "-rf",
    "xml": "</string></dict></plist><!-- --> ]]> &amp; &#0; <![CDATA[x",
    "percent and braces": "%s%n {job} {{}} {0} $1 $@",
    "newline": "one\ntouch pwned\nthree",
    "heredoc": "EOF\ntouch pwned\nEOF\n",
    "tab": "a\tb",
    "emoji": "早 👩‍💻 é e\u0301",
    "bidi": "\u202egnp.exe\u2066",
    "no-break space": "\u00a0\u2003\ufeff",
    "long": "x" * 20_000,
    "blank": " ",
    "empty": "",
}
REFUSED = {
    "nul": "\0", "bell": "\a", "escape": "\x1b[2J", "return": "a\rb", "delete": "\x7f", "next line": "a\x85b",
    "c1": "\x9b", "no character": "\uffff", "no character either": "\ufffe", "vertical tab": "\v",
}  # fmt: skip


def environment(texts: dict[str, str]) -> str:
    return "[env]\n" + "".join(f"V{n} = {quoted(text)}\n" for n, text in enumerate(texts.values()))


DUMP = """import json, os, sys
variables = {k: v for k, v in os.environ.items() if k.startswith("V")}
json.dump([sys.argv[1:], variables, os.getcwd()], open(sys.argv[0], "w"))
"""


def outside(laptop: Laptop) -> dict[str, tuple[int, int]]:
    """Everything of the machine that is neither ours nor the repository's nor launchd's."""
    ours = (".local", ".config/jobsync", "Library", "dotfiles")
    skipped = (*(laptop.home / one for one in ours), laptop.root / "mac", laptop.editor, laptop.origin)
    found = (path for path in laptop.root.rglob("*") if not any(path.is_relative_to(one) for one in skipped))
    return {str(path): (path.lstat().st_mtime_ns, path.lstat().st_size) for path in found if path.name != ".ran"}


def no_injection(laptop: Laptop) -> bool:
    return not list(laptop.root.rglob("pwned"))


def test_what_is_accepted_reaches_the_command_exactly(registered: Laptop) -> None:
    received = registered.work / "received.json"
    (registered.work / "dump.py").write_text(f"import sys\nsys.argv[0] = {str(received)!r}\n{DUMP}")
    directory = registered.home / 'it\'s `touch pwned` "<&>" 早; touch pwned'
    directory.mkdir()
    texts = list(EXACT.values())
    argv = [sys.executable, str(registered.work / "dump.py"), *texts]
    registered.job(
        "one",
        f"description = {quoted(SHELL)}\nrun = [{', '.join(map(quoted, argv))}]\n"
        f"dir = {quoted(str(directory))}\npath = {json.dumps(['/it s', '/x;touch pwned', '/<&>'])}\n"
        + environment(EXACT),
    )
    before = outside(registered)
    registered.jobsync("sync")
    registered.jobsync("run", "one")
    arguments, variables, where = json.loads(received.read_text())
    assert arguments == texts
    assert variables == {f"V{n}": text for n, text in enumerate(texts)}
    assert where == str(directory)
    assert registered.plist("one")["EnvironmentVariables"]["PATH"].startswith("/it s:/x;touch pwned:/<&>:")
    assert no_injection(registered)
    assert outside(registered) == before


LINES = {name: text for name, text in EXACT.items() if text.strip()}
"""An empty line is a fault, so none is among them."""


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_a_line_for_sh_is_that_line_and_nothing_else(registered: Laptop, text: str) -> None:
    # sh reads the text as one literal word, so what the launcher adds or takes away would show.
    word = "'" + text.replace("'", "'\\''") + "'"
    registered.job("one", f"description = {quoted(text if chr(10) not in text and chr(9) not in text else '')}\n"
                   f"run = {quoted(f'printf %s {word} >~/received')}\n")  # fmt: skip
    registered.jobsync("sync")
    registered.jobsync("run", "one")
    assert (registered.home / "received").read_bytes() == text.encode()
    assert no_injection(registered)


KEYS = {
    "run": "run = {}",
    "run list": 'run = ["true", {}]',
    "description": 'run = "true"\ndescription = {}',
    "dir": 'run = "true"\ndir = {}',
    "path": 'run = "true"\npath = [{}]',
    "inputs": 'run = "true"\ninputs = [{}]',
    "schedule.at": 'run = "true"\n[schedule]\nat = {}',
    "schedule.cron": 'run = "true"\n[schedule]\ncron = {}',
    "schedule.on_change": 'run = "true"\n[schedule]\non_change = [{}]',
    "schedule.on_files": 'run = "true"\n[schedule]\non_files = [{}]',
    "env": 'run = "true"\n[env]\nA = {}',
    "only.machines": 'run = "true"\n[only]\nmachines = [{}]',
    "launchd": 'run = "true"\n[launchd]\nStandardInPath = {}',
}


@pytest.mark.parametrize(("kind", "key"), list(product(REFUSED, KEYS)))
def test_what_neither_plist_nor_sh_can_hold_is_refused_at_every_key(kind: str, key: str) -> None:
    text = quoted(f"/x{REFUSED[kind]}y")
    found = load(tree({"one": KEYS[key].format(text)}), MACHINE)
    assert found.faulty == {"one"} and found.jobs == ()
    (fault,) = found.faults
    assert fault.key.startswith(key.split()[0]), fault
    assert str(fault).isprintable(), "a message must not play with the terminal"


ESCAPES = [
    "../../../../etc",
    "./../../..",
    "~/../x",
    "/../etc",
    "/x/../../etc",
    "~root",
    "$HOME",
    "*",
    "..",
    "../..",
    "",
]


@pytest.mark.parametrize(("text", "key"), list(product(ESCAPES, ["dir", "path", "inputs", "schedule.on_change"])))
def test_a_path_that_leaves_the_repository_is_refused(text: str, key: str) -> None:
    found = load(tree({"one": KEYS[key].format(json.dumps(text))}), MACHINE)
    # All jobs are inside, and so is the repository itself, but that is too much to be an input.
    allowed = text == ".." or (text == "../.." and key != "inputs")
    assert (found.faulty == {"one"}) is not allowed, found


@pytest.mark.parametrize("name", ["A=B", "A B", "", "1A", "A\n", "A;touch pwned", "é", "$(touch pwned)", "A-B", "IFS",
                                  "PATH", "JOBSYNC_LABEL", "BASH_VERSINFO"])  # fmt: skip
def test_a_variable_that_is_none_is_refused(name: str) -> None:
    found = load(tree({"one": f'run = "true"\n[env]\n{quoted(name)} = "x"\n'}), MACHINE)
    assert found.faulty == {"one"}


# -- names


HOSTILE_NAMES = [
    "Upper", "one two", "a.b", "..a", "-x", "_x", "é", "a\nb", "$(touch pwned)", "`touch pwned`", "<&>", "a'b", 'a"b',
    "a\\b", "a\x01b", "a\x1b[2J", "\u202eevil", "jobsync-finish", "jobsync-x", "x" * 101, ".hidden", "good;touch pwned",
    "%n", "*", "~", "#", "good ", "GOOD",
]  # fmt: skip


def test_hostile_names_are_refused_one_by_one_and_the_good_ones_go_on(registered: Laptop) -> None:
    names = [os.fsencode(name) for name in HOSTILE_NAMES] + [b"\xff\xfe", b"good\xff"]
    for name in names:
        directory = os.path.join(os.fsencode(registered.work), b"jobs", name)  # noqa: PTH118 - bytes
        os.makedirs(directory)  # noqa: PTH103 - bytes
        with open(os.path.join(directory, b"job.toml"), "w") as file:  # noqa: PTH118, PTH123 - bytes
            file.write(JOB)
    registered.job("good")
    registered.job("x" * 100)
    before = outside(registered)
    ran = registered.jobsync("sync", status=1)
    expected = {"good", "x" * 100}
    assert registered.installed() == registered.loaded() == expected
    checked = registered.jobsync("check", "--json", status=1)
    faulty = {row["file"] for row in json.loads(checked.out)["faults"]}
    assert len(faulty) == len(names)
    assert "give the directory another name" in ran.err
    # The hook sees the same names in HEAD.
    said = registered.commit().err
    assert "bug" not in said
    assert registered.installed() == registered.loaded() == expected
    assert sorted(
        path.name for path in (registered.home / ".local/share/jobsync").rglob("*") if path.is_file()
    ) == sorted({*expected, "jobsync-finish", "jobsync-login"})
    assert no_injection(registered)
    assert outside(registered) == before


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\x01b", "\u202eevil", "a\nb", "a\x7fb"])
def test_no_name_plays_with_the_terminal(registered: Laptop, name: str) -> None:
    registered.job(name)
    for command in ("sync", "check", "status"):
        ran = registered.jobsync(command, status=None)
        assert "give the directory another name" in ran.text or command == "status"
        assert all(line.isprintable() for line in ran.text.splitlines()), ran
        assert "a\n" not in ran.text and "\nb/" not in ran.text


def test_what_was_expected_of_a_run_plays_with_no_terminal(registered: Laptop) -> None:
    registered.job("one", f'run = "true"\n[expect]\nprints = [{quoted(chr(0x202E) + "evil")}]\n')
    registered.jobsync("sync")
    registered.jobsync("run", "one", status=79)
    for command in ("status", "status one", "history one", "logs --since 1d --failed one"):
        heads = [line for line in registered.jobsync(*command.split()).text.splitlines() if "expectation" in line]
        assert heads and all(line.isprintable() for line in heads), command


def test_nothing_in_a_definition_begins_a_line_of_its_own(registered: Laptop) -> None:
    forged = "\njobsync: all is well"
    registered.job("key", f'run = "true"\n{quoted("x" + forged)} = 1\n')
    registered.job("name", f'run = "true"\n[env]\n{quoted("x" + forged)} = "1"\n')
    registered.put("jobs/link/job.toml", "").unlink()
    (registered.work / "jobs/link/job.toml").symlink_to(f"/tmp/x{forged}")
    said = [registered.commit()]
    said += [registered.jobsync(*command.split(), status=None) for command in ("check", "sync", "status", "doctor")]
    for ran in said:
        assert "all is well" in ran.text
        assert not [line for line in ran.text.splitlines() if line.startswith("jobsync: all")], ran


NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
PREFIXES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,5}(\.[A-Za-z0-9_-]{1,5}){0,2}", fullmatch=True)


def _launchd(prefix: str) -> Launchd:
    repo = Repo("0f1e2d3c4b5a", "/r/.git", "/r", prefix)
    config = Config(
        Path("/c/config.toml"), "m", "macos", "/h", "/s", "/d", "/l", "/bin", "launchd", "/bin/launchctl", "/k"
    )
    return Launchd(config, repo, paths_of(config, repo))


@given(PREFIXES, PREFIXES, NAMES, NAMES)
def test_no_two_jobs_have_one_label(one: str, two: str, name: str, other: str) -> None:
    # `init` refuses a prefix that extends another; a name has no dot.
    may_both_be_registered = not f"{one}.".startswith(f"{two}.") and not f"{two}.".startswith(f"{one}.")
    if (one == two and name != other) or may_both_be_registered:
        assert _launchd(one).label(name) != _launchd(two).label(other)


def test_a_second_repository_with_labels_in_common_is_refused(registered: Laptop) -> None:
    launchctl = str(registered.simulator.launchctl)
    for prefix in ("test", "test.more"):
        argv = ("init", "--prefix", prefix, "--launchctl", launchctl, "--yes", "--no-sync")
        assert "would share labels" in registered.jobsync(*argv, at=registered.editor, status=2).err


def test_names_that_differ_in_case_only_never_meet_in_one_file(registered: Laptop) -> None:
    registered.job("case")
    registered.job("CASE", JOB.replace("09", "10"))
    ran = registered.jobsync("sync", status=1)
    assert 'give the directory another name, such as "case"' in ran.err
    assert registered.installed() == {"case"} and registered.hour("case") == 9


# -- links


@pytest.fixture
def bait(registered: Laptop) -> Path:
    """A directory beside the repository that holds a valid definition and a script."""
    place = registered.root / "bait"
    registered.put("job.toml", JOB, at=place)
    registered.put("run", "#!/bin/sh\ntouch ~/pwned\n", at=place, mode=0o755)
    return place


@pytest.mark.parametrize("relative", [True, False], ids=["relative", "absolute"])
@pytest.mark.parametrize("what", ["jobs/evil", "jobs/evil/job.toml", "jobs/evil/run", "jobs/evil/inner"])
def test_a_link_out_of_the_repository_is_refused(registered: Laptop, bait: Path, what: str, *, relative: bool) -> None:
    link = registered.work / what
    link.parent.mkdir(parents=True, exist_ok=True)
    target = bait if what in ("jobs/evil", "jobs/evil/inner") else bait / link.name
    if what != "jobs/evil":
        registered.put("jobs/evil/run", "#!/bin/sh\ntrue\n", mode=0o755)
    if what == "jobs/evil/run":
        (registered.work / what).unlink()
    if what not in ("jobs/evil", "jobs/evil/job.toml"):
        registered.job("evil", 'inputs = ["./inner/run"]\n' if what.endswith("inner") else "")
    link.symlink_to(os.path.relpath(target, link.parent) if relative else target)
    registered.job("good")
    ran = registered.jobsync("sync", status=1)
    assert "jobs/evil" in ran.err and registered.installed() == {"good"}
    said = registered.commit().err
    # What HEAD holds as a link is no directory there, hence no job: nothing to say.
    assert ("jobs/evil" in said) is (what != "jobs/evil") and "bug" not in said
    assert registered.installed() == {"good"}
    assert no_injection(registered)


@pytest.mark.parametrize("what", ["jobs", "jobsync.toml"])
def test_settings_and_jobs_directory_that_lead_out_are_refused_and_remove_nothing(
    registered: Laptop, what: str
) -> None:
    registered.job("one")
    registered.commit()
    outer = registered.root / "outer"
    outer.mkdir()
    (registered.work / what).rename(outer / what)
    (registered.work / what).symlink_to(outer / what)
    ran = registered.jobsync("sync", status=1)
    assert "out of the" in ran.text and registered.installed() == {"one"}
    registered.commit()
    assert registered.installed() == {"one"}


# -- sizes


SLOTS = [f"{n % 30 * 2} {n // 30 % 20} {n // 600 + 1} * *" for n in range(1_200)]
BIG = {
    "ten megabytes": "#" * 10_000_000,
    "a long text": f'run = "{"x" * 10_000_000}"\n',
    "deep tables": "[" + ".".join("a" * 20_000) + "]\n",
    "deep lists": "run = " + "[" * 20_000 + "]" * 20_000 + "\n",
    "deep inline tables": "env = " + "{a = " * 10_000 + "1" + "}" * 10_000 + "\n",
    "many keys": "".join(f"k{n} = 1\n" for n in range(6_000)),
    "many slots": f'run = "true"\n[schedule]\ncron = {json.dumps(SLOTS)}\n',
}


@pytest.mark.parametrize("text", BIG.values(), ids=BIG)
def test_what_is_too_much_is_refused_and_the_others_go_on(registered: Laptop, text: str) -> None:
    registered.job("big", text)
    registered.job("good")
    ran = registered.jobsync("sync", status=1)
    assert "jobs/big/job.toml" in ran.err and registered.installed() == {"good"}
    assert max(map(len, ran.err.splitlines())) < 1_000
    said = registered.commit().err
    assert "jobs/big/job.toml" in said and "bug" not in said
    assert registered.installed() == registered.loaded() == {"good"}


def test_a_script_of_ten_megabytes_runs(registered: Laptop) -> None:
    registered.job("one", "")
    registered.put("jobs/one/run", "#!/bin/sh\necho ran >~/received\nexit 0\n" + "#" * 10_000_000, mode=0o755)
    registered.jobsync("sync")
    registered.jobsync("run", "one")
    assert (registered.home / "received").read_text() == "ran\n"


@pytest.mark.slow
def test_thousands_of_jobs_are_checked_and_planned_in_bounded_memory(registered: Laptop) -> None:
    """10,000 of them in `make trust`, where there is time; a tenth of that in every run."""
    many = 10_000 if os.environ.get("TRUST_KILLS") == "all" else 1_000
    for number in range(many):
        directory = registered.work / "jobs" / f"job{number}"
        directory.mkdir(parents=True)
        (directory / "job.toml").write_text(JOB if number % 100 else BROKEN)
    kibibytes = "600000"
    for command, status in (("check", 1), ("sync -n", 1)):
        script = f"ulimit -v {kibibytes}; exec jobsync {command}"
        ran = registered.run("sh", "-c", script, status=status)
        assert len(ran.err.splitlines()) == many // 100
        assert str(many - many // 100) in ran.out.splitlines()[-1]
    assert registered.installed() == set()


BROKEN = 'run = 3\n[schedule]\nat = "09:00"\n'


def test_a_pause_of_any_content_is_one_until_it_is_resumed(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    registered.jobsync("pause", "one")
    pause = registered.state / "pause" / "one"
    for content in ("9" * 12, "9" * 5_000, "-1", "1e9", "\0", "\u0662"):
        pause.write_text(content, encoding="utf-8")
        assert "1 paused" in registered.jobsync("sync").out, content
    for command in ("status", "status --json", "doctor"):
        assert "paused" in registered.jobsync(*command.split(), status=None).out, command
    registered.jobsync("history")
    assert "paused" in registered.jobsync("run", "one", status=1).err
    registered.jobsync("resume", "one")
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"
