"""What stands where systemd looks, as far as whoever looks may see it."""

import pytest

from jobsync.errors import JobsyncError
from jobsync.paths import paths_of
from jobsync.schedulers.systemd_survey import on_disk
from jobsync.values import replace

from ..unprivileged import as_somebody_else
from .samples import LINUX, REPO


def test_a_copy_that_nobody_may_look_at_is_a_sentence() -> None:
    with as_somebody_else() as home:
        (home / "closed").mkdir()
        (home / "links").mkdir()
        (home / "links" / "test.one.service").symlink_to(home / "closed" / "copy")
        (home / "closed").chmod(0)
        paths = replace(paths_of(LINUX, REPO), units=home / "units", unit_links=home / "links", state=home)
        with pytest.raises(JobsyncError, match=r"cannot look at .*/test\.one\.service: Permission denied"):
            on_disk(paths, ["test"], str(home))
