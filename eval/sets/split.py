"""``python -m eval.sets.split IN OUT``: a reference project's result folder as folders of inputs and outputs.

Prints one JSON object: what the folder was taken for, pictures by kind, and files that were left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from core.cli import fail
from eval.sets.folders import open_set
from eval.sets.results_folders import OUTPUT, named_inputs, split_results


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.sets.split",
        description="Split a reference project's results into OUT/input, OUT/output, OUT/truth and so on.",
    )
    parser.add_argument("results", type=Path, metavar="IN", help="result folder or zip")
    parser.add_argument("out", type=Path, metavar="OUT", help="new folder")
    parser.add_argument(
        "--layout", choices=("ugatit", "files", "sheets"), help="default: by names and shapes of the files"
    )
    parser.add_argument("--panels", nargs="+", metavar="KIND", help="pictures in a sheet, from left to right")
    parser.add_argument(
        "--inputs", type=Path, metavar="DIR",
        help="folder of U-GAT-IT's test inputs: A2B_1 is named as the first of them in the project's own order",
    )  # fmt: skip
    parsed = parser.parse_args(arguments)
    try:
        if parsed.out.exists() and any(parsed.out.iterdir()):
            raise ValueError(f"{parsed.out} is not empty. Name a new folder.")
        images = open_set(parsed.results)
        inputs = named_inputs(images, open_set(parsed.inputs)) if parsed.inputs else ()
        how = {"layout": parsed.layout, "panels": parsed.panels, "inputs": inputs}
        split = split_results(images, parsed.out, **how)
    except (ValueError, OSError) as error:
        return fail(error)
    report = {
        "layout": split.layout,
        "counts": split.counts,
        "left_out": [one.model_dump() for one in split.left_out],
        "compare": str(parsed.out / OUTPUT),
    }
    print(json.dumps(report, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
