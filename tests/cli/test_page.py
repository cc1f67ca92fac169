"""The page that `history --html` writes, in a real browser: keys, colours, screens, size, and no network."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from jobsync.cli.page import render
from jobsync.runs.records import Run
from jobsync.runs.timeline import Event, Mark, Timeline, days_between

from ..browser import Browser, started
from .moments import NOW

SINCE = NOW - timedelta(days=6)
FOCUSED = "document.activeElement.getAttribute('aria-label')"
SAID = "document.getElementById('said').textContent"
SHOWN = (
    "[...document.querySelectorAll('.row[data-name]')].filter((row) => row.offsetHeight).map((row) => row.dataset.name)"
)


def _event(day: int, hour: int, mark: Mark) -> Event:
    at = (SINCE + timedelta(days=day)).replace(hour=hour)
    began = int(at.timestamp())
    if mark is Mark.MISSED:
        return Event(at, mark, reason="asleep or off")
    status = {Mark.OK: 0, Mark.FAILED: 78}.get(mark)
    skipped = "on battery" if mark is Mark.SKIPPED else ""
    run = Run(f"r{began}", began, ended=None if status is None and not skipped else began + 5, status=status,
              skipped=skipped)  # fmt: skip
    return Event(at, mark, run)


def _line(name: str, *marks: Mark) -> Timeline:
    """One start at nine on each day, the newest last."""
    events = tuple(_event(day, 9, mark) for day, mark in enumerate(marks, start=7 - len(marks)))
    return Timeline(name, f"test.{name}", "daily at 09:00", events)


OK, FAILED, MISSED, SKIPPED = Mark.OK, Mark.FAILED, Mark.MISSED, Mark.SKIPPED
BUSY = Timeline("feed", "test.feed", "every 30 minutes", tuple(_event(6, hour, OK) for hour in range(10)) * 2)
LINES = (
    _line("backup", OK, OK, OK, FAILED, OK, OK, OK),
    BUSY,
    _line("news", OK, MISSED),
    _line("<script>alert(1)</script>", OK, SKIPPED, OK),
    Timeline("old", "test.old", "", ()),
)


def _page(path: Path, lines: tuple[Timeline, ...]) -> Path:
    path.write_text(render([("~/dotfiles", lines)], days_between(SINCE, NOW), NOW), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Browser]:
    """The browser, looking at a page of five jobs on a wide, light screen."""
    browser.requests.clear()
    browser.resize(1200)
    browser.prefer("light")
    browser.open(_page(tmp_path / "history.html", LINES))
    yield browser
    assert not browser.complaints
    assert [address for address in browser.requests if not address.startswith("file:")] == [], "nothing is fetched"


def test_the_arrows_go_from_cell_to_cell_and_say_what_each_is(page: Browser) -> None:
    page.press("Tab", "Tab", "Tab")
    assert page.see(FOCUSED) == "backup: Thu 19 Mar 09:00 ok in 5s"
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert page.see(SAID) == "backup\nSun 22 Mar 09:00 exit 78 (EX_CONFIG) in 5s"
    page.press("End", "ArrowRight")
    assert page.see(FOCUSED) == "backup: Wed 25 Mar 09:00 ok in 5s", "the last cell is the end"
    page.press("ArrowDown")
    assert page.see(SAID).startswith("feed\n20 of 20 ok\n")
    page.press("ArrowDown", "Home")
    assert page.see(FOCUSED) == "news: Tue 24 Mar 09:00 ok in 5s"
    page.press("ArrowRight")
    assert page.see(SAID) == "news\nWed 25 Mar 09:00 missed: asleep or off"
    page.press("Tab")
    assert page.see("document.activeElement.tagName") != "BUTTON", "all cells are one stop"
    page.press("Escape")
    assert page.see(SAID) == ""


def test_jobs_are_found_by_name_and_by_trouble_without_a_mouse(page: Browser) -> None:
    assert page.see(SHOWN) == [line.name for line in LINES]
    page.press("/", "B", "a", "c")
    assert page.see(SHOWN) == ["backup"]
    page.press("x")
    assert page.see(SHOWN) == [] and page.see("document.getElementById('none').offsetHeight") > 0
    page.press("Escape")
    assert len(page.see(SHOWN)) == len(LINES)
    page.press("Tab", " ")
    assert page.see(SHOWN) == ["backup", "news"], "only what failed or was missed"


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_by_day_and_by_night(page: Browser, scheme: str) -> None:
    page.prefer(scheme)
    paper = page.see("getComputedStyle(document.body).backgroundColor")
    assert (_luminance(paper) < 0.05) is (scheme == "dark")
    for selector, wanted in ((".name", 7), (".name small", 4.5), ("h1", 7), ("label", 7)):
        ink = page.see(f"getComputedStyle(document.querySelector('{selector}')).color")
        assert _contrast(ink, paper) >= wanted, selector
    for mark in ("ok", "failed"):
        fill = page.see(f"getComputedStyle(document.querySelector('button.cell.{mark}')).backgroundColor")
        assert _contrast(fill, paper) >= 3, mark
    shape = "[one.offsetHeight, getComputedStyle(one, '::before').content, getComputedStyle(one).boxShadow].join()"
    shapes = f"[...document.querySelectorAll('.legend i')].map((one) => {shape})"
    assert len(set(page.see(shapes))) == 5, "no two marks differ by their colour alone"


@pytest.mark.parametrize("width", [1200, 768, 420, 320])
def test_no_screen_is_too_narrow(page: Browser, width: int) -> None:
    page.resize(width)
    assert page.see("document.documentElement.scrollWidth") <= width, "nothing to scroll to the side"
    last = page.see("[...document.querySelectorAll('button.cell')].map((one) => one.getBoundingClientRect().right)")
    assert max(last) <= width
    names = page.see("[...document.querySelectorAll('.name')].map((one) => one.getBoundingClientRect().width)")
    assert min(names) > 100


def test_what_jobs_are_called_is_text_and_never_markup(page: Browser) -> None:
    assert "<script>alert(1)</script>" in page.see("document.querySelector('main').textContent")
    assert page.see("document.scripts.length") == 1


def test_two_hundred_jobs_are_one_page(browser: Browser, tmp_path: Path) -> None:
    lines = tuple(_line(f"job-{number:03d}", OK, OK, FAILED if number == 77 else OK, OK, OK, OK, OK)
                  for number in range(200))  # fmt: skip
    file = _page(tmp_path / "many.html", lines)
    assert file.stat().st_size < 1_000_000
    browser.resize(1200)
    browser.open(file)
    assert len(browser.see(SHOWN)) == 200 and browser.see("document.querySelectorAll('button.cell').length") == 1400
    browser.see("window.scrollTo(0, 4000)")
    head = browser.see("document.querySelector('.head').getBoundingClientRect().top")
    assert head == 0, "the days stay in sight"
    browser.press("Tab", "Tab", " ")
    assert browser.see(SHOWN) == ["job-077"]
