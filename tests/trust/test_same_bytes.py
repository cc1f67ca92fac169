"""The same bytes from any caller: rendered by hand and in a hook under hostile environments, and compared."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import jobsync

from ..laptop import Laptop
from ..scratch import SCRATCH

PACKAGE = Path(jobsync.__file__).parent
SITE = (
    Path(sys.executable).parent.parent / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
)
JOBS = {
    "rich": r"""description = "naïve <soon> & \"早上\" -- it's"
run = ["printf", "%s", "it's", "早 $HOME", "a\\nb"]
dir = "~/no tes"
path = ["~/.bun/bin", "./bin"]
inputs = ["../../lib"]

[schedule]
at = ["mon-fri 09:00", "sat 10:30"]
cron = "5 0 29 2 *"
spread = "10m"
at_login = true
on_change = ["~/.netrc"]
on_files = ["~/Inbox"]

[env]
LANG = "en_GB.UTF-8"
QUOTE = "a'b $(d) `e`"

[launchd]
SoftResourceLimits = { NumberOfFiles = 1024, Core = 0 }
ExitTimeOut = 30
""",
    "daemon": 'run = "sleep 1000"\n[daemon]\nrestart = "on-failure"\n',
    "script": '[schedule]\nevery = "15m"\n',
}


@dataclass(frozen=True)
class Caller:
    """Who calls: what is set, what is missing, and from where."""

    name: str
    env: dict[str, str]
    unset: tuple[str, ...] = ()
    cwd: str = "{work}"
    umask: str = "022"
    reads: bool = True
    """What it prints is the same too; some encodings cannot."""


ALL = os.environ.get("TRUST_KILLS") == "all"
"""Set by `make trust`: every caller. Without it every second one."""
CALLERS = [
    Caller("plain", {}),
    Caller("small PATH", {"PATH": "/usr/bin:/bin"}),
    Caller("strange PATH", {"PATH": f"::.:relative:/nowhere:{os.defpath}:/usr/lib/git-core"}),
    Caller("LC_ALL=C", {"LC_ALL": "C", "LANG": "C"}),
    Caller("LC_ALL=POSIX", {"LC_ALL": "POSIX"}),
    Caller("no locale at all", {}, unset=("LC_ALL", "LANG", "LC_CTYPE")),
    Caller("unknown locale", {"LC_ALL": "tr_TR.ISO8859-9", "LANG": "xx", "LANGUAGE": "tr:de"}),
    Caller("TZ far east", {"TZ": "Pacific/Kiritimati"}),
    Caller("TZ nonsense", {"TZ": ":/nowhere"}),
    Caller("umask 000", {}, umask="000"),
    Caller("umask 077", {}, umask="077"),
    Caller("from /", {}, cwd="/"),
    Caller("from a directory of the repository", {}, cwd="{work}/jobs/rich"),
    Caller("from another repository", {}, cwd="{editor}"),
    Caller("through a link", {"PWD": "{root}/link/dotfiles"}, cwd="{root}/link/dotfiles"),
    Caller("HOME through a link", {"HOME": "{root}/link"}),
    Caller("config through a link", {"JOBSYNC_CONFIG": "{root}/link/.config/jobsync/config.toml"}),
    Caller("config by a relative path", {"JOBSYNC_CONFIG": "../.config/jobsync/config.toml"}),
    Caller("no HOME", {"JOBSYNC_CONFIG": "{home}/.config/jobsync/config.toml"}, unset=("HOME",)),
    Caller("HOME elsewhere", {"HOME": "{root}/empty", "JOBSYNC_CONFIG": "{home}/.config/jobsync/config.toml"}),
    Caller("XDG elsewhere", {f"XDG_{one}_HOME": "{root}/empty" for one in ("CONFIG", "STATE", "DATA", "CACHE")}),
    Caller("XDG nonsense", {f"XDG_{one}_HOME": "relative" for one in ("CONFIG", "STATE", "DATA", "RUNTIME")}),
    Caller("inside a git hook", {
        "GIT_DIR": "{work}/.git", "GIT_INDEX_FILE": "{root}/index.lock", "GIT_PREFIX": "", "GIT_REFLOG_ACTION": "pull",
        "GIT_AUTHOR_DATE": "@1 +0000", "GIT_EXEC_PATH": "/usr/lib/git-core", "GIT_EDITOR": ":", "GITHEAD_abc": "x",
    }),
    Caller("git configured by the caller", {
        "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "core.autocrlf", "GIT_CONFIG_VALUE_0": "true",
        "GIT_CONFIG_KEY_1": "core.quotePath", "GIT_CONFIG_VALUE_1": "true", "GIT_LITERAL_PATHSPECS": "0",
    }),
    Caller("VIRTUAL_ENV", {"VIRTUAL_ENV": "/nowhere/venv", "CONDA_PREFIX": "/nowhere/conda"}),
    Caller("PRE_COMMIT", {
        "PRE_COMMIT": "1", "PRE_COMMIT_HOME": "{root}/empty", "PRE_COMMIT_FROM_REF": "a", "PRE_COMMIT_TO_REF": "b",
    }),
    Caller("hash seed 0", {"PYTHONHASHSEED": "0"}),
    Caller("hash seed 1", {"PYTHONHASHSEED": "1"}),
    Caller("hash seed random", {"PYTHONHASHSEED": "random"}),
    Caller("dumb terminal", {"TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "7", "LINES": "1"}),
    Caller("colourful terminal", {"TERM": "xterm-256color", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"}),
    Caller("no TERM", {}, unset=("TERM", "COLUMNS")),
    Caller("PYTHONUTF8=0", {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}, reads=False),
    Caller("PYTHONUTF8=1", {"PYTHONUTF8": "1"}),
    Caller("ASCII streams", {"PYTHONIOENCODING": "ascii"}, reads=False),
    Caller("UTF-16 streams", {"PYTHONIOENCODING": "utf-16"}, reads=False),
    Caller("optimised Python", {"PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONDEVMODE": "1"}),
    Caller("inside a job", {"JOBSYNC_JOB": "other", "JOBSYNC_DIR": "/nowhere", "JOBSYNC_OWNER": "000000000000"}),
    Caller("somebody's session", {
        "USER": "root", "LOGNAME": "root", "SHELL": "/bin/false", "TMPDIR": "/nowhere", "IFS": "/", "EDITOR": "ed",
        "ENV": "/nowhere", "BASH_ENV": "/nowhere", "CDPATH": "/", "HOSTNAME": "elsewhere",
    }),
]  # fmt: skip


class Bench:
    """A machine on which everything is installed, and the bytes that it had."""

    def __init__(self, laptop: Laptop) -> None:
        self.laptop = laptop
        laptop.init("--tag", "home", "--machine", "mbp")
        for name, text in JOBS.items():
            laptop.job(name, text)
        laptop.put("jobs/script/run", "#!/bin/sh\ntrue\n", mode=0o755)
        laptop.put("lib/common.sh", "true\n")
        laptop.put("lib/naïve.sh", "true\n")
        laptop.put("jobsync.toml", '[defaults]\nlimits.priority = "background"\n[defaults.env]\nB = "2"\nA = "1"\n')
        laptop.commit()
        (laptop.root / "link").symlink_to(laptop.home)
        (laptop.root / "empty").mkdir()
        self.bin = Path(sys.executable).parent
        self.before = self.files()
        assert {path.name for path in self.before} >= {"rich", "test.rich.plist", "test.jobsync-finish.plist"}
        self.said = self.call(CALLERS[0], "cat", "rich").stdout
        assert "早上".encode() in self.said

    def files(self) -> dict[Path, tuple[bytes, int, int]]:
        """Every artefact: its bytes, mode and the file that it is (a rewrite makes another one)."""
        places = (self.laptop.agents, self.laptop.home / ".local/share/jobsync")
        found = [path for place in places for path in place.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mode, path.stat().st_ino) for path in found}

    def environment(self, caller: Caller) -> dict[str, str]:
        places = {name: str(getattr(self.laptop, name)) for name in ("root", "home", "work", "editor")}
        env = self.laptop.environment | {name: value.format(**places) for name, value in caller.env.items()}
        return {name: value for name, value in env.items() if name not in caller.unset}

    def start(self, caller: Caller, argv: list[str], cwd: str) -> "subprocess.CompletedProcess[bytes]":
        where = cwd.format(root=self.laptop.root, work=self.laptop.work, editor=self.laptop.editor)
        done = subprocess.run(
            ["/bin/sh", "-c", 'umask "$1"; cd -- "$2"; shift 2; exec "$@"', "sh", caller.umask, where, *argv],
            env=self.environment(caller), stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (caller.name, argv, done)
        return done

    def call(
        self, caller: Caller, *arguments: str, jobsync: tuple[str, ...] = ()
    ) -> "subprocess.CompletedProcess[bytes]":
        return self.start(
            caller, [*(jobsync or (str(self.bin / "jobsync"),)), "--repo", "test", *arguments], caller.cwd
        )

    def forget(self) -> None:
        """Without a ledger everything must be rendered and compared anew."""
        (self.laptop.state / "ledger").unlink()
        shutil.rmtree(self.laptop.state / "store")

    def check(self, caller: Caller, jobsync: tuple[str, ...] = (), hook: tuple[str, ...] = ()) -> None:
        """By hand and in a hook, this caller renders what is there."""
        try:
            self._check(caller, jobsync, hook)
        finally:
            self.mend()

    def mend(self) -> None:
        """One caller's failure is not the next one's: put things back as they were."""
        if self.files() != self.before:
            self.call(CALLERS[0], "sync")
            self.before = self.files()

    def _check(self, caller: Caller, jobsync: tuple[str, ...], hook: tuple[str, ...]) -> None:
        if caller.reads:
            assert self.call(caller, "cat", "rich", jobsync=jobsync).stdout == self.said
        self.forget()
        self.call(caller, "sync", "--force", jobsync=jobsync)
        assert self.files() == self.before, "by hand"
        self.forget()
        # git starts hooks at the top of the work tree.
        self.start(caller, [*(hook or (str(self.bin / "jobsync-hook"),)), "post-merge", "0"], str(self.laptop.work))
        assert self.files() == self.before, "in a hook"
        assert (self.laptop.state / "ledger").exists(), "the hook did look"


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Laptop.start(Path(root)) as laptop:
        yield Bench(laptop)


@pytest.mark.parametrize("caller", CALLERS if ALL else CALLERS[::4], ids=lambda caller: caller.name.replace(" ", "-"))
def test_the_same_bytes_whoever_calls(bench: Bench, caller: Caller) -> None:
    bench.check(caller)


def test_there_are_at_least_twenty_environments() -> None:
    assert len({caller.name for caller in CALLERS}) == len(CALLERS) >= 20


def test_a_difference_would_be_seen(laptop: Laptop) -> None:
    bench = Bench(laptop)
    laptop.jobsync("config", "path", "/elsewhere/bin:/usr/bin:/bin")
    with pytest.raises(AssertionError):
        bench.check(CALLERS[0])


# -- other Pythons, other places of installation


def _pythons() -> list[Path]:
    """Every further Python of this machine that jobsync supports."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    found = [path for path in versions.glob("3.*/bin/python") if int(path.parts[-3].split(".")[1]) >= 11]
    found += [Path(path) for minor in range(11, 16) if (path := shutil.which(f"python3.{minor}"))]
    own = Path(sys.executable).resolve()
    # pyenv's shims are no Pythons: they ask where they are, and answer for a version that may not be installed.
    return sorted({path.resolve() for path in found if "shims" not in path.parts} - {own})


