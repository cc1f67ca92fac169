"""The disk: looks that never fail, whatever a caller named, and files that are never seen half written."""

import os
import stat
from pathlib import Path


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Put the file there, or leave the former one as it is: whoever is killed meanwhile needs it to start again.

    OSError when it cannot be written. The umask counts.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def status_of(path: str | Path) -> os.stat_result | None:
    """What stat(2) gives. None for what is not there, cannot be looked at, or has a name that no file can have."""
    try:
        return Path(path).stat()
    except (OSError, ValueError):
        return None


def is_directory(path: str | Path) -> bool:
    """Whether it is known to be one; `Path.is_dir` fails where nobody may look, and for a name that is too long."""
    found = status_of(path)
    return found is not None and stat.S_ISDIR(found.st_mode)


def is_file(path: str | Path) -> bool:
    """Whether it is known to be a regular file, or a link to one."""
    found = status_of(path)
    return found is not None and stat.S_ISREG(found.st_mode)
