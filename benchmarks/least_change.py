"""The least that Python can do where one job of many has changed; `bench_change.py` runs it beside the hook.

`python -I -S least_change.py LAUNCHCTL DIRECTORY FILES` asks git for HEAD and the definition, reads every installed
file and the ledger, and writes a launcher, a plist and the ledger, with as many calls to launchctl and waits for the
disk as the hook. It looks at no answer, knows two keys, keeps no promise, and imports nothing but what reads TOML,
writes a plist and knows JSON.
"""

import json
import os
import plistlib
import sys
import tomllib


def ask(*argv: str) -> bytes:
    """What a command printed."""
    ours, theirs = os.pipe()
    pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, theirs, 1)])
    os.close(theirs)
    with open(ours, "rb") as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said


def read(path: str) -> bytes:
    """A file's content."""
    with open(path, "rb") as file:
        return file.read()


def write(path: str, content: bytes) -> None:
    """Whole or not at all, and there after a power cut."""
    with open(path + ".new", "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".new", path)


def main(launchctl: str, directory: str, listing: str) -> None:
    """One job of HEAD's, out and in again."""
    paths = read(listing).decode().split("\n")
    ask("git", "rev-parse", "HEAD", "HEAD:jobs", "HEAD:jobsync.toml")
    domain = f"gui/{os.getuid()}"
    ask(launchctl, "print", domain)
    for path in paths:
        read(path)
    ask("git", "ls-tree", "-r", "-z", "HEAD")
    job = tomllib.loads(ask("git", "cat-file", "blob", "HEAD:jobs/job0/job.toml").decode())
    ledger = json.loads(read(paths[0]).partition(b"\n\n")[2])
    label = "least.job0"
    launcher, plist = f"{directory}/job0", f"{directory}/{label}.plist"
    hour, minute = job["schedule"]["at"].split(":")
    ask(launchctl, "print", f"{domain}/{label}")
    ask(launchctl, "print", domain)
    ask(launchctl, "bootout", f"{domain}/{label}")
    ask(launchctl, "print", domain)
    write(launcher, f"#!/bin/sh\nexec {job['run']}\n".encode())
    calendar = {"Hour": int(hour), "Minute": int(minute)}
    write(plist, plistlib.dumps({"Label": label, "Program": launcher, "StartCalendarInterval": calendar}))
    there = os.open(directory, os.O_RDONLY)
    os.fsync(there)
    os.close(there)
    ask(launchctl, "bootstrap", domain, plist)
    ask(launchctl, "print", domain)
    write(f"{directory}/ledger", json.dumps(ledger).encode())
    print("updated job0", file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
