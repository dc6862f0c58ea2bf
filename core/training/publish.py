"""Put a trained network where the product looks for it: ``python -m core.training.publish RUN --data.root PAIRS``.

Matrices are stored as float16, which halves the file and changes no picture visibly. An
autoencoder gets its bank along with it, because a bank belongs to one encoder only; so do part
autoencoders (`core.training.publish_parts`).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import torch

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model, read_info, save_model
from core.config import settings
from core.face_parts.layout import PartAutoencoders
from core.images import sketch_to_tensor
from core.training import command
from core.training.data import DataConfig, load_pairs
from core.training.publish_parts import publish_parts
from core.training.recipe import WEIGHTS_FILE, Progress

THUMBNAIL = 96


def publish(
    run: Path,
    data: DataConfig,
    weights: Path | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Copy a run's served network into the weights folder, and build the bank of an autoencoder.

    Parameters
    ----------
    run
        Folder of a training run.
    data
        The pairs that it was trained on; the bank holds their clean training sketches.
    weights
        Folder of the shipped weights, ``STUDIO_WEIGHTS`` by default.
    name
        File name without ending; by default that of the family.

    Returns
    -------
    path
        The network's file.

    Raises
    ------
    AssetMissing
        If the run has written no weights yet.
    """
    folder = weights or settings().weights
    source = run / WEIGHTS_FILE
    info = read_info(source)
    if info.family == PartAutoencoders.family:
        return publish_parts([run], data, folder, progress)
    model = load_model(source)
    path = folder / f"{name or info.family}.safetensors"
    folder.mkdir(parents=True, exist_ok=True)
    save_model(path, model, provenance=info.provenance, licence=info.licence, half=True)
    if isinstance(model, SketchAutoencoder):
        build_bank(path, data, folder / "face_bank.safetensors", progress)
    return path


def build_bank(autoencoder: Path, data: DataConfig, out: Path, progress: Progress | None = None) -> None:
    """Encode the clean training sketches, no mirrored or augmented copies, into a bank file."""
    from core.manifold import Manifold  # here, so that training machines need no search library

    model = load_model(autoencoder)
    if not isinstance(model, SketchAutoencoder):
        raise ValueError(f"{autoencoder} is not a sketch autoencoder")
    pairs = load_pairs(data, "train")
    latents = []
    with torch.no_grad():
        for number, sketch in enumerate(pairs.clean):
            latents.append(model.encode(sketch_to_tensor(sketch))[0].numpy())
            if progress:
                progress(number + 1, len(pairs))
    small = (THUMBNAIL, THUMBNAIL)
    thumbnails = np.stack([cv2.resize(s, small, interpolation=cv2.INTER_AREA) for s in pairs.clean])
    provenance: dict[str, object] = {
        "autoencoder_sha256": hashlib.sha256(autoencoder.read_bytes()).hexdigest()
    }
    bank = Manifold(np.stack(latents).astype(np.float32), pairs.names, sketches=thumbnails)
    bank.save(out, provenance=provenance, licence=read_info(autoencoder).licence)


def main() -> None:
    """Publish from the command line."""
    command.main(publish)


if __name__ == "__main__":
    main()
