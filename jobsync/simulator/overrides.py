"""The disabled overrides: per user, kept through bootout, reboot and the daemon's restart; no entry ever goes away."""

import plistlib
from pathlib import Path


def _can_be_kept(label: str) -> bool:
    """Whether the store's XML takes it: no `<`, no bytes that are no text."""
    return "<" not in label and label.isprintable()


class Overrides:
    """label → disabled. Written through to a plist, as launchd's `disabled.UID.plist`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[str, bool] = {}
        if path.exists():
            self._entries = plistlib.loads(path.read_bytes())

    @property
    def entries(self) -> dict[str, bool]:
        """A copy of all entries."""
        return dict(self._entries)

    def set(self, label: str, disabled: bool) -> None:
        """Record the user's choice; some labels cannot be kept, and launchd keeps silent about that."""
        self._entries[label] = disabled
        kept = {name: value for name, value in self._entries.items() if _can_be_kept(name)}
        self._path.write_bytes(plistlib.dumps(kept))

    def is_disabled(self, label: str, default: bool) -> bool:
        """Whether a label is disabled; the plist's own `Disabled` counts while there is no entry."""
        return self._entries.get(label, default)
