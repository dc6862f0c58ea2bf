"""``python -m tests.benchmarks.generator_speed``: every network of the product, every way to run it.

For each generator that is at hand and for both kinds of stage 1: parameters, multiply-accumulates (counted by
torch as the network runs; convolutions and matrix products, which is all but about one per cent), the time of one
picture in each runtime and precision, and how far the result is from float32 torch. The ways take turns, so that
other work on the machine slows all of them alike. Prints a table on stderr (``--markdown``: for the docs) and one
JSON object on stdout; ``--device cuda`` measures on a GPU.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from core import runtime
from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model, load_stage2, read_info
from core.config import settings
from core.face_parts.layout import FACE_PARTS, PARTS_FILE, REMAINDER, PartAutoencoders
from core.face_parts.refinement import compile_group
from core.images import sketch_to_tensor
from core.manifold import Manifold
from core.models.folder import AUTOENCODER_FILE, BANK_FILE, generator_file, generators
from core.refinement import compile_whole
from core.runtime import fold_batch_norm
from core.sketch_input import prepare_sketch
from tests.benchmarks.pipeline_speed import cpu_model

HOPELESS = 4.0  # so many times slower than the best: three runs are enough
DRAWN = [
    Path(__file__).parents[2] / "data/demo/drawings" / f"{name}.png" for name in ("thick_pen", "long_hair")
]


@dataclass(frozen=True)
class Subject:
    """A network to measure, with realistic inputs (E, ...)."""

    name: str
    family: str
    module: nn.Module
    examples: Tensor


@dataclass(frozen=True)
class Way:
    """One runtime in one precision; ``psnr_db`` is the worst of the examples against float32 torch."""

    name: str
    median_ms: float | None = None
    p95_ms: float | None = None
    runs: int = 0
    psnr_db: float | None = None
    problem: str = ""

    @property
    def is_faithful(self) -> bool:
        return self.psnr_db is not None and self.psnr_db >= runtime.MIN_PSNR_DB


@dataclass(frozen=True)
class Figures:
    """What was measured of one network."""

    name: str
    family: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    macs: int
    ways: tuple[Way, ...]

    @property
    def best(self) -> Way | None:
        """The way that the pipeline would take of those within 40 dB of float32."""
        usable = {way.name: way for way in self.ways if way.is_faithful and way.median_ms is not None}
        times = {name: way.median_ms or 0.0 for name, way in usable.items()}
        return usable[runtime._pick(times)] if usable else None


def subjects(weights: Path, names: Sequence[str] | None = None) -> Iterator[Subject]:
    """Stage 1, whole and by parts, then the generators, each loaded when its turn comes."""
    found: list[tuple[nn.Module, Tensor]] = []

    def note(module: nn.Module, examples: Tensor) -> runtime.Compiled:
        found.append((module, examples))
        return runtime.Compiled("not bound", torch.no_grad()(module), tuple(examples[:1].shape))

    autoencoder = load_model(weights / AUTOENCODER_FILE)
    if not isinstance(autoencoder, SketchAutoencoder):
        raise TypeError(f"{AUTOENCODER_FILE} holds no autoencoder.")
    _, sketches, refined = compile_whole(autoencoder, Manifold.load(weights / BANK_FILE), note)
    for name, (module, examples) in zip(("encoder", "decoder"), found, strict=True):
        yield Subject(f"stage 1, whole: {name}", autoencoder.family, module, examples)
    if (weights / PARTS_FILE).is_file():
        parts = load_model(weights / PARTS_FILE)
        if not isinstance(parts, PartAutoencoders):
            raise TypeError(f"{PARTS_FILE} holds no part autoencoders.")
        for title, names_of_group in (("remainder", (REMAINDER,)), ("parts of the face", FACE_PARTS)):
            found.clear()
            compile_group(parts, names_of_group, note, sketches)
            for name, (module, examples) in zip(("encoder", "decoder"), found, strict=True):
                yield Subject(f"stage 1, {title}: {name}", parts.family, module, examples)
    side = refined.shape[-1]
    drawn = [np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8) for path in DRAWN]
    inputs = torch.cat([refined, *(sketch_to_tensor(prepare_sketch(sketch, side)) for sketch in drawn)])
    for name in names or generators(weights):
        path = generator_file(weights, name)
        yield Subject(name, read_info(path).family, load_stage2(path), inputs)


def measure(subject: Subject, *, rounds: int, threads: int, device: torch.device) -> Figures:
    """Try every way to run one network."""
    rows = [subject.examples[row : row + 1].contiguous() for row in range(len(subject.examples))]
    with runtime.one_torch_thread(), torch.no_grad():
        reference = copy.deepcopy(subject.module).cpu().float().eval().requires_grad_(False)
        expected = [reference(row) for row in rows]
        parameters, macs = count_parameters(reference, rows[0]), count_macs(reference, rows[0])
        folded = fold_batch_norm(reference, rows[0])
    torch.set_num_threads(threads)
    builders = runtime._builders(folded, rows[0], threads=threads, runtime="auto", device=device)
    runs: dict[str, Callable[[Tensor], Tensor]] = {}
    ways: dict[str, Way] = {}
    for name, build in builders.items():
        try:
            run = build()
            worst = min(
                runtime.agreement_db(run(row), want) for row, want in zip(rows, expected, strict=True)
            )
        except Exception as error:  # a way that this machine does not have
            ways[name] = Way(name, problem=f"{type(error).__name__}: {error}".splitlines()[0][:200])
            continue
        runs[name] = run
        ways[name] = Way(name, psnr_db=round(min(worst, 999.0), 1))
    for name, taken in time_in_turns(runs, rows[0], rounds).items():
        ways[name] = Way(
            name,
            round(statistics.median(taken), 2),
            round(float(np.quantile(taken, 0.95)), 2),
            len(taken),
            ways[name].psnr_db,
        )
    shapes = tuple(rows[0].shape), tuple(expected[0].shape)
    return Figures(subject.name, subject.family, *shapes, parameters, macs, tuple(ways.values()))


def count_parameters(module: nn.Module, example: Tensor) -> int:
    """Numbers that one call uses: those of the layers that run, so that a decoder comes without its encoder."""
    used: dict[int, int] = {}

    def note(layer: nn.Module, _inputs: object, _output: object) -> None:
        used.update({id(value): value.numel() for value in layer.parameters(recurse=False)})

    hooks = [layer.register_forward_hook(note) for layer in module.modules()]
    with torch.no_grad():
        module(example)
    for hook in hooks:
        hook.remove()
    return sum(used.values())


def count_macs(module: nn.Module, example: Tensor) -> int:
    """Multiply-accumulates of one call: half of the floating-point operations that torch counts."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(example)
    return int(counter.get_total_flops()) // 2


