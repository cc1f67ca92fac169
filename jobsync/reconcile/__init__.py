"""The heart: want, see, plan, apply, remember. `sync.py` is the door.

Nothing is imported here: `jobsync-hook` reads `index.py` of this package at every pull.
"""
