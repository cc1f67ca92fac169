"""Checks of what jobs run: that it can start, and that it fails when something in it fails."""

import ast
import os
import re
import shlex
import shutil
import stat
from collections.abc import Iterable, Iterator
from itertools import dropwhile
from pathlib import Path

from jobsync import files
from jobsync.definitions.job import Argv, Job, Line, Notify, Script
from jobsync.doctor.check import Check
from jobsync.doctor.view import View
from jobsync.findings import Chmod, Finding, error, info, warning
from jobsync.repo.affected import EXECUTABLE, REGULAR
from jobsync.runs.launcher import OSASCRIPT
from jobsync.values import dataclass

_LARGEST = 1 << 20
"""Bytes; what is larger is no script that somebody wrote."""
_SHELLS = ("bash", "zsh", "ksh")
_SUFFIXES = {".ts": "typescript", ".mts": "typescript", ".js": "typescript", ".py": "python", ".sh": "sh"}
_RUNNERS = {"bun": "typescript", "deno": "typescript", "node": "typescript", "tsx": "typescript"}
_SHELL_WORDS = re.compile(r"[A-Za-z0-9_./+-]+")
_BUILTINS = frozenset(
    {
        ".",
        ":",
        "[",
        "break",
        "case",
        "cd",
        "command",
        "continue",
        "echo",
        "eval",
        "exec",
        "exit",
        "export",
        "false",
        "for",
        "if",
        "kill",
        "printf",
        "pwd",
        "read",
        "return",
        "set",
        "shift",
        "sleep",
        "test",
        "time",
        "trap",
        "true",
        "ulimit",
        "umask",
        "unset",
        "until",
        "wait",
        "while",
    }
)


@dataclass(frozen=True, slots=True)
class _Text:
    """A script that a job runs."""

    job: str
    path: str
    lines: tuple[str, ...]
    language: str
    """`bash`, `sh`, `typescript`, `python`, …; the interpreter's name where none of these."""
    edit: str
    """What to type to change it."""

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def _shebang(line: str) -> list[str]:
    """The words of a first line, without `env` and what is its own; none where it names nothing."""
    if not line.startswith("#!"):
        return []
    words = line[2:].split()
    if words and Path(words[0]).name == "env":
        words = list(dropwhile(lambda word: word.startswith("-") or "=" in word, words[1:]))
    return words


def _language(path: str, first: str, runner: str) -> str:
    words = _shebang(first)
    name = Path(words[0]).name if words else runner
    if Path(path).suffix in _SUFFIXES and not words:
        return _SUFFIXES[Path(path).suffix]
    return "python" if name.startswith("python") else _RUNNERS.get(name, name)


def _read(path: str) -> tuple[str, ...] | None:
    try:
        if not Path(path).is_file() or Path(path).stat().st_size > _LARGEST:
            return None
        return tuple(Path(path).read_text(encoding="utf-8").split("\n"))
    except (OSError, UnicodeDecodeError):
        return None


def _files(job: Job, work_tree: str) -> Iterator[tuple[str, str]]:
    """Scripts of the repository that a job names: the path, and what runs it where its first line does not say so."""
    match job.command:
        case Script(path):
            yield path, ""
        case Argv(arguments):
            runner = Path(arguments[0]).name
            for word in arguments[:3]:
                path = str(Path(job.directory, word))
                if Path(path).is_relative_to(work_tree) and Path(path).is_file():
                    yield path, runner
        case _:
            pass


def _edit(job: Job, path: str) -> str:
    # Not `$EDITOR FILE`: without an EDITOR, and a Mac has none, that runs FILE. fish knows no `${EDITOR:-vi}`.
    return f"jobsync edit --run {job.name}" if isinstance(job.command, Script) else f"vi {shlex.quote(path)}"


