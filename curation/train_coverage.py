"""Train the judge of covered faces on clear faces with things planted onto them.

``python -m curation.train_coverage --data PAIRS --out weights/face_coverage.safetensors``, where PAIRS
was made by ``python -m curation.run``. Photos up to 600 teach, 601 to 750 set the calibration, and those
after that are left for ``python -m tests.benchmarks.coverage_validity``. Real sunglasses are left out of
all of it, so that they show whether drawn ones teach anything.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from core.checkpoints import save_model
from core.coverage_network import CoverageConfig, CoverageNetwork
from core.processes.progress import Progress, follow_progress
from core.runtime import one_torch_thread
from curation.analysis.embedding import EMBEDDING_VERSION, FaceEmbedder
from curation.analysis.occluders import COVERS, Face
from curation.analysis.planting import UNKNOWN, make_example

logger = logging.getLogger(__name__)

LABELS = Path(__file__).parent / "analysis" / "omi_labels.json"
LICENCE = "CC BY-NC-SA 4.0"
# One photo becomes one example of each.
KINDS = ("clear", "clear", "clear_glasses", "beside", "hat", "hat", *COVERS, "hand", "sunglasses")


@dataclass(frozen=True)
class TrainConfig:
    """How to train."""

    # teach, tune: first and last photo number of the two parts.
    teach: tuple[int, int] = (1, 600)
    tune: tuple[int, int] = (601, 750)
    rounds: int = 1  # times that every photo is planted with each kind
    epochs: int = 10
    batch: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 2e-2
    # Part of clear faces of the tuning part that may end above a probability of one half.
    false_rejects: float = 0.02
    seed: int = 1


@dataclass(frozen=True)
class Examples:
    """Feature maps in half precision, and labels."""

    # middle, deep: (N, 152, 12, 12) and (N, 320, 6, 6) float16
    middle: np.ndarray
    deep: np.ndarray
    cells: np.ndarray  # (N, 3, 12, 12) float16: see `curation.analysis.planting.Example`
    # (N, 3) float32: covered, head covered, and whether the head wears a real hat, which nobody has drawn a mask for.
    labels: np.ndarray
    kinds: np.ndarray  # (N,) str


def load_faces(data: Path, part: tuple[int, int]) -> dict[str, np.ndarray]:
    """Load the mesh points of the kept photos with numbers in ``part``, without faces that are really covered."""
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    left_out = {*labels["covered"], *labels["covered_unsure"], *labels["head_unsure"]}
    faces = {}
    with (data / "manifest.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            name = record["name"]
            if record["status"] == "kept" and name not in left_out and part[0] <= int(name) <= part[1]:
                faces[name] = np.array(record["landmarks"], dtype=np.float32)
    if not faces:
        raise ValueError(f"{data} holds no kept photos numbered {part[0]} to {part[1]}. Run: curation.run")
    return faces


def read_face(data: Path, name: str, points: np.ndarray) -> Face:
    """Read an aligned photo with its mesh."""
    image = cv2.imread(str(data / "photos" / f"{name}.png"))
    if image is None:
        raise ValueError(f"{data}/photos/{name}.png is missing or no picture")
    return Face(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), points)


def build_examples(
    data: Path,
    part: tuple[int, int],
    embedder: FaceEmbedder,
    *,
    rounds: int,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
) -> Examples:
    """Plant every kind onto every photo and keep what the embedder sees: about 40 ms an example."""
    faces = load_faces(data, part)
    hats = set(json.loads(LABELS.read_text(encoding="utf-8"))["head_covered"])
    rng = np.random.default_rng(seed)
    names = sorted(faces)
    rows: list[tuple[Any, ...]] = []
    for number, name in enumerate(names * rounds):
        face = read_face(data, name, faces[name])
        other = names[int(rng.integers(len(names)))]
        donor = read_face(data, other, faces[other])
        for kind in KINDS:
            kind = "clear" if kind == "hat" and name in hats else kind
            example = make_example(rng, kind, face, donor, has_hat=name in hats)
            seen = embedder.embed(example.photo)
            half = (array.astype(np.float16) for array in (seen.middle, seen.deep, example.cells))
            rows.append((*half, (example.covered, example.head_covered, name in hats), kind))
        if progress is not None:
            progress(number + 1, rounds * len(names))
    middle, deep, cells, labels, kinds = (np.array(column) for column in zip(*rows, strict=True))
    return Examples(middle, deep, cells, labels.astype(np.float32), kinds)


def train(examples: Examples, config: TrainConfig) -> CoverageNetwork:
    """Teach cells and whole faces at once; two minutes on a core."""
    torch.manual_seed(config.seed)
    network = CoverageNetwork(CoverageConfig(examples.middle.shape[1], examples.deep.shape[1]))
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    steps = config.epochs * (len(examples.labels) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=max(steps, 2))
    order = np.random.default_rng(config.seed)
    network.train()
    with one_torch_thread():
        for epoch in range(config.epochs):
            rows = order.permutation(len(examples.labels))
            total = 0.0
            for start in range(0, len(rows) - config.batch + 1, config.batch):
                batch = np.sort(rows[start : start + config.batch])
                middle, deep, cells = (
                    torch.from_numpy(array[batch].astype(np.float32))
                    for array in (examples.middle, examples.deep, examples.cells)
                )
                loss = _loss(network(middle, deep), cells, torch.from_numpy(examples.labels[batch]))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += float(loss.detach())
            logger.info("epoch %d: loss %.4f", epoch + 1, total * config.batch / len(rows))
    return network.eval()


def _loss(answers: tuple[Tensor, Tensor], cells: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of what covers the face's cells, of hats' cells, and of both for the whole face."""
    cell_logits, face_logits = answers
    hidden, headwear, is_face = cells.unbind(1)
    apart = functional.binary_cross_entropy_with_logits(
        cell_logits, torch.stack([hidden, headwear], 1), reduction="none"
    )
    no_real_hat = (1 - labels[:, 2])[:, None, None]
    of_cells = (apart[:, 0] * is_face).sum() / is_face.sum() + (apart[:, 1] * no_real_hat).mean()
    known = (labels[:, :2] != UNKNOWN).float()
    of_faces = functional.binary_cross_entropy_with_logits(
        face_logits, labels[:, :2].clamp(min=0), reduction="none"
    )
    return of_cells + ((of_faces * known).sum(0) / known.sum(0).clamp(min=1)).sum()


