"""Jobs and a machine to render; run as a program it prints what one rich job renders to."""

import sys
from pathlib import Path

from jobsync.config import Config, Repo, UserManager
from jobsync.definitions.job import Argv, Job, Line, Priority, Restart, Schedule, Script, Slot
from jobsync.paths import paths_of
from jobsync.schedulers.launchd import Launchd
from jobsync.schedulers.systemd import Systemd
from jobsync.values import replace

REPO = Repo("0f1e2d3c4b5a6978", "/Users/ada/dot files/.git", "/Users/ada/dot files", "ada")
CONFIG = Config(
    file=Path("/Users/ada/.config/jobsync/config.toml"),
    machine="mbp",
    os="macos",
    home="/Users/ada",
    state="/Users/ada/.local/state/jobsync",
    data="/Users/ada/.local/share/jobsync",
    logs="/Users/ada/Library/Logs/jobsync",
    path="/opt/homebrew/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    scheduler="launchd",
    launchctl="/bin/launchctl",
    hook="/opt/bin/jobsync-hook",
    repos=(REPO,),
)
HERE = "/Users/ada/dot files/jobs/rich"
RICH = Job(
    name="rich",
    description='Brief me: "naïve" -- & <soon> 早上',
    command=Argv(("brew", "update", "it's", 'a "b"', "$HOME", "new\nline", "")),
    directory="/Users/ada/No tes",
    home_directory=HERE,
    path=("/Users/ada/.bun/bin",),
    inputs=("jobs/rich", "lib"),
    schedule=Schedule(
        slots=(Slot(hour=9, minute=0), Slot(weekday=1, hour=17, minute=30), Slot(month=2, day=29, hour=0, minute=5)),
        at_login=True,
        on_change=("/Users/ada/.netrc",),
        on_files=("/Users/ada/In & box",),
        words=("09:00",),
    ),
    environment=(("LANG", "en_GB.UTF-8"), ("QUOTE", "a'b\"c\n$(d) `e`")),
    priority=Priority.BACKGROUND,
    launchd={"ExitTimeOut": 30, "SoftResourceLimits": {"NumberOfFiles": 1024}, "LimitLoadToSessionType": ["Aqua"]},
)
PLAIN = Job(name="plain", description="", command=Line("true"), directory=HERE, home_directory=HERE)
DAEMON = Job(
    name="daemon",
    description="d",
    command=Script(f"{HERE}/run"),
    directory=HERE,
    home_directory=HERE,
    daemon=Restart.ALWAYS,
)
SAMPLES = (RICH, PLAIN, DAEMON)


LINUX = replace(
    CONFIG,
    os="linux",
    scheduler="systemd",
    launchctl="",
    systemd=UserManager("/usr/bin/systemctl", "/run/user/501", "/Users/ada/.local/share/systemd/user",
                        "/Users/ada/.config/systemd/user", "/Users/ada/.local/share/systemd/timers"),
)  # fmt: skip


def systemd() -> Systemd:
    """The scheduler of that machine, had it Linux; nothing is called."""
    return Systemd(LINUX, REPO, paths_of(LINUX, REPO))


def launchd() -> Launchd:
    """The scheduler of that machine; nothing is called."""
    return Launchd(CONFIG, REPO, paths_of(CONFIG, REPO))


def units_of(job: Job) -> bytes:
    """Everything that a rendering for systemd is, but for the launcher, as one text."""
    rendering = systemd().render(job)
    parts = [f"{rendering.label} {rendering.load_digest}\n".encode()]
    for one in rendering.artefacts[1:]:
        parts += [f"== {one.path} {one.mode:o}\n".encode(), one.content, b"\n" if one.is_link else b""]
    return b"".join(parts)


def text_of(job: Job) -> bytes:
    """Everything that a rendering is, as one text."""
    rendering = launchd().render(job)
    parts = [f"{rendering.label} {rendering.load_digest}\n".encode()]
    for one in rendering.artefacts:
        parts += [f"== {one.path} {one.mode:o}\n".encode(), one.content]
    return b"".join(parts)


if __name__ == "__main__":
    for sample in SAMPLES:
        sys.stdout.buffer.write(units_of(sample) if sys.argv[1:] == ["systemd"] else text_of(sample))