def _scripts(view: View) -> Iterator[_Text]:
    for name, job in view.jobs.items():
        for path, runner in _files(job, view.origin.repo.work_tree):
            lines = _read(path)
            if lines is not None:
                yield _Text(name, path, lines, _language(path, lines[0], runner), _edit(job, path))


# -- can it start?


def _run_file(view: View) -> Iterable[Finding]:
    """A `run` without its x bit is a fault of the definition too; here is the hand that mends it."""
    jobs = Path(view.origin.repo.work_tree, view.planned.head.jobs)
    for name in view.names:
        path = jobs / name / "run"
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode) and not mode & stat.S_IXUSR:
            yield error(
                f"{path} is not executable",
                name,
                meaning="it cannot be started (126)",
                command=f"chmod +x {shlex.quote(str(path))}",
                repair=Chmod(str(path), stat.S_IMODE(mode) | 0o111),
            )


def _run_in_git(view: View) -> Iterable[Finding]:
    head = view.planned.head
    for name, job in view.jobs.items():
        path = f"{head.jobs}/{name}/run"
        entry = head.entries.get(path)
        if isinstance(job.command, Script) and entry is not None and entry.mode == REGULAR:
            yield error(
                f"{path} is {REGULAR:o} in git, not {EXECUTABLE:o}",
                name,
                meaning="other machines get a file that cannot be started, and so do the hooks here",
                command=f"{view.git} update-index --chmod=+x {shlex.quote(path)} && "
                f"{view.git} commit -m 'Make {name} executable'",
            )


def _found(program: str, directory: str, path: str) -> bool:
    """Whether a program can be started from there; a bare name is looked up in `path`."""
    if "/" in program:
        return os.access(Path(directory, program), os.X_OK)
    return shutil.which(program, path=path) is not None


def _first_word(text: str) -> str:
    """The program that a line of sh starts first; empty where only a shell could tell."""
    try:
        words = shlex.split(text, comments=True)
    except ValueError:
        return ""
    word = next((word for word in words if not re.fullmatch(r"[A-Za-z_]\w*=.*", word)), "")
    return word if _SHELL_WORDS.fullmatch(word) and word not in _BUILTINS else ""


def _programs(job: Job) -> Iterator[tuple[str, str]]:
    """What must be found for a job to start, and where it is named."""
    match job.command:
        case Script(path):
            first = (_read(path) or ("",))[0]
            for word in (first[2:].split()[:1] if first.startswith("#!") else []) + _shebang(first)[:1]:
                yield word, "the first line of `run`"
        case Argv(arguments):
            yield arguments[0], "`run`"
        case Line(text):
            if word := _first_word(text):
                yield word, "`run`"


def _not_found(program: str, where: str, job: Job, view: View) -> Finding:
    path, edit = view.path_of(job), f"jobsync edit {job.name}"
    meaning = "the job ends with 127 (command not found)"
    if "/" in program:
        if Path(job.directory, program).exists():
            meaning = "the job ends with 126 (cannot be executed)"
        return error(f"{program}, named by {where}, cannot be started", job.name, meaning=meaning, command=edit)
    said = f"{program}, named by {where}, is not in the job's PATH ({path})"
    here = shutil.which(program, path=view.environment.get("PATH", ""))
    if here is None:
        return error(said, job.name, meaning=meaning, command=edit)
    return error(
        f"{said}; your shell finds {here}",
        job.name,
        meaning=f'{meaning}; path = ["{Path(here).parent}"] in its job.toml mends that',
        command=edit,
    )


def _teller(notify: Notify) -> str:
    """The program that tells of a job; empty where only a shell could tell."""
    match notify.run:
        case None:
            return "" if os.access(OSASCRIPT, os.X_OK) else "notify-send"
        case Argv(arguments):
            return arguments[0]
        case Line(text):
            return _first_word(text)


