"""``python -m tests.benchmarks.fid_value``: our figures beside those of the four tools that define them.

The tools' own figures lie in ``fid_value.json``, with their versions; ``fid_value_tools.py`` made them in an
environment of their own, on the same pictures (mixed sizes and formats) and the same random weights in the
reference file's format. Prints a table on stderr and JSON on stdout; ends with 1 if any differs by over 1e-3.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.extractors import Extractor, load_extractor
from eval.features import FeatureStream
from eval.inception import FIDInception
from eval.metrics.registry import metrics_of
from eval.protocols import BASES
from tests.benchmarks.fid_material import random_features, write_pictures, write_weights

STORED = Path(__file__).with_name("fid_value.json")
TOOL = {
    "fid_pytorch": "pytorch-fid",
    "fid_tf1": "torch-fidelity",
    "fid_torchmetrics": "torchmetrics",
    "fid_clean": "clean-fid",
}
GOAL = 1e-3


@dataclass(frozen=True)
class Row:
    """One figure of ours beside a tool's."""

    what: str
    tool: str
    theirs: float
    ours: float

    @property
    def difference(self) -> float:
        """Relative; counts of precision and the like are shares, and are compared as they are."""
        return abs(self.ours - self.theirs) / max(abs(self.theirs), 1e-12)


def stored() -> dict[str, dict[str, dict]]:
    """What the tools said: ``pictures`` by count and protocol, ``features`` by shape."""
    return json.loads(STORED.read_text(encoding="utf-8"))


def on_features(shape: str, theirs: dict[str, float]) -> Iterator[Row]:
    """Formulas alone, on random features that both sides draw from the same seed."""
    real_count, fake_count, dimensions = map(int, shape.split("x"))
    real = random_features(real_count, dimensions, seed=1)
    fake = random_features(fake_count, dimensions, seed=2, shift=0.1)
    ours = {metric.name: metric.compute(real, fake).value for metric in metrics_of("features")}
    for key, value in theirs.items():
        name = "fid" if key.startswith("fid") else key
        tool = TOOL.get(key, "prdc" if key in ("density", "coverage") else "torch-fidelity")
        yield Row(f"{name} of features {shape}", tool, value, ours[name])


def on_pictures(
    count: int, protocol_name: str, theirs: dict, extractor: Extractor, folder: Path
) -> Iterator[Row]:
    """From files to the figure, decoding, resize and network included."""
    sets = [picture_features(folder, count, kind, protocol_name, extractor) for kind in ("real", "fake")]
    for metric in metrics_of("features"):
        if metric.name in theirs:
            value = metric.compute(sets[0], sets[1]).value
            yield Row(f"{metric.name} of {count} pictures", TOOL[protocol_name], theirs[metric.name], value)
    if "first" in theirs:
        ours = sets[0][1, : len(theirs["first"])]
        worst = float(np.abs(ours - theirs["first"]).max() / sets[0].mean())
        yield Row(f"features of a picture, n = {count}", TOOL[protocol_name], 1.0, 1 + worst)


def picture_features(
    folder: Path, count: int, kind: str, protocol_name: str, extractor: Extractor
) -> NDArray[np.float32]:
    """Our features of `fid_material`'s pictures, written into ``folder`` where they are missing."""
    paths = write_pictures(folder / f"{kind}{count}", count, kind=kind)
    pictures = [(path.name, path) for path in sorted(paths)]
    return np.concatenate([rows for _, rows in FeatureStream(pictures, extractor, BASES[protocol_name])])


def _all_rows(counts: list[int] | None) -> Iterator[Row]:
    figures = stored()
    for shape, theirs in figures["features"].items():
        yield from on_features(shape, theirs)
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.pth"
        write_weights(weights, FIDInception())
        extractor = load_extractor(BASES["fid_clean"], weights=weights, device="cpu")
        for count, by_protocol in sorted(figures["pictures"].items(), key=lambda item: int(item[0])):
            if counts is None or int(count) in counts:
                for name, theirs in by_protocol.items():
                    yield from on_pictures(int(count), name, theirs, extractor, Path(place))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.fid_value", description=__doc__)
    parser.add_argument("--counts", type=int, nargs="*", help="only these numbers of pictures")
    options = parser.parse_args()
    rows = []
    for row in _all_rows(options.counts):
        rows.append(row)
        figures = f"{row.theirs:14.7f} {row.ours:14.7f} {row.difference:9.1e}"
        print(f"{row.what:34} {row.tool:15} {figures}", file=sys.stderr, flush=True)
    print(json.dumps([asdict(row) | {"difference": row.difference} for row in rows], indent=1))
    return int(any(row.difference > GOAL for row in rows))


if __name__ == "__main__":
    sys.exit(main())
