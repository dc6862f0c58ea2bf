"""Put trained part autoencoders where the product looks for them, with their banks.

``python -m core.training.publish_parts --runs '[RUN, RUN]' --data.root PAIRS`` joins runs that trained different
parts. Parts that no run has are kept from the file that is there already, so one part can be trained anew.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from core.checkpoints import load_model, read_info, save_model
from core.config import settings
from core.face_parts.layout import (
    PAINT_ORDER,
    PART_BANKS_FILE,
    PARTS_FILE,
    REMAINDER,
    PartAutoencoders,
    PartsConfig,
    part_side,
)
from core.images import sketch_to_tensor
from core.training import command
from core.training.data import DataConfig, Pairs, load_pairs
from core.training.parts import cut_parts, drawn_for
from core.training.recipe import WEIGHTS_FILE, Progress

if TYPE_CHECKING:
    from core.manifold import Manifold

REMAINDER_THUMBNAIL = 96


def publish_parts(
    runs: list[Path],
    data: DataConfig,
    weights: Path | None = None,
    progress: Progress | None = None,
) -> Path:
    """Join the parts of some runs into the weights folder, and encode the clean training sketches as their banks.

    Parameters
    ----------
    runs
        Folders of training runs; where two have the same part, the later one's is taken.
    data
        The pairs that they were trained on.
    weights
        Folder of the shipped weights, ``STUDIO_WEIGHTS`` by default.

    Returns
    -------
    path
        The networks' file.

    Raises
    ------
    AssetMissing
        If a run has written no weights yet.
    ValueError
        If parts are missing, a run trained something else, or architectures differ.
    """
    folder = weights or settings().weights
    path = folder / PARTS_FILE
    before = [path] if path.is_file() else []
    networks, provenance, licence = _join([*before, *(run / WEIGHTS_FILE for run in runs)])
    if data.image_size != networks.config.image_size:
        raise ValueError(
            f"these parts are for {networks.config.image_size} px, but data.image_size is {data.image_size}."
        )
    pairs = load_pairs(drawn_for(networks.config, data), "train", keep_photos=False)
    folder.mkdir(parents=True, exist_ok=True)
    coming = path.with_suffix(".coming")  # both files change together, after the slow part
    try:
        save_model(coming, networks, provenance=provenance, licence=licence, half=True)
        published = load_model(coming)
        assert isinstance(published, PartAutoencoders)
        banks = build_part_banks(published, pairs, progress)
        digest = hashlib.sha256(coming.read_bytes()).hexdigest()
        from core.face_parts.refinement import save_part_banks

        made_by: dict[str, object] = {"autoencoders_sha256": digest}
        save_part_banks(folder / PART_BANKS_FILE, banks, provenance=made_by, licence=licence)
        os.replace(coming, path)
    finally:
        coming.unlink(missing_ok=True)
    return path


def build_part_banks(
    networks: PartAutoencoders, pairs: Pairs, progress: Progress | None = None
) -> dict[str, Manifold]:
    """Encode the clean training sketches, of `drawn_for` size, part by part; no mirrored or augmented copies."""
    from core.manifold import Manifold  # here, so that training machines need no search library

    banks = {}
    model = networks.config
    for done, name in enumerate(PAINT_ORDER):
        cuts = cut_parts(pairs.clean, replace(model, parts=(name,)))[name]
        with torch.no_grad():
            latents = [
                networks.autoencoder(name).encode(torch.cat([sketch_to_tensor(cut) for cut in few])).numpy()
                for few in np.array_split(cuts, max(1, len(cuts) // 16))
            ]
        rounded = np.concatenate(latents).astype(np.float16).astype(np.float32)  # as they are stored
        side = REMAINDER_THUMBNAIL if name == REMAINDER else part_side(name, model.image_size)
        banks[name] = Manifold(rounded, pairs.names, sketches=_thumbnails(cuts, side))
        if progress:
            progress(done + 1, len(PAINT_ORDER))
    return banks


def _thumbnails(cuts: np.ndarray, side: int) -> np.ndarray:
    if cuts.shape[-1] <= side:
        return cuts
    return np.stack([cv2.resize(cut, (side, side), interpolation=cv2.INTER_AREA) for cut in cuts])


def _join(files: list[Path]) -> tuple[PartAutoencoders, dict[str, Any], str]:
    """One set of networks, where from each part came, and the licence."""
    taken: dict[str, torch.nn.Module] = {}
    origin: dict[str, Any] = {}
    shared: dict[str, Any] | None = None
    licence = ""
    for file in files:
        info, source = read_info(file), load_model(file)
        if not isinstance(source, PartAutoencoders):
            raise ValueError(f"{file} holds {info.family!r}, not part autoencoders.")
        own = {key: value for key, value in info.config.items() if key != "parts"}
        if shared not in (None, own):
            raise ValueError(f"{file} has another architecture than {files[0]}: {own} and {shared}.")
        shared, licence = own, info.licence
        earlier = info.provenance.get("parts", {})
        run = {key: value for key, value in info.provenance.items() if key != "parts"}
        for name in source.config.parts:
            taken[name] = source.autoencoder(name)
            origin[name] = earlier.get(name, run)
    if missing := [name for name in PAINT_ORDER if name not in taken]:
        raise ValueError(
            f"no run has trained {', '.join(missing)}. Name its run as well: --runs '[RUN, RUN]'."
        )
    config = {
        key: tuple(value) if isinstance(value, list) else value for key, value in (shared or {}).items()
    }
    joined = PartAutoencoders(PartsConfig(**config))  # type: ignore[arg-type]
    for name, network in taken.items():
        joined.autoencoder(name).load_state_dict(network.state_dict())
    return joined.eval(), {"parts": origin}, licence


def main() -> None:
    """Publish from the command line."""
    command.main(publish_parts)


if __name__ == "__main__":
    main()
