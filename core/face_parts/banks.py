"""The banks of the five parts as one file, and how it goes with the networks' file beside it.

Rows stand for the same training faces in every bank, in one order. Thumbnails are packed with zlib:
line art shrinks to a fifth.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save

from core.atomic_files import replacing
from core.checkpoints import FORMAT, load_model, read_info
from core.checksum import PLACE, add_checksum, check_checksum
from core.errors import AssetMissing
from core.face_parts.layout import PAINT_ORDER, PART_BANKS_FILE, PARTS_FILE, PartAutoencoders
from core.manifold import Manifold
from core.models.folder import check_belongs

FAMILY = "part_banks"


def has_parts(folder: Path) -> bool:
    """Whether a weights folder holds the files of stage 1 by parts."""
    return (folder / PARTS_FILE).is_file() and (folder / PART_BANKS_FILE).is_file()


def save_part_banks(
    path: Path, banks: Mapping[str, Manifold], *, provenance: dict[str, object], licence: str
) -> None:
    """Write the banks of all parts atomically; latents as float16.

    Raises
    ------
    ValueError
        If a part is missing, the banks differ in their rows, or one has no thumbnails.
    """
    if set(banks) != set(PAINT_ORDER):
        raise ValueError(f"expected a bank for each of {', '.join(PAINT_ORDER)}; got {', '.join(banks)}.")
    names = banks[PAINT_ORDER[0]].names
    tensors: dict[str, np.ndarray] = {}
    sides: dict[str, int] = {}
    for name, bank in banks.items():
        if bank.names != names:
            raise ValueError(f"the bank of {name} holds other faces than that of {PAINT_ORDER[0]}.")
        if bank.sketches is None:
            raise ValueError(f"the bank of {name} has no thumbnails, which the ghost needs.")
        packed = zlib.compress(np.ascontiguousarray(bank.sketches).tobytes(), 9)
        tensors[f"{name}.latents"] = bank.bank.astype(np.float16)
        tensors[f"{name}.residual_quantiles"] = bank.residual_quantiles
        tensors[f"{name}.sketches"] = np.frombuffer(packed, np.uint8)
        sides[name] = int(bank.sketches.shape[1])
    metadata = {  # the same keys as a model file, so that core.checkpoints.read_info reads both
        "format": str(FORMAT),
        "family": FAMILY,
        "config": json.dumps({"names": names, "sides": sides}, ensure_ascii=False),
        "provenance": json.dumps(provenance, ensure_ascii=False),
        "licence": licence,
        **PLACE,
    }
    with replacing(path) as temporary:
        temporary.write_bytes(save(tensors, metadata=metadata))
        add_checksum(temporary)


def load_part_banks(path: Path) -> dict[str, Manifold]:
    """Read what `save_part_banks` wrote.

    Raises
    ------
    AssetMissing
        If there is no such file.
    ValueError
        If the file holds something else or is damaged.
    """
    info = read_info(path)
    if info.family != FAMILY:
        raise ValueError(f"{path.name} holds {info.family!r}, not the banks of the parts.")
    check_checksum(path)
    tensors = load_file(path)
    banks = {}
    try:
        for name in PAINT_ORDER:
            side = int(info.config["sides"][name])
            packed = zlib.decompress(tensors[f"{name}.sketches"].tobytes())
            banks[name] = Manifold(
                tensors[f"{name}.latents"].astype(np.float32),
                info.config["names"],
                sketches=np.frombuffer(packed, np.uint8).reshape(-1, side, side),
                residual_quantiles=tensors[f"{name}.residual_quantiles"],
            )
    except (KeyError, zlib.error, ValueError) as error:
        raise ValueError(f"{path.name} is damaged: {error}. Restore it from the repository.") from error
    return banks


def load_parts(folder: Path) -> tuple[PartAutoencoders, dict[str, Manifold]]:
    """The networks of all five parts with the banks that belong to them.

    Raises
    ------
    AssetMissing
        If a file is not there.
    ValueError
        If a file is damaged, parts are missing, or the banks belong to other networks.
    """
    if not has_parts(folder):
        missing = PARTS_FILE if not (folder / PARTS_FILE).is_file() else PART_BANKS_FILE
        raise AssetMissing(
            f"{folder / missing} is missing: stage 1 by parts needs it. Restore the file with git, train it "
            "(python -m core.training.parts), or take stage1='whole'."
        )
    networks = load_model(folder / PARTS_FILE)
    if not isinstance(networks, PartAutoencoders) or set(networks.config.parts) != set(PAINT_ORDER):
        raise ValueError(
            f"{PARTS_FILE} does not hold the autoencoders of all five parts. Publish them together."
        )
    banks = load_part_banks(folder / PART_BANKS_FILE)
    check_belongs(folder / PART_BANKS_FILE, "autoencoders_sha256", folder / PARTS_FILE)
    return networks, banks
