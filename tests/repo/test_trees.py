"""The two trees: the same questions, the disk's answer and HEAD's."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from jobsync.definitions.job import Tree
from jobsync.errors import JobsyncError
from jobsync.repo.trees import HeadTree, WorkTree

from ..scratch import SCRATCH
from .sandbox import CHECKOUT, ODD, Sandbox, Work

Make = Callable[[Work], Tree]


def _on_disk(work: Work) -> Tree:
    return WorkTree(str(work.path))


def _in_head(work: Work) -> Tree:
    return HeadTree(work.opened(), ["jobs"])


@pytest.fixture(params=[_on_disk, _in_head], ids=["disk", "head"])
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


def _links(work: Work, links: dict[str, str]) -> None:
    for name, target in links.items():
        (work.path / name).parent.mkdir(parents=True, exist_ok=True)
        (work.path / name).symlink_to(target)


class TestBothTrees:
    """Where the work tree is clean, nobody can tell them apart."""

    def test_names_contents_and_modes(self, work: Work, make: Make) -> None:
        work.write({"jobs/a/run": "run a", "jobs/a/job.toml": "a", "jobs/b/job.toml": "b"})
        (work.path / "jobs/a/run").chmod(0o700)
        work.commit("jobs", {})
        tree = make(work)
        assert tree.names("jobs") == ("a", "b")
        assert tree.names("jobs/a/") == ("job.toml", "run")
        assert tree.names(".") == ("README", "jobs")
        assert tree.names("jobs/a/run") is None
        assert tree.names("nothing/here") is None
        assert (tree.read("jobs/a/run"), tree.read("jobs/b/job.toml")) == (b"run a", b"b")
        assert tree.read("jobs/a") is None
        assert tree.read("jobs/c/job.toml") is None
        assert tree.read("README") == b"hello\n"
        assert [tree.mode(path) for path in ("jobs/a/run", "jobs/a/job.toml", "jobs/a", "jobs/none")] == [
            0o100755,
            0o100644,
            0o040000,
            None,
        ]

    def test_links_are_followed_inside_the_repository(self, work: Work, make: Make) -> None:
        work.write({"lib/real": "content", "jobs/a/x": ""})
        _links(
            work,
            {
                "jobs/a/run": "../../lib/real",
                "jobs/linked": "a",
                "jobs/a/absolute": f"{work.path}/lib/real",
                "jobs/a/twice": "run",
                "jobs/a/dangling": "nothing",
                "jobs/a/to-lib": "../../lib",
            },
        )
        work.commit("links", {})
        tree = make(work)
        for name in ("run", "absolute", "twice", "to-lib/real", "to-lib/../jobs/a/run"):
            assert tree.read(f"jobs/a/{name}") == b"content", name
        assert tree.read("jobs/linked/run") == b"content"
        assert tree.names("jobs/linked") == tree.names("jobs/a")
        assert tree.names("jobs/a/to-lib") == ("real",)
        assert (tree.mode("jobs/a/run"), tree.mode("jobs/linked")) == (0o120000, 0o120000)
        assert tree.mode("jobs/a/to-lib/real") == 0o100644
        assert tree.read("jobs/a/dangling") is None

    def test_links_that_lead_out_are_refused_by_name(self, work: Work, make: Make) -> None:
        _links(work, {"jobs/a/up": "../../../x", "jobs/a/etc": "/etc/hostname", "jobs/a/loop": "loop", "jobs/out": "/"})
        work.commit("links", {})
        tree = make(work)
        for path in ("jobs/a/up", "jobs/a/etc", "jobs/out/etc/hostname", "../x"):
            with pytest.raises(JobsyncError, match=f"{path}.*leads out"):
                tree.read(path)
        with pytest.raises(JobsyncError, match="leads out"):
            tree.mode("jobs/out/etc")
        with pytest.raises(JobsyncError, match="circles"):
            tree.read("jobs/a/loop")

    def test_a_repository_inside_the_repository_is_not_looked_into(self, work: Work, make: Make, box: Sandbox) -> None:
        box.repository(box.home / "library").commit("job", {"job.toml": "x"})
        work.git("submodule", "add", "-q", str(box.home / "library"), "jobs/lib")
        work.commit("submodule", {})
        tree = make(work)
        assert tree.names("jobs") == ("lib",)
        with pytest.raises(JobsyncError, match="jobs/lib is a repository of its own"):
            tree.names("jobs/lib")
        assert tree.read("jobs/lib") is None
        assert tree.read("jobs/lib/job.toml") is None
        assert tree.mode("jobs/lib") is None

    def test_odd_names(self, work: Work, make: Make) -> None:
        for name in ODD:
            place = work.path / "jobs" / os.fsdecode(name.encode("utf-8", "surrogateescape"))
            place.mkdir(parents=True)
            (place / "run").write_bytes(name.encode("utf-8", "surrogateescape"))
        work.commit("odd", {})
        tree = make(work)
        assert tree.names("jobs") == tuple(sorted(ODD))
        for name in ODD:
            assert tree.read(f"jobs/{name}/run") == name.encode("utf-8", "surrogateescape")


class TestWorkTree:
    """The disk as it is."""

    def test_uncommitted_and_untracked_files_count(self, work: Work) -> None:
        work.write({"README": "edited", "jobs/new/job.toml": "new"})
        tree = WorkTree(str(work.path))
        assert (tree.read("README"), tree.read("jobs/new/job.toml")) == (b"edited", b"new")

    def test_what_git_cannot_hold_is_nothing(self, work: Work) -> None:
        os.mkfifo(work.path / "pipe")
        tree = WorkTree(str(work.path))
        assert (tree.mode("pipe"), tree.read("pipe")) == (None, None)

    def test_a_name_that_is_too_long_is_named_and_not_a_crash(self, work: Work) -> None:
        tree = WorkTree(str(work.path))
        for ask in (tree.names, tree.read, tree.mode):
            with pytest.raises(JobsyncError, match="cannot read x"):
                ask("x" * 300)

    def test_what_cannot_be_read_is_named(self) -> None:
        # Not in tmp_path: root's is closed to the user that root has to become for this.
        place = Path(tempfile.mkdtemp(dir=SCRATCH))
        place.chmod(0o755)
        (place / "shut").mkdir()
        (place / "shut" / "in").write_text("x")
        (place / "secret").write_text("x")
        for name in ("shut", "secret"):
            (place / name).chmod(0)
        script = (
            "import os, sys\n"
            "from jobsync.errors import JobsyncError\n"
            "from jobsync.repo.trees import WorkTree\n"
            "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
            f"tree = WorkTree({str(place)!r})\n"
            "for ask, path in ((tree.names, 'shut'), (tree.read, 'secret'), (tree.mode, 'shut/in')):\n"
            "    try: print('no error', ask(path))\n"
            "    except JobsyncError as error: print(error)\n"
        )
        result = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, cwd=CHECKOUT, check=False, timeout=60
        )
        (place / "shut").chmod(0o700)
        shutil.rmtree(place)
        assert result.stdout.splitlines() == [
            f"cannot read {path}: Permission denied" for path in ("shut", "secret", "shut/in")
        ], result.stderr


class TestHeadTree:
    """The commit, whatever the disk says."""

    def test_the_disk_does_not_matter(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/job.toml": "committed"})
        work.write({"jobs/a/job.toml": "edited", "jobs/b/job.toml": "untracked"})
        tree = HeadTree(work.opened(), ["jobs"])
        assert tree.names("jobs") == ("a",)
        assert tree.read("jobs/a/job.toml") == b"committed"

    def test_files_of_one_name_are_read_in_one_process(self, work: Work, tmp_path: Path) -> None:
        work.commit("jobs", {f"jobs/j{number}/{name}": f"{name} {number}" for number in range(20) for name in "ab"})
        log, wrapper = tmp_path / "calls", tmp_path / "git"
        repository = work.opened()
        wrapper.write_text(f'#!/bin/sh\necho x >>{log}\nexec {repository.executable} "$@"\n')
        wrapper.chmod(0o755)
        counted = type(repository)(repository.git_dir, repository.work_tree, repository.environment, str(wrapper))
        tree = HeadTree(counted, ["jobs"])
        for number in range(20):
            for name in "ab":
                assert tree.read(f"jobs/j{number}/{name}") == f"{name} {number}".encode()
        assert len(log.read_text().splitlines()) == 4

    def test_a_file_that_cannot_be_had_does_not_take_the_others_with_it(self, work: Work) -> None:
        work.commit("filtered", {".gitattributes": "jobs/a/* filter=bad\n", "jobs/a/run": "a", "jobs/b/run": "b"})
        work.git("config", "filter.bad.smudge", "exit 1")
        work.git("config", "filter.bad.required", "true")
        tree = HeadTree(work.opened(), ["jobs"])
        assert tree.read("jobs/b/run") == b"b"
        with pytest.raises(JobsyncError):
            tree.read("jobs/a/run")

    def test_a_job_directory_alone_can_be_asked_for(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "a", "jobs/b/run": "b", "lib/x": "x"})
        tree = HeadTree(work.opened(), ["jobs/a"])
        assert tree.read("jobs/a/run") == b"a"
        assert tree.names("jobs") == ("a", "b")
        assert tree.read("lib/x") == b"x"

    def test_those_that_are_read_together_leave_the_others_alone(self, work: Work, tmp_path: Path) -> None:
        work.commit("jobs", {f"jobs/{name}/run": name for name in "abc"})
        log, wrapper = tmp_path / "questions", tmp_path / "git"
        repository = work.opened()
        wrapper.write_text(f'#!/bin/sh\ntee -a {log} | {repository.executable} "$@"\n')
        wrapper.chmod(0o755)
        noted = type(repository)(repository.git_dir, repository.work_tree, repository.environment, str(wrapper))
        tree = HeadTree(noted, ["jobs"], repository.entries([""]), ["jobs/a", "jobs/b", "jobs/new"])
        assert [tree.read(f"jobs/{name}/run") for name in "abcd"] == [b"a", b"b", b"c", None]
        assert [line.partition(" ")[2] for line in log.read_text(encoding="utf-8").splitlines() if " " in line] == [
            "jobs/a/run", "jobs/b/run", "jobs/c/run",
        ]  # fmt: skip
