"""`python -m tests.docs.recording`: plays the demo and writes what it says as a moving picture, docs/demo.svg.

The picture is text: every line that the demo printed appears in its turn, the window scrolls, and stands still at the
end. It moves by CSS alone, so it does so in a page of a repository too.
"""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

from jobsync import demo

from .pages import ROOT

FILE = ROOT / "docs" / "demo.svg"
COLUMNS, ROWS = 104, 26
_CHAR, _LINE, _EDGE, _BAR = 7.8, 18, 16, 30
_TYPED, _ANSWERED, _PAUSED = 0.9, 0.12, 0.6
"""Seconds that a command, a line of an answer, and a gap between scenes stand for."""

_COLOURS = (
    (re.compile(r"^\d+\. "), "title"),
    (re.compile(r"^  \S*\$ "), "typed"),
    (re.compile(r"^  \("), "quiet"),
    (re.compile(r"\b(?:installed|updated|repaired|removed)\b"), "good"),
    (re.compile(r"^\s*(?:scheduler changes|Everything)"), "good"),
)


@dataclass(frozen=True)
class Row:
    """One line of the window, and the second at which it is there."""

    text: str
    tone: str
    moment: float


def said() -> list[str]:
    """What the demo says, now, for real; the name of its throwaway directory made short."""
    lines: list[str] = []
    demo.play(lambda text: lines.extend(text.split("\n")))
    return [re.sub(r"/tmp/jobsync-demo-\w+", "/tmp/jobsync-demo", line).rstrip() for line in lines]


def _tone(line: str) -> str:
    return next((tone for pattern, tone in _COLOURS if pattern.search(line)), "plain")


def rows(lines: list[str]) -> list[Row]:
    """The lines in the width of the window, each with its moment."""
    found, moment = [], 0.5
    for line in lines:
        tone = _tone(line)
        moment += _TYPED if tone == "typed" else _PAUSED if tone == "title" else _ANSWERED
        parts = [line[start : start + COLUMNS] for start in range(0, max(len(line), 1), COLUMNS)]
        found += [Row(part, tone, moment) for part in parts]
    return found


def _scrolling(found: list[Row], end: float) -> str:
    """Keyframes that move the page up when the window is full."""
    frames = ["0% { transform: translateY(0) }"]
    for number, row in enumerate(found[ROWS:], 1):
        frames.append(f"{100 * row.moment / end:.3f}% {{ transform: translateY({-number * _LINE}px) }}")
    last = max(len(found) - ROWS, 0)
    return " ".join([*frames, f"100% {{ transform: translateY({-last * _LINE}px) }}"])


def svg(lines: list[str]) -> str:
    """The picture."""
    found = rows(lines)
    end = found[-1].moment + 0.5
    width, height = round(COLUMNS * _CHAR + 2 * _EDGE), ROWS * _LINE + _BAR + _EDGE
    last = max(len(found) - ROWS, 0) * _LINE
    texts = "\n".join(
        f'<text class="{row.tone}" x="{_EDGE}" y="{_BAR + 14 + number * _LINE}" '
        f'style="animation-delay:{row.moment:.2f}s">{escape(row.text)}</text>'
        for number, row in enumerate(found)
        if row.text
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" role="img"
 width="{width}" height="{height}" viewBox="0 0 {width} {height}">
<title>The demo of jobsync: pulls that install, update and remove jobs</title>
<style>
text {{ font: 13px ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; white-space: pre; fill: #c9d1d9;
  opacity: 0; animation: show 1ms forwards }}
.title {{ fill: #79c0ff }} .typed {{ fill: #ffffff }} .quiet {{ fill: #8b949e }} .good {{ fill: #7ee787 }}
.page {{ animation: scroll {end:.2f}s step-end forwards }}
@keyframes show {{ to {{ opacity: 1 }} }}
@keyframes scroll {{ {_scrolling(found, end)} }}
@media (prefers-reduced-motion: reduce) {{ text {{ animation: none; opacity: 1 }}
  .page {{ animation: none; transform: translateY(-{last}px) }} }}
</style>
<rect width="{width}" height="{height}" rx="8" fill="#0d1117"/>
<circle cx="18" cy="15" r="5" fill="#ff5f57"/><circle cx="36" cy="15" r="5" fill="#febc2e"/>
<circle cx="54" cy="15" r="5" fill="#28c840"/>
<clipPath id="window"><rect y="{_BAR}" width="{width}" height="{ROWS * _LINE}"/></clipPath>
<g clip-path="url(#window)"><g class="page">
{texts}
</g></g>
</svg>
"""


def recorded() -> list[str]:
    """The lines in the picture that is there."""
    texts = re.findall(r"<text [^>]*>(.*?)</text>", FILE.read_text(encoding="utf-8"))
    return [text.replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&") for text in texts]


def timeless(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run."""
    words = re.compile(r"[0-9a-f]{7,}|\d[\dT.:Z]*|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) \d\d [A-Z]\w\w")
    return [re.sub(r"#[#smhdT.:Z ]*", "#", re.sub(" +", " ", words.sub("#", line))).strip() for line in lines if line]


def main() -> None:
    """Write the picture anew."""
    FILE.write_text(svg(said()), encoding="utf-8")


if __name__ == "__main__":
    main()
