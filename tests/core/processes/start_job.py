"""A page's server, as far as jobs go: it starts one, says its id, and waits to be killed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from core.processes import jobs


def main(folder: Path, told: str) -> None:
    module = "tests.core.processes.planted_job"
    print(jobs.start(folder, "planted", module, [told], surroundings=["--place", "here"]).id, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
