"""A launchd for machines without one: a daemon that runs jobs for real, and a `launchctl` that answers as Apple's.

Stands alone: imports nothing from the rest of jobsync, and only the standard library.
"""

from jobsync.simulator.control import Simulator
from jobsync.simulator.errors import SimulatorError

__all__ = ["Simulator", "SimulatorError"]
