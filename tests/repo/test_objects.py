"""One `git cat-file` that answers question after question."""

import os
import signal
from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.process import TimedOut
from jobsync.repo.objects import Commit, Objects
from jobsync.repo.repository import Repository

from .sandbox import Sandbox, Work


def _counted(work: Work, log: Path) -> Repository:
    """A repository whose git writes a line for each process."""
    repository = work.opened()
    wrapper = log.with_name("git")
    wrapper.write_text(f'#!/bin/sh\necho "$@" >>{log}\nexec {repository.executable} "$@"\n')
    wrapper.chmod(0o755)
    return Repository(repository.git_dir, repository.work_tree, repository.environment, str(wrapper))


def test_head_is_the_commit_of_the_moment(work: Work) -> None:
    root = work.head
    with work.opened().kept_open() as repository:
        assert repository.commit() == Commit(root, work.git("rev-parse", "HEAD^{tree}"), ())
        second = work.commit("HEAD missing\n\nparent none", {"x": "1"})
        assert repository.commit() == Commit(second, work.git("rev-parse", "HEAD^{tree}"), (root,))
        work.git("update-ref", "refs/heads/HEAD", root)  # a branch of that very name
        assert repository.commit() == Commit(second, work.git("rev-parse", f"{second}^{{tree}}"), (root,))
        work.git("update-ref", "-d", "refs/heads/HEAD")
        work.git("switch", "-q", "-c", "side", root)
        work.commit("side", {"y": "1"})
        work.git("merge", "-q", "--no-edit", second)
        merged = repository.commit()
        assert merged
        assert (merged.id, len(merged.parents)) == (work.head, 2)
        work.git("checkout", "-q", "--detach", root)
        assert repository.commit() == Commit(root, work.git("rev-parse", "HEAD^{tree}"), ())
        work.git("switch", "-q", "--orphan", "blank")
        assert repository.commit() is None


def test_one_process_answers_until_the_end_of_the_with(work: Work, tmp_path: Path) -> None:
    # More both ways than a pipe holds: whoever writes all before reading would wait for ever.
    files = {f"jobs/j{number}/{'long-name-' * 12}": f"{number}\n" * 3000 for number in range(700)}
    work.commit("many", files)
    entries = work.opened().entries([""])
    pairs = [(path, entries[path].blob) for path in files]
    with _counted(work, tmp_path / "calls").kept_open() as repository:
        assert repository.commit()
        assert repository.blobs(pairs) == {path: text.encode() for path, text in files.items()}
        assert repository.blobs([]) == {}
        assert repository.blobs(pairs[:1]) == {pairs[0][0]: files[pairs[0][0]].encode()}
        objects = repository.objects
    assert objects is not None
    assert objects.has_ended
    assert len((tmp_path / "calls").read_text(encoding="utf-8").splitlines()) == 1
    assert repository.blobs(pairs[:1]), "what comes late starts a process of its own"
    assert len((tmp_path / "calls").read_text(encoding="utf-8").splitlines()) == 2


def test_what_git_ends_over_does_not_take_the_next_answer_with_it(work: Work) -> None:
    work.commit("filtered", {".gitattributes": "bad filter=bad\n", "bad": "x", "good": "y"})
    work.git("config", "filter.bad.smudge", "echo no use >&2; exit 1")
    work.git("config", "filter.bad.required", "true")
    with work.opened().kept_open() as repository:
        entries = repository.entries([""])
        with pytest.raises(JobsyncError, match=r"(?s)git failed with status 128.*no use"):
            repository.blobs([("good", entries["good"].blob), ("bad", entries["bad"].blob)])
        assert repository.blobs([("good", entries["good"].blob)]) == {"good": b"y"}
        assert repository.commit()


def test_a_git_that_says_nothing_is_not_waited_for_without_end() -> None:
    objects = Objects(("/bin/sh", "-c", "sleep 60 & wait"), {"PATH": "/bin:/usr/bin"}, 0.2)
    with pytest.raises(TimedOut, match="did not answer within"):
        objects.head()
    assert objects.has_ended
    objects.close()


def test_a_git_that_fills_the_pipe_of_its_complaints_is_read(work: Work) -> None:
    work.commit("filtered", {".gitattributes": "x filter=loud\n", "x": "x"})
    work.git("config", "filter.loud.smudge", "head -c 300000 /dev/zero >&2; cat")
    repository = work.opened()
    assert repository.blobs([("x", repository.entries(["x"])["x"].blob)]) == {"x": b"x"}


def test_who_is_interrupted_over_an_answer_does_not_wait_for_it(work: Work) -> None:
    work.commit("filtered", {".gitattributes": "x filter=slow\n", "x": "x"})
    work.git("config", "filter.slow.smudge", "sleep 1000")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGALRM, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), work.opened().kept_open() as repository:
            entries = repository.entries([""])
            objects = repository.objects
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            repository.blobs([("x", entries["x"].blob)])
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
    assert objects is not None
    with pytest.raises(ChildProcessError):
        os.waitpid(objects.pid, os.WNOHANG)


def test_a_repository_with_longer_ids_is_read_as_any_other(box: Sandbox) -> None:
    path = box.home / "longer"
    box.run("git", "init", "-q", "--object-format=sha256", str(path), cwd=box.home)
    work = Work(box, path)
    commit = work.commit("first", {"jobs/a/run": "a", "jobs/b/run": "b"})
    work.git("sparse-checkout", "set", "--no-cone", "/jobs/a")
    with work.opened().kept_open() as repository:
        head = repository.commit()
        assert head == Commit(commit, work.git("rev-parse", "HEAD^{tree}"), ())
        assert len(commit) == 64
        entries = repository.entries([""], commit=commit)
        assert entries.keys() == {"jobs/a/run"}
        assert entries.id_of("jobs/b") == work.git("rev-parse", "HEAD:jobs/b")
        assert repository.blobs([("jobs/a/run", entries["jobs/a/run"].blob)]) == {"jobs/a/run": b"a"}
