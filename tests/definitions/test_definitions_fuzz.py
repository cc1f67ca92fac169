"""Whatever somebody's bytes are, reading them ends in a Job or in a fault, and never in anything else."""

import plistlib
import tomllib

import jsonschema
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jobsync.definitions.document import parse
from jobsync.definitions.job import Definitions
from jobsync.definitions.launchd_keys import ALLOWED, REFUSED
from jobsync.definitions.load import load
from jobsync.definitions.schema import job_schema
from jobsync.definitions.systemd_keys import ALLOWED as UNIT_KEYS
from jobsync.definitions.vocabulary import DEFAULTS, KEYS, SETTINGS
from jobsync.errors import JobsyncError

from .clock_oracle import steady
from .trees import EXECUTABLE, FILE, MACHINE, SCRIPT, MemoryTree, tree

SCHEMA = jsonschema.Draft7Validator(job_schema({}))
WORDS = sorted({part for key in (*KEYS, *SETTINGS, *DEFAULTS) for part in key.split(".")})
TABLES = ("schedule", "daemon", "only", "env", "limits", "launchd", "retry", "systemd", "systemd.service", "nonsense")

scalars = st.one_of(
    st.sampled_from(
        [
            '"09:00"', '"mon-fri 09:00"', '"0 9 * * 1-5"', '"@daily"', '"15m"', '"~/x"', '"../../lib"', '"$HOME"',
            '"macos"', '"always"', '"background"', '""', '"!"', '"\\u0000"', '"\\uFFFE"', "'''a\nb'''",
            "true", "false", "0", "-1", "1e400", "nan", "0x7fffffffffffffffffff", "09:00:00", "2024-01-01",
            "2024-01-01T00:00:00Z", "{}", "[]", "[[]]", "{ a = 1 }", "{ NumberOfFiles = 1 }",
        ]
    ),
    st.text(max_size=12).map(lambda text: '"' + text.encode("unicode_escape").decode("ascii").replace('"', "") + '"'),
)  # fmt: skip
values = st.one_of(scalars, st.lists(scalars, max_size=3).map(lambda items: f"[{', '.join(items)}]"))
keys = st.one_of(
    st.sampled_from([*WORDS, *ALLOWED, *REFUSED, *UNIT_KEYS, *UNIT_KEYS["service"]]),
    st.from_regex(r"[A-Za-z_-]{1,8}", fullmatch=True),
)
lines = st.tuples(keys, values).map(" = ".join)
headers = st.sampled_from(
    [*(f"[{name}]" for name in TABLES), "[[schedule]]", "[defaults]", "[defaults.env]", "[when.x]"]
)
documents = st.lists(st.one_of(lines, lines, headers), max_size=8).map("\n".join)


def holds_against_schema(found: Definitions, definition: bytes) -> None:
    """No editor may complain about a file in which the reader finds no fault."""
    if any(job.name == "a" for job in found.jobs):
        SCHEMA.validate(tomllib.loads(definition.decode()))


def read(definition: bytes, settings_file: bytes) -> None:
    """Read both as a repository's; what was read is what the types say, and can be written as a plist."""
    files = {
        "jobsync.toml": (FILE, settings_file),
        "jobs/a/job.toml": (FILE, definition),
        "jobs/a/run": SCRIPT,
        "jobs/b/job.toml": (FILE, b""),
        "jobs/b/run": (EXECUTABLE, definition),
        "lib/x": SCRIPT,
    }
    try:
        found = load(MemoryTree(files), MACHINE)
    except JobsyncError as refusal:
        assert "min_version" in refusal.message
        return
    assert {job.name for job in found.jobs} | found.faulty == (set() if found.jobs_missing else {"a", "b"})
    assert bool(found.faults) == bool(found.faulty or found.jobs_missing)
    for fault in found.faults:
        assert "\n" not in str(fault).replace(fault.key, "")
        assert len(fault.message) < 1_500
    if b"[" not in settings_file:
        holds_against_schema(found, definition)
    for job in found.jobs:
        plistlib.dumps(dict(job.launchd))
        lines = [line for keys in job.systemd.values() for values in keys.values() for line in values]
        assert all(line and line.isprintable() and line == line.strip(" \\") for line in lines)
        plistlib.dumps({"run": repr(job.command), "env": dict(job.environment), "dir": job.directory})


@given(documents, st.one_of(st.just(""), documents))
@settings(steady, max_examples=120)
@example('description = "x"\n[launchd]\n"\\u0001" = 1', "")
def test_any_document_of_keys_and_values_is_read(definition: str, settings_file: str) -> None:
    read(definition.encode("utf-8", "surrogatepass"), settings_file.encode("utf-8", "surrogatepass"))


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))))
@settings(steady, max_examples=120)
def test_any_bytes_are_read(data: bytes) -> None:
    read(data, b"")
    read(b"", data)


@given(st.text(alphabet="ab=.[]{}'\"\\\n #1:-tT_,", max_size=40))
@settings(steady, max_examples=120)
def test_what_looks_a_little_like_toml_is_read(text: str) -> None:
    read(text.encode(), b"")


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xfe",
        b"\0",
        b"\xef\xbb\xbfrun = 1",
        b"run = '\xed\xa0\x80'",
        b"a" * 10_000_000,
        b"a=" + b"[" * 30_000,
        b"a=" + b"{a=" * 15_000,
        b".".join([b"a"] * 30_000) + b"=1",
        b"[" + b".".join([b"a"] * 30_000) + b"]",
        b"a=0x" + b"f" * 60_000,
        b"a=" + b"9" * 60_000,
        b"a=" + b"1_" * 30_000 + b"1",
        b"a=1e" + b"9" * 60_000,
        b"[launchd]\nNice=0x" + b"f" * 60_000,
        b"[env]\nA=0x" + b"f" * 60_000,
        b"[schedule]\nat='" + b"0" * 60_000 + b"'",
        b"[schedule]\ncron='" + b"0," * 30_000 + b"'",
        b"[schedule]\nevery='" + b"1" * 60_000 + b"m'",
    ],
    ids=lambda data: repr(data[:16]),
)
def test_hostile_bytes_are_a_fault(data: bytes) -> None:
    assert load(tree({}, files={"jobs/a/job.toml": (FILE, data), "jobs/a/run": SCRIPT}), MACHINE).faulty == {"a"}
    read(b"", data)


@given(documents)
@settings(steady, max_examples=120)
def test_a_document_means_what_the_standard_library_reads_in_it(text: str) -> None:
    try:
        expected = tomllib.loads(text)
        found = parse(text.encode())
    except (tomllib.TOMLDecodeError, JobsyncError):
        return
    # The two name the zone of a date differently; nan is equal to nothing, so texts are compared.
    assert repr(found).replace("timezone(datetime.timedelta(0), 'UTC')", "timezone.utc") == repr(expected)
