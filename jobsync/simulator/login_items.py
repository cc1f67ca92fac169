"""The Login Items switches of the System Settings (macOS 13 and later): which jobs the user has switched off there."""

import json
from pathlib import Path

FILE = "login-items.json"
FIRST_VERSION = (13,)


class LoginItems:
    """Which labels are switched off. Written through to a file, for the choice outlives logout and reboot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._off: set[str] = set(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else set()

    def is_off(self, label: str) -> bool:
        """Whether the user has switched this job off."""
        return label in self._off

    def switch(self, label: str, on: bool) -> None:
        """The user moves a switch; nothing that is loaded notices."""
        (self._off.discard if on else self._off.add)(label)
        self._path.write_text(json.dumps(sorted(self._off)), encoding="utf-8")
