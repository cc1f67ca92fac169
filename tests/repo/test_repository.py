"""git's plumbing: what HEAD, index, work tree, history and configuration hold."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.repo.affected import Entry
from jobsync.repo.repository import Head, HooksPath, IndexState, Repository, Upstream

from .conftest import Pair
from .sandbox import CHECKOUT, ODD, Sandbox, Work


class TestHead:
    """Commit and branch."""

    def test_on_a_branch(self, work: Work) -> None:
        assert work.opened().head() == Head(work.head, "main")
        work.git("switch", "-q", "-c", "feature/ü")
        assert work.opened().head() == Head(work.head, "feature/ü")

    def test_detached(self, work: Work) -> None:
        work.git("checkout", "-q", "--detach")
        assert work.opened().head() == Head(work.head, None)

    def test_unborn(self, work: Work) -> None:
        work.git("switch", "-q", "--orphan", "blank")
        assert work.opened().head() == Head(None, "blank")

    def test_a_branch_named_head_confuses_nobody(self, work: Work) -> None:
        work.git("update-ref", "refs/heads/HEAD", "HEAD")
        assert work.opened().head() == Head(work.head, "main")


class TestEntries:
    """What HEAD holds."""

    def test_odd_names_and_modes(self, work: Work) -> None:
        for name in ODD:
            (work.path / os.fsdecode(name.encode("utf-8", "surrogateescape"))).write_text(
                name.encode("utf-8", "surrogateescape").hex()
            )
        (work.path / "run").write_text("x")
        (work.path / "run").chmod(0o755)
        (work.path / "link").symlink_to("run")
        work.commit("odd", {})
        repository = work.opened()
        entries = repository.entries([*ODD, "run", "link", "missing"])
        assert entries.keys() == {*ODD, "run", "link"}
        assert (entries["run"].mode, entries["link"].mode) == (0o100755, 0o120000)
        contents = repository.blobs([(name, entries[name].blob) for name in ODD])
        assert {name: content.decode() for name, content in contents.items()} == {
            name: name.encode("utf-8", "surrogateescape").hex() for name in ODD
        }

    def test_names_are_the_same_in_a_latin_1_locale(self, work: Work) -> None:
        work.commit("umlaut", {"jobs/ü/run": "x"})
        script = (
            "import os; from jobsync.repo.place import open_repository;"
            f"r = open_repository({str(work.git_dir)!r}, {str(work.path)!r}, os.environ);"
            "print(ascii(sorted(r.entries([b'jobs/\\xc3\\xbc'.decode()]))))"
        )
        environ = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        result = work.box.run(sys.executable, "-c", script, cwd=work.path, environ=environ)
        assert result.stdout == b"['jobs/\\xfc/run']\n"

    def test_the_whole_repository_and_nothing(self, work: Work) -> None:
        repository = work.opened()
        assert repository.entries([]) == {}
        assert repository.entries(["."]).keys() == {"README"}

    def test_what_sparse_checkout_leaves_out_is_left_out(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "a", "jobs/b/run": "b"})
        work.git("sparse-checkout", "set", "--no-cone", "/jobs/a")
        assert work.opened().entries(["jobs"]).keys() == {"jobs/a/run"}

    def test_a_submodule_is_its_pointer(self, work: Work, box: Sandbox) -> None:
        library = box.repository(box.home / "library")
        work.git("submodule", "add", "-q", str(library.path), "lib")
        work.commit("with it", {})
        assert work.opened().entries(["lib"]) == {"lib": Entry(0o160000, library.head)}

    def test_without_a_commit_it_is_an_error_and_not_an_empty_list(self, work: Work) -> None:
        work.git("switch", "-q", "--orphan", "blank")
        with pytest.raises(JobsyncError, match="git failed"):
            work.opened().entries(["jobs"])

    def test_ids_of_trees_and_blobs_are_known_with_them(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "a", "jobs/b/run": "b"})
        work.git("sparse-checkout", "set", "--no-cone", "/jobs/a", "/README")
        entries = work.opened().entries([""])
        for path in ("jobs", "jobs/a", "jobs/b", "jobs/a/run", "README"):
            assert entries.id_of(path) == work.git("rev-parse", f"HEAD:{path}")
        assert entries.id_of("missing") is entries.id_of("") is entries.id_of("jobs/b/run") is None

    def test_those_of_a_commit_stay_when_head_moves_on(self, work: Work) -> None:
        before = work.opened().commit()
        work.commit("jobs", {"jobs/a/run": "a"})
        assert before
        assert work.opened().entries([""], commit=before.id, skipped=frozenset({"x"})).keys() == {"README"}
        assert work.opened().entries([""], skipped=frozenset({"README"})).keys() == {"jobs/a/run"}

    def test_the_index_says_what_is_odd_about_it(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "a", "jobs/b/run": "b"})
        assert work.opened().index_state() == IndexState(has_conflicts=False, skipped=frozenset())
        work.git("switch", "-q", "-c", "side", "HEAD~1")
        work.commit("other", {"README": "side\n"})
        work.git("switch", "-q", "main")
        work.commit("main", {"README": "main\n"})
        assert work.status("merge", "-q", "side") == 1
        work.git("update-index", "--skip-worktree", "jobs/b/run")
        assert work.opened().index_state().skipped == frozenset(), "it is there all the same"
        (work.path / "jobs/b/run").unlink()
        assert work.opened().index_state() == IndexState(has_conflicts=True, skipped=frozenset({"jobs/b/run"}))


class TestWorkTreeEntries:
    """What a commit would hold."""

    def test_a_clean_work_tree_lists_what_head_lists(self, work: Work, box: Sandbox) -> None:
        library = box.repository(box.home / "library")
        work.git("submodule", "add", "-q", str(library.path), "jobs/lib")
        work.git("config", "filter.upper.clean", "tr a-z A-Z")
        work.write({".gitattributes": "jobs/a/* filter=upper\n", "jobs/a/run": "loud"})
        for name in ODD:
            (work.path / "jobs" / os.fsdecode(name.encode("utf-8", "surrogateescape"))).write_text(name[:3])
        (work.path / "jobs/a/run").chmod(0o700)
        (work.path / "jobs/link").symlink_to("a/run")
        (work.path / "jobs/dangling").symlink_to("nowhere")
        work.commit("all kinds", {})
        repository = work.opened()
        assert repository.work_tree_entries(["jobs"]) == repository.entries(["jobs"])
        assert repository.work_tree_entries([""]) == repository.entries([""])
        assert repository.work_tree_entries(["nothing"]) == {}

    def test_edits_count_and_ignored_files_do_not(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "1", "jobs/a/gone": "1", ".gitignore": "*.log\n"})
        work.write({"jobs/a/run": "2", "jobs/a/new": "1", "jobs/a/x.log": "1"})
        (work.path / "jobs/a/gone").unlink()
        os.mkfifo(work.path / "jobs/a/pipe")
        listed = work.opened().work_tree_entries(["jobs"])
        work.git("add", "jobs/a/run", "jobs/a/new")
        work.git("commit", "-q", "-a", "-m", "the same")
        assert listed.keys() == {"jobs/a/run", "jobs/a/new"}
        assert listed == work.opened().entries(["jobs"])

    def test_what_finder_leaves_counts_where_it_was_committed(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "1", "jobs/b/.DS_Store": "1"})
        work.write({"jobs/.DS_Store": "2", "jobs/a/.DS_Store": "2", "jobs/b/.DS_Store": "2"})
        assert work.opened().work_tree_entries(["jobs"]).keys() == {"jobs/a/run", "jobs/b/.DS_Store"}

    def test_a_file_that_goes_meanwhile_counts_as_not_there(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        """A daemon writes beside its script while it runs: a journal, a lock that is a link."""
        work.commit("jobs", {"jobs/a/run": "1"})
        journal, lock = work.path / "jobs/a/journal", work.path / "jobs/a/lock"
        journal.write_text("1")
        lock.symlink_to("4711")
        hashed = Repository._ids_on_disk

        def late(repository: Repository, paths: Sequence[str]) -> dict[str, str]:
            journal.unlink(missing_ok=True)
            lock.unlink(missing_ok=True)
            return hashed(repository, paths)

        monkeypatch.setattr(Repository, "_ids_on_disk", late)
        repository = work.opened()
        assert repository.work_tree_entries(["jobs"]) == repository.entries(["jobs"])

    def test_a_filter_that_fails_is_no_file_that_is_gone(self, work: Work) -> None:
        work.commit("jobs", {"jobs/a/run": "1", ".gitattributes": "jobs/a/* filter=broken\n"})
        work.git("config", "filter.broken.clean", "false")
        work.git("config", "filter.broken.required", "true")
        with pytest.raises(JobsyncError, match="git failed with status 128"):
            work.opened().work_tree_entries(["jobs"])


class TestBlobs:
    """Contents as a checkout writes them."""

    def test_smudge_filters_are_applied_and_may_change_the_size(self, work: Work) -> None:
        work.git("config", "filter.loud.smudge", "sed s/secret/very-very-secret/")
        work.git("config", "filter.loud.clean", "sed s/very-very-secret/secret/")
        work.commit("filtered", {".gitattributes": "x filter=loud\n", "x": "very-very-secret\n", "y": "secret\n"})
        repository = work.opened()
        entries = repository.entries(["x", "y"])
        pairs = [(path, entry.blob) for path, entry in entries.items()]
        assert repository.blobs(pairs) == {"x": b"very-very-secret\n", "y": b"secret\n"}
        assert repository.raw(entries["x"].blob) == b"secret\n"

    def test_content_that_looks_like_gits_answers_is_content(self, work: Work) -> None:
        nasty = "deadbeef missing\n\n\nabc blob 3\nx\n\n"
        work.commit("nasty", {"a": nasty, "b": "", "c": "no line end"})
        repository = work.opened()
        pairs = [(path, entry.blob) for path, entry in repository.entries(["a", "b", "c"]).items()]
        assert repository.blobs(pairs) == {"a": nasty.encode(), "b": b"", "c": b"no line end"}
        assert repository.blobs([]) == {}

    def test_a_blob_that_is_missing_is_named(self, work: Work) -> None:
        with pytest.raises(JobsyncError, match="jobs/a: its content is missing"):
            work.opened().blobs([("jobs/a", "1" * 40)])

    def test_a_filter_that_fails_is_an_error(self, work: Work) -> None:
        work.commit("filtered", {".gitattributes": "x filter=bad\n", "x": "x\n"})
        work.git("config", "filter.bad.smudge", "exit 1")
        work.git("config", "filter.bad.required", "true")
        repository = work.opened()
        with pytest.raises(JobsyncError, match="git failed"):
            repository.blobs([("x", repository.entries(["x"])["x"].blob)])

    def test_a_git_that_answers_less_than_asked_is_an_error(self, work: Work, tmp_path: Path) -> None:
        repository = work.opened()
        fake = tmp_path / "git"
        fake.write_text("#!/bin/sh\nread line\necho $line blob 1\necho sorry >&2\nexit 3\n")
        fake.chmod(0o755)
        quiet = type(repository)(repository.git_dir, repository.work_tree, repository.environment, str(fake))
        with pytest.raises(JobsyncError, match=r"status 3.*sorry"):
            quiet.blobs([("README", "1" * 40)])


class TestHistory:
    """Words for messages; a commit that is gone is no error."""

    def test_commits_that_touch_our_paths_are_counted(self, work: Work) -> None:
        start = work.head
        work.commit("ours", {"jobs/a/run": "1"})
        work.commit("not ours", {"other": "1"})
        repository = work.opened()
        assert repository.commits_since(start, ["jobs"]) == 1
        assert repository.commits_since(start, ["."]) == 2
        assert repository.commits_since("1" * 40, ["jobs"]) is None

    def test_a_subject(self, work: Work) -> None:
        commit = work.commit("Grüße: first line\n\nmore", {})
        assert work.opened().subject(commit) == "Grüße: first line"
        assert work.opened().subject("1" * 40) is None

    def test_without_a_reflog_there_is_no_last_move(self, work: Work) -> None:
        shutil.rmtree(work.git_dir / "logs")
        assert work.opened().last_move() is None

    def test_replaced_objects_do_not_deceive(self, work: Work) -> None:
        work.commit("one", {"x": "1"})
        blob = work.git("rev-parse", "HEAD:x")
        (work.path / "lie").write_text("lie")
        work.git("replace", blob, work.git("hash-object", "-w", "lie"))
        assert work.opened().blobs([("x", blob)]) == {"x": b"1"}


class TestConfig:
    """What init and the carriers ask."""

    def test_hooks_directory_of_a_linked_work_tree_is_the_shared_one(self, work: Work, box: Sandbox) -> None:
        work.git("worktree", "add", "-q", str(box.home / "linked"))
        linked = Work(box, box.home / "linked").opened()
        assert linked.hooks_directory() == linked.common_directory() / "hooks" == work.git_dir / "hooks"

    def test_hooks_path_and_where_it_is_set(self, work: Work, box: Sandbox) -> None:
        assert work.opened().hooks_path() is None
        work.git("config", "--global", "core.hooksPath", "~/hooks")
        assert work.opened().hooks_path() == HooksPath("global", "~/hooks")
        assert work.opened().hooks_directory() == box.home / "hooks"
        work.git("config", "core.hooksPath", "mine")
        assert work.opened().hooks_path() == HooksPath("local", "mine")
        assert work.opened().hooks_directory() == work.path / "mine"

    def test_the_upstream_in_words(self, pair: Pair) -> None:
        assert pair.laptop.opened().upstream() == Upstream("origin", "main")
        pair.laptop.git("switch", "-q", "-c", "side", "--no-track")
        assert pair.laptop.opened().upstream() is None
        pair.laptop.git("checkout", "-q", "--detach")
        assert pair.laptop.opened().upstream() is None

    @pytest.mark.parametrize("remote", [".", "my/origin", "https://example.org/dotfiles.git"])
    def test_an_upstream_that_is_no_remote_of_a_plain_name(self, work: Work, remote: str) -> None:
        """As `git switch -c main --track other` and `git push -u URL` set it."""
        work.git("config", "branch.main.remote", remote)
        work.git("config", "branch.main.merge", "refs/heads/other/one")
        assert work.opened().upstream() == Upstream(remote, "other/one")

    def test_an_upstream_in_a_configuration_that_is_not_in_utf_8(self, work: Work) -> None:
        with (work.git_dir / "config").open("ab") as config:
            config.write(b"[user]\n\tname = Andr\xe9\n")
        assert work.opened().upstream() is None

    @pytest.mark.filterwarnings("error")
    def test_a_directory_named_like_a_variable_is_none(self, pair: Pair, box: Sandbox) -> None:
        clone = box.clone(pair.origin, box.home / "$HOME")
        assert clone.opened().upstream() == Upstream("origin", "main")


def test_gitpython_is_not_imported_until_it_is_needed() -> None:
    script = (
        "import sys, jobsync.repo.situation, jobsync.repo.carriers, jobsync.repo.trees; print('git' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, cwd=CHECKOUT, check=True, timeout=60)
    assert result.stdout == b"False\n"
