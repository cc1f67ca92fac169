"""Secrets: refused in `[env]` with the way out, read from the job's own file by the launcher, and written nowhere."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobsync.definitions.job import Argv, Job
from jobsync.definitions.load import load
from jobsync.definitions.secrets import secret_fault
from jobsync.paths import Paths
from jobsync.runs import launcher, records

from ..definitions.trees import MACHINE, tree
from ..laptop import Laptop
from ..runs.bench import SHELLS, every_shell
from ..unprivileged import CONFINED

LONG = "4f9Kq2LmZ8xW1cVb7NtR5yHs3JdP6gAe0UiO"
WAY_OUT = "~/.config/jobsync/env/one.env (mode 0600)"

SECRETS = [
    ("ID", "AKIA" + "IOSFODNN7EXAMPLE"),
    ("KEYS", "first ASIA" + "Y34FZKBOKMUTVV7A second"),
    ("GH", "ghp_" + LONG),
    ("HEADER", "Authorization: Bearer gho_" + LONG),
    ("GH", "github_pat_" + "11ABCDEFG0_" + LONG),
    ("GL", "glpat-" + LONG[:20]),
    ("MODEL", "sk-" + LONG),
    ("MODEL", "sk-ant-api03-" + LONG),
    ("MODEL", "sk-proj-" + LONG),
    ("PAY", "sk_live_" + LONG[:24]),
    ("BOT", "xoxb-" + "17653672481-19874698323-" + LONG[:24]),
    ("BOT", "xoxp-" + "17653672481-19874698323"),
    ("MAPS", "AIza" + LONG[:35]),
    ("PEM", "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n"),
    ("PEM", "-----BEGIN " + "PRIVATE KEY-----"),
    ("AUTH", "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0In0." + "dozjgNryP4J3jVmNHl0w5N"),
    ("DATABASE_URL", "postgres://ada:hunter2@db.example.org/app"),
    ("GITHUB_TOKEN", "abc123"),
    ("CLIENT_SECRET", "s3cr3t!"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY"),
    ("DB_PASSWORD", "correct horse battery staple"),
    ("PGPASSWORD", "hunter2"),
    ("MYSQL_PASSWD", "hunter2"),
    ("OPENAI_API_KEY", "anything"),
    ("some_apikey", "anything"),
    ("TLS_PRIVATE_KEY", "MIIEvQIBADANBg"),
    ("GPG_PASSPHRASE", "anything"),
]
ORDINARY = [
    ("LANG", "en_GB.UTF-8"),
    ("EDITOR", "vim -u NONE"),
    ("HOMEBREW_NO_AUTO_UPDATE", "1"),
    ("MAX_TOKENS", "4096"),
    ("TOKEN_LIMIT", "4096"),
    ("TOKEN_BUDGET", "200000"),
    ("TOKENIZERS_PARALLELISM", "false"),
    ("TOKEN", ""),
    ("GITHUB_TOKEN_FILE", "~/.config/gh/token"),
    ("GITHUB_TOKEN", "/run/secrets/github"),
    ("GITHUB_TOKEN", "~/.secrets/github"),
    ("GITHUB_TOKEN", "./token"),
    ("USE_TOKEN", "true"),
    ("REQUIRE_PASSWORD", "never"),
    ("TOKEN_TTL", "3600s"),
    ("RESTIC_PASSWORD_COMMAND", "pass show restic"),
    ("RESTIC_PASSWORD_FILE", "/Users/ada/.restic"),
    ("PASSWORD_STORE_DIR", "/Users/ada/.password-store"),
    ("OPENAI_API_KEY", "op://vault/openai/credential"),
    ("API_KEY", "$OPENAI_API_KEY"),
    ("API_KEY_NAME", "production"),
    ("OAUTH_TOKEN_URL", "https://example.org/oauth/token"),
    ("SECRETARY", "ada@example.org"),
    ("PASSWORDLESS", "sometimes"),
    ("REMOTE", "ssh://git@example.org:22/dot.git"),
    ("PROXY", "http://proxy.example.org:3128"),
    ("TASK", "task-sk-learn-some-long-name-of-a-model-2"),
    ("MODEL", "sk-learn-some-very-long-name"),
    ("BRANCH", "risk-assessment-of-everything"),
    ("COMMIT", "2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"),
    ("UUID", "123e4567-e89b-12d3-a456-426614174000"),
    ("AWS_PROFILE", "AKIAsomething"),
    ("KEYBOARD", "qwerty"),
    ("CERT", "-----BEGIN CERTIFICATE-----"),
    ("PUBLIC", "-----BEGIN PUBLIC KEY-----"),
    ("VERSION", "1.2.3"),
    ("JSON", '{"eyJ": "a.b.c"}'),
]


# -- in [env]


@pytest.mark.parametrize(("name", "value"), SECRETS)
def test_what_looks_like_a_secret_is_refused_with_the_way_out_and_not_repeated(name: str, value: str) -> None:
    fault = secret_fault(name, value, "one")
    assert fault is not None
    assert f"put {name}=… into {WAY_OUT}" in fault
    assert value not in fault


@pytest.mark.parametrize(("name", "value"), ORDINARY)
def test_what_is_no_secret_is_let_through(name: str, value: str) -> None:
    assert secret_fault(name, value, "one") is None


def test_a_long_value_costs_no_time() -> None:
    began = time.process_time()
    assert secret_fault("DATA", 200_000 * "x", "one") is None
    assert time.process_time() - began < 1


def test_a_secret_is_a_fault_of_the_definition_and_of_the_defaults() -> None:
    secret = 'GITHUB_TOKEN = "abc123"\n'
    own = load(tree({"one": f'run = "true"\n[env]\n{secret}'}), MACHINE)
    assert own.faulty == {"one"} and WAY_OUT in str(own.faults[0]) and own.faults[0].key == "env.GITHUB_TOKEN"
    common = load(tree({"one": 'run = "true"\n'}, settings=f"[defaults.env]\n{secret}"), MACHINE)
    assert common.faulty == {"one"}
    assert "env/JOB.env" in str(common.faults[0]) and common.faults[0].file == "jobsync.toml"


# -- in the job's file, under every sh of this machine


class Launched:
    """A job that prints its environment, and its env file."""

    def __init__(self, root: Path) -> None:
        self.paths = Paths(root / "agents", root / "state", root / "data", root / "logs", root / "it's $HOME" / "env")
        self.paths.runs("one").parent.mkdir(parents=True)
        self.file = self.paths.env("one")
        self.file.parent.mkdir(parents=True)
        self.here = root

    def write(self, content: bytes, mode: int = 0o600) -> None:
        self.file.write_bytes(content)
        self.file.chmod(mode)

    def run(self, sh: str, *before: str, **environment: str) -> tuple[int, bytes]:
        """The status, and the log. `before`: in front of the command line."""
        program = "import os, sys; sys.stdout.buffer.write(b'\\0'.join(b'='.join(i) for i in os.environb.items()))"
        job = Job("one", "", Argv((sys.executable, "-c", program)), str(self.here), str(self.here),
                  environment=tuple(sorted(environment.items())))  # fmt: skip
        script = self.here / "one"
        script.write_bytes(launcher.render(job, "test.one", "jobs/one/job.toml", self.paths))
        for old in self.paths.job_logs("test.one").glob("*.log"):
            old.unlink()
        calling = {"PATH": os.environ["PATH"], "HOME": str(self.here)}
        done = subprocess.run(
            [*before, *SHELLS[sh], str(script)], env=calling, stdin=subprocess.DEVNULL, capture_output=True
        )
        assert (done.stdout, done.stderr) == (b"", b"")
        (log,) = self.paths.job_logs("test.one").glob("*.log")
        assert records.read(self.paths.runs("one"))[-1].status == done.returncode
        return done.returncode, log.read_bytes()

    def environment(self, sh: str, **environment: str) -> dict[bytes, bytes]:
        """What the command received."""
        status, log = self.run(sh, **environment)
        assert status == 0, log
        pairs = (item.partition(b"=") for item in log.split(b"\0"))
        return {name: value for name, _, value in pairs}


@pytest.fixture
def launched(tmp_path: Path) -> Launched:
    return Launched(tmp_path)


HOSTILE = "a'b\"c $(touch pwned) `touch pwned` ${HOME} \\n \\ ; & | < > * ~ # ! é 早 = x\t."


@every_shell
def test_the_env_file_is_read_literally_line_by_line(launched: Launched, sh: str) -> None:
    content = f"""# a comment
  # another

