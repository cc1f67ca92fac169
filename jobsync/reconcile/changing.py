"""Word of the labels that a sync is changing, for whoever comes after one that was killed in the middle.

Links that are missing are nobody's wish then, and what stands under a label that no job has is a move that was taken
back before it was done.
"""

from collections.abc import Collection

from jobsync import files
from jobsync.paths import Paths


def read(paths: Paths) -> set[str]:
    """What a killed sync has left, or one that failed: it is true until those very jobs are as they shall be."""
    content = files.read(paths.changing) or b""
    return set(content.decode("utf-8", "replace").split("\n")) - {""}


def write(paths: Paths, labels: Collection[str]) -> None:
    """Before anything is changed, and when that is done."""
    if labels:
        files.write_if_changed(paths.changing, "\n".join(sorted(labels)).encode(), 0o600)
    else:
        files.remove(paths.changing)
