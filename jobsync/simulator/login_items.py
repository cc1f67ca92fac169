"""The Login Items switches of the System Settings (macOS 13 and later): which jobs the user has switched off there."""

import json
from pathlib import Path

from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.files import write_whole

FILE = "login-items.json"
FIRST_VERSION = (13,)


def _read(path: Path) -> set[str]:
    try:
        match json.loads(path.read_text(encoding="utf-8")):
            case [*labels] if all(isinstance(label, str) for label in labels):
                return set(labels)
    except FileNotFoundError:
        return set()
    except (OSError, ValueError) as trouble:
        raise SimulatorError(f"cannot read {path}: {trouble}; without that file all is switched on") from None
    raise SimulatorError(f"{path} holds no labels; without that file all is switched on")


class LoginItems:
    """Which labels are switched off. Written through to a file, for the choice outlives logout and reboot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._off = _read(path)

    def is_off(self, label: str) -> bool:
        """Whether the user has switched this job off."""
        return label in self._off

    def switch(self, label: str, on: bool) -> None:
        """The user moves a switch; nothing that is loaded notices."""
        (self._off.discard if on else self._off.add)(label)
        write_whole(self._path, json.dumps(sorted(self._off)).encode())
