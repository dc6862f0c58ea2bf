"""The inside of a background job: run a command's ``main``, and note how it ended.

``python -m curation.job_process JOBS_FOLDER JOB_ID MODULE ARGUMENT...``; started by `curation.jobs.start`.
"""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from curation.jobs import write_end, write_process

STOPPED = 130


def main(arguments: list[str]) -> int:
    """Run it; gives its exit code."""
    folder, job_id, module, *rest = arguments
    asked_to_stop = False

    def end(_signal: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    write_process(Path(folder), job_id)
    progress = Path(folder) / f"{job_id}.progress.json"
    try:
        command = importlib.import_module(module).main
        code = command([*rest, "--progress-file", str(progress)])
    except KeyboardInterrupt:
        code = STOPPED
    except SystemExit as error:  # wrong arguments
        code = error.code if isinstance(error.code, int) else 1
        asked_to_stop = asked_to_stop or code == signal.SIGTERM  # which Ray, once loaded, takes for itself
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    state = "stopped" if asked_to_stop or code == STOPPED else "failed" if code else "done"
    write_end(Path(folder), job_id, state)
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
