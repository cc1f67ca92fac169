"""What the git hooks start: `python -I -S start.py HOOK EVENT [ARGUMENT...]` does what `HOOK EVENT [ARGUMENT...]` does.

HOOK is the `jobsync-hook` of this installation. Without site.py (-S) an interpreter starts in three quarters of the
time (9 ms of processor time instead of 12), and the script that pip writes for `jobsync-hook` imports `re` (5 ms). What
-S leaves out is where installed packages are; ours is where this file is. Short, because a file that is run is compiled
each time. Exits with 0 whenever the package could be imported; otherwise the git hook goes another way.
"""

import os
import sys

if __name__ == "__main__":
    sys.argv[:2] = sys.argv[1:2]
    # At the end: nothing that is installed beside us may stand in for a module of the standard library.
    sys.path.append(__file__.rpartition("/")[0].rpartition("/")[0])
    # A pull through sudo: what root compiled beside a user's installation he could neither upgrade nor remove.
    if os.stat(__file__).st_uid != os.geteuid():  # noqa: PTH116 - pathlib takes longer than all the rest
        sys.dont_write_bytecode = True
    try:
        from jobsync.entry import main
    except Exception:  # the installation is being replaced at this moment, or was made for another Python
        sys.exit(1)
    main()
