"""``python -m tests.benchmarks.pipeline_speed``: one drawing to one photo, three ways, in one run.

1. *ours*: the product's pipeline on the runtime that it chooses for this machine;
2. *eager*: the same networks in plain float32 torch, everything else alike;
3. *original*: what the student project that this one started from had to compute for one drawing: an
   autoencoder at 512 px whose two linear layers hold 67 M parameters each, its nearest neighbours found in a
   Python loop over 2 429 rows, and a generator of 37 M parameters at 512 px. Written anew with random
   weights: only the cost is compared. Where a choice was open the cheaper one was taken.

The three take turns, so that other work on the machine slows all of them alike. Prints a table on stderr and
one JSON object on stdout.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from core.autoencoder import SketchAutoencoder
from core.checkpoints import load_model, load_stage2
from core.config import settings
from core.conversion.request import STEPS, FaceResult
from core.errors import AssetMissing
from core.generators.pix2pixhd import COMPACT, GlobalGenerator, GlobalGeneratorConfig
from core.images import psnr_db
from core.manifold import Manifold
from core.models.folder import AUTOENCODER_FILE, generator_file
from core.pipeline import SketchToFacePipeline
from core.runtime import Compiled, release_memory
from core.upscaler import UPSCALER_FILE
from tests.core.tiny_pipeline import pipeline_of, pipeline_with

CANVAS = 512
ORIGINAL_ROWS = 2429
# At the median, for a photo of 512 px on two idle cores: where the processor computes in bf16, and elsewhere.
GOAL_MS = {True: 60.0, False: 110.0}


class OriginalCost(nn.Module):
    """The original's networks and neighbour search for one drawing (1, 1, 512, 512)."""

    bank: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        widths = (1, 32, 64, 128, 256, 512)
        pairs = list(zip(widths, widths[1:], strict=False))
        down = [
            layer
            for a, b in pairs
            for layer in (nn.Conv2d(a, b, 4, 2, 1), nn.BatchNorm2d(b), nn.LeakyReLU(0.2))
        ]
        up = [
            layer
            for a, b in reversed(pairs)
            for layer in (
                nn.ConvTranspose2d(b, max(a, 32), 4, 2, 1),
                nn.BatchNorm2d(max(a, 32)),
                nn.LeakyReLU(0.2),
            )
        ]
        self.encoder = nn.Sequential(*down, nn.Flatten())
        self.to_latent = nn.Linear(512 * 16 * 16, 512)  # 67 M parameters
        self.from_latent = nn.Linear(512, 512 * 16 * 16)  # 67 M parameters
        self.decoder = nn.Sequential(
            nn.Unflatten(1, (512, 16, 16)), *up, nn.Conv2d(32, 1, 3, padding=1), nn.Tanh()
        )
        self.generator = GlobalGenerator(GlobalGeneratorConfig(ngf=29))  # 37 M parameters
        self.register_buffer("bank", torch.randn(ORIGINAL_ROWS, 512))

    def forward(self, sketch: torch.Tensor) -> torch.Tensor:
        latent = self.to_latent(self.encoder(sketch))
        distances = [torch.sum((latent[0] - row) ** 2).item() for row in self.bank]  # the loop in question
        nearest = self.bank[np.argsort(distances)[:10].copy()]
        offsets = latent - nearest
        gram = offsets @ offsets.T
        weights = torch.linalg.solve(gram + 1e-3 * gram.trace() * torch.eye(10), torch.ones(10))
        refined = self.decoder(self.from_latent((weights / weights.sum()) @ nearest)[None])
        return self.generator(refined)


def eager_twin(
    fast: SketchToFacePipeline,
    autoencoder: SketchAutoencoder,
    network: nn.Module,
    upscaler: nn.Module | None = None,
) -> SketchToFacePipeline:
    """The same pipeline with each network called as it is, in float32."""

    def eager(call: Callable[[torch.Tensor], torch.Tensor], like: Compiled) -> Compiled:
        return Compiled("torch-eager-fp32", torch.no_grad()(call), like.input_shape)

    return pipeline_with(
        eager(autoencoder.encode, fast.encode),
        eager(autoencoder.decode, fast.decode),
        eager(network, fast.generate),
        fast.manifold,
        generator=fast.generator,
        upscaler=eager(upscaler, fast.upscaler) if upscaler and fast.upscaler else None,
    )


