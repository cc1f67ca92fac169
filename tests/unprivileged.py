"""Lets a test meet permissions: root passes over them, so for a while it is somebody else."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .scratch import SCRATCH

_NOBODY = 65534


@contextmanager
def as_somebody_else() -> Iterator[Path]:
    """A directory of one's own, for a block in which file modes count, also where the tests run as root."""
    is_root = os.geteuid() == 0
    directory = Path(tempfile.mkdtemp(prefix="jobsync-test-", dir=SCRATCH))
    if is_root:
        os.chown(directory, _NOBODY, _NOBODY)
        os.seteuid(_NOBODY)
    try:
        yield directory
    finally:
        if is_root:
            os.seteuid(0)
        for path in (directory, *directory.rglob("*")):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(directory)


def _confined() -> tuple[str, ...]:
    is_root, setpriv = os.geteuid() == 0, shutil.which("setpriv")
    return (setpriv, "--bounding-set=-all", "--inh-caps=-all") if is_root and setpriv else ()


CONFINED = _confined()
"""In front of a command: for it file modes count, also where the tests run as root."""
