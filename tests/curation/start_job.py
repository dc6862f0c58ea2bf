"""A page's server, as far as jobs go: it starts one, says its id, and waits to be killed."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from curation import jobs


def main(library: Path, told: str) -> None:
    jobs.KINDS["planted"] = "tests.curation.planted_job"
    print(jobs.start("planted", [told], library=library).id, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
