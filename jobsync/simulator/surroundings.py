"""What the process of a job is started with: its variables, and all that launchd sets for it. Pure."""

from jobsync.simulator.definition import Definition
from jobsync.simulator.domain import Domain, Kind
from jobsync.simulator.process import STANDARD_PATH, Launch
from jobsync.simulator.settings import Settings

AGENT_SOCKET = "/private/tmp/com.apple.launchd.DSoTtRWSS8/Listeners"
"""Where the ssh agent of a login listens."""


def _environment(domain: Domain, definition: Definition, settings: Settings) -> dict[str, str]:
    """The variables that a job gets (docs/simulator.md, row 10)."""
    values = {"PATH": STANDARD_PATH}
    if settings.home_in_environment:
        values |= {"HOME": settings.home, "USER": settings.user, "LOGNAME": settings.user}
        values |= {"SHELL": "/bin/sh", "TMPDIR": "/tmp/"}  # noqa: S108 - the system's own directory is meant
    if domain.kind is Kind.GUI:
        values["SSH_AUTH_SOCK"] = AGENT_SOCKET
    if settings.macos >= (26,):
        values["OSLogRateLimit"] = "64"
    return values | dict(definition.environment) | {"XPC_SERVICE_NAME": definition.label}


def launch_of(domain: Domain, definition: Definition, settings: Settings, *, suspended: bool) -> Launch:
    """The start of a job of this domain. `suspended`: it stops before its program begins."""
    return Launch(
        executable=definition.executable,
        arguments=definition.arguments or (definition.executable,),
        environment=_environment(domain, definition, settings),
        directory=definition.working_directory or "/",
        umask=0o022 if definition.umask is None else definition.umask,
        stdin=definition.stdin,
        stdout=definition.stdout,
        stderr=definition.stderr,
        nice=definition.nice or 0,
        soft_limits=(("NumberOfFiles", 256), *definition.soft_limits),
        hard_limits=definition.hard_limits,
        suspended=suspended,
        makes_log_directories=settings.creates_log_directories,
    )
