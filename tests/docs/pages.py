"""The Markdown pages of the project, taken apart as far as the tests need it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jobsync

ROOT = Path(__file__).parents[2]
PACKAGE = Path(jobsync.__file__).parent
"""The package that is tested: the checkout's, or an installed one."""

_FENCE = re.compile(r"^([ \t]*)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    def blocks(self, language: str) -> list[str]:
        """The fenced blocks of one language."""
        return [match[3] for match in _FENCE.finditer(self.text) if match[2] == language]

    def codes(self) -> list[str]:
        """What stands in backticks, line ends as spaces."""
        return [" ".join(code.split()) for code in _CODE.findall(self.prose)]

    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    def anchors(self) -> set[str]:
        """What a link to a heading of this page may end with, as GitHub makes it."""
        titles = (title.replace("`", "").lower() for _, title in _HEADING.findall(self.prose))
        return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}

    def chapters(self, level: int) -> dict[str, str]:
        """Title -> text of the chapters of one level, each up to the next heading of that level or above."""
        found = re.split(rf"^#{{{level}}} (.+)\n", self.text, flags=re.MULTILINE)
        ends = (re.split(rf"^#{{1,{level}}} ", text, flags=re.MULTILINE)[0] for text in found[2::2])
        return dict(zip(found[1::2], ends, strict=True))


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every table row in a text, heads and rulers left out."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        is_head = number + 1 < len(lines) and lines[number + 1].startswith("| ---")
        if line.startswith("|") and not is_head and not line.startswith("| ---"):
            yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def codes_in(text: str) -> list[str]:
    """What stands in backticks in one cell or sentence."""
    return _CODE.findall(text)


def modules() -> list[Path]:
    """The package's modules; what a wheel carries along in directories with `_` (template, hooks, docs) is none."""
    found = sorted(PACKAGE.rglob("*.py"))
    return [path for path in found if not any(part.startswith("_") for part in path.relative_to(PACKAGE).parts[:-1])]


def place(module: Path) -> str:
    """`jobsync/repo/trees.py`, wherever the package is."""
    return str(module.relative_to(PACKAGE.parent))


def page(name: str) -> Page:
    return Page(ROOT / name)


def all_pages() -> list[Page]:
    """Every page of the project; what tools put below hidden and cache directories is not ours."""
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("template-repo/**/*.md")]
    return [Page(path) for path in sorted(found)]