def logits(network: CoverageNetwork, examples: Examples) -> np.ndarray:
    """Compute what the network says of each example: (N, 2) float32."""
    rows = []
    with torch.inference_mode(), one_torch_thread():
        for start in range(0, len(examples.labels), 256):
            part = slice(start, start + 256)
            middle = torch.from_numpy(examples.middle[part].astype(np.float32))
            rows.append(network(middle, torch.from_numpy(examples.deep[part].astype(np.float32)))[1].numpy())
    return np.concatenate(rows)


def calibrate(network: CoverageNetwork, examples: Examples, false_rejects: float) -> list[float]:
    """Make one half the probability that ``false_rejects`` of clear faces exceed, and the rest honest.

    Both classes weigh alike in the slope (Platt 1999): how often real photos are covered is not known.

    Returns
    -------
    Parts of the covered ones found at one half, of faces and of heads.
    """
    said = logits(network, examples)
    found = []
    for channel in range(2):
        truth, values = examples.labels[:, channel], said[:, channel]
        clear, covered = values[truth == 0], values[truth == 1]
        threshold = float(np.quantile(clear, 1 - false_rejects))
        slopes = np.geomspace(0.1, 4, 60)
        costs = [
            np.logaddexp(0, s * (clear - threshold)).mean()
            + np.logaddexp(0, s * (threshold - covered)).mean()
            for s in slopes
        ]
        gain = float(slopes[int(np.argmin(costs))])
        network.gain[channel], network.offset[channel] = gain, -gain * threshold
        found.append(float((covered > threshold).mean()))
    return found


def main() -> None:
    """Parse, build, train, calibrate, save."""
    from tqdm import tqdm

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="pairs made by python -m curation.run")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=TrainConfig.rounds)
    parser.add_argument("--epochs", type=int, default=TrainConfig.epochs)
    parser.add_argument("--seed", type=int, default=TrainConfig.seed)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    config = TrainConfig(rounds=asked.rounds, epochs=asked.epochs, seed=asked.seed)
    embedder = FaceEmbedder()
    parts = []
    for part, seed in ((config.teach, config.seed), (config.tune, config.seed + 1)):
        with tqdm(desc=f"photos {part[0]}-{part[1]}", unit="photo") as bar:
            show = follow_progress(bar, Progress(None))
            parts.append(
                build_examples(asked.data, part, embedder, rounds=config.rounds, seed=seed, progress=show)
            )
    network = train(parts[0], config)
    found = calibrate(network, parts[1], config.false_rejects)
    save_model(
        asked.out, network, licence=LICENCE, half=True,
        provenance={
            "data": "omi photos 1-600, calibrated on 601-750", "embedding": EMBEDDING_VERSION,
            "examples": len(parts[0].labels), "epochs": config.epochs, "seed": config.seed,
            "tuning_found_covered": found[0], "tuning_found_head_covered": found[1],
        },
    )  # fmt: skip
    json.dump({"found_covered": found[0], "found_head_covered": found[1]}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
