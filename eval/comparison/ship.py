"""Make the comparison that comes with the product: ``python -m eval.comparison.ship --pairs PAIRS``.

Every generator after every kind of stage 1 on the held-out faces of PAIRS, under ``fd_effnet_lite0``. What is kept in
``data/demo/comparison`` holds no face of PAIRS: numbers and names, and pictures of our own drawings only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from core.config import ROOT, settings
from eval.comparison.comparison_store import SHIPPED, cache_of, on_data, root_of
from eval.comparison.pictures import FOLDERS, keep_picture, slug
from eval.comparison.request import ComparisonRequest, GeneratorSource, write_request
from eval.comparison.result import PICTURES, Comparison, write_comparison
from eval.protocols import WITHOUT_WEIGHTS

PLACEHOLDER = Path(
    "PAIRS"
)  # for the data of whoever repeats it; see `eval.comparison.comparison_store.on_data`
TITLE = "The shipped generators on faces that training never saw"
LABELS = {"age", "happy", "long-haired", "outdoors", "pose"}  # what is kept of a table of labels
SIDE, QUALITY = 192, 44
MAX_RESULT_BYTES, MAX_PICTURE_BYTES = 1_200_000, 600_000


def shipped_request(generators: Sequence[str]) -> ComparisonRequest:
    """Build the request behind the shipped comparison, for any data, which a placeholder stands for."""
    fakes: dict[str, Path | GeneratorSource] = {
        name if stage1 == "whole" else f"{name}, parts": GeneratorSource(
            generator=name, stage1=stage1, data=PLACEHOLDER
        )
        for stage1 in ("whole", "parts")
        for name in generators
    }
    return ComparisonRequest(
        title=TITLE, real=PLACEHOLDER, fakes=fakes, protocol=WITHOUT_WEIGHTS, training=PLACEHOLDER,
        drawings=ROOT / "data" / "demo" / "drawings",
    )  # fmt: skip


def without_faces(comparison: Comparison) -> Comparison:
    """Give the comparison as it may be shipped: labels of this module only."""
    cases = tuple(
        case.model_copy(update={"labels": {k: v for k, v in case.labels.items() if k in LABELS}})
        for case in comparison.cases
    )
    return comparison.model_copy(update={"cases": cases})


def ship(comparison: Comparison, made: Path, out: Path) -> None:
    """Replace what is shipped by a comparison and the pictures of its drawings.

    Raises
    ------
    ValueError
        If it is too large for the repository; nothing is replaced then.
    """
    draft = Path(tempfile.mkdtemp(prefix=".comparison-", dir=out.parent))
    try:
        for folder in FOLDERS.values():
            for path in sorted((made / PICTURES / folder).rglob("*.webp")):
                if path.stem in {slug(name) for name in comparison.drawings} and folder not in (
                    "real",
                    "training",
                ):
                    target = draft / PICTURES / path.relative_to(made / PICTURES)
                    keep_picture(target, np.asarray(Image.open(path)), side=SIDE, quality=QUALITY)
        result = write_comparison(draft, without_faces(comparison))
        generators = list(dict.fromkeys(model.generator for model in comparison.models))
        request = shipped_request(generators)
        write_request(draft, request.model_copy(update={"drawings": Path("data/demo/drawings")}))
        pictures = sum(path.stat().st_size for path in draft.rglob("*.webp"))
        for what, size, most in (
            ("result.json", result.stat().st_size, MAX_RESULT_BYTES),
            ("pictures", pictures, MAX_PICTURE_BYTES),
        ):
            if size > most:
                raise ValueError(f"{what} has {size} bytes; at most {most} go into the repository.")
        draft.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        os.replace(draft, out)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code."""
    from core.models.folder import generators
    from eval.comparison.run import run_comparison
    from eval.comparison.table import table

    parser = argparse.ArgumentParser(prog="python -m eval.comparison.ship", description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="folder made by python -m curation.run")
    parser.add_argument("--labels", type=Path, help="table to filter by, such as attributes.csv")
    parser.add_argument("--cache", type=Path, default=cache_of(root_of(settings().data)))
    parser.add_argument("--out", type=Path, default=SHIPPED)
    options = parser.parse_args(arguments)
    weights = settings().weights
    request = on_data(shipped_request(generators(weights, weights)), options.pairs)
    request = request.model_copy(update={"labels": options.labels, "pictures": False})
    stage = ""

    def show(name: str, done: int, total: int) -> None:
        nonlocal stage
        if name != stage:
            stage = name
            print(name, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder)
        comparison = run_comparison(request, made, cache=options.cache, progress=show)
        ship(comparison, made, options.out)
    print(table(comparison))
    return 0


if __name__ == "__main__":
    sys.exit(main())
