"""Counts what no noise can blur: processes, programs and system calls of one run, through strace(1)."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .runner import Alternative, DidNotRun

STRACE = shutil.which("strace")
"""None where it is not installed: then nothing is counted, and tables say so."""

_CALL = re.compile(r"^(?P<pid>\d+) +(?P<name>\w+)\((?P<rest>.*)$")
_RESULT = re.compile(r"= (-?\d+)[^=]*$")
_FORKS = {"fork", "vfork", "clone", "clone3"}


@dataclass(frozen=True)
class Counts:
    """What one run did, detached processes included."""

    processes: int
    programs: Counter[str]
    """Program name (the last part of the executed path) -> how often it was started."""
    calls: Counter[str]
    """System call -> how often; only of the process that was started itself, after its own start."""


def count(one: Alternative, calls: str = "") -> Counts:
    """Run `one` once under strace. `calls`: the system calls to count besides, in the words of `strace -e trace=`."""
    assert STRACE, "strace is not installed"
    one.prepare()
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory, "trace")
        wanted = ",".join(filter(None, ("execve,fork,vfork,clone,clone3", calls)))
        argv = [STRACE, "-f", "-qq", "-s", "300", "-e", "signal=none", "-e", f"trace={wanted}", "-o", str(trace)]
        done = subprocess.run(
            [*argv, "--", *map(str, one.argv)], cwd=one.cwd, env=dict(one.env), stdin=subprocess.DEVNULL,
            capture_output=True, check=False, timeout=one.limit,
        )  # fmt: skip
        if done.returncode not in one.statuses:
            raise DidNotRun(f"{one.name}: under strace: status {done.returncode}: {done.stderr.decode()}")
        return parse(trace.read_text(encoding="utf-8", errors="replace"))


def parse(trace: str) -> Counts:
    """What `strace -f -o` wrote. A call that another one interrupts is on two lines; the second says how it ended."""
    lines = _whole(trace.splitlines())
    first = next(iter(lines)).split(" ", 1)[0] if lines else ""
    processes, programs, calls = 1, Counter[str](), Counter[str]()
    for line in lines:
        found = _CALL.match(line)
        result = _RESULT.search(line)
        if not found or not result:
            continue
        name, worked = found["name"], int(result[1]) >= 0
        if name in _FORKS:
            processes += worked and "CLONE_THREAD" not in line
        elif name == "execve":
            if worked:
                programs[os.path.basename(found["rest"].split('"')[1])] += 1  # noqa: PTH119 - it is no file of ours
        elif found["pid"] == first:
            calls[name] += 1
    return Counts(processes, programs, calls)


def _whole(lines: list[str]) -> list[str]:
    begun: dict[tuple[str, str], str] = {}
    whole = []
    for line in lines:
        if line.endswith("<unfinished ...>"):
            found = _CALL.match(line)
            if found:
                begun[found["pid"], found["name"]] = line.removesuffix("<unfinished ...>")
        elif found := re.match(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$", line):
            whole.append(begun.pop((found[1], found[2]), "") + found[3])
        else:
            whole.append(line)
    return whole
