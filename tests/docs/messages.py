"""Every message of jobsync, read from its source: what goes wrong, and what a person is told to do about it.

`python -m tests.docs.messages` writes them into `docs/messages.md`. Read the difference before you commit it.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jobsync.cli.console import FALLBACK, USAGE_FALLBACK

from .pages import PACKAGE, ROOT, modules

PAGE = ROOT / "docs" / "messages.md"
_ERRORS = (
    "JobsyncError", "UsageError", "SchedulerError", "SessionEnded", "NotStarted", "TimedOut", "Locked", "Unanswered",
    "InTheWay",
)  # fmt: skip
_FINDINGS = ("error", "warning", "info")
_CHAPTERS = {
    "Commands": ("cli/", "demo.py"),
    "Definitions": ("definitions/",),
    "Doctor": ("doctor/", "schedulers/launchd_doctor.py", "schedulers/systemd_doctor.py"),
    "Syncing": ("reconcile/", "runs/"),
    "Git": ("repo/",),
    "Schedulers": ("schedulers/",),
    "This machine": ("",),
}
"""Title -> where its messages are raised; the first that fits."""

_LAUNCHER, _IN_LOGS = "runs/parts", "Logs of runs"
_CHAPTERS_OF_THE_PAGE = (*_CHAPTERS, _IN_LOGS)


@dataclass(frozen=True, order=True)
class Message:
    """One message as the code has it; `…` stands for what is known only then."""

    chapter: str
    text: str
    way_out: str
    """What is told beside it; empty where the message itself says what to do."""
    is_usage: bool = False


def _text(node: ast.expr | None) -> str:
    """The literal text of an expression, with `…` for all that is not."""
    match node:
        case None | ast.Constant(value=None):
            return ""
        case ast.Constant(value=str() as value):
            return value
        case ast.JoinedStr(values=values):
            return "".join(_text(one) for one in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
        case ast.IfExp(body=body, orelse=orelse):
            return " / ".join(dict.fromkeys(one for one in (_text(body), _text(orelse)) if one))
        case _:
            return "…"


def _says(text: str) -> bool:
    """It has words of its own, and is not handed on as it came."""
    return re.search(r"[a-z]{3}", text) is not None


def _name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _of_call(call: ast.Call, chapter: str, *, finds: bool) -> Message | None:
    words = {word.arg: word.value for word in call.keywords}
    name = _name(call)
    if name in _ERRORS and call.args:
        return Message(chapter, _text(call.args[0]), _text(words.get("hint")), name == "UsageError")
    if name == "fault" and len(call.args) > 1:
        return Message(chapter, _text(call.args[-1]), "")
    if name == "complain" and call.args:
        return Message(chapter, _text(call.args[0]), _text(call.args[1]) if len(call.args) > 1 else "")
    if finds and name in _FINDINGS and call.args:
        told = (_text(words.get("meaning")), f"`{_text(words['command'])}`" if "command" in words else "")
        return Message(chapter, _text(call.args[0]), "; ".join(one for one in told if one))
    return None


def _of_file(path: Path, chapter: str) -> Iterator[Message]:
    source = path.read_text(encoding="utf-8")
    finds = "from jobsync.findings import" in source
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and (found := _of_call(node, chapter, finds=finds)):
            yield found
        elif isinstance(node, ast.FunctionDef) and node.name.endswith("_fault"):
            returns = (one.value for one in ast.walk(node) if isinstance(one, ast.Return))
            yield from (Message(chapter, _text(value), "") for value in returns)


_WRITTEN = re.compile(
    r"""\b(?:(?P<verb>say|refuse|broken)\ (?P<quote>["'])(?P<text>.*?)(?P=quote)"""
    r"""|printf\ '(?:\\n)?jobsync:\ (?P<line>[a-z% ].*?)\\n')""",
    re.VERBOSE,
)
_KNOWN_THEN = re.compile(r"\$\{[^}]*\}|\$\w+|@\w+@|%s")
_AFTER_A_RUN = {
    "refuse": "correct the env file that is named; `jobsync run JOB` tries it",
    "broken": "mend the job, or what `[expect]` of its job.toml says",
}
_PREFIXES = {"refuse": "not started: …: ", "broken": "not as expected: "}
_ENDED = "`jobsync status JOB` says how the run ended"


def _of_launcher() -> Iterator[Message]:
    """What launchers write into the logs of runs: the sh that they are made of says it."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted((PACKAGE / _LAUNCHER).glob("*.py"))]
    for node in (node for tree in trees for node in ast.walk(tree)):
        text_of_sh = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
        for found in _WRITTEN.finditer(text_of_sh):
            verb, text = found["verb"] or "", _KNOWN_THEN.sub("…", found["text"] or found["line"])
            if text.startswith(_PREFIXES["broken"]):
                verb, text = "broken", text.removeprefix(_PREFIXES["broken"])
            if _says(text) or verb == "broken":
                yield Message(_IN_LOGS, f"{_PREFIXES.get(verb, '')}{text}", _AFTER_A_RUN.get(verb, _ENDED))


@cache
def messages() -> tuple[Message, ...]:
    """All of them, by chapter and text."""
    found = set()
    for path in modules():
        place = str(path.relative_to(PACKAGE))
        if not place.startswith("simulator/"):
            chapter = next(title for title, starts in _CHAPTERS.items() if place.startswith(starts))
            found |= {one for one in _of_file(path, chapter) if _says(one.text)}
    return tuple(sorted(found | {*_of_launcher()}))


# -- what to do next

_VERBS = (
    "add|bring|change|choose|correct|cut|delete|drop|edit|end|give|install|keep|leave|let|log|make|mend|mark|move|name|"
    "order|press|put|read|remove|rename|run|save|say|send|set|spell|start|take|try|turn|unset|upgrade|use|wait|write"
)
_IMPERATIVE = re.compile(rf"`[^`]+`|\b(?:{_VERBS})\b", re.IGNORECASE)


def tells_what_to_do(one: Message) -> bool:
    """The message, or what stands beside it, has a command or an imperative in it."""
    return _IMPERATIVE.search(f"{one.text} {one.way_out}") is not None


def shown_way_out(one: Message) -> str:
    """What is printed below it; where it says nothing, the command line's own last word."""
    if one.way_out or tells_what_to_do(one) or one.chapter == "Definitions":
        return one.way_out
    return USAGE_FALLBACK if one.is_usage else FALLBACK


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ").strip()


def tables() -> str:
    """The chapters of the page."""
    known = messages()
    lines: list[str] = []
    for title in _CHAPTERS_OF_THE_PAGE:
        rows = [f"| {_cell(one.text)} | {_cell(shown_way_out(one))} |" for one in known if one.chapter == title]
        lines += ["", f"## {title}", "", "| message | what to do |", "| --- | --- |", *dict.fromkeys(rows)]
    return "\n".join(lines) + "\n"


HEAD = PAGE.read_text(encoding="utf-8").partition("\n\n## ")[0] + "\n" if PAGE.is_file() else ""

if __name__ == "__main__":
    PAGE.write_text(HEAD + tables(), encoding="utf-8")
