"""A home that has grown: agents in every style, a crontab, timers from another machine, a directory of jobs.

`python -m tests.migration` plays the way from there to a dotfiles repository, at a terminal, and prints it.
"""

import os
import plistlib
import tempfile
from pathlib import Path
from typing import Any

from .laptop import Laptop
from .scratch import SCRATCH

CRONTAB = """\
# Edit this file to introduce tasks to be run by cron.
#
# m h  dom mon dow   command
MAILTO=ada@example.org
PATH=/usr/local/bin:/usr/bin:/bin
# Fetch mail often
*/10 * * * * ~/bin/fetch-mail --quiet
# Old notes go at night; ask Grace before changing it
15 3 * * * cd "$HOME/notes" && ../bin/prune >>/dev/null; true
@reboot ~/bin/welcome
@monthly ~/bin/archive%January%February
"""

# busybox and cron both keep a crontab where root alone may write; this one is in the home, and answers as crontab(1).
CRONTAB_COMMAND = """\
#!/bin/sh
file=$HOME/.crontab
case ${1-} in
-l) if [ -f "$file" ]; then cat "$file"; else echo "no crontab for $USER" >&2; exit 1; fi ;;
-) cat >"$file" ;;
*) echo "usage: crontab [-l | -]" >&2; exit 1 ;;
esac
"""

TIMER = """\
[Unit]
Description=Fetch the feeds every hour

[Timer]
OnCalendar=hourly
Persistent=true
RandomizedDelaySec=5min

[Install]
WantedBy=timers.target
"""
SERVICE = """\
# from the old desktop
[Unit]
Description=Fetch feeds

[Service]
Type=oneshot
WorkingDirectory=%h
Environment=FEEDS=all
ExecStart=/bin/echo fetching %h/feeds
"""


def agents(home: str) -> dict[str, dict[str, Any]]:
    """Property lists as people and generators write them, by label."""
    return {
        # by hand, with a script in the home
        "com.ada.backup": {
            "ProgramArguments": [f"{home}/bin/backup", "--all"],
            "StartCalendarInterval": [{"Weekday": day, "Hour": 2, "Minute": 30} for day in range(1, 6)],
            "StandardOutPath": "/tmp/backup.log",
            "StandardErrorPath": "/tmp/backup.log",
            "WorkingDirectory": f"{home}/notes",
        },
        # LaunchControl and its like: Program, and a dict instead of a list
        "org.ada.report": {
            "Program": "/usr/bin/true",
            "StartCalendarInterval": {"Hour": 8, "Minute": 0, "Weekday": 1},
            "ProcessType": "Background",
            "LowPriorityIO": True,
        },
        # Lingon: at login, with an environment
        "ada.greeting": {
            "ProgramArguments": ["/bin/echo", "hello"],
            "RunAtLoad": True,
            "EnvironmentVariables": {"LANG": "en_GB.UTF-8", "PATH": "/opt/homebrew/bin:/usr/bin:/bin"},
        },
        # an interval
        "com.ada.sync-notes": {"ProgramArguments": ["/bin/echo", "sync"], "StartInterval": 900, "Umask": 63},
        # home-manager: a shell with a line
        "org.nix-community.home.poll": {
            "ProgramArguments": ["/bin/sh", "-c", "/bin/wait4path /nix/store && exec /bin/echo poll"],
            "StartCalendarInterval": [{"Minute": minute} for minute in (0, 20, 40)],
        },
        # Homebrew services: a daemon
        "homebrew.mxcl.beacon": {
            "ProgramArguments": ["/bin/sleep", "600"],
            "KeepAlive": True,
            "RunAtLoad": True,
            "LimitLoadToSessionType": ["Aqua", "Background"],
        },
        "com.ada.inbox": {"ProgramArguments": ["/bin/echo", "filed"], "QueueDirectories": [f"{home}/Inbox"]},
        "com.ada.netrc": {"ProgramArguments": ["/bin/echo", "changed"], "WatchPaths": [f"{home}/.netrc"]},
        # with a secret in it
        "com.ada.briefing": {
            "ProgramArguments": ["/bin/echo", "briefing"],
            "StartCalendarInterval": [{"Hour": 7, "Minute": 15}],
            "EnvironmentVariables": {"BRIEFING_API_TOKEN": "abcd1234efgh5678"},
        },
        # switched off
        "com.ada.old": {"ProgramArguments": ["/bin/echo", "old"], "StartInterval": 3_600, "Disabled": True},
        # what no definition can say
        "com.ada.pathstate": {
            "ProgramArguments": ["/bin/echo", "never"],
            "KeepAlive": {"PathState": {f"{home}/flag": True}},
        },
        "com.ada.odd-interval": {"ProgramArguments": ["/bin/echo", "odd"], "StartInterval": 420},
    }


