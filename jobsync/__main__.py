"""`python -m jobsync`: the same as the command."""

from jobsync.cli import main

main()
