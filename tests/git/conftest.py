"""What git wakes up here are processes; what is typed beside that starts without Python's start."""

from ..warmed import laptop

__all__ = ["laptop"]
