"""A LaunchAgent becomes a job that means the same: rendered, compared, and with every loss said."""

import plistlib
from datetime import datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from jobsync.definitions.foreign import Draft, Kind, Refused
from jobsync.definitions.from_plist import comments_of, read_plist, unmet, words_of

from .clock_oracle import fires, readings, steady
from .importing import PATH, read_again, rendered, written

START = datetime(2026, 1, 26)
BASE: dict[str, Any] = {"Label": "com.nils.backup", "ProgramArguments": ["/usr/local/bin/backup", "--all"]}


def imported(plist: dict[str, Any]) -> Draft:
    """The draft of a property list, after the proof: rendered again, it means the same."""
    found = read_plist("x.plist", "backup", plist, PATH)
    assert isinstance(found, Draft), found
    job = read_again(found)
    again = rendered(job)
    assert unmet(found, plist, job, again) == ()
    told = {notice.key for notice in found.notices}
    kept = {"Label", "Program", "ProgramArguments", "WorkingDirectory", "EnvironmentVariables", "Disabled", "OnDemand"}
    for key, value in plist.items():
        # A second opinion, which shares nothing with `unmet`: equal as it stands, or told.
        if key not in kept | told | {"StartCalendarInterval", "RunAtLoad", "KeepAlive", "StartInterval"}:
            assert again[key] == value, key
    return found


def refused(plist: dict[str, Any]) -> str:
    found = read_plist("x.plist", "backup", plist, PATH)
    assert isinstance(found, Refused), found
    return "\n".join(found.reasons)


def text(plist: dict[str, Any]) -> str:
    return written(imported({**BASE, **plist}))["job.toml"]


fields = st.fixed_dictionaries(
    {},
    optional={
        "Month": st.integers(1, 12),
        "Day": st.integers(1, 28),
        "Weekday": st.integers(0, 7),
        "Hour": st.integers(0, 23),
        "Minute": st.integers(0, 59),
    },
)
paths = st.lists(
    st.sampled_from(["/Users/nils/Inbox", "/Users/nils/dotfiles/lib/x", "/etc/hosts", "/tmp/a b"]),
    min_size=1,
    max_size=3,
    unique=True,
)
agents = st.fixed_dictionaries(
    {
        "Label": st.just("com.nils.backup"),
        "ProgramArguments": st.lists(st.sampled_from(["a", "b c", "--x=$HOME", "'q'", "~", "é"]), max_size=3).map(
            lambda words: ["/usr/bin/thing", *words]
        ),
    },
    optional={
        "StartCalendarInterval": st.one_of(fields, st.lists(fields, min_size=1, max_size=4)),
        "StartInterval": st.sampled_from([60, 300, 3_600, 43_200]),
        "RunAtLoad": st.booleans(),
        "WatchPaths": paths,
        "QueueDirectories": paths,
        "WorkingDirectory": st.sampled_from(["/", "/Users/nils", "/Users/nils/dotfiles", "/tmp/a b/"]),
        "EnvironmentVariables": st.dictionaries(
            st.sampled_from(["LANG", "EDITOR", "PATH", "API_TOKEN"]),
            st.sampled_from(["/opt/x:/usr/bin", "/usr/bin:/bin", "/a"]),
        ),
        "ProcessType": st.sampled_from(["Background", "Adaptive"]),
        "Nice": st.integers(0, 20),
        "Umask": st.integers(0, 0o777),
        "LowPriorityIO": st.booleans(),
        "ThrottleInterval": st.integers(1, 100),
        "StandardOutPath": st.just("/tmp/x.log"),
        "Disabled": st.booleans(),
        "SoftResourceLimits": st.just({"NumberOfFiles": 1_024}),
    },
)  # fmt: skip


@given(agents)
@settings(steady, max_examples=80)
def test_whatever_is_imported_renders_to_the_same_meaning(plist: dict[str, Any]) -> None:
    found = read_plist("x.plist", "backup", plist, PATH)
    if isinstance(found, Refused):
        assert all(reason.strip() for reason in found.reasons)
        return
    imported(plist)


@given(st.lists(fields, min_size=1, max_size=3))
@settings(steady, max_examples=6, phases=[Phase.explicit, Phase.generate])
def test_it_starts_in_the_very_same_minutes(calendar: list[dict[str, int]]) -> None:
    """Minute by minute over eight days, with the dicts of both sides and no code of ours in between."""
    job = read_again(imported({**BASE, "StartCalendarInterval": calendar}))
    mine = rendered(job)["StartCalendarInterval"]
    for reading in readings(START, 8):
        assert any(fires(one, reading) for one in mine) == any(fires(one, reading) for one in calendar), reading


@given(
    agents, st.sampled_from(["Nice", "Umask", "StartCalendarInterval", "WatchPaths", "KeepAlive", "ThrottleInterval"])
)
@settings(steady, max_examples=25)
def test_the_proof_sees_what_is_lost(plist: dict[str, Any], key: str) -> None:
    found = read_plist("x.plist", "backup", plist, PATH)
    if isinstance(found, Refused):
        return
    job = read_again(found)
    other: dict[str, Any] = {
        "Nice": 21,
        "StartCalendarInterval": [{"Hour": 3, "Minute": 33, "Month": 3}],
        "KeepAlive": True,
    }
    wrong = rendered(job) | {key: other.get(key, [999] if key == "WatchPaths" else 999)}
    assert key in unmet(found, plist, job, wrong)


