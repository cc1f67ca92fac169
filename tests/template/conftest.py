"""A copy of the template, a throwaway home, its scripts run for real, and a server that fails as often as asked."""

import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template-repo"
LOCAL_BUN = ROOT / ".tools" / "node_modules" / ".bin" / "bun"

Answer = tuple[int, object]


@dataclass(frozen=True, slots=True)
class Ran:
    """What one script left behind."""

    status: int
    out: str
    err: str


@dataclass(slots=True)
class Place:
    """A home with the dotfiles in it; scripts that run here see nothing of the real home and environment."""

    home: Path
    dotfiles: Path
    first_on_path: Path

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{self.first_on_path}{os.pathsep}{os.environ['PATH']}"
        return {"HOME": str(self.home), "PATH": path, "LC_ALL": "C", **more}

    def run(self, *argv: str | Path, **more: str) -> Ran:
        """Run a command to its end, in the home; `more` is added to its environment."""
        done = subprocess.run(
            [str(part) for part in argv],
            cwd=self.home,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def run_job(self, name: str, **more: str) -> Ran:
        return self.run(self.job(name), **more)

    def job(self, name: str) -> Path:
        return self.dotfiles / "jobs" / name / "run"

    def put_on_path(self, name: str, script: str) -> None:
        """Make a command of that name that stands in front of the real one."""
        command = self.first_on_path / name
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)

    def note_sleeps(self) -> Callable[[], list[str]]:
        """Make `sleep` return at once; the answer tells what it was called with so far."""
        notes = self.home.parent / "sleeps"
        self.put_on_path("sleep", f'echo "$1" >>"{notes}"')
        return lambda: notes.read_text().split() if notes.exists() else []


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "home", tmp_path / "home" / "dotfiles", tmp_path / "bin")
    made.home.mkdir(exist_ok=True)
    made.first_on_path.mkdir()
    shutil.copytree(TEMPLATE, made.dotfiles, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    return made


@pytest.fixture
def place_with_bun(place: Place) -> Place:
    found = LOCAL_BUN if LOCAL_BUN.exists() else shutil.which("bun")
    if not found:
        pytest.skip("bun is not installed; `make tools` puts it under .tools/ where npm or PyPI can be reached")
    (place.first_on_path / "bun").symlink_to(found)
    return place


def waits(ran_: Ran) -> list[float]:
    """The seconds that `retry` said it would wait, in each of the languages."""
    return [float(text) for text in re.findall(r"; next in (\S+) s$", ran_.err, re.MULTILINE)]


def in_an_hour() -> str:
    """As a server writes it."""
    return formatdate(time.time() + 3600, usegmt=True)


@dataclass(slots=True)
class Server:
    """Gives its answers in turn, the last one again and again, and counts who asked."""

    url: str = ""
    answers: list[Answer] = field(default_factory=list)
    retry_after: str | None = None
    """What every answer but 200 asks for."""
    requests: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next_answer(self) -> Answer:
        with self.lock:
            answer = self.answers[min(self.requests, len(self.answers) - 1)]
            self.requests += 1
        return answer


def handler_of(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, content = server.next_answer()
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if server.retry_after is not None and status != 200:
                self.send_header("Retry-After", server.retry_after)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the base class)
            """Stay silent: what was asked is counted, not logged."""

    return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(made)) as http:
        made.url = f"http://127.0.0.1:{http.server_port}/briefing.json"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield made
        http.shutdown()
        thread.join()