PYTHONS = _pythons()


def _elsewhere(python: Path, places: list[Path], seed: str = "random") -> Caller:
    env = {"PYTHONPATH": ":".join(map(str, places)), "PYTHONHASHSEED": seed, "JOBSYNC_HANDED_OVER": "1",
           "PYTHONDONTWRITEBYTECODE": "1"}  # fmt: skip
    # From nowhere near the checkout: `-m` puts the working directory first.
    return Caller(f"{python}", env)


def _needs(bench: Bench, caller: Caller, python: Path) -> str:
    """Why this Python cannot run jobsync, or the place from which it would import it."""
    program = "import click, cronsim, tomlkit, git, jobsync; print(jobsync.__file__)"
    done = subprocess.run([str(python), "-c", program], env=bench.environment(caller), capture_output=True, cwd="/")
    if done.returncode:
        pytest.skip(f"{python} lacks a dependency: {done.stderr.decode().splitlines()[-1]}")
    return done.stdout.decode().strip()


@pytest.mark.parametrize("python", PYTHONS, ids=str)
def test_the_same_bytes_from_each_python(bench: Bench, python: Path) -> None:
    caller = _elsewhere(python, [PACKAGE.parent, SITE])
    _needs(bench, caller, python)
    bench.check(caller, (str(python), "-m", "jobsync"), (str(python), "-m", "jobsync.entry"))


