"""``python -m deployments.servers.follower PARENT ARGUMENT…``: ``prefect ARGUMENT…``, for as long as PARENT lives.

A process that was killed can't stop its children, so the children look: once the parent's place is taken by
another process (init, or a reaper), they end themselves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

LOOK_EVERY_SECONDS = 0.5
LEAVE_WITHIN_SECONDS = 5.0


def follow(parent: int) -> None:
    """End this process soon after ``parent`` (a process id) is no longer its parent; never returns otherwise."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LEAVE_WITHIN_SECONDS)
    os._exit(1)


def main() -> None:
    """Follow the parent named first, and run Prefect's command line with the rest."""
    parent = int(sys.argv[1])
    threading.Thread(target=follow, args=(parent,), daemon=True, name="follow-parent").start()
    from prefect.cli import app  # takes seconds, in which the parent may already die

    sys.argv = ["prefect", *sys.argv[2:]]
    app()


if __name__ == "__main__":
    main()
