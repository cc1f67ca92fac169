"""What README and tutorial type is typed, as it stands there, on a machine of its own."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobsync import demo

from ..forks import Warm
from ..hours import Noon
from ..laptop import Laptop
from ..migration import furnish
from ..scratch import SCRATCH
from . import recording
from .pages import page
from .terminal import Exchange, Terminal, comparable, exchanges, seed

README = page("README.md")
TUTORIAL = page("docs/tutorial.md")
QUICK_START = README.chapters(2)["One minute to the first job"]


@pytest.fixture
def terminal(laptop: Laptop) -> Iterator[Terminal]:
    """At a machine with a clone of a dotfiles repository that has no jobs, where nothing is registered yet."""
    yield _without_jobs(laptop)


@pytest.fixture
def terminal_out_of_time() -> Iterator[Terminal]:
    """The same, where no slot comes meanwhile: some jobs of the grown home have one every ten minutes."""
    with (
        tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root,
        Warm.start(Path(root), still=True) as laptop,
    ):
        yield _without_jobs(laptop)


def _without_jobs(laptop: Laptop) -> Terminal:
    seed(laptop)
    (laptop.work / "jobsync.toml").unlink()
    laptop.git("commit", "-q", "-a", "-m", "no jobs yet")
    laptop.git("push", "-q")
    # Before the hour of a job its next run is today, so the table has more room.
    laptop.environment["TZ"] = Noon.now().zone
    return Terminal(laptop)


def _comparable(lines: list[str] | tuple[str, ...]) -> list[str]:
    return [comparable(line) for line in lines]


def _block(language: str, chapter: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", chapter, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_quick_start_works_as_written(terminal: Terminal) -> None:
    shown = terminal.type(f"set -e\n{_block('sh', QUICK_START)}")
    assert terminal.status == 0, shown
    table = _comparable(_block("text", QUICK_START).splitlines())
    begin = _comparable(shown).index(table[0])
    assert _comparable(shown[begin : begin + len(table)]) == table
    assert shown[begin - 1] == "hello from jobs/hello/run"
    assert shown[begin + len(table) :] == []
    assert terminal.laptop.loaded() == {"hello"}
    assert terminal.laptop.git("status", "--porcelain").out == ""


def test_leaving_as_the_readme_says_leaves_the_repository_as_it_was(terminal: Terminal) -> None:
    terminal.type(_block("sh", QUICK_START))
    before = terminal.laptop.git("ls-files", "-s").out
    terminal.type("jobsync uninstall")
    assert terminal.status == 0
    assert terminal.laptop.installed() == terminal.laptop.loaded() == set()
    assert terminal.laptop.git("ls-files", "-s").out == before
    assert terminal.laptop.git("status", "--porcelain").out == ""


def test_the_tutorial_shows_what_is_answered(terminal: Terminal) -> None:
    typed: list[Exchange] = list(exchanges(TUTORIAL.blocks("console")))
    assert len(typed) > 20
    for exchange in typed:
        shown = terminal.type(exchange.command)
        assert _comparable(shown) == _comparable(exchange.answer), exchange.command
        # A page that goes on after a failure must show that it is one.
        if terminal.status:
            assert typed[typed.index(exchange) + 1].command == "echo $?", exchange.command


def test_the_move_of_a_grown_home_shows_what_is_answered(terminal_out_of_time: Terminal) -> None:
    terminal = terminal_out_of_time
    furnish(terminal.laptop)
    terminal.laptop.put("jobsync.toml", 'jobs = "jobs"\n')
    terminal.laptop.commit()
    for exchange in exchanges(page("docs/migrate.md").blocks("console")):
        shown = terminal.type(exchange.command)
        assert _comparable(shown) == _comparable(exchange.answer), exchange.command
    names = {"backup", "beacon", "briefing", "greeting", "inbox", "netrc", "poll", "report", "sync-notes"}
    assert terminal.laptop.loaded() == names | {"archive", "feeds", "fetch-mail", "prune", "water", "welcome"}
    assert terminal.laptop.git("status", "--porcelain").out == ""


def test_the_demos_job_of_every_hour_ends_well() -> None:
    with demo._throwaway() as root, demo.BACKENDS["launchd"](root) as backend:
        stage = demo.Stage(root, backend, lambda _: None)
        stage.prepare()
        demo._register(stage)
        demo._install(stage)
        stage.run("jobsync", "run", "watchdog")


def test_the_demos_excerpt_is_what_the_demo_says() -> None:
    said: list[str] = []
    demo.play(lambda text: said.extend(text.split("\n")))
    excerpt = README.chapters(2)["Try it"]
    shown = _comparable(_block("text", excerpt).rstrip("\n").splitlines())
    assert "\n".join(shown) in "\n".join(_comparable(said))
    # The picture of the README shows the same.
    mine = "".join(recording.timeless(recording.recorded())).replace(" ", "")
    played = [re.sub(r"/tmp/jobsync-demo-\w+", "/tmp/jobsync-demo", line) for line in said]
    assert mine == "".join(recording.timeless(played)).replace(" ", ""), "run `make recording`"
