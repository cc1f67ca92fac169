"""Fixtures: a sandboxed git, a repository, an origin with two clones, recording hooks."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from .sandbox import Recorder, Sandbox, Work


@dataclass
class Pair:
    """An origin, the editor's clone that pushes, and the laptop's whose hooks are watched."""

    origin: Path
    editor: Work
    laptop: Work
    recorder: Recorder

    def publish(self, subject: str, files: dict[str, str]) -> str:
        """Commit at the editor and push."""
        commit = self.editor.commit(subject, files)
        self.editor.git("push", "-q", "origin", "HEAD")
        return commit


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path / "home")


@pytest.fixture
def work(box: Sandbox) -> Work:
    return box.repository(box.home / "dotfiles")


@pytest.fixture
def recorder(box: Sandbox) -> Recorder:
    recorder = Recorder(box)
    recorder.registrations.write_text("")
    return recorder


@pytest.fixture
def pair(box: Sandbox, recorder: Recorder) -> Pair:
    origin = box.home / "origin.git"
    box.run("git", "init", "-q", "--bare", str(origin), cwd=box.home)
    editor = box.clone(origin, box.home / "editor")
    editor.commit("first", {"jobs/a/job.toml": "one\n", "shared": "base\n"})
    editor.git("push", "-q", "-u", "origin", "main")
    laptop = box.clone(origin, box.home / "laptop")
    recorder.watch(laptop)
    return Pair(origin, editor, laptop, recorder)
