"""Job -> property list: the same bytes from any caller, read alike by any reader, and nothing in them lost."""

import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobsync.definitions.job import Job, Limits, Priority, Restart, Schedule, Slot
from jobsync.schedulers import plist
from jobsync.values import replace

from . import samples, strict_plist
from .samples import DAEMON, PLAIN, RICH, SAMPLES, launchd

ROOT = Path(__file__).resolve().parents[2]
HERE = b"".join(samples.text_of(job) for job in SAMPLES)
GOLDEN = Path(__file__).with_name("samples.golden")


def rendered(job: Job) -> bytes:
    """The bytes of a job's plist."""
    return launchd().render(job).artefacts[1].content


def test_jobs_render_to_the_bytes_that_were_agreed_on() -> None:
    # A difference here means that every user's machine is rewritten: raise RENDER_FORMAT, then write the file anew
    # with `python -m tests.schedulers.samples`.
    assert GOLDEN.read_bytes() == HERE


@pytest.mark.parametrize("job", SAMPLES, ids=lambda job: job.name)
def test_a_second_reader_reads_what_was_written(job: Job) -> None:
    content = rendered(job)
    assert strict_plist.loads(content) == plist.loads(content) == plistlib.loads(content)


def test_all_that_a_job_says_is_in_its_plist() -> None:
    assert strict_plist.loads(rendered(RICH)) == {
        "Label": "ada.rich",
        "ProgramArguments": ["/Users/ada/.local/share/jobsync/0f1e2d3c4b5a6978/rich"],
        "EnvironmentVariables": {
            "JOBSYNC_OWNER": "0f1e2d3c4b5a6978",
            "JOBSYNC_DIGEST": launchd().render(RICH).load_digest,
            "PATH": "/Users/ada/.bun/bin:/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        },
        "StartCalendarInterval": [
            {"Hour": 9, "Minute": 0},
            {"Weekday": 1, "Hour": 17, "Minute": 30},
            {"Month": 2, "Day": 29, "Hour": 0, "Minute": 5},
        ],
        "RunAtLoad": True,
        "WatchPaths": ["/Users/ada/.netrc"],
        "QueueDirectories": ["/Users/ada/In & box"],
        "ProcessType": "Background",
        "ExitTimeOut": 30,
        "SoftResourceLimits": {"NumberOfFiles": 1024},
        "LimitLoadToSessionType": ["Aqua"],
    }


def test_a_job_without_triggers_has_none() -> None:
    assert set(strict_plist.loads(rendered(PLAIN))) == {"Label", "ProgramArguments", "EnvironmentVariables"}


@pytest.mark.parametrize(
    ("restart", "keep_alive"), [(Restart.ALWAYS, True), (Restart.ON_FAILURE, {"SuccessfulExit": False})]
)
def test_a_daemon_is_kept_alive_and_never_run_at_load_besides(restart: Restart, keep_alive: object) -> None:
    found = strict_plist.loads(rendered(replace(DAEMON, daemon=restart)))
    assert found["KeepAlive"] == keep_alive
    assert "RunAtLoad" not in found


def test_raw_keys_do_not_overrule_what_jobsync_writes() -> None:
    job = replace(RICH, launchd={"Label": "x", "ProgramArguments": ["x"], "EnvironmentVariables": {"PATH": "x"}})
    found = strict_plist.loads(rendered(job))
    assert found["Label"] == "ada.rich"
    assert found["ProgramArguments"] != ["x"]


def test_a_raw_process_type_is_kept_beside_normal_priority() -> None:
    job = replace(RICH, priority=Priority.NORMAL, launchd={"ProcessType": "Interactive"})
    assert strict_plist.loads(rendered(job))["ProcessType"] == "Interactive"


@pytest.mark.parametrize(("grace", "raw", "seconds"), [(None, {}, None), (30, {}, 32), (30, {"ExitTimeOut": 9}, 9)])
def test_the_grace_of_a_job_is_launchds_too(grace: int | None, raw: dict[str, object], seconds: int | None) -> None:
    job = replace(PLAIN, limits=Limits(grace=grace), launchd=raw)
    assert strict_plist.loads(rendered(job)).get("ExitTimeOut") == seconds


# -- promise 1: same bytes from any caller

CALLERS: Mapping[str, dict[str, str]] = {
    "plain": {},
    "hash seed 0": {"PYTHONHASHSEED": "0"},
    "hash seed 4711": {"PYTHONHASHSEED": "4711"},
    "locale": {"LC_ALL": "C", "LANG": "tr_TR.UTF-8", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "zone": {"TZ": "Pacific/Kiritimati"},
    "home": {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/x", "XDG_STATE_HOME": "/y", "XDG_DATA_HOME": "/z"},
    "git": {"GIT_DIR": "/x/.git", "GIT_WORK_TREE": "/x", "GIT_INDEX_FILE": "/x/i"},
    "path and terminal": {"PATH": "/bin", "TERM": "xterm", "COLUMNS": "20", "NO_COLOR": "1", "USER": "bob"},
}


def printed_by(python: str, extra: Mapping[str, str], *, cwd: Path, umask: int = 0o022, packages: str = "") -> bytes:
    kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")} if not packages else {}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{packages}", **kept, **extra}
    argv = [python, "-P", "-m", "tests.schedulers.samples"]
    done = subprocess.run(argv, env=environment, cwd=cwd, umask=umask, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@pytest.mark.parametrize("caller", CALLERS)
def test_the_same_bytes_come_from_any_caller(caller: str, tmp_path: Path) -> None:
    assert printed_by(sys.executable, CALLERS[caller], cwd=tmp_path) == HERE


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_the_same_bytes_come_under_any_umask_and_directory(mask: int) -> None:
    assert printed_by(sys.executable, {}, cwd=Path("/"), umask=mask) == HERE


def other_pythons() -> list[str]:
    """Other versions of Python on this machine that jobsync would run on."""
    # Told by their names, not by running them: every worker that collects tests makes this list.
    minors = [minor for minor in range(11, 20) if minor != sys.version_info[1]]
    found = [shutil.which(f"python3.{minor}") for minor in minors]
    versions = Path("~/.pyenv/versions").expanduser()
    found += [str(path) for minor in minors for path in versions.glob(f"3.{minor}.*/bin/python3")]
    return sorted({path for path in found if path and not _is_script(path)})


def _is_script(path: str) -> bool:
    """As pyenv's shims are, which end with an error where that version is not chosen."""
    with Path(path).open("rb") as file:
        return file.read(2) == b"#!"


@pytest.mark.parametrize("python", other_pythons())
def test_the_same_bytes_come_from_any_python(python: str, tmp_path: Path) -> None:
    packages = str(Path(plist_dependencies()).parent)
    assert printed_by(python, {}, cwd=tmp_path, packages=packages) == HERE


def plist_dependencies() -> str:
    """Where the pure-Python dependencies of rendering lie."""
    import cronsim

    return str(Path(cronsim.__file__).parent)


# -- meaning


def test_the_digest_is_of_the_meaning() -> None:
    digest = launchd().render(RICH).load_digest
    assert launchd().meaning(rendered(RICH)) == digest
    assert launchd().render(replace(RICH, description="other words")).load_digest == digest
    assert rendered(replace(RICH, description="other words")) != rendered(RICH)


def test_another_order_format_or_comment_means_the_same() -> None:
    found = plistlib.loads(rendered(RICH))
    shuffled = dict(reversed(found.items()))
    for format_ in (plistlib.FMT_XML, plistlib.FMT_BINARY):
        content = plistlib.dumps(shuffled, fmt=format_, sort_keys=False)
        assert launchd().meaning(content) == launchd().render(RICH).load_digest


@pytest.mark.parametrize(
    "job",
    [
        replace(RICH, schedule=replace(RICH.schedule, slots=(Slot(hour=10, minute=0),))),
        replace(RICH, schedule=replace(RICH.schedule, at_login=False)),
        replace(RICH, schedule=replace(RICH.schedule, on_change=())),
        replace(RICH, schedule=replace(RICH.schedule, on_files=("/x",))),
        replace(RICH, schedule=Schedule(), daemon=Restart.ALWAYS),
        replace(RICH, priority=Priority.NORMAL),
        replace(RICH, launchd={}),
        replace(RICH, path=()),
        replace(RICH, name="other"),
    ],
)
def test_another_meaning_has_another_digest(job: Job) -> None:
    assert launchd().render(job).load_digest != launchd().render(RICH).load_digest


def test_what_only_the_launcher_holds_does_not_reload() -> None:
    job = replace(RICH, environment=(), command=PLAIN.command, directory="/")
    assert launchd().render(job).load_digest == launchd().render(RICH).load_digest


def test_an_edited_plist_means_something_else_though_it_claims_the_digest() -> None:
    edited = rendered(RICH).replace(b"<integer>9</integer>", b"<integer>8</integer>")
    assert launchd().meaning(edited) not in (None, launchd().render(RICH).load_digest)
    assert launchd().is_ours(edited)


def test_an_edit_that_breaks_the_xml_does_not_change_whose_it_is() -> None:
    broken = rendered(RICH).replace(b"<!--", b"<--")
    assert plist.loads(broken) is None
    assert launchd().is_ours(broken)
    stranger = launchd().owner.encode()[::-1]
    assert not launchd().is_ours(broken.replace(launchd().owner.encode(), stranger))
    assert not launchd().is_ours(broken.replace(b"JOBSYNC_OWNER", b"SOMEBODY_ELSE"))


@pytest.mark.parametrize("begin", [b"<?xml", b"<!DOCTYPE", b"<plist"])
@pytest.mark.parametrize("front", [b"\n", b"<!-- -*- mode: xml -*- -->\n", b" <!-- one\ntwo --><!-- three -->\n\n"])
def test_what_people_put_in_front_of_the_xml_is_passed_over(front: bytes, begin: bytes) -> None:
    content = rendered(RICH)
    content = content[content.index(begin) :]
    assert plist.loads(front + content) == plist.loads(rendered(RICH))


def test_comments_in_front_that_do_not_end_take_no_time() -> None:
    assert plist.loads(b"<!-- -->" * 10_000 + b"<!-- x") is None


def test_one_is_not_true_and_true_is_not_one() -> None:
    assert plist.meaning({"RunAtLoad": True}) != plist.meaning({"RunAtLoad": 1})


# -- what others may have put there

XML = b'<?xml version="1.0"?><plist version="1.0">%b</plist>'
PIECES = [
    b"<dict>", b"</dict>", b"<key>a</key>", b"<key>", b"<array>", b"</array>", b"<integer>", b"</integer>", b"0x", b"9",
    b"<string>", b"</string>", b"<date>", b"</date>", b"<data>", b"</data>", b"<real>", b"</real>", b"<true/>", b"<!--",
    b"&lt;", b"&x;", b"inf", b"2026-01-01T00:00:00Z", b"\xff", b"<!DOCTYPE x [<!ENTITY x 'y'>]>", b"bplist00",
]  # fmt: skip


@settings(max_examples=100)
@given(
    st.binary(max_size=100)
    | st.binary(max_size=100).map(lambda rest: b"bplist00" + rest)
    | st.lists(st.sampled_from(PIECES)).map(lambda pieces: XML % b"".join(pieces))
)
def test_no_bytes_raise(content: bytes) -> None:
    launchd().meaning(content)
    launchd().unload_limit(content)
    assert not launchd().is_ours(content)


BINARY = plistlib.dumps(plistlib.loads(rendered(RICH)), fmt=plistlib.FMT_BINARY)


@settings(max_examples=100)
@given(position=st.integers(0, len(BINARY) - 1), byte=st.integers(0, 255))
@example(position=378, byte=24)
def test_no_spoilt_binary_list_raises(position: int, byte: int) -> None:
    spoilt = bytearray(BINARY)
    spoilt[position] = byte
    launchd().meaning(bytes(spoilt))
    launchd().is_ours(bytes(spoilt))
    launchd().unload_limit(bytes(spoilt))


@given(
    st.recursive(
        st.none() | st.text() | st.integers() | st.binary() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    )
)
def test_no_parsed_value_raises(value: object) -> None:
    plist.meaning({"Label": value})
    plist.environment_of({"EnvironmentVariables": value})


def test_deep_nesting_is_no_definition() -> None:
    assert launchd().meaning(XML % (b"<array>" * 50_000)) is None


@pytest.mark.parametrize("content", [b"", b"<plist/>", plistlib.dumps([1]), plistlib.dumps("x"), b"{ Label = x; }"])
def test_what_is_no_dict_is_no_definition(content: bytes) -> None:
    assert plist.loads(content) is None
    assert launchd().meaning(content) is None
    assert launchd().environment(content) == {}


def test_values_that_are_no_text_are_no_environment() -> None:
    assert plist.environment_of({"EnvironmentVariables": {"A": "a", "B": 1}}) == {"A": "a"}
    assert plist.environment_of({"EnvironmentVariables": []}) == {}


# -- the comment


@given(st.text(max_size=60))
def test_no_description_breaks_the_xml(description: str) -> None:
    content = plist.dumps({"Label": "a"}, description)
    assert strict_plist.loads(content) == {"Label": "a"}
    assert content.count(b"\n<!-- ") == 1


# As definitions have it: XML has no U+FFFE and U+FFFF, which a newer Expat says.
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20)


@given(
    st.dictionaries(TEXTS, TEXTS | st.integers(0, 1 << 31) | st.booleans() | st.lists(TEXTS, max_size=2), max_size=4)
)
def test_what_is_dumped_reads_back_in_both_readers(values: dict[str, object]) -> None:
    content = plist.dumps(values, "x")
    assert plist.loads(content) == values
    assert strict_plist.loads(content) == values


@pytest.mark.skipif(shutil.which("plistutil") is None, reason="needs plistutil")
@pytest.mark.parametrize("job", SAMPLES, ids=lambda job: job.name)
def test_a_reader_of_another_project_agrees(job: Job, tmp_path: Path) -> None:
    (tmp_path / "in.plist").write_bytes(rendered(job))
    argv = ["plistutil", "-i", str(tmp_path / "in.plist"), "-f", "bin", "-o", str(tmp_path / "out.plist")]
    subprocess.run(argv, check=True)
    assert plistlib.loads((tmp_path / "out.plist").read_bytes()) == plistlib.loads(rendered(job))
