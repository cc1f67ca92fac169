"""JSON schemas of what users write, against the reader: an editor says what `jobsync check` says, as far as it can."""

import json
import tomllib
from collections.abc import Iterator

import jsonschema
import pytest

from jobsync.definitions.schema import RAW, SHAPES, job_schema, settings_schema
from jobsync.definitions.vocabulary import DEFAULTS, KEYS, OPEN_TABLES, SETTINGS, TABLES, example

from .test_launchd_keys import ALSO_GOOD as LAUNCHD_TOO
from .test_launchd_keys import GOOD as LAUNCHD
from .test_systemd_keys import ALSO_GOOD as UNITS_TOO
from .test_systemd_keys import GOOD as UNITS
from .trees import faults

JOB = jsonschema.Draft7Validator(job_schema({}))
SETTINGS_FILE = jsonschema.Draft7Validator(settings_schema({}))
VALUES = (
    '"text"', '"15m"', '"1h30m"', '"mon 09:00"', '"0 9 * * *"', '"always"', '"macos"', '"background"', '"~/x"', '"/x"',
    '["~/x"]', '["mon 09:00", "tue 10:00"]', '["0 9 * * *"]', '["a"]', '["../../lib"]', "true", "false", "0", "1", "3",
    "[75]", "[1, 2]", "[]", "1.5", "{}", "{ a = 1 }", "[[]]", "09:00:00",
)  # fmt: skip
KINDS = (
    "is not a text",
    "is not true or false",
    "is not a list",
    "is not a table",
    "is not a whole number",
    "is not a key",
)


def _lines(key: str, value: str) -> str:
    table, _, name = key.rpartition(".")
    clock = 'at = "09:00"\n' if key == "schedule.spread" else ""
    return (f"[{table}]\n{clock}" if table else "") + f"{name} = {value}\n"


def _cases() -> Iterator[tuple[str, str]]:
    raw = [f"{table}.{key}" for table, keys in RAW.items() for key in keys]
    return ((key, value) for key in (*KEYS, *raw) for value in VALUES)


@pytest.mark.parametrize("schema", [JOB.schema, SETTINGS_FILE.schema])
def test_they_are_schemas(schema: dict[str, object]) -> None:
    jsonschema.Draft7Validator.check_schema(schema)


def test_the_reader_and_the_schema_agree_on_every_key_and_kind_of_value() -> None:
    wrong = []
    for key, value in _cases():
        text = _lines(key, value)
        found = [one for one in faults(text) if one.startswith(f"{key}:")]
        is_valid = JOB.is_valid(tomllib.loads(text))
        if not found and not is_valid:
            wrong.append(f"{key} = {value}: the reader takes it; add its shape to definitions/schema.py")
        if is_valid and any(kind in one for one in found for kind in KINDS):
            wrong.append(f"{key} = {value}: {found}, and the schema takes it")
    assert not wrong, "\n".join(wrong)


def test_every_line_of_the_vocabulary_is_valid_and_what_is_none_of_its_words_is_not() -> None:
    for key, line in KEYS.items():
        table, _, name = key.rpartition(".")
        assert JOB.is_valid(tomllib.loads((f"[{table}]\n" if table else "") + line)), key
        wrong = f"[{table}]\nx{name} = 1" if table else f"x{name} = 1"
        assert not JOB.is_valid(tomllib.loads(wrong)), wrong


def test_settings_hold_what_defaults_may_hold_and_nothing_else() -> None:
    for key in (*KEYS, *SETTINGS):
        table = key.rpartition(".")[0]
        home = f"[defaults{'.' if table else ''}{table}]\n" if key not in SETTINGS else ""
        line = example(key)
        assert SETTINGS_FILE.is_valid(tomllib.loads(home + line)) == (key in (*DEFAULTS, *SETTINGS)), key
    assert SETTINGS_FILE.is_valid(tomllib.loads('[defaults.env]\nA = "b"\n[defaults.launchd]\nUmask = 18'))
    assert SETTINGS_FILE.is_valid(tomllib.loads('[defaults.systemd.timer]\nAccuracySec = "1m"'))


WRONG = (
    "run = []",
    "[schedule]\nat = []",
    "[schedule]\non_files = []",
    "[only]\nmachines = []",
    "[retry]\nattempts = 0",
    "[retry]\nattempts = 101",
    "[retry]\non_codes = []",
    "[retry]\non_codes = [0]",
    "[expect]\nsuccess_codes = []",
    "[expect]\nsuccess_codes = [256]",
    '[limits]\nlock = "a b"',
    '[env]\nPATH = "/x"',
    '[env]\nIFS = ","',
    '[env]\nJOBSYNC_X = "x"',
    '[env]\n"A-B" = "x"',
    '[daemon]\n[schedule]\nat = "09:00"',
    "[daemon]\n[retry]",
    "[daemon]\n[when]\nonline = true",
    '[daemon]\n[expect]\nprints = "x"',
    '[daemon]\n[limits]\ntimeout = "1h"',
    '[daemon]\n[limits]\nlock = "x"',
    '[launchd]\nUmask = "22"',
    "[launchd]\nUmask = 512",
    '[launchd]\nStandardInPath = "~/x"',
    '[systemd.service]\nMemoryMax = "1 G"',
    "[systemd.service]\nMemoryMax = 0",
    '[systemd.service]\nCPUQuota = "50"',
    '[systemd.service]\nLimitNOFILE = "1K"',
    '[systemd.service]\nSlice = "background"',
)


@pytest.mark.parametrize("text", WRONG)
def test_what_a_schema_can_see_of_a_wrong_value_an_editor_says_too(text: str) -> None:
    assert faults(text)
    assert not JOB.is_valid(tomllib.loads(text))


def test_raw_keys_that_the_reader_takes_are_valid() -> None:
    lines = [f"[launchd]\n{key} = {value}" for key, value in (*LAUNCHD.items(), *LAUNCHD_TOO)]
    lines += [f"[systemd.{kind}]\n{key} = {value}" for kind, keys in UNITS.items() for key, (value, _) in keys.items()]
    lines += [f"[systemd.{kind}]\n{key} = {value}" for kind, key, value, _ in UNITS_TOO]
    assert [line for line in lines if not JOB.is_valid(tomllib.loads(line))] == []
    daemon = '[daemon]\n[limits]\ngrace = "5s"\n[env]\nIFS_2 = "x"\n[notify]'
    assert faults(f'run = "x"\n{daemon}') == []
    assert JOB.is_valid(tomllib.loads(daemon))


def test_what_shows_no_key_is_no_shape() -> None:
    assert set(SHAPES) <= set(KEYS)
    assert set(RAW) <= set(OPEN_TABLES)
    assert {name.split(".")[0] for name in OPEN_TABLES} <= set(TABLES)


def test_meanings_are_what_an_editor_shows() -> None:
    schema = job_schema({"schedule.every": "slots on the clock", "Umask": "octal", "systemd.service.Nice": "of units"})
    assert "slots on the clock" in json.dumps(schema)
    assert "octal" in json.dumps(schema)
    assert json.dumps(schema).count("of units") == 1
