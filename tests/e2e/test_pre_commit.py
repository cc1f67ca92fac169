"""Through the pre-commit framework, for real: our ids from a repository of ours, its environment built by pip."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop, Ran
from ..scratch import SCRATCH

CHECKOUT = Path(__file__).resolve().parents[2]
MANIFEST = ".pre-commit-hooks.yaml"
PARTS = (
    "jobsync", "hooks", "template-repo", "docs", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE", MANIFEST,
)  # fmt: skip
UNREACHABLE = ("Could not find a version", "No matching distribution", "ConnectionError", "Max retries", "resolution")
LATER = JOB.replace("09:00", "10:00")
IDS = ("jobsync-check", "jobsync-post-merge", "jobsync-post-checkout", "jobsync-post-rewrite", "jobsync-post-commit")


def _published(laptop: Laptop) -> tuple[Path, str]:
    """This checkout as a repository that pre-commit can clone, and the commit to ask for."""
    published = laptop.root / "jobsync.git"
    published.mkdir()
    for part in PARTS:
        source, target = CHECKOUT / part, published / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for command in ("init -q", "add -A", "commit -qm release"):
        laptop.git(*command.split(), at=published)
    return published, laptop.git("rev-parse", "HEAD", at=published).out.strip()


def _configuration(published: Path, revision: str) -> str:
    hooks = "".join(f"      - id: {one}\n" for one in IDS)
    stages = "pre-commit, post-merge, post-checkout, post-rewrite, post-commit"
    repo = f"  - repo: {published}\n    rev: {revision}\n    hooks:\n{hooks}"
    return f"default_install_hook_types: [{stages}]\nrepos:\n{repo}"


def _pip_environment() -> dict[str, str]:
    """How pip reaches its index here; the throwaway home has no configuration of its own."""
    kept = {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") or name.lower().endswith("_proxy")
    }
    mine = Path.home() / ".config/pip/pip.conf"
    return kept | ({"PIP_CONFIG_FILE": str(mine)} if mine.exists() else {})


@pytest.fixture(scope="module")
def built() -> Iterator[Laptop]:
    """A laptop whose dotfiles repository has pre-commit with our ids instead of hooks of our own."""
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Laptop.start(Path(root)) as laptop:
        laptop.environment |= _pip_environment() | {"PRE_COMMIT_HOME": f"{root}/pre-commit"}
        laptop.put(".pre-commit-config.yaml", _configuration(*_published(laptop)), at=laptop.editor)
        laptop.job("keep", at=laptop.editor)
        laptop.push("use pre-commit")
        laptop.pull()
        built = laptop.run("pre-commit", "install", "--install-hooks", status=None)
        if built.status and any(word in built.text for word in UNREACHABLE):
            pytest.skip("the package index cannot be reached, and pre-commit builds its environment from it")
        assert built.status == 0, built
        laptop.init("--no-hooks")
        laptop.jobsync("sync")
        yield laptop


@pytest.fixture
def framework(built: Laptop) -> Iterator[Laptop]:
    """The same for every test, whichever came before it: what takes long is built once."""
    config, commit = built.config_file.read_bytes(), built.git("rev-parse", "HEAD").out.strip()
    yield built
    built.config_file.write_bytes(config)
    for clone in (built.work, built.editor):
        built.git("switch", "-q", "--discard-changes", "main", at=clone)
        built.git("reset", "-q", "--hard", commit, at=clone)
    built.git("push", "-q", "--force", "origin", "main")
    built.git("fetch", "-q", at=built.editor)
    for branch in {*built.git("branch", "--format=%(refname:short)").out.split()} - {"main"}:
        built.git("branch", "-q", "-D", branch)
    built.jobsync("sync", "--allow-removals")


def _ours(ran: Ran) -> list[str]:
    return [line for line in (ran.out + ran.told).splitlines() if line.startswith("jobsync: ")]


def test_a_pull_a_commit_and_a_switch_sync_through_the_framework(framework: Laptop) -> None:
    framework.upstream("one")
    assert _ours(framework.pull()) == ["jobsync: installed one (new in COMMIT)"]
    assert framework.loaded() == framework.installed() == {"keep", "one"}

    framework.job("one", LATER)
    assert _ours(framework.commit()) == ["jobsync: updated one (changed: jobs/one/job.toml in COMMIT)"]
    assert framework.hour("one") == 10

    assert _ours(framework.git("switch", "-q", "--detach", "HEAD~1"))[0].startswith("jobsync: HEAD is detached")
    assert framework.hour("one") == 10
    framework.git("switch", "-q", "-c", "older")
    assert framework.hour("one") == 9
    framework.git("switch", "-q", "main")
    assert framework.hour("one") == 10
    assert _ours(framework.git("commit", "-q", "--allow-empty", "-m", "nothing to do")) == []


def test_a_rebase_syncs_at_its_end(framework: Laptop) -> None:
    framework.job("rebased")
    framework.commit()
    framework.upstream("upstream")
    said = _ours(framework.git("pull", "-q", "--rebase"))
    assert "jobsync: installed upstream (new in COMMIT)" in said
    assert {"rebased", "upstream"} <= framework.loaded()


def test_a_fault_blocks_the_commit_and_names_what_to_write(framework: Laptop) -> None:
    head = framework.git("rev-parse", "HEAD").out
    framework.job("faulty", 'run = "true"\n[schedule]\nevery = "5 min"\n')
    framework.git("add", "-A")
    ran = framework.git("commit", "-qm", "faulty", status=1)
    assert 'jobs/faulty/job.toml: schedule.every: "5 min" is not a duration; write "5m"' in ran.text
    assert framework.git("rev-parse", "HEAD").out == head
    framework.job("faulty", 'run = "true"\n[schedule]\nevery = "5m"\n')
    assert _ours(framework.commit()) == ["jobsync: installed faulty (new in COMMIT)"]


def test_the_frameworks_copy_does_the_work_when_the_recorded_one_is_gone(framework: Laptop) -> None:
    script = (
        f"#!{sys.executable}\nimport sys\nprint('woken up', file=sys.stderr)\nfrom jobsync.entry import main\nmain()\n"
    )
    recorded = framework.put("bin/jobsync-hook", script, at=framework.root, mode=0o755)
    framework.jobsync("config", "hook", str(recorded))
    framework.jobsync("sync")
    framework.job("late")
    assert "woken up" in framework.commit().text and "late" in framework.loaded()
    recorded.unlink()
    framework.job("later")
    assert _ours(framework.commit()) == ["jobsync: installed later (new in COMMIT)"]


def test_a_recorded_hook_that_leads_back_to_the_copy_goes_round_once(framework: Laptop) -> None:
    # A version manager's shim: it asks PATH, where pre-commit has put its environment first.
    shim = framework.put("bin/shim", '#!/bin/sh\nexec jobsync-hook "$@"\n', at=framework.root, mode=0o755)
    framework.jobsync("config", "hook", str(shim))
    framework.jobsync("sync")
    framework.job("round")
    framework.git("add", "-A")
    framework.run("timeout", "20", "git", "commit", "-qm", "round")
    assert "round" in framework.loaded()


LOCAL = """\
repos:
- repo: local
  hooks:
  - id: mine
    name: mine
    language: system
    entry: jobsync-hook {}
    always_run: true
    pass_filenames: false
    stages: [post-merge, post-commit]
"""


def _states(laptop: Laptop) -> dict[str, str]:
    lines = laptop.jobsync("hooks", "status", status=None).out.splitlines()
    return {line.split()[0]: line.split()[1] for line in lines}


@pytest.mark.parametrize("event", ["auto", "post-commit"])
def test_a_hook_below_repo_local_that_calls_us_is_no_strangers(laptop: Laptop, event: str) -> None:
    laptop.put(".pre-commit-config.yaml", LOCAL.format(event))
    laptop.job("one")
    laptop.init("--no-hooks")
    laptop.run("pre-commit", "install", "-t", "post-merge", "-t", "post-commit")
    laptop.commit()
    assert laptop.loaded() == {"one"}
    states = _states(laptop)
    assert (states["post-commit"], states["post-rewrite"]) == ("installed", "missing")
    assert states["post-merge"] == ("installed" if event == "auto" else "foreign")
    laptop.put(".pre-commit-config.yaml", LOCAL.format(event).replace("    entry", "    # entry"))
    assert _states(laptop)["post-commit"] == "foreign"
