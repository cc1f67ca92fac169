"""Campaigns are not measured, and their many syncs start without Python's start."""

from ..unmeasured import processes_are_not_measured
from ..warmed import laptop

__all__ = ["laptop", "processes_are_not_measured"]
