"""What is taken over from systemd, as it stood before."""

from pathlib import Path

import pytest

from jobsync.errors import JobsyncError
from jobsync.reconcile.takeover_units import _as_it_is


def test_a_unit_that_has_just_gone_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(JobsyncError, match=r"cannot read .*/one\.timer: No such file or directory"):
        _as_it_is(tmp_path / "one.timer")
