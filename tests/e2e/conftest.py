"""Commands are typed by the hundred here, without Python's start; test_main_job.py and test_ends.py pay for it."""

from ..warmed import laptop

__all__ = ["laptop"]