@dataclass(frozen=True)
class Rivals:
    """Ours and its eager twin; load time and memory are those of ours alone."""

    fast: SketchToFacePipeline
    eager: SketchToFacePipeline
    is_trained: bool
    load_s: float
    rss_mb: float


def build(weights: Path, runtime: str) -> Rivals:
    """Load ours and its eager twin; untrained ones where there are no weights."""
    start = time.perf_counter()
    try:
        fast = SketchToFacePipeline.load(weights, device="cpu", runtime=runtime)
        load_s, rss_mb = time.perf_counter() - start, rss()
        autoencoder = load_model(weights / AUTOENCODER_FILE)
        network = load_stage2(generator_file(weights, fast.generator))
        upscaler = load_model(weights / UPSCALER_FILE) if fast.upscaler else None
        if not isinstance(autoencoder, SketchAutoencoder):
            raise TypeError(f"{AUTOENCODER_FILE} holds no autoencoder.")
        return Rivals(fast, eager_twin(fast, autoencoder, network, upscaler), True, load_s, rss_mb)
    except AssetMissing as error:
        print(f"{error}\nUntrained networks of the same size are timed instead.", file=sys.stderr)
    torch.manual_seed(0)
    autoencoder, network = SketchAutoencoder().eval(), GlobalGenerator(COMPACT).eval()
    bank = Manifold(
        np.random.default_rng(0).normal(size=(750, 512)).astype(np.float32), [str(i) for i in range(750)]
    )
    fast = pipeline_of(autoencoder, network, bank, runtime=runtime)
    release_memory()
    load_s, rss_mb = time.perf_counter() - start, rss()
    return Rivals(fast, eager_twin(fast, autoencoder, network), False, load_s, rss_mb)


def drawings(manifold: Manifold, count: int = 8) -> list[np.ndarray]:
    """Training sketches as a canvas of the dashboard would send them: (512, 512) uint8."""
    if manifold.sketches is None:
        page = np.full((CANVAS, CANVAS), 255, np.uint8)
        cv2.ellipse(page, (256, 270), (150, 200), 0, 0, 360, 0, 3)
        return [page]
    rows = np.linspace(0, len(manifold) - 1, count).astype(int)
    return [np.asarray(cv2.resize(manifold.sketches[row], (CANVAS, CANVAS)), np.uint8) for row in rows]


def rss() -> float:
    """Resident memory of this process in MB; its peak where the system does not tell the present value."""
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def cpu_model() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def summary(milliseconds: list[float]) -> dict[str, float]:
    """Median, 95th percentile and minimum."""
    values = np.array(milliseconds)
    return {
        "median_ms": round(float(np.median(values)), 2),
        "p95_ms": round(float(np.quantile(values, 0.95)), 2),
        "min_ms": round(float(values.min()), 2),
        "runs": len(milliseconds),
    }


def psnr(photo: FaceResult, expected: FaceResult) -> float:
    """Agreement of two photos in dB."""
    if photo.photo is None or expected.photo is None:
        raise ValueError("A drawing of the benchmark is blank.")
    return psnr_db(photo.photo, expected.photo)


def timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def measure(weights: Path, *, runtime: str, rounds: int, original_rounds: int) -> dict[str, object]:
    """Build all three, warm them up, and time them in turns."""
    rivals = build(weights, runtime)
    fast, eager = rivals.fast, rivals.eager
    pages = drawings(fast.manifold)
    agreement = min(psnr(fast(page), eager(page)) for page in pages)
    torch.manual_seed(0)
    original = OriginalCost().eval()
    page = torch.ones(1, 1, CANVAS, CANVAS)
    page[..., 100:104, 100:400] = -1
    run_original = torch.no_grad()(lambda: original(page))

    steps: dict[str, list[float]] = {step: [] for step in STEPS}
    times: dict[str, list[float]] = {"ours": [], "eager": [], "original": []}
    for _ in range(5):
        fast(pages[0])
        eager(pages[0])
    if original_rounds:
        run_original()
    every = max(rounds // max(original_rounds, 1), 1)
    for number in range(rounds):
        sketch = pages[number % len(pages)]
        result = fast(sketch)
        for step in STEPS:
            steps[step].append(result.timings[step])
        times["ours"].append(result.timings["total"])
        times["eager"].append(timed(lambda sketch=sketch: eager(sketch)))  # type: ignore[misc]
        if number % every == 0 and len(times["original"]) < original_rounds:
            times["original"].append(timed(run_original))

    millions = {
        "linear_each": sum(p.numel() for p in original.to_latent.parameters()) / 1e6,
        "generator": sum(p.numel() for p in original.generator.parameters()) / 1e6,
    }
    return {
        "machine": {
            "cpu": cpu_model(),
            "cores": settings().threads,
            "load_average_1min": round(os.getloadavg()[0], 2),
            "python": platform.python_version(),
            "torch": torch.__version__,
        },
        "trained_weights": rivals.is_trained,
        "image_size": fast.size * (2 if fast.upscaler else 1),
        "runtimes": fast.runtimes,
        "candidates": {
            name: [asdict(candidate) for candidate in network.report]
            for name, network in (
                ("encode", fast.encode),
                ("decode", fast.decode),
                ("generate", fast.generate),
            )
        },
        "psnr_to_eager_db_worst": round(agreement, 1),
        "load_s": round(rivals.load_s, 1),
        "rss_mb_ours": round(rivals.rss_mb),
        "original_million_parameters": {key: round(value, 1) for key, value in millions.items()},
        "times": {name: summary(values) for name, values in times.items() if values},
        "steps_median_ms": {step: round(float(np.median(values)), 2) for step, values in steps.items()},
        "goal_ms": GOAL_MS["bf16" in fast.runtimes["generate"]],
    }


def print_table(report: dict) -> None:
    """The figures for a person to read, on stderr."""
    machine, times = report["machine"], report["times"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} threads, load {machine['load_average_1min']}"
        + ("" if report["trained_weights"] else ", UNTRAINED networks"),
        f"{'one drawing to one photo':<42}{'median':>10}{'p95':>10}{'runs':>6}",
    ]
    chosen = ", ".join(sorted(set(report["runtimes"].values())))
    titles = {
        "ours": f"ours, {report['image_size']} px ({chosen})",
        "eager": f"same networks, eager torch fp32, {report['image_size']} px",
        "original": f"the original's cost, {CANVAS} px",
    }
    for name, figures in times.items():
        median, p95 = figures["median_ms"], figures["p95_ms"]
        lines.append(f"{titles[name]:<42}{median:>7.1f} ms{p95:>7.1f} ms{figures['runs']:>6}")
    steps = ", ".join(
        f"{step} {value:.1f}" for step, value in report["steps_median_ms"].items() if step != "total"
    )
    lines += [
        f"steps of ours, ms: {steps}",
        f"worst photo against eager fp32: {report['psnr_to_eager_db_worst']} dB",
        f"with ours loaded the process holds {report['rss_mb_ours']} MB; loading took {report['load_s']} s",
        f"goal of {report['goal_ms']:.0f} ms at the median: "
        + ("reached" if times["ours"]["median_ms"] <= report["goal_ms"] else "NOT reached in this run"),
    ]
    print("\n".join(lines), file=sys.stderr)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.pipeline_speed", description=__doc__)
    parser.add_argument("--weights", type=Path, help="weights folder; default: STUDIO_WEIGHTS")
    parser.add_argument("--runtime", default="auto", help="auto, openvino or torch")
    parser.add_argument("--rounds", type=int, default=60, help="timed runs of ours and of eager")
    parser.add_argument(
        "--original-rounds", type=int, default=5, help="timed runs of the original's cost, 0 for none"
    )
    chosen = parser.parse_args()
    weights = chosen.weights or settings().weights
    report = measure(
        weights, runtime=chosen.runtime, rounds=chosen.rounds, original_rounds=chosen.original_rounds
    )
    print_table(report)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
