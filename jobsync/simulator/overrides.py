"""The disabled overrides: per user, kept through bootout, reboot and the daemon's restart; no entry ever goes away."""

import plistlib
from contextlib import suppress
from pathlib import Path

from jobsync.simulator.errors import SimulatorError
from jobsync.simulator.files import write_whole


def _can_be_kept(label: str) -> bool:
    """Whether the store's XML takes it: no `<`, no bytes that are no text."""
    return "<" not in label and label.isprintable()


def _read(path: Path) -> dict[str, bool]:
    try:
        found = plistlib.loads(path.read_bytes())
        if isinstance(found, dict) and all(isinstance(value, bool) for value in found.values()):
            return found
    except FileNotFoundError:
        return {}
    # As of any property list: plistlib promises nothing of bytes that are none.
    except Exception as trouble:
        raise SimulatorError(f"cannot read {path}: {trouble}; without that file nothing is disabled") from None
    raise SimulatorError(f"{path} holds no overrides; without that file nothing is disabled")


class Overrides:
    """label → disabled. Written through to a plist, as launchd's `disabled.UID.plist`. SimulatorError for another's."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries = _read(path)

    @property
    def entries(self) -> dict[str, bool]:
        """A copy of all entries."""
        return dict(self._entries)

    def set(self, label: str, disabled: bool) -> None:
        """Record the user's choice; some labels cannot be kept, and launchd keeps silent about that."""
        self._entries[label] = disabled
        kept = {name: value for name, value in self._entries.items() if _can_be_kept(name)}
        with suppress(OSError):  # a full disk: it counts until the next boot
            write_whole(self._path, plistlib.dumps(kept))

    def is_disabled(self, label: str, default: bool) -> bool:
        """Whether a label is disabled; the plist's own `Disabled` counts while there is no entry."""
        return self._entries.get(label, default)
