"""`run`: a line for sh, a list of words, or the executable file beside job.toml."""

from jobsync.definitions.document import shown
from jobsync.definitions.job import Argv, Command, Line, Script, Tree
from jobsync.definitions.places import LINK, Surroundings
from jobsync.definitions.section import Section
from jobsync.definitions.stand_ins import stand_in

EXECUTABLE = 0o100755


def _argv_fault(arguments: tuple[str, ...]) -> str | None:
    first = arguments[0]
    if not first.strip():
        return 'its first word is empty; write run = ["command", "argument"]'
    if first.startswith("~") or "$" in first:
        return f"{shown(first)}: no shell expands a list; write an absolute path, or one text instead of the list"
    if " " in first and "/" not in first:
        words = ", ".join(f'"{word}"' for word in (*first.split(), *arguments[1:]))
        return f"{shown(first)} is one word here; write [{words}]"
    return None


def _script_fault(tree: Tree, path: str) -> str | None:
    content, mode = tree.read(path), tree.mode(path)
    if content is None and mode == LINK:
        return f"{path} is a link that leads to no file, or to one that is in no commit; put the file itself there"
    if content is None:
        return f"there is no file {path}; write it, or a `run` line into job.toml"
    if wrong := stand_in(content):
        return f"{path} {wrong}"
    # What a link points to has a mode of its own, which the tree does not tell.
    if mode not in {EXECUTABLE, LINK}:
        if tree.is_gits:  # the file itself may be executable, and with core.fileMode off git does not look at it
            both = f"chmod +x {path} && git update-index --chmod=+x {path}"
            return f"{path} is not executable in git; run: {both}, and commit"
        return f"{path} is not executable; run: chmod +x {path}"
    if not content.strip():
        return f"{path} is empty; write what it shall do"
    return _first_line_fault(content.split(b"\n", 1)[0], path)


def _first_line_fault(line: bytes, path: str) -> str | None:
    if not line.startswith(b"#!"):
        return f'{path} does not say what runs it; make its first line "#!/bin/sh" or "#!/usr/bin/env bash"'
    if line.endswith(b"\r"):
        return f"{path} has Windows line ends, so its first line names no program; save it with LF"
    if not line[2:].strip().startswith(b"/"):
        return f'{path}: its first line needs an absolute path, as "#!/usr/bin/env bash"'
    return None


def _read_script(section: Section, around: Surroundings) -> Script | None:
    wrong = section.attempt("run", lambda: _script_fault(around.tree, f"{around.directory}/run") or "")
    if wrong:
        section.fault("run", wrong)
    return Script(f"{around.home_directory}/run") if wrong == "" else None


def read_argv(section: Section) -> Line | Argv | None:
    """A `run` key: a line for sh or a list of words; None, and a fault, where it is neither."""
    found = section.run("run")
    if found is None:
        return None
    if isinstance(found, tuple):
        wrong = _argv_fault(found)
        command: Line | Argv = Argv(found)
    else:
        wrong = None if found.strip() else f"is empty; write {section.example('run')}"
        command = Line(found)
    if wrong:
        section.fault("run", wrong)
        return None
    return command


def read_command(section: Section, around: Surroundings) -> Command | None:
    """What the job runs, from the top level of its definition; None, and faults, where that is unclear."""
    if "run" not in section.values:
        return _read_script(section, around)
    return read_argv(section)
