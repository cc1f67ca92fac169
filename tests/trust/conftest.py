"""Campaigns are not measured."""

from ..unmeasured import processes_are_not_measured

__all__ = ["processes_are_not_measured"]
