"""Run a command's ``main`` as a background job, and note how it ended.

``python -m core.processes.job_runner FOLDER JOB_ID MODULE ARGUMENT...``; started by `core.processes.jobs.start`.
"""

from __future__ import annotations

import importlib
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from types import FrameType

from core.cli import STOPPED, one_line
from core.processes.jobs import write_end, write_process

SPARE_BYTES = 16_384  # kept until the end, so that a full disk has room for how it ended


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
    spare = Path(folder) / f"{job_id}.spare"
    spare.write_bytes(b"0" * SPARE_BYTES)
    message = ""
    progress = Path(folder) / f"{job_id}.progress.json"
    try:
        command = importlib.import_module(module).main
        code = command([*rest, "--progress-file", str(progress)])
    except KeyboardInterrupt:
        code = STOPPED
    except SystemExit as error:  # wrong arguments
        code = error.code if isinstance(error.code, int) else 1
        asked_to_stop = asked_to_stop or code == signal.SIGTERM  # which Ray, once loaded, takes for itself
    except BaseException as error:
        with suppress(OSError):
            traceback.print_exc()
        message = _words_of(error)
        code = 1
    with suppress(OSError):
        sys.stdout.flush()
    spare.unlink(missing_ok=True)
    state = "stopped" if asked_to_stop or code == STOPPED else "failed" if code else "done"
    write_end(Path(folder), job_id, state, message)
    return int(code)


def _words_of(error: BaseException) -> str:
    """What a page says of it: its sentence; Python's own words only where nobody wrote one."""
    words = one_line(error)
    if words and isinstance(error, ValueError | OSError | RuntimeError):
        return words
    return traceback.format_exception_only(error)[-1].strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
