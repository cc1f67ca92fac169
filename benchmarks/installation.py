"""The jobsync that is measured: a copy of this checkout, installed as users install it, with nothing else beside it."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from .bench import Bench

_ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Installation:
    """The programs of one virtual environment."""

    bin: Path

    @property
    def python(self) -> Path:
        return self.bin / "python"

    @property
    def jobsync(self) -> Path:
        return self.bin / "jobsync"


def installation(bench: Bench) -> Installation:
    """Fresh from this checkout; in a short session the development environment, which is there already."""
    if bench.short:
        return Installation(Path(sys.executable).parent)
    directory = bench.cache / "jobsync"
    mark, wanted = directory / "source", _source_digest()
    if not mark.is_file() or mark.read_text(encoding="utf-8") != wanted:
        install(directory, str(_ROOT))
        mark.write_text(wanted, encoding="utf-8")
    return Installation(directory / "bin")


def install(directory: Path, *packages: str) -> Path:
    """A new virtual environment with these packages from PyPI; gives its `bin`."""
    shutil.rmtree(directory, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
    pip = [str(directory / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "install", *packages], check=True)
    return directory / "bin"


def _source_digest() -> str:
    """Of all that goes into the wheel."""
    found = blake2b(digest_size=16)
    for directory in ("jobsync", "hooks", "template-repo"):
        for path in sorted((_ROOT / directory).rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                found.update(str(path).encode() + b"\0" + path.read_bytes())
    found.update((_ROOT / "pyproject.toml").read_bytes())
    return found.hexdigest()
