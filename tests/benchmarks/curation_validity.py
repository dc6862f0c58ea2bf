"""All that curation claims to see, checked on planted truths: ``python -m tests.benchmarks.curation_validity``.

Runs the three validity benchmarks one after the other, each in a process of its own, and prints their
figures as one JSON object; their tables go to stderr. ``--quick`` takes fewer photos.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

from core.config import ROOT

PARTS: dict[str, tuple[str, ...]] = {
    "judging_validity": ("--photos", "40"),
    "coverage_validity": (),
    "duplicates_validity": ("--edited", "30"),
}


def main() -> int:
    """Print the figures of all parts; 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer photos, for a look")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    failed = False
    for part, fewer in PARTS.items():
        command = [sys.executable, "-m", f"tests.benchmarks.{part}", *(fewer if options.quick else ())]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        failed |= done.returncode != 0
        text = done.stdout[done.stdout.find("{") :]
        figures[part] = json.loads(text) if text else {"exit_code": done.returncode}
    print(json.dumps(figures))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
