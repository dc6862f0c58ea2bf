"""How fast a model is on this machine, measured once and kept until its file changes."""

from __future__ import annotations

import json
import statistics
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch

from core.atomic_files import write_atomically
from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model, load_stage2, read_info
from core.images import sketch_to_tensor
from core.models.families import GENERATORS
from core.runtime import compile_module, release_memory
from core.sketch_input import prepare_sketch

FOLDER = ".speeds"
MEASURABLE = (*GENERATORS, SketchAutoencoder.family)
_RUNS = 9
_INPUT_SIDE = 256  # what stage 1 hands over


@dataclass(frozen=True)
class Speed:
    """One measurement."""

    milliseconds: float  # median of a few runs, one picture each
    runtime: str  # what was fastest and faithful, such as ``openvino-bf16``
    psnr_db: float  # its agreement with float32 torch on the example, infinite for float32 torch itself
    image_size: int  # side of the picture that comes out
    threads: int  # CPU threads that it could use
    when: float  # seconds since 1970


def measure_speed(
    path: Path, sketch: np.ndarray, *, threads: int, runtime: str = "auto", device: str = "cpu"
) -> Speed:
    """Run a generator, or the sketch autoencoder, as the Draw page would.

    Parameters
    ----------
    path
        Its model file.
    sketch : (H, W) uint8
        A realistic drawing.
    threads, runtime, device
        As for `core.runtime.compile_module`.

    Raises
    ------
    AssetMissing, ValueError
        If the file is gone, damaged, or of a family that is not in ``MEASURABLE``.
    """
    family = read_info(path).family
    if family not in MEASURABLE:
        raise ValueError(f"{path.name} is a {family}; only {', '.join(MEASURABLE)} are measured.")
    if family in GENERATORS:
        module: torch.nn.Module = load_stage2(path)
        side = _INPUT_SIDE
    else:
        module = load_model(path)
        side = int(module.config.image_size)  # type: ignore[union-attr, arg-type]
    example = sketch_to_tensor(prepare_sketch(sketch, side))
    compiled = compile_module(module, example, threads=threads, runtime=runtime, device=device)
    taken = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        output = compiled.run(example)
        taken.append(1000 * (time.perf_counter() - start))
    chosen = next(candidate for candidate in compiled.report if candidate.name == compiled.name)
    del module
    release_memory()
    return Speed(
        milliseconds=round(statistics.median(taken), 2),
        runtime=compiled.name,
        psnr_db=float("inf") if chosen.psnr_db is None else round(chosen.psnr_db, 1),
        image_size=int(output.shape[-1]),
        threads=threads,
        when=time.time(),
    )


def keep_speed(models: Path, name: str, fingerprint: tuple[int, int], speed: Speed) -> None:
    """Remember a measurement of the file with this fingerprint; OSError where it cannot be written."""
    folder = models / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    content = {"fingerprint": list(fingerprint), "speed": asdict(speed)}
    write_atomically(folder / f"{name}.json", json.dumps(content).encode(), durable=False)


def kept_speed(models: Path, name: str, fingerprint: tuple[int, int]) -> Speed | None:
    """Give the measurement of the file with this fingerprint, None where there is none."""
    try:
        content = json.loads((models / FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        if tuple(content["fingerprint"]) != tuple(fingerprint):
            return None
        values = content["speed"]
        return Speed(**{field.name: values[field.name] for field in fields(Speed)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