def test_a_plain_agent_reads_as_one_would_write_it() -> None:
    assert text({
        "StartCalendarInterval": [{"Weekday": day, "Hour": 9, "Minute": 0} for day in range(1, 6)],
        "WorkingDirectory": "/Users/nils/notes",
        "EnvironmentVariables": {"LANG": "de_DE.UTF-8", "PATH": f"/Users/nils/.bun/bin:{PATH}"},
        "ProcessType": "Background",
    }) == (
        'run = ["/usr/local/bin/backup", "--all"]\n'
        'dir = "~/notes"\n'
        'path = ["~/.bun/bin"]\n'
        "\n[schedule]\n"
        'at = "mon-fri 09:00"\n'
        "\n[env]\n"
        'LANG = "de_DE.UTF-8"\n'
        "\n[limits]\n"
        'priority = "background"\n'
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plist", "line"),
    [
        ({"StartInterval": 900}, 'every = "15m"'),
        ({"KeepAlive": True, "RunAtLoad": True}, 'restart = "always"'),
        ({"KeepAlive": {"SuccessfulExit": False}}, 'restart = "on-failure"'),
        ({"KeepAlive": {"Crashed": True, "SuccessfulExit": False}}, 'restart = "on-failure"'),
        ({"OnDemand": False}, 'restart = "always"'),
        ({"RunAtLoad": True}, "at_login = true"),
        ({"WatchPaths": ["/etc/hosts"]}, 'on_change = ["/etc/hosts"]'),
        ({"QueueDirectories": ["/Users/nils/Inbox"]}, 'on_files = ["~/Inbox"]'),
        ({"Disabled": True}, "enabled = false"),
        ({"Umask": 63}, "Umask = 63"),
        ({}, 'dir = "/"'),
    ],
)
def test_each_key_has_its_word(plist: dict[str, Any], line: str) -> None:
    assert line in text(plist).splitlines()


@pytest.mark.parametrize(
    ("plist", "why"),
    [
        ({"KeepAlive": {"PathState": {"/x": True}}}, "KeepAlive: only true and"),
        ({"KeepAlive": {"Crashed": True}}, "KeepAlive: only true and"),
        ({"KeepAlive": {"Crashed": False, "SuccessfulExit": False}}, "KeepAlive: only true and"),
        ({"KeepAlive": True, "StartInterval": 60}, "a daemon runs all the time"),
        ({"StartInterval": 420}, "StartInterval: every 7m cannot be said"),
        ({"StartInterval": 30}, "StartInterval"),
        ({"StartCalendarInterval": {"Hour": 24}}, "StartCalendarInterval"),
        ({"ProgramArguments": []}, "there is nothing to run"),
        ({"Program": "/other"}, "the first of ProgramArguments is not"),
        ({"MachServices": {"x": True}}, "MachServices"),
        ({"Label": "org.git-scm.git.hourly"}, "Label: git maintenance wrote it"),
        ({"WorkingDirectory": "notes"}, "is not an absolute path"),
        ({"EnvironmentVariables": {"JOBSYNC_X": "1"}}, "can have no such name"),
    ],
)
def test_what_cannot_be_said_is_refused_with_its_key(plist: dict[str, Any], why: str) -> None:
    assert why in refused({**BASE, **plist})


def test_every_loss_is_told_by_its_key() -> None:
    plist = {
        **BASE,
        "StandardOutPath": "/tmp/x",
        "UserName": "nils",
        "X-Generator": "Lingon",
        "StartInterval": 60,
        "EnvironmentVariables": {"API_TOKEN": "abcdefgh12345", "PWD": "/", "N": 1},
        "Umask": 18,
    }
    found = imported(plist)
    told = {(notice.kind, notice.key) for notice in found.notices}
    assert told == {
        (Kind.LEFT_OUT, "StandardOutPath"), (Kind.LEFT_OUT, "UserName"), (Kind.LEFT_OUT, "X-Generator"),
        (Kind.DIFFERS, "StartInterval"), (Kind.DIFFERS, "PATH"), (Kind.SECRET, "API_TOKEN"), (Kind.LEFT_OUT, "PWD"),
        (Kind.LEFT_OUT, "EnvironmentVariables.N"), (Kind.RAW, "Umask"),
    }  # fmt: skip
    assert found.secrets == {"API_TOKEN": "abcdefgh12345"}
    assert "abcdefgh" not in written(found)["job.toml"]


def test_a_priority_that_no_agent_can_have_is_left_out_and_said() -> None:
    found = imported({**BASE, "Nice": -20, "ProcessType": "Interactive"})
    assert found.raw == {"launchd": {"ProcessType": "Interactive"}}
    assert (Kind.LEFT_OUT, "Nice") in {(notice.kind, notice.key) for notice in found.notices}


def test_comments_of_xml_are_kept_and_binary_files_are_read() -> None:
    xml = plistlib.dumps(BASE).replace(b"<dict>", b"<!-- Back up\n     every night -->\n<dict><!-- ask Ada -->", 1)
    assert comments_of(xml) == ("Back up", "every night", "ask Ada")
    found = read_plist("x", "backup", plistlib.loads(xml), PATH, comments_of(xml))
    assert written(found)["job.toml"].startswith("# Back up\n# every night\n# ask Ada\n")  # type: ignore[arg-type]  # asserted inside
    assert comments_of(plistlib.dumps(BASE, fmt=plistlib.FMT_BINARY)) == ()


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ("com.nils.backup", "backup"),
        ("homebrew.mxcl.syncthing", "syncthing"),
        ("org.x.thing.agent", "thing"),
        ("solo", "solo"),
    ],
)
def test_a_name_is_the_last_word_of_a_label(label: str, word: str) -> None:
    assert words_of(label) == word
