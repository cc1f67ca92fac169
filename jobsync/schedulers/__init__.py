"""What a machine can run jobs with. `protocol.py` is the door: the rest of jobsync knows no other scheduler."""
