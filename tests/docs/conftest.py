"""Pages that are typed out are not measured, and what their tests type beside that starts without Python's start."""

from ..unmeasured import processes_are_not_measured
from ..warmed import laptop

__all__ = ["laptop", "processes_are_not_measured"]
