"""What the manual says of a key or a field: its pages come with the package, so that nothing is explained twice."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import jobsync
from jobsync import files
from jobsync.errors import JobsyncError

_CODE = re.compile(r"`([^`]+)`")
_CELLS = re.compile(r"(?<!\\)\|")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def page(name: str) -> str:
    """The text of a page. Errors: `JobsyncError` when the installation lacks it."""
    package = Path(jobsync.__file__).parent
    for directory in (package / "_docs", package.parent / "docs"):
        content = files.read(directory / name)
        if content is not None:
            return content.decode()
    raise JobsyncError(f"the page {name} is not there", hint="install jobsync again, e.g. with pipx")


def _chapter(text: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    headings = list(_HEADING.finditer(text))
    ends = [match.start() for match in headings[1:]] + [len(text)]
    return next((text[match.end() : end] for match, end in zip(headings, ends, strict=True) if match[1] == heading), "")


def _rows(text: str) -> Iterator[tuple[list[str], str]]:
    for line in text.splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)[1:-1]]
        if len(cells) > 1 and cells[0].startswith("`"):
            yield _CODE.findall(cells[0]), cells[-1]


def meanings(text: str) -> Mapping[str, str]:
    """Key -> what the last cell of its row in some table of a page says."""
    return {key: words for keys, words in _rows(text) for key in keys}


def of_definitions() -> Mapping[str, str]:
    """What each key of `job.toml` and `jobsync.toml` means."""
    return meanings(page("definitions.md"))


def of_document(command: str) -> Mapping[str, str]:
    """What each field of the JSON of a command holds, such as `hooks status`."""
    return meanings(_chapter(page("cli.md"), f"`{command} --json`"))


def exit_statuses() -> Mapping[int, str]:
    """What each exit status means."""
    rows = re.findall(r"^\| (\d+) \| `[A-Z_]+` \| (.*) \|$", page("cli.md"), re.MULTILINE)
    return {int(number): words for number, words in rows}
