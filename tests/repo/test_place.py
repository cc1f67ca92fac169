"""Finding a repository: its place, its owner, and an environment that leaks nothing."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.repo.place import Place, clean_environment, identity, locate, open_repository

from .conftest import Pair
from .sandbox import Sandbox, Work


def _where(work: Work, cwd: Path | None = None, **environ: str) -> Place | None:
    return locate({**work.box.environ, **environ}, str(cwd or work.path))


class TestCleanEnvironment:
    """What is started must not find the git command around us."""

    def test_nothing_of_git_pre_commit_or_a_virtual_environment_stays(self) -> None:
        dirty = {
            "GIT_DIR": ".git",
            "GIT_REFLOG_ACTION": "pull",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_EDITOR": ":",
            "GITHEAD_" + "a" * 40: "origin/main",
            "PRE_COMMIT": "1",
            "PRE_COMMIT_FROM_REF": "x",
            "_PRE_COMMIT_SKIP_POST_CHECKOUT": "1",
            "VIRTUAL_ENV": "/venv",
            "LC_ALL": "de_DE",
            "HOME": "/home/ada",
        }
        clean = clean_environment(dirty)
        assert clean.pop("HOME") == "/home/ada"
        assert clean == {
            "LC_ALL": "C",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
        }

    def test_gits_own_programs_leave_the_path(self) -> None:
        environ = {"GIT_EXEC_PATH": "/opt/git/exec", "PATH": "/opt/git/exec:/usr/lib/git-core/:/usr/bin:/bin"}
        assert clean_environment(environ)["PATH"] == "/usr/bin:/bin"

    def test_a_hook_in_a_linked_work_tree_can_look_at_another_repository(self, pair: Pair, box: Sandbox) -> None:
        other = box.repository(box.home / "other")
        script = (
            "import os; from jobsync.repo.place import open_repository;"
            f"r = open_repository({str(other.git_dir)!r}, {str(other.path)!r}, os.environ);"
            "print(sorted(r.entries(['.'])), os.environ['GIT_DIR'])"
        )
        hook = pair.laptop.git_dir / "hooks" / "post-commit"
        hook.write_text(f'#!/bin/sh\n{sys.executable} -c "{script}" >{box.home}/out\n')
        pair.laptop.git("worktree", "add", "-q", str(box.home / "linked"))
        Work(box, box.home / "linked").commit("there", {"x": "x"})
        listed, _, leaked = (box.home / "out").read_text().partition("] ")
        assert listed == "['README'"
        assert "worktrees" in leaked

    def test_a_work_tree_of_dot_does_not_follow_us_elsewhere(self, work: Work, box: Sandbox) -> None:
        dirty = {**box.environ, "GIT_DIR": str(work.git_dir), "GIT_WORK_TREE": ".", "GIT_INDEX_FILE": "/nowhere"}
        assert open_repository(str(work.git_dir), str(work.path), dirty).entries(["README"]).keys() == {"README"}


class TestLocate:
    """One question with the environment as it is."""

    def test_the_top_of_a_plain_repository_from_below(self, work: Work) -> None:
        below = work.path / "a"
        below.mkdir()
        assert _where(work, below) == Place(str(work.git_dir), str(work.git_dir), str(work.path), None)

    def test_no_repository_and_no_work_tree_are_no_place(self, work: Work, tmp_path: Path) -> None:
        assert _where(work, tmp_path) is None
        assert _where(work, work.git_dir) is None

    def test_a_linked_work_tree_and_a_submodule_are_told_apart(self, work: Work, box: Sandbox) -> None:
        box.repository(box.home / "library")
        work.git("submodule", "add", "-q", str(box.home / "library"), "lib")
        work.git("worktree", "add", "-q", str(box.home / "linked"))
        linked, submodule = _where(work, box.home / "linked"), _where(work, work.path / "lib")
        assert linked and submodule
        assert (linked.git_dir != linked.common_dir, linked.superproject) == (True, None)
        assert (submodule.git_dir == submodule.common_dir, submodule.superproject) == (True, str(work.path))

    def test_a_link_on_the_way_gives_the_physical_places(self, work: Work, box: Sandbox) -> None:
        link = box.home / "link"
        link.symlink_to(work.path)
        place = _where(work, link)
        assert place == _where(work)
        assert identity(str(link / ".git"), str(link)) == identity(str(work.git_dir), str(work.path))

    def test_bare_repository_dotfiles_are_found_by_their_variables(self, work: Work, box: Sandbox) -> None:
        place = _where(work, box.home, GIT_DIR=str(work.git_dir), GIT_WORK_TREE=".")
        assert place == Place(str(work.git_dir), str(work.git_dir), str(box.home), None)

    @pytest.mark.parametrize(("above", "processes"), [(False, 1), (True, 2)])
    def test_git_asks_no_other_git_where_nothing_above_can_hold_a_submodule(
        self, work: Work, box: Sandbox, tmp_path: Path, above: bool, processes: int
    ) -> None:
        if above:
            box.run("git", "init", "-q", cwd=work.path.parent)
        trace = tmp_path / "trace"
        place = _where(work, GIT_TRACE2_EVENT=str(trace))
        assert place == Place(str(work.git_dir), str(work.git_dir), str(work.path), None)
        assert trace.read_text(encoding="utf-8").count('"event":"start"') == processes

    def test_what_ends_a_line_for_python_alone_may_stand_in_the_path(self, box: Sandbox) -> None:
        odd = box.repository(box.home / "form\ffeed, next\x85line, line\u2028separator")
        place = _where(odd)
        assert place and place.work_tree == str(odd.path)

    def test_a_line_break_in_the_path_is_refused(self, box: Sandbox) -> None:
        odd = box.repository(box.home / "odd\nplace")
        with pytest.raises(JobsyncError, match="cannot tell where"):
            _where(odd)

    def test_no_git_at_all_is_said(self, work: Work, tmp_path: Path) -> None:
        with pytest.raises(JobsyncError, match="git is not found"):
            locate({"PATH": str(tmp_path)}, str(work.path))

    def test_a_git_that_fails_otherwise_is_said(self, work: Work, tmp_path: Path) -> None:
        fake = tmp_path / "git"
        fake.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
        fake.chmod(0o755)
        with pytest.raises(JobsyncError, match=r"status 3.*broken"):
            locate({"PATH": f"{tmp_path}:{os.environ['PATH']}"}, str(work.path))

    def test_git_from_its_own_directory_of_programs_is_used_when_there_is_no_other(
        self, work: Work, tmp_path: Path
    ) -> None:
        core = tmp_path / "git-core"
        core.mkdir()
        found = shutil.which("git")
        assert found
        (core / "git").symlink_to(found)
        place = locate({**work.box.environ, "PATH": str(core)}, str(work.path))
        assert place and place.work_tree == str(work.path)


class TestOwner:
    """An explicit git directory makes git skip its own check."""

    def test_a_repository_that_is_gone(self, work: Work) -> None:
        with pytest.raises(JobsyncError, match="not reachable"):
            open_repository(str(work.path / "gone"), str(work.path), work.box.environ)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    @pytest.mark.parametrize("place", [".", ".git"])
    def test_root_does_not_act_on_another_users_repository(self, work: Work, place: str) -> None:
        os.chown(work.path / place, 12345, 12345)
        with pytest.raises(JobsyncError, match="belongs to another user") as caught:
            open_repository(str(work.path / ".git"), str(work.path), work.box.environ)
        assert "owner" in (caught.value.hint or "")

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
    def test_gits_own_refusal_is_passed_on_in_words(self, work: Work) -> None:
        os.chown(work.path, 12345, 12345)
        with pytest.raises(JobsyncError, match="another user"):
            _where(work)


@pytest.mark.parametrize(
    "said",
    [
        "fatal: detected dubious ownership in repository at '/srv/dotfiles'",
        # git 2.31.2 to 2.36.0, and Apple's 2.32.1.
        "fatal: unsafe repository ('/srv/dotfiles' is owned by someone else)",
    ],
)
def test_a_repository_that_git_distrusts_is_told_from_none(said: str, tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text(f'#!/bin/sh\necho "{said}" >&2\nexit 128\n', encoding="utf-8")
    git.chmod(0o755)
    with pytest.raises(JobsyncError, match="belongs to another user"):
        locate({"PATH": f"{tmp_path}:/usr/bin:/bin"}, str(tmp_path))
