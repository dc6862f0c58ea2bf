"""Do the boxes of the parts show? ``python -m tests.benchmarks.part_seams --data PAIRS [--sheet out.png]``.

Validation sketches are refined by parts (everything, not the face alone). Along each border of each box the
step from the last pixel outside to the first one inside is measured, and so are the steps between rows 3 to
8 pixels away on either side: a border that does not show has a ratio of about 1. The same parts pasted without
a feather, and the true sketches, stand beside it. Pixels where another part covers the border fully are left out.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from core.conversion.request import StepClock
from core.conversion.settings import ConversionSettings
from core.face_parts import layout as parts_module
from core.face_parts.layout import FACE_PARTS, PAINT_ORDER, part_alpha, part_box, part_side
from core.images import save_png
from core.pipeline import SketchToFacePipeline
from core.sketch_input import prepare_sketch
from tests.benchmarks.held_out_faces import held_out

AWAY = range(3, 9)
Grey = NDArray[np.float32]


def covered_above(name: str, size: int) -> NDArray[np.bool_]:
    """Pixels that a part painted later covers fully: (size, size)."""
    covered = np.zeros((size, size), bool)
    for later in PAINT_ORDER[PAINT_ORDER.index(name) + 1 :]:
        left, top, right, bottom = part_box(later, size)
        covered[top:bottom, left:right] |= part_alpha(later, size) == 1
    return covered


def steps(sketch: Grey, name: str) -> tuple[list[float], list[float]]:
    """Mean absolute steps across a part's four borders, and across the lines beside them, in grey levels."""
    size = sketch.shape[0]
    left, top, right, bottom = part_box(name, size)
    hidden = covered_above(name, size)
    on, beside = [], []
    for picture, mask, edges, span in (
        (sketch, hidden, (top, bottom), slice(left, right)),
        (sketch.T, hidden.T, (left, right), slice(top, bottom)),
    ):
        for edge in edges:
            rows = [edge + offset for offset in (0, *AWAY, *(-away for away in AWAY))]
            for row in rows:
                if not 1 <= row < size:
                    continue
                seen = ~mask[row, span]
                step = np.abs(picture[row, span] - picture[row - 1, span])[seen]
                if step.size:
                    (on if row == edge else beside).append(float(step.mean()))
    return on, beside


def ratio(sketches: list[Grey]) -> dict[str, float]:
    """Step across the borders over the step beside them, by part and for all."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for name in FACE_PARTS:
        pairs = [steps(sketch, name) for sketch in sketches]
        found[name] = [v for on, _ in pairs for v in on], [v for _, beside in pairs for v in beside]
    values = {name: float(np.mean(on) / np.mean(beside)) for name, (on, beside) in found.items()}
    on_all = [v for on, _ in found.values() for v in on]
    beside_all = [v for _, beside in found.values() for v in beside]
    return {**values, "all": float(np.mean(on_all) / np.mean(beside_all))}


def refine_by_parts(
    pipeline: SketchToFacePipeline, t: float, mode: str
) -> Callable[[NDArray[np.uint8]], Grey]:
    """A function from a prepared sketch to its refined one in grey levels."""
    if pipeline.parts is None:
        raise SystemExit("There are no part autoencoders in this weights folder.")
    stage, wanted = pipeline.parts, ConversionSettings(t=t, mode=mode, stage1="parts")

    def run(page: NDArray[np.uint8]) -> Grey:
        fine = prepare_sketch(page, stage.fine_size)
        return (stage.refine(page, fine, wanted, clock=StepClock()).sketch + 1) * 127.5

    return run


def hard_alpha(name: str, size: int) -> Grey:
    """A part without a feather."""
    return np.ones((part_side(name, size),) * 2, np.float32)


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder made by python -m curation.run")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--limit", type=int, help="at most so many sketches")
    parser.add_argument("--t", type=float, default=0.5)
    parser.add_argument("--mode", default="whole")
    parser.add_argument("--sheet", type=Path, help="PNG: sketch, feathered, pasted hard")
    options = parser.parse_args()
    pipeline = SketchToFacePipeline.load(options.weights, device="cpu", upscale=False)
    refine = refine_by_parts(pipeline, options.t, options.mode)
    pages = [prepare_sketch(sketch, pipeline.size) for sketch, _ in held_out(options.data, options.limit)]
    soft = [refine(page) for page in pages]
    with patch.object(parts_module, "part_alpha", hard_alpha):
        hard = [refine(page) for page in pages]
    true = [page.astype(np.float32) for page in pages]
    report = {"sketches": len(pages), "t": options.t, "mode": options.mode,
              "feathered": ratio(soft), "pasted_hard": ratio(hard), "true_sketches": ratio(true)}  # fmt: skip
    if options.sheet:
        rows = [np.hstack(row) for row in list(zip(true, soft, hard, strict=True))[:6]]
        save_png(options.sheet, np.repeat(np.vstack(rows).round().astype(np.uint8)[..., None], 3, axis=2))
    print(json.dumps(report, indent=1))
    print(f"{report['feathered']['all']:.2f} (1 is invisible)", file=sys.stderr)


if __name__ == "__main__":
    main()
