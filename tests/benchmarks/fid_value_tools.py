# ruff: noqa: E402
"""What the other tools say about the pictures of `fid_material`: written to ``fid_value.json``.

Runs in an environment of its own, never in the project's, because torchvision cannot be imported beside it:

    python3.11 -m venv /tmp/tools && /tmp/tools/bin/pip install torch==2.13.0 numpy scipy pillow requests tqdm packaging
    /tmp/tools/bin/pip install --no-deps pytorch-fid torch-fidelity clean-fid torchmetrics lightning-utilities \
        torchvision prdc && /tmp/tools/bin/pip install scikit-learn
    PYTHONPATH=. /tmp/tools/bin/python tests/benchmarks/fid_value_tools.py --counts 48 120 2200

Figures that are there already stay, so that counts can be added one by one.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

# torchvision's compiled half does not fit a CPU build of torch; its Python half asks for these two only.
for _name in ("nms", "qnms"):
    torch.library.define(
        f"torchvision::{_name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
    )

import cleanfid.fid as clean_fid
import prdc
import pytorch_fid.fid_score as pytorch_fid
import pytorch_fid.inception as pytorch_fid_network
import torch_fidelity
from fid_material import random_features, write_pictures, write_weights
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric
from torchmetrics.image.fid import FrechetInceptionDistance, _compute_fid

from eval.inception import FIDInception

OUT = Path(__file__).with_name("fid_value.json")
PACKAGES = (
    "pytorch-fid",
    "torch-fidelity",
    "torchmetrics",
    "clean-fid",
    "prdc",
    "torch",
    "scipy",
    "pillow",
    "numpy",
)
SHOWN = 64  # features of one picture that are kept, so that a network can be told from a resize


def _network(weights: Path, **options: Any) -> torch.nn.Module:
    """pytorch-fid's network, with its download replaced by our file."""
    pytorch_fid_network.load_state_dict_from_url = lambda *_, **__: torch.load(weights, weights_only=True)
    return pytorch_fid_network.InceptionV3([3], **options).eval()


def _from_pytorch_fid(real: Path, fake: Path, weights: Path) -> dict[str, float]:
    model = _network(weights)
    sets = [
        pytorch_fid.get_activations(sorted(folder.iterdir()), model, batch_size=1, num_workers=0)
        for folder in (real, fake)
    ]
    moments = [(np.mean(x, axis=0), np.cov(x, rowvar=False)) for x in sets]
    fid = pytorch_fid.calculate_frechet_distance(*moments[0], *moments[1])
    return {"fid": float(fid), "first": sets[0][1][:SHOWN].tolist()}


def _from_torch_fidelity(real: Path, fake: Path, weights: Path) -> dict[str, float]:
    count = len(list(real.iterdir()))
    found = torch_fidelity.calculate_metrics(
        input1=str(fake), input2=str(real), cuda=False, fid=True, kid=True, prc=True, kid_subsets=1,
        kid_subset_size=count, batch_size=1, cache=False, verbose=False, save_cpu_ram=True,
        samples_find_ext="png,jpg,webp,bmp", feature_extractor="inception-v3-compat",
        feature_extractor_weights_path=str(weights),
    )  # fmt: skip
    return {
        "fid": found["frechet_inception_distance"],
        "kid": found["kernel_inception_distance_mean"],
        "precision": found["precision"],
        "recall": found["recall"],
    }


def _from_torchmetrics(real: Path, fake: Path, weights: Path) -> dict[str, float]:
    metric = FrechetInceptionDistance(feature=2048, feature_extractor_weights_path=str(weights))
    for folder, is_real in ((real, True), (fake, False)):
        for path in sorted(folder.iterdir()):
            pixels = np.array(Image.open(path).convert("RGB"))
            metric.update(torch.from_numpy(pixels).permute(2, 0, 1)[None], real=is_real)
    return {"fid": float(metric.compute())}


