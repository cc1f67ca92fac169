"""`jobsync doctor`: small checks, each a function in a list; `checks.py` is the door."""