def time_in_turns(
    runs: dict[str, Callable[[Tensor], Tensor]], example: Tensor, rounds: int
) -> dict[str, list[float]]:
    """Milliseconds of each run; a way that is hopelessly slow leaves after three."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(rounds):
        for name, run in runs.items():
            best = min((statistics.median(values) for values in taken.values() if values), default=0.0)
            if number >= 3 and statistics.median(taken[name]) > HOPELESS * best:
                continue
            start = time.perf_counter()
            run(example)
            taken[name].append(1000 * (time.perf_counter() - start))
    return taken


def table(figures: Sequence[Figures], *, markdown: bool = False) -> str:
    """One line a network: milliseconds, and in brackets the PSNR against float32."""
    ways = list(dict.fromkeys(way.name for one in figures for way in one.ways))
    lines = [["network", "parameters", "MACs", *ways, "taken"]]
    for one in figures:
        by_name = {way.name: way for way in one.ways}
        cells = []
        for name in ways:
            way = by_name.get(name)
            has_time = way is not None and way.median_ms is not None
            cells.append(f"{way.median_ms:.1f} ms ({_db(way)})" if way and has_time else "-")
        best = one.best.name if one.best else "none"
        lines.append([one.name, f"{one.parameters / 1e6:.1f} M", f"{one.macs / 1e9:.2f} G", *cells, best])
    if markdown:
        lines.insert(1, ["---"] * len(lines[0]))
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _db(way: Way) -> str:
    return "exact" if (way.psnr_db or 0) > 120 else f"{way.psnr_db:.0f} dB"


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.generator_speed", description=__doc__)
    parser.add_argument("--weights", type=Path, help="weights folder; default: STUDIO_WEIGHTS")
    parser.add_argument("--generators", nargs="+", metavar="NAME", help="only these; default: all")
    parser.add_argument("--rounds", type=int, default=30, help="timed runs of each way")
    parser.add_argument("--threads", type=int, help="default: what the product uses")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--markdown", action="store_true", help="the table for the docs")
    options = parser.parse_args()
    threads, device = options.threads or settings().threads, torch.device(options.device)
    measured = []
    for subject in subjects(options.weights or settings().weights, options.generators):
        measured.append(measure(subject, rounds=options.rounds, threads=threads, device=device))
        print(f"{subject.name}: done", file=sys.stderr)
        runtime.release_memory()
    where = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{cpu_model()}, {threads} threads"
    )
    load = round(os.getloadavg()[0], 2)
    print(f"{where}, load {load}\n{table(measured, markdown=options.markdown)}", file=sys.stderr)
    facts = [asdict(one) | {"taken": one.best.name if one.best else None} for one in measured]
    print(json.dumps({"machine": where, "load_average_1min": load, "networks": facts}))


if __name__ == "__main__":
    main()
