"""A second git, newer than the machine's own, and two managers of dotfiles: `.ci/install-newer-git` brings them."""

import shutil
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
NEWER = CHECKOUT / ".tools/newer-git/bin"


def newer_git() -> str:
    """A directory to put in front of PATH, in which git is one with hooks from the configuration. Skips without."""
    if not (NEWER / "git").exists():
        pytest.skip("no git of 2.54 or newer: `make tools` installs one where Debian's packages can be had")
    return str(NEWER)


def manager(name: str) -> str:
    """The program of a dotfiles manager, the machine's own or the one that came with the newer git. Skips without."""
    found = shutil.which(name) or shutil.which(name, path=str(NEWER))
    if found is None:
        pytest.skip(f"no {name}: `make tools` installs it where Debian's packages can be had")
    return found