def furnish(laptop: Laptop) -> None:
    """Make the home: everything is loaded, and the scripts are there."""
    home = str(laptop.home)
    laptop.agents.mkdir(parents=True, exist_ok=True)
    for directory in ("notes", "Inbox", "bin", "from-desktop", "course/jobs/water"):
        (laptop.home / directory).mkdir(parents=True)
    for name, text in (("backup", "#!/bin/sh\necho backed up in $PWD\n"), ("crontab", CRONTAB_COMMAND)):
        script = laptop.home / "bin" / name
        script.write_text(text)
        script.chmod(0o755)
    laptop.environment["PATH"] = f"{home}/bin:{laptop.environment['PATH']}"
    (laptop.home / ".crontab").write_text(CRONTAB)
    for number, (label, values) in enumerate(agents(home).items()):
        kind = plistlib.FMT_BINARY if number % 3 == 0 else plistlib.FMT_XML
        content = plistlib.dumps({"Label": label, **values}, fmt=kind)
        if label == "com.ada.netrc":
            content = content.replace(b"<dict>", b"<!-- tells the backup\n     that logins changed -->\n<dict>", 1)
        path = laptop.agents / f"{label}.plist"
        path.write_bytes(content)
        if not values.get("Disabled"):
            laptop.launchctl("bootstrap", f"gui/{os.getuid()}", str(path))
    (laptop.home / "from-desktop/feeds.timer").write_text(TIMER)
    (laptop.home / "from-desktop/feeds.service").write_text(SERVICE)
    job = laptop.home / "course/jobs/water"
    (job / "schedule").write_text('{"type": "scheduled", "hour": 18, "minute": 30}\n')
    (job / "run").write_text("#!/bin/sh\necho water the plants\n")
    (job / "run").chmod(0o755)
    laptop.simulator.clear_calls()


TYPED = (
    "cd ~/dotfiles",
    "jobsync init",
    "jobsync import 2>&1 | tail -n 5",
    "jobsync import ~/Library/LaunchAgents/com.ada.backup.plist",
    "jobsync import --take-over ~/Library/LaunchAgents/*.plist",
    "jobsync import --take-over crontab",
    "jobsync import --write ~/from-desktop/feeds.timer ~/course/jobs | tail -n 3",
    "jobsync sync",
    "jobsync status",
    "jobsync import 2>&1 | tail -n 4",
    "git add -A && git commit -q -m 'My jobs' && git push -q",
    "cat ~/.crontab",
    "jobsync run backup",
)
"""From the grown home to a repository that holds all of it."""


def main() -> None:
    """Print the transcript."""
    from .docs.terminal import Terminal, seed

    with tempfile.TemporaryDirectory(prefix="jobsync-test-", dir=SCRATCH) as root, Laptop.start(Path(root)) as laptop:
        seed(laptop)
        furnish(laptop)
        terminal = Terminal(laptop)
        for command in TYPED:
            shown = terminal.type(command)
            print(f"$ {command}", *shown, sep="\n")


if __name__ == "__main__":
    main()
