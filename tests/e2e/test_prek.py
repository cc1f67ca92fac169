"""Through prek, the other runner of pre-commit's hooks, and through the ids that build no environment."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..laptop import JOB, Laptop, Ran
from ..scratch import SCRATCH

CHECKOUT = Path(__file__).resolve().parents[2]
STAGES = ("post-merge", "post-checkout", "post-rewrite", "post-commit")
IDS = ("jobsync-check-system", *(f"jobsync-{stage}-system" for stage in STAGES))


# pre-commit runs the ids that build an environment in test_pre_commit.py; in `make trust` it runs these too.
TOOLS = ["prek", "pre-commit"] if os.environ.get("TRUST_GIT") == "all" else ["prek"]


@pytest.fixture(params=TOOLS)
def framework(request: pytest.FixtureRequest) -> Iterator[Laptop]:
    """A laptop whose dotfiles repository has a framework with our ids instead of hooks of our own."""
    tool = str(request.param)
    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Laptop.start(Path(root)) as laptop:
        laptop.environment |= {"PREK_HOME": f"{root}/prek", "PRE_COMMIT_HOME": f"{root}/pre-commit"}
        published = laptop.root / "jobsync.git"
        published.mkdir()
        shutil.copy(CHECKOUT / ".pre-commit-hooks.yaml", published)
        for command in ("init -q", "add -A", "commit -qm release", "tag v1.0.0"):
            laptop.git(*command.split(), at=published)
        hooks = "".join(f"  - id: {one}\n" for one in IDS)
        stages = ", ".join(("pre-commit", *STAGES))
        text = f"default_install_hook_types: [{stages}]\nrepos:\n- repo: {published}\n  rev: v1.0.0\n  hooks:\n{hooks}"
        laptop.put(".pre-commit-config.yaml", text, at=laptop.editor)
        laptop.job("keep", at=laptop.editor)
        laptop.push("use a framework")
        laptop.pull()
        laptop.run(tool, "install")
        laptop.init("--no-hooks")
        laptop.jobsync("sync")
        yield laptop


def ours(ran: Ran) -> list[str]:
    return [line.strip() for line in (ran.out + ran.told).splitlines() if "jobsync: " in line]


def test_a_pull_a_switch_an_amend_and_a_rebase_sync(framework: Laptop) -> None:
    framework.upstream("one")
    framework.mutations()
    assert ours(framework.pull()) == ["jobsync: installed one (new in COMMIT)"]
    assert [call[0] for call in framework.mutations()] == ["bootstrap"]
    framework.git("switch", "-q", "-c", "older", "HEAD~1")
    assert framework.installed() == {"keep"}
    framework.git("switch", "-q", "main")
    assert framework.installed() == {"keep", "one"}
    framework.job("mine")
    framework.git("add", "-A")
    framework.git("commit", "-q", "--amend", "--no-edit")
    assert framework.installed() == {"keep", "one", "mine"}
    framework.git("reset", "-q", "--hard", "origin/main")
    framework.put("notes", "x\n")
    framework.commit()
    framework.upstream("two")
    assert any("installed two" in line for line in ours(framework.git("pull", "-q", "--rebase")))
    assert framework.loaded() == {"keep", "one", "two"}


def test_nothing_to_do_says_nothing_and_a_squash_waits(framework: Laptop) -> None:
    assert ours(framework.git("commit", "-q", "--allow-empty", "-m", "nothing")) == []
    framework.upstream("squashed")
    framework.git("fetch", "-q")
    assert ours(framework.git("merge", "-q", "--squash", "origin/main")) == [
        "jobsync: squash merge: jobs follow when it is committed"
    ]
    assert "squashed" not in framework.installed()
    assert any("installed squashed" in line for line in ours(framework.git("commit", "-qm", "squash")))
    framework.git("reset", "-q", "--hard", "origin/main")


def test_a_fault_blocks_the_commit_though_the_work_tree_is_mended(framework: Laptop) -> None:
    framework.job("faulty", JOB.replace("09:00", "25:00"))
    framework.git("add", "-A")
    framework.job("faulty")
    assert 'schedule.at: "25:00"' in framework.git("commit", "-qm", "faulty", status=1).text
    framework.git("rm", "-rfq", "jobs/faulty")


def test_status_names_the_framework_and_tries_it_when_asked(framework: Laptop) -> None:
    def hooks(*options: str) -> list[tuple[str | None, bool | None]]:
        (repo,) = json.loads(framework.jobsync("hooks", "status", "--json", *options).out)["repos"]
        return [(hook["carrier"], hook["reached"]) for hook in repo["hooks"]]

    tool = "prek" if (framework.root / "prek").exists() else "pre-commit"
    assert hooks() == [(tool, None)] * 4 + [(None, None)]
    assert hooks("--run") == [(tool, True)] * 4 + [(None, None)]
    assert f"({tool})" in framework.jobsync("hooks", "status").out
    every = ",".join(IDS)
    off = framework.jobsync("hooks", "status", "--run", env={"SKIP": every}, status=1)
    assert off.out.endswith(f"\n`SKIP={every}`, which is set here, may be why: try again without it\n")
    assert "doctor" not in off.err


def test_a_jobsync_that_is_gone_fails_no_git_command(framework: Laptop) -> None:
    kept = {
        "PATH": ":".join(
            one for one in framework.environment["PATH"].split(":") if not (Path(one) / "jobsync").exists()
        )
    }
    tools = framework.root / "tools"
    tools.mkdir()
    for tool in ("prek", "pre-commit"):
        (tools / tool).symlink_to(shutil.which(tool, path=framework.environment["PATH"]) or "")
    environment = {"PATH": f"{tools}:{kept['PATH']}"}
    framework.git("switch", "-q", "-c", "without", env=environment)
    framework.git("commit", "-q", "--allow-empty", "-m", "without", env=environment)
    framework.git("switch", "-q", "main", env=environment)


def test_a_hook_file_of_ours_behind_it_is_one_sync_and_one_message(framework: Laptop) -> None:
    framework.jobsync("hooks", "install")
    framework.upstream("both")
    framework.mutations()
    assert ours(framework.pull()) == ["jobsync: installed both (new in COMMIT)"]
    assert [call[0] for call in framework.mutations()] == ["bootstrap"]
    framework.jobsync("hooks", "uninstall")
