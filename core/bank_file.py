"""Write and read the file of a bank: latents, names, thumbnails, calibration and, for a large bank, its search index.

All of it is one ``.safetensors`` file of plain arrays, so bank and index are written, moved and replaced
together, and reading it runs no parser of faiss.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from core.checkpoints import file_metadata, read_info
from core.checksum import check_checksum, replacing_with_checksum
from core.nearest import CompressedRows

FAMILY = "face_bank"
_INDEX = tuple(field.name for field in fields(CompressedRows))


@dataclass(frozen=True)
class BankContent:
    """What a bank's file holds."""

    latents: NDArray[np.float32]  # (N, D) float32
    names: tuple[str, ...]  # one a row
    residual_quantiles: NDArray[np.float32]  # (11,) float32
    sketches: NDArray[np.uint8] | None = None  # (N, h, w) uint8, optional
    compressed: CompressedRows | None = None  # the search index of a bank that is too large for exact search


def write_bank(
    path: str | Path,
    content: BankContent,
    *,
    calibration_k: int,
    provenance: Mapping[str, object],
    licence: str,
) -> None:
    """Write a bank under a temporary name and move it, without a second copy in memory."""
    tensors: dict[str, NDArray[Any]] = {
        "latents": np.ascontiguousarray(content.latents),
        "residual_quantiles": content.residual_quantiles,
    }
    config: dict[str, object] = {"names": content.names, "calibration_k": calibration_k}
    if content.sketches is not None:
        tensors["sketches"] = np.ascontiguousarray(content.sketches)
    if content.compressed is not None:
        tensors |= {f"search_{name}": getattr(content.compressed, name) for name in _INDEX}
        config["search_sha256"] = _checksum(tensors)
    with replacing_with_checksum(path) as temporary:
        save_file(tensors, temporary, metadata=file_metadata(FAMILY, config, provenance, licence))


def read_bank(path: str | Path, *, calibration_k: int) -> BankContent:
    """Read what `write_bank` wrote.

    Raises
    ------
    AssetMissing
        If there is no such file.
    ValueError
        If it is damaged, no bank of a kind that this code reads, or its index does not belong to its latents.
    """
    info = read_info(path)
    name = Path(path).name
    if info.family != FAMILY or info.config.get("calibration_k") != calibration_k:
        raise ValueError(f"{name} is not a face bank that this code reads, but {info.family!r}.")
    check_checksum(path)
    tensors = load_file(path, backend="pread")  # the default holds everything twice for a moment
    expected = info.config.get("search_sha256")
    if expected is not None and expected != (actual := _checksum(tensors)):
        raise ValueError(
            f"{name}: its search index does not belong to its latents (checksum {expected[:12]}, "
            f"got {actual[:12]}). Restore the file, or build the bank again: python -m core.training.publish."
        )
    compressed = None if expected is None else CompressedRows(*(tensors[f"search_{key}"] for key in _INDEX))
    try:
        return BankContent(
            tensors["latents"],
            tuple(info.config["names"]),
            tensors["residual_quantiles"],
            tensors.get("sketches"),
            compressed,
        )
    except KeyError as error:
        raise ValueError(
            f"{name} is damaged: it holds no {error}. Restore it from the repository."
        ) from error


def _checksum(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over latents and index; a tensor that is not there counts as empty."""
    digest = hashlib.sha256()
    for name in ("latents", *(f"search_{key}" for key in _INDEX)):
        array = tensors.get(name, np.empty(0, np.uint8))
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
