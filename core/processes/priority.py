"""Let trainings and comparisons give way to whoever uses the pages of the same machine."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

NICENESS = 10  # a ninth of the usual weight
_GROUP = Path("/proc/self/autogroup")


def give_way() -> None:
    """Lower the priority of this process and of all that it starts from now on.

    Where Linux groups processes by session (sched(7), *autogroup*), niceness counts within a session only, and a job
    is a session of its own: it would still get as much of the cores as the server. There its group is lowered too.
    """
    with suppress(OSError):
        os.nice(NICENESS)
    if sys.platform == "linux" and os.getsid(0) == os.getpid():  # never the session of a terminal
        with suppress(OSError):
            _GROUP.write_text(str(NICENESS))
