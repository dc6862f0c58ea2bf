"""A command that a background job runs in the tests: it does at once what its first argument says."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from core.processes.progress import progress_writer


def main(arguments: list[str] | None = None) -> int:
    told, *rest = arguments or []
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    progress = progress_writer(Path(options["--progress-file"]))
    progress.phase("counting")
    progress(3, 10)
    if told == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    progress(4, 4)  # written at once
    if told in ("wait", "stubborn"):
        threading.Event().wait()
    if told == "raise":
        raise KeyError("a defect")
    if told == "exit":
        sys.exit(2)
    print(json.dumps({"place": options["--place"]}))
    if told == "fail":
        print("The disk is full.", file=sys.stderr)
        return 1
    return 0