def test_the_same_bytes_from_another_place_of_installation(bench: Bench, tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "site" / "jobsync", ignore=shutil.ignore_patterns("__pycache__"))
    python = Path(sys.executable)
    caller = _elsewhere(python, [tmp_path / "site"])
    assert _needs(bench, caller, python) == str(tmp_path / "site" / "jobsync" / "__init__.py")
    bench.check(caller, (str(python), "-m", "jobsync"), (str(python), "-m", "jobsync.entry"))


# -- a wheel, and pre-commit's own environment

EVERY_PYTHON = [Path(sys.executable).resolve(), *PYTHONS]
BUILT_WITH = EVERY_PYTHON if ALL else EVERY_PYTHON[:1]
"""For each of these an environment is built with pip: all of them in `make trust`, our own in every run."""
HANDED_OVER = {"JOBSYNC_HANDED_OVER": "1"}
"""It shall do the work itself, and not wake up the installation that `init` recorded."""


def quietly(*argv: str, at: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(argv, cwd=at, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, text=True)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def project(bench: Bench) -> Path:
    """jobsync's own repository, with what a wheel is built from."""
    root = bench.laptop.root / "project"
    root.mkdir()
    for name in ("jobsync", "hooks", "template-repo", "docs"):
        shutil.copytree(PACKAGE.parent / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in PACKAGE.parent.iterdir():
        # In a linked work tree `.git` is a file, by which the copy would be one with the original.
        if path.is_file() and not path.name.startswith((".git", ".coverage")):
            shutil.copy(path, root)
    assert not (root / ".git").exists()
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        quietly("git", *arguments, at=root, env=bench.laptop.environment)
    return root


@pytest.mark.slow
@pytest.mark.parametrize("python", BUILT_WITH, ids=str)
def test_the_same_bytes_from_pre_commits_environment(bench: Bench, project: Path, python: Path, tmp_path: Path) -> None:
    """A wheel, which pre-commit has pip build and install into an environment of its own, and starts as a hook."""
    commit = quietly("git", "rev-parse", "HEAD", at=project, env=bench.laptop.environment)
    config = tmp_path / "pre-commit.yaml"
    hook = f"{{id: jobsync-post-merge, language_version: {python}}}"
    config.write_text(f"repos: [{{repo: '{project}', rev: '{commit}', hooks: [{hook}]}}]\n", encoding="utf-8")
    home = tmp_path / "pre-commit"
    cache = {"PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(tmp_path / "pip")), "PIP_NO_INPUT": "1"}
    pip = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "HTTP", "http"))}
    caller = Caller("pre-commit", {**pip, **cache, **HANDED_OVER, "PRE_COMMIT_HOME": str(home)})
    run = f"exec {bench.bin}/pre-commit run -c {config} --hook-stage post-merge --is-squash-merge 0"
    install = [str(bench.bin / "pre-commit"), "install-hooks", "-c", str(config)]
    done = subprocess.run(install, cwd=bench.laptop.work, env=bench.environment(caller), capture_output=True)
    said = (home / "pre-commit.log").read_text() if done.returncode else ""
    if "Could not find a version" in said:
        pytest.skip("pip cannot fetch what the wheel is built with: no network")
    assert done.returncode == 0, said
    (jobsync,) = (path for path in home.rglob("jobsync") if path.parent.name == "bin")
    version = quietly(str(jobsync.parent / "python"), "-c", "import sys; print(sys.version_info[:2])", at=tmp_path)
    assert version == quietly(str(python), "-c", "import sys; print(sys.version_info[:2])", at=tmp_path)
    bench.check(caller, (str(jobsync),), ("sh", "-c", run, "sh"))