def _interpreters(view: View) -> Iterable[Finding]:
    for job in view.jobs.values():
        for program, where in dict(_programs(job)).items():
            if not _found(program, job.directory, view.path_of(job)):
                yield _not_found(program, where, job, view)
        teller = _teller(job.notify) if job.notify else ""
        if teller and not _found(teller, job.home_directory, view.path_of(job)):
            yield warning(
                f"{teller}, by which [notify] tells of it, is not in the job's PATH ({view.path_of(job)})",
                job.name,
                meaning="nobody is told; only the logs say so",
                command=f"jobsync edit {job.name}",
            )


# -- does it fail when it fails?

_OPTIONS = {"e": "-e", "errexit": "-e", "u": "-u", "nounset": "-u", "pipefail": "-o pipefail"}
"""An option of a shell, by its letter or its name -> as it is written."""
_SET = re.compile(r"^[ \t]*set[ \t]+([^;&|#\n]*)", re.MULTILINE)
_SETOPT = re.compile(r"^[ \t]*setopt[ \t]+([^;&|#\n]*)", re.MULTILINE)


def _set_options(words: Iterable[str]) -> Iterator[str]:
    """Letters and names of the options that these words switch on, as arguments of `set` or of the shell itself."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "--":
            return
        for letter in word[1:]:
            yield next(rest, "") if letter == "o" else letter


def _missing_options(script: _Text) -> list[str]:
    found = set(_set_options(_shebang(script.lines[0])[1:]))
    for arguments in _SET.findall(script.text):
        found.update(_set_options(arguments.split()))
    for names in _SETOPT.findall(script.text):  # zsh's, which takes ERR_EXIT for errexit
        found.update(names.lower().replace("_", "").split())
    there = {_OPTIONS.get(one) for one in found}
    return [one for one in dict.fromkeys(_OPTIONS.values()) if one not in there]


def _goes_on(script: _Text) -> bool:
    """Whether there is anything behind a command that fails: the last one's status is the script's own."""
    commands = [line for line in script.lines if line.strip() and not line.lstrip().startswith("#")]
    return len(commands) > 1 or (script.language != "sh" and any(re.search("[|;]", line) for line in commands))


def _bash(view: View) -> Iterable[Finding]:
    for script in _scripts(view):
        is_sh = script.language == "sh"  # which has no pipefail everywhere
        if not (is_sh or script.language in _SHELLS) or not _goes_on(script):
            continue
        lacking = [one for one in _missing_options(script) if not (is_sh and one == "-o pipefail")]
        wanted = "set -eu" if is_sh else "set -euo pipefail"
        if lacking:
            yield warning(
                f"{script.path} does not say `{wanted}` (it lacks {', '.join(lacking)})",
                script.job,
                meaning="a command in it may fail and the run still counts as ok",
                command=script.edit,
            )


_DUPLICATES = re.compile(r"\d*[<>]&[\d-]+|&>")
_SEPARATORS = re.compile(r"[|&;()]+")
_ONLY_TALK = frozenset({"echo", "printf", "true", ":"})
"""What does not fail in front of a pipe."""


def _piped(text: str) -> list[str]:
    """The programs of a line of sh whose failure a pipe hides; none where only a shell could tell."""
    lexer = shlex.shlex(_DUPLICATES.sub(" ", text), posix=True, punctuation_chars="|&;()")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return []
    if "pipefail" in text or "case" in words:  # `case` has a | of its own
        return []
    found, command = [], ""
    for word in words:
        if word in ("|", "|&") and command and command not in _ONLY_TALK:
            found.append(command)
        if _SEPARATORS.fullmatch(word):
            command = ""
        elif not command and not re.fullmatch(r"[A-Za-z_]\w*=.*|[{!]|if|then|else|do|while|until|\d?[<>].*", word):
            command = word
    return list(dict.fromkeys(found))


def _pipes(view: View) -> Iterable[Finding]:
    for job in view.jobs.values():
        if isinstance(job.command, Line) and (hidden := _piped(job.command.text)):
            yield warning(
                f"`run` pipes what {', '.join(hidden)} prints into another program",
                job.name,
                meaning=f"sh asks only the last one how it ended: when {hidden[0]} fails, the run still counts as ok. "
                "A file `run` for bash that says `set -euo pipefail` fails then",
                command=f"jobsync edit {job.name}",
            )


_CATCH = re.compile(r"\.catch\s*\(|\bcatch\s*(?:\([^)]*\))?\s*\{")
_FAILS = re.compile(
    r"process\.exit\s*\(\s*(?!0?\s*\))|process\.exitCode\s*=\s*(?!0\b)|\bthrow\b|Deno\.exit\s*\(\s*(?!0?\s*\))"
)
_COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)


def _typescript(view: View) -> Iterable[Finding]:
    """A rejected promise that nobody catches ends bun, deno and node with 1; one that is caught ends them with 0."""
    for script in _scripts(view):
        if script.language != "typescript":
            continue
        code = _COMMENTS.sub("", script.text)
        catches = list(_CATCH.finditer(code))
        if catches and not _FAILS.search(code, catches[-1].end()):
            yield warning(
                f"{script.path}: its last catch neither exits with another status than 0 nor throws",
                script.job,
                meaning="an error is printed, and the run still counts as ok",
                command=script.edit,
            )
        elif not catches:
            yield info(
                f"{script.path} has no catch that exits with 1",
                script.job,
                meaning="its runtime ends it with 1 and a trace; a catch of your own can say what to do",
                command=script.edit,
            )


_EVERYTHING = {"Exception", "BaseException"}
_TALK = {"print", "debug", "info", "warning", "error", "exception", "log", "print_exc"}


def _catches_all(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return handler.type is None or any(isinstance(kind, ast.Name) and kind.id in _EVERYTHING for kind in kinds)


def _only_talks(statement: ast.stmt) -> bool:
    """It does nothing about the error: passes, goes on, or prints."""
    if isinstance(statement, ast.Pass | ast.Continue):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    call = statement.value
    if isinstance(call, ast.Constant):
        return True
    name = getattr(call.func, "attr", getattr(call.func, "id", "")) if isinstance(call, ast.Call) else ""
    return name in _TALK


def _python(view: View) -> Iterable[Finding]:
    for script in _scripts(view):
        if script.language != "python":
            continue
        try:
            tree = ast.parse(script.text)
        except (SyntaxError, ValueError, RecursionError):
            # Written for another Python than ours, perhaps: its own run will tell.
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and _catches_all(node) and all(map(_only_talks, node.body)):
                yield warning(
                    f"{script.path}:{node.lineno} catches every error and goes on",
                    script.job,
                    meaning="whatever goes wrong there, the run counts as ok",
                    command=script.edit,
                )


def _noexec(view: View) -> Iterable[Finding]:
    """By nobody: root cannot start a program there either."""
    meanings = {
        str(view.origin.paths.launchers): "no job starts; in another place they do: `jobsync uninstall`, then "
        "`XDG_DATA_HOME=/ANOTHER/PLACE jobsync init`",
        view.origin.repo.work_tree: "git runs no hook of it, and jobs that have a file `run` end with 126",
    }
    for place, meaning in meanings.items():
        if files.is_without_programs(Path(place)):
            yield error(
                f"the file system that holds {place} is mounted noexec",
                meaning=meaning,
                command=f"df {shlex.quote(place)}",
            )


CHECKS = (
    Check("run-file", "every `run` is executable", _run_file),
    Check("noexec", "what jobs run lies where programs may be started", _noexec),
    Check("run-in-git", "every `run` is executable in git", _run_in_git),
    Check("interpreters", "what runs a job is found in the job's own PATH", _interpreters),
    Check("bash", "shell scripts stop at the first error", _bash),
    Check("pipes", "no line of sh hides in a pipe what fails", _pipes),
    Check("typescript", "TypeScript fails when it fails", _typescript),
    Check("python", "Python does not swallow errors", _python),
)