def _from_clean_fid(real: Path, fake: Path, weights: Path) -> dict[str, float]:
    network = _network(weights, resize_input=False, normalize_input=False)

    def model(batch: torch.Tensor) -> torch.Tensor:
        return network((batch - 128) / 128)[0].flatten(1)  # as InceptionV3W does before its layers

    cpu = torch.device("cpu")
    sets = [
        clean_fid.get_files_features(
            [str(path) for path in sorted(folder.iterdir())],
            model, num_workers=0, batch_size=8, device=cpu, mode="clean", verbose=False,
        )
        for folder in (real, fake)
    ]  # fmt: skip
    kid = clean_fid.kernel_distance(sets[1], sets[0], num_subsets=1, max_subset_size=10**9)
    return {"fid": float(clean_fid.fid_from_feats(*sets)), "kid": kid, "first": sets[0][1][:SHOWN].tolist()}


TOOLS: dict[str, Callable[[Path, Path, Path], dict[str, float]]] = {
    "fid_pytorch": _from_pytorch_fid,
    "fid_tf1": _from_torch_fidelity,
    "fid_torchmetrics": _from_torchmetrics,
    "fid_clean": _from_clean_fid,
}


def on_random_features(real_count: int, fake_count: int, dimensions: int) -> dict[str, float]:
    """Every tool's own formulas on the same features."""
    real = random_features(real_count, dimensions, seed=1)
    fake = random_features(fake_count, dimensions, seed=2, shift=0.1)
    moments = [
        (np.mean(x, axis=0), np.cov(x, rowvar=False))
        for x in (real.astype(np.float64), fake.astype(np.float64))
    ]
    doubles = [[torch.from_numpy(part) for part in pair] for pair in moments]
    tensors = [torch.from_numpy(x) for x in (fake, real)]
    stats = [fid_features_to_statistics(x.double()) for x in tensors]
    found = {
        "fid_pytorch": float(pytorch_fid.calculate_frechet_distance(*moments[0], *moments[1])),
        "fid_tf1": fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"],
        "fid_torchmetrics": float(_compute_fid(*doubles[0], *doubles[1])),
        "fid_clean": float(clean_fid.frechet_distance(*moments[0], *moments[1])),
    }
    ours = prc_features_to_metric(
        *tensors, prc_neighborhood=3, prc_batch_size=10000, save_cpu_ram=True, verbose=False
    )
    found |= {"precision": ours["precision"], "recall": ours["recall"]}
    with contextlib.redirect_stdout(io.StringIO()):
        naeem = prdc.compute_prdc(real_features=real, fake_features=fake, nearest_k=5)
    found |= {"density": float(naeem["density"]), "coverage": float(naeem["coverage"])}
    if real_count == fake_count:
        kid = kid_features_to_metric(
            *[x.double() for x in tensors],
            kid_subsets=1, kid_subset_size=real_count, verbose=False,
        )  # fmt: skip
        found["kid"] = kid["kernel_inception_distance_mean"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="*", default=[48, 120])
    parser.add_argument("--tools", nargs="*", choices=list(TOOLS), default=list(TOOLS))
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    kept = json.loads(OUT.read_text()) if OUT.exists() else {"pictures": {}, "features": {}}
    kept["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES}
    for shape in ((48, 48, 256), (120, 90, 256), (2200, 2200, 256), (300, 300, 2048)):
        kept["features"].setdefault("x".join(map(str, shape)), None)
        if kept["features"]["x".join(map(str, shape))] is None:
            kept["features"]["x".join(map(str, shape))] = on_random_features(*shape)
            _save(kept)
    with tempfile.TemporaryDirectory() as place:
        weights = Path(place) / "weights.pth"
        write_weights(weights, FIDInception())
        for count in options.counts:
            folders = [Path(place) / f"{kind}{count}" for kind in ("real", "fake")]
            for folder, kind in zip(folders, ("real", "fake"), strict=True):
                write_pictures(folder, count, kind=kind)
            for tool in options.tools:
                figures = kept["pictures"].setdefault(str(count), {})
                if tool not in figures:
                    figures[tool] = TOOLS[tool](folders[0], folders[1], weights)
                    _save(kept)
                print(count, tool, {k: v for k, v in figures[tool].items() if k != "first"}, file=sys.stderr)


def _save(kept: dict[str, Any]) -> None:
    OUT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
