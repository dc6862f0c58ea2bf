"""Models as files: safetensors whose metadata says everything that loading needs.

A file carries format version, family, configuration, conventions, training provenance and licence, so
nobody retypes a setting and nothing is ever unpickled.

``python -m core.checkpoints import FILE --family pix2pixhd|cyclegan|ugatit --out X.safetensors`` makes
such a file of a reference project's checkpoint (`core.checkpoint_import`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from core.checksum import PLACE, check_checksum, replacing_with_checksum
from core.errors import AssetMissing
from core.models.conventions import AdaptedGenerator, Conventions, check_conventions
from core.models.families import (
    FAMILIES,
    GENERATORS,
    ModelInfo,
    build_config,
    conventions_of,
    differences,
    shapes_of_network,
)
from core.untrusted_files import load_json

FORMAT = 1
MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors format


def save_model(
    path: str | Path,
    model: nn.Module,
    *,
    provenance: Mapping[str, Any],
    licence: str,
    half: bool = False,
    conventions: Conventions | None = None,
) -> None:
    """Write a network with its configuration, atomically.

    Parameters
    ----------
    model
        A member of ``FAMILIES`` (it has ``family`` and ``config``).
    half
        Store matrices as float16, which halves the file; they are widened again on loading.
    conventions
        Of a generator. By default this project's own, at the ``image_size`` that ``provenance`` names.

    Raises
    ------
    ValueError
        If a weight is not finite, or too large for float16, or the conventions do not fit the network.
    """
    if conventions is not None:
        check_conventions(conventions, model.config)  # type: ignore[arg-type]
    tensors = {}
    for name, value in model.state_dict().items():
        value = value.detach().cpu().contiguous()
        if half and value.is_floating_point() and value.dim() > 1:
            value = value.half()
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise ValueError(f"{name} holds values that are not finite: {path} was not written")
        tensors[name] = value
    config = asdict(model.config)  # type: ignore[call-overload]
    metadata = file_metadata(str(model.family), config, provenance, licence)
    if conventions is not None:
        metadata["conventions"] = json.dumps(asdict(conventions))
    with replacing_with_checksum(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def file_metadata(
    family: str, config: Mapping[str, Any], provenance: Mapping[str, object], licence: str
) -> dict[str, str]:
    """Give what `read_info` reads of a file of weights or of a bank, as safetensors metadata."""
    return {
        "format": str(FORMAT),
        "family": family,
        "config": json.dumps(dict(config), ensure_ascii=False),
        "provenance": json.dumps(dict(provenance), ensure_ascii=False),
        "licence": licence,
        **PLACE,
    }


def read_info(path: str | Path) -> ModelInfo:
    """Read a model file's metadata without its weights.

    Raises
    ------
    AssetMissing
        If there is no file.
    ValueError
        If it is no model file of ours, or a newer format.
    """
    path = Path(path)
    if not path.is_file():
        raise AssetMissing(f"{path} is missing. Check STUDIO_WEIGHTS, or restore the file with git.")
    stat = path.stat()
    return _read_info(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns))


@lru_cache(maxsize=256)
def _read_info(path: Path, _stamp: tuple[int, int, int]) -> ModelInfo:
    """Read a file once for each of its contents: a page asks for every model at each of its runs."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path.name} is not a safetensors file, or is damaged: {error}") from error
    if metadata.get("format") != str(FORMAT) or "family" not in metadata:
        raise ValueError(
            f"{path.name}: expected model format {FORMAT}, got {metadata.get('format', 'none')}."
        )
    try:
        info = ModelInfo(
            family=metadata["family"],
            config=load_json(metadata["config"]),
            provenance=load_json(metadata["provenance"]),
            licence=metadata["licence"],
        )
        return replace(info, conventions=conventions_of(info, metadata.get("conventions")))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"{path.name}: its metadata is damaged ({type(error).__name__}: {error})."
        ) from error


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Read the JSON at the start of a safetensors file, and where the weights begin."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(MAX_HEADER_BYTES, path.stat().st_size):
            raise ValueError(f"{path.name} is not a safetensors file.")
        header: dict[str, Any] = load_json(file.read(length))
    return header, 8 + length


def read_shapes(path: str | Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a model file's weights, which are not read.

    Raises
    ------
    ValueError
        If it is no safetensors file.
    """
    header, _ = read_header(Path(path))
    return {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}


def load_model(path: str | Path, *, device: torch.device | str = "cpu") -> nn.Module:
    """Build the network that a file describes, with its weights, in eval mode.

    Raises
    ------
    AssetMissing
        If there is no file.
    ValueError
        If the family or a configuration key is unknown, the weights do not fit, or the file is damaged.
    """
    info = read_info(path)
    try:
        config = build_config(info)
        unfit = differences(shapes_of_network(info.family, config), read_shapes(path))
        if unfit:
            raise ValueError(f"the weights do not fit their own configuration: {unfit}.")
        model: nn.Module = FAMILIES[info.family][0](config)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ValueError(f"{Path(path).name}: {error}") from error
    check_checksum(path)
    with safe_open(path, framework="pt") as file:
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    weights = {
        name: value.float() if value.dtype == torch.float16 else value for name, value in weights.items()
    }
    if bad := [
        name for name, value in weights.items() if value.is_floating_point() and not value.isfinite().all()
    ]:
        raise ValueError(f"{Path(path).name} is damaged: {bad[0]} holds NaN or infinity. Restore the file.")
    try:
        model.load_state_dict(weights, strict=True)
    except RuntimeError as error:
        raise ValueError(
            f"{Path(path).name}: the weights do not fit their own configuration: {error}"
        ) from error
    return model.eval().to(device)


def load_generator(path: str | Path) -> nn.Module:
    """A stage 2 network as it was trained, in eval mode, ready for its own project's input tensors.

    Returns
    -------
    module
        ``module(x)`` takes (B, config.input_nc, H, W) in the network's own range, polarity and channels.
        `load_stage2` gives one that takes this project's sketches instead.

    Raises
    ------
    AssetMissing
        If there is no file.
    ValueError
        If it is damaged, or no generator.
    """
    _check_is_generator(path, read_info(path))
    return load_model(path)


def load_stage2(path: str | Path) -> AdaptedGenerator:
    """A stage 2 network behind this project's conventions, in eval mode.

    Returns
    -------
    module
        ``module(sketch)`` takes (B, 1, S, S) float32 in [-1, 1], black on white, of any S, and returns
        (B, 3, s, s) RGB in [-1, 1] at ``module.image_size`` s, or (B, 4, s, s) with the attention's heat
        map in [0, 1] as fourth channel where ``module.has_attention``.

    Raises
    ------
    AssetMissing
        If there is no file.
    ValueError
        If it is damaged, no generator, or its conventions do not fit its network.
    """
    info = read_info(path)
    _check_is_generator(path, info)
    assert info.conventions is not None  # generators have them
    try:
        return AdaptedGenerator(load_model(path), info.conventions).eval()
    except ValueError as error:
        name = Path(path).name
        raise ValueError(str(error) if name in str(error) else f"{name}: {error}") from error


def _check_is_generator(path: str | Path, info: ModelInfo) -> None:
    if info.family not in GENERATORS:
        raise ValueError(
            f"{Path(path).name} is a {info.family}, not a generator. Generators are: {', '.join(GENERATORS)}."
        )


def main() -> int:
    """``import`` is the only command; returns the exit code."""
    from core.checkpoint_import.importing import run  # here: it builds on this module

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