PLAIN=one
export EXPORTED=two
  export   INDENTED=three
HOSTILE={HOSTILE}
DOUBLE="quoted  $HOME"
SINGLE='it"s'
UNEVEN="half
LONE="
EMPTY=
BLANKS=  kept{"  "}
EQUALS=a=b=c
COMMENT=a # b
PLAIN=again
LAST=no newline"""
    launched.write(content.encode())
    found = launched.environment(sh)
    expected = {
        "PLAIN": "again", "EXPORTED": "two", "INDENTED": "three", "HOSTILE": HOSTILE, "DOUBLE": "quoted  $HOME",
        "SINGLE": 'it"s', "UNEVEN": '"half', "LONE": '"', "EMPTY": "", "BLANKS": "  kept  ", "EQUALS": "a=b=c",
        "COMMENT": "a # b", "LAST": "no newline",
    }  # fmt: skip
    assert {name: found.get(name.encode()) for name in expected} == {n: v.encode() for n, v in expected.items()}
    assert not list(launched.here.rglob("pwned"))


@every_shell
def test_bytes_that_are_no_utf8_reach_the_command(launched: Launched, sh: str) -> None:
    launched.write(b"RAW=\xff\xfe\n")
    assert launched.environment(sh)[b"RAW"] == b"\xff\xfe"


@every_shell
def test_no_name_disturbs_the_launcher_or_what_comes_after_it(launched: Launched, sh: str) -> None:
    names: tuple[str, ...] = (
        "runs", "logs", "log", "env", "line", "name", "value", "number", "facts", "mask", "run", "now", "status",
        "child", "stopped", "hold", "token", "pause", "until", "again", "return", "refuse",
    )  # fmt: skip
    if "zsh" in sh:
        names = tuple(name for name in names if name != "status")  # read-only there
    evil = "x[$(touch pwned)]"
    launched.write("".join(f"{name}={evil}\n" for name in (*names, "AFTER")).encode())
    found = launched.environment(sh, env="own", number=evil, mask="own")
    assert {found[name.encode()] for name in (*names, "AFTER")} == {evil.encode()}
    assert not list(launched.here.rglob("pwned"))


@every_shell
def test_the_file_wins_over_the_definition(launched: Launched, sh: str) -> None:
    launched.write(b"A=file\n")
    found = launched.environment(sh, A="definition", B="definition")
    assert (found[b"A"], found[b"B"]) == (b"file", b"definition")


@every_shell
def test_without_a_file_nothing_is_missing(launched: Launched, sh: str) -> None:
    assert launched.environment(sh, A="definition")[b"A"] == b"definition"


@every_shell
@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o700, 0o200])
def test_a_file_that_others_may_read_or_write_stops_the_run(launched: Launched, sh: str, mode: int) -> None:
    launched.write(b"TOP=hidden\n", mode)
    status, log = launched.run(sh)
    assert status == 78
    assert log.startswith(b"jobsync: not started: " + os.fsencode(launched.file)) and b"chmod 600" in log
    assert b"hidden" not in log


# To zsh no directory is closed for root, whatever that may do.
@pytest.mark.parametrize("sh", [name for name in SHELLS if os.geteuid() != 0 or "zsh" not in name])
@pytest.mark.parametrize("above", [0, 1])
def test_a_directory_in_which_nobody_can_look_for_the_file_stops_the_run(
    launched: Launched, sh: str, above: int
) -> None:
    launched.write(b"TOP=hidden\n")
    closed = launched.file.parents[above]
    closed.chmod(0o600)
    status, log = launched.run(sh, *CONFINED)
    closed.chmod(0o700)
    assert status == 78
    assert log == f"jobsync: not started: {launched.file}: cannot be looked for: chmod u+x {closed}\n".encode()
    assert launched.environment(sh)[b"TOP"] == b"hidden"


@every_shell
def test_a_stricter_mode_is_fine(launched: Launched, sh: str) -> None:
    launched.write(b"A=1\n", 0o400)
    assert launched.environment(sh)[b"A"] == b"1"


@every_shell
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_stops_the_run(launched: Launched, sh: str) -> None:
    launched.write(b"TOP=hidden\n")
    os.chown(launched.file, 65534, 65534)
    status, log = launched.run(sh)
    assert status == 78 and b"a file of yours" in log and b"hidden" not in log


@every_shell
@pytest.mark.parametrize("kind", ["directory", "pipe", "dangling link", "link to a readable file"])
def test_what_is_no_private_file_stops_the_run(launched: Launched, sh: str, kind: str) -> None:
    match kind:
        case "directory":
            launched.file.mkdir(mode=0o600)
        case "pipe":
            os.mkfifo(launched.file, 0o600)
        case "dangling link":
            launched.file.symlink_to("nowhere")
        case _:
            launched.file.with_name("open").write_text("A=1\n")
            launched.file.with_name("open").chmod(0o644)
            launched.file.symlink_to("open")
    assert launched.run(sh)[0] == 78


@every_shell
def test_a_link_to_a_private_file_is_followed(launched: Launched, sh: str) -> None:
    launched.write(b"A=1\n")
    launched.file.rename(launched.file.with_name("elsewhere"))
    launched.file.symlink_to("elsewhere")
    assert launched.environment(sh)[b"A"] == b"1"


BAD_LINES = ["hidden", "=hidden", "1A=hidden", "A B=hidden", "A-B=hidden", "é=hidden", "export hidden", "A =hidden",
             "$(touch pwned)=hidden", "A;touch pwned=hidden", "a[$(touch pwned)]=hidden", "A=hidden\r",
             "PATH=hidden", "JOBSYNC_DIR=hidden", "IFS=hidden", "UID=hidden", "_=hidden"]  # fmt: skip


@every_shell
@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_none_stops_the_run_and_is_named_but_not_shown(launched: Launched, sh: str, line: str) -> None:
    launched.write(f"FINE=1\n{line}\n".encode())
    status, log = launched.run(sh)
    assert status == 78 and b"line 2" in log and b"hidden" not in log
    assert not list(launched.here.rglob("pwned"))


# -- a whole machine


def test_what_is_in_the_env_file_is_in_nothing_that_jobsync_writes(registered: Laptop) -> None:
    registered.job("one", 'run = "printf %s \\"$GITHUB_TOKEN\\" | wc -c >~/length"\n[env]\nLANG = "C"\n')
    file = registered.put(".config/jobsync/env/one.env", f"GITHUB_TOKEN={LONG}\n", at=registered.home, mode=0o600)
    registered.commit()
    registered.jobsync("run", "one")
    assert (registered.home / "length").read_text().strip() == str(len(LONG))
    registered.jobsync("status", "one")
    holding = [path for path in registered.home.rglob("*") if path.is_file() and LONG.encode() in path.read_bytes()]
    assert holding == [file]
    assert registered.jobsync("sync").out.splitlines()[-1] == "1 unchanged"
    file.chmod(0o644)
    assert registered.jobsync("run", "one", status=78).status == 78
    assert "chmod 600" in registered.jobsync("logs", "one").out


def test_a_definition_with_a_secret_is_refused_and_leaves_its_job_as_it_was(registered: Laptop) -> None:
    registered.job("one")
    registered.commit()
    before = registered.plist_path("one").read_bytes()
    registered.job("one", f'run = "true"\n[env]\nGITHUB_TOKEN = "ghp_{LONG}"\n')
    for command in ("check", "sync"):
        ran = registered.jobsync(command, status=1)
        assert WAY_OUT in ran.err and LONG not in ran.text
    assert registered.plist_path("one").read_bytes() == before
    # The hook says it too: the commit is made, and the installed job stays.
    said = registered.commit().err
    assert WAY_OUT in said and LONG not in said
    assert not [path for path in registered.state.rglob("*") if path.is_file() and LONG.encode() in path.read_bytes()]
