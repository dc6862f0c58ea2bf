"""``python -m core.doctor``: what this machine has, what the studio lacks on it, and how fast and faithful it is here.

Every finding is ok, a warning or a problem, and says what to do about it. Exit code 1 with any problem, else 0.
``--json`` gives the same as one object; ``--quick`` leaves out what loads networks.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import platform
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from core.assets import REGISTRY, find
from core.checksum import check_checksum
from core.config import ENV_PREFIX, ROOT, Settings, pick_device, settings, usable_cores
from core.conversion.settings import DEFAULT_GENERATOR
from core.face_parts.layout import PART_BANKS_FILE, PARTS_FILE
from core.generate import read_sketch
from core.images import psnr_db
from core.models.folder import AUTOENCODER_FILE, BANK_FILE, ModelFile, check_belongs, list_models
from core.pipeline import SketchToFacePipeline
from core.runtime import MIN_PSNR_DB
from core.sketch_input import Sketch
from core.upscaler import UPSCALER_FILE

State = Literal["ok", "warning", "problem"]

REQUIRED = (AUTOENCODER_FILE, BANK_FILE, f"{DEFAULT_GENERATOR}.safetensors")
OPTIONAL = {
    PARTS_FILE: "drawings are not refined by parts",
    PART_BANKS_FILE: "drawings are not refined by parts",
    UPSCALER_FILE: "photos stay at 256 px",
    "cyclegan.safetensors": "there is no CycleGAN to choose",
    "ugatit.safetensors": "there is no U-GAT-IT to choose",
    "face_coverage.safetensors": "photos cannot be judged",
}
DRAWINGS = ROOT / "data" / "demo" / "drawings"
RUNS = 10
SLOW_MS = 1000.0
LOW_DISK, FULL_DISK = 2e9, 2e8  # bytes
LOW_MEMORY, NO_MEMORY = 2e9, 8e8
_CGROUP = Path("/sys/fs/cgroup")
_MAY_FAIL = (ValueError, RuntimeError, OSError, KeyError, TypeError, ArithmeticError)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    # text, advice: what was found; what to do about it, empty where that is nothing.
    text: str
    state: State = "ok"
    advice: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)  # the same for programs


def diagnose(*, is_quick: bool = False) -> Iterator[Finding]:
    """Look at device, runtimes, settings, memory, disks and model files, then run the networks unless quick."""
    yield _processor()
    yield from _gpus()
    try:
        chosen = settings()
    except ValueError as error:
        yield Finding("settings", _without_values(error), "problem", "Correct or unset it; README lists all.")
        return
    yield _given(chosen)
    yield _threads(chosen)
    yield _runtime(chosen)
    yield _memory()
    for name, folder in (("data", chosen.data), ("weights", chosen.weights), ("cache", chosen.asset_cache)):
        yield _disk(name, folder)
    for name in REGISTRY:
        yield _asset(name, chosen)
    yield from _models(chosen)
    if not is_quick:
        yield from _measure(chosen)


def _processor() -> Finding:
    about = _read_pairs(Path("/proc/cpuinfo"))
    flags = set((about.get("flags") or about.get("Features") or "").split())
    flags = flags or {torch.backends.cpu.get_cpu_capability().lower()}
    cores = os.cpu_count() or 1
    has = {
        "avx2": bool({"avx2", "avx512"} & flags),
        "avx512": bool({"avx512f", "avx512"} & flags),
        "bf16": bool({"avx512_bf16", "amx_bf16", "bf16"} & flags),
    }
    name = about.get("model name") or platform.processor() or platform.machine()
    text = f"{name}, {usable_cores()} of {cores} cores usable, " + ", ".join(
        f"{'' if is_there else 'no '}{flag.upper()}" for flag, is_there in has.items()
    )
    facts = {"processor": name, "cores": cores, "cores_usable": usable_cores(), **has}
    if platform.machine().lower() in ("x86_64", "amd64") and not has["avx2"]:
        advice = "Take another machine: without AVX2 networks are several times slower."
        return Finding("device", text, "warning", advice, facts)
    return Finding("device", text, facts=facts)


def _gpus() -> Iterator[Finding]:
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        about = torch.cuda.get_device_properties(number)
        runtime = f"CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
        text = (
            f"cuda:{number}: {about.name}, {about.total_memory / 1e9:.0f} GB, compute capability "
            f"{about.major}.{about.minor}, {runtime}"
        )
        facts = {
            "gpu": about.name,
            "memory_bytes": about.total_memory,
            "capability": f"{about.major}.{about.minor}",
            "runtime": runtime,
        }
        yield Finding("device", text, facts=facts)
    if torch.backends.mps.is_available():
        yield Finding("device", "mps: the GPU of this Mac", facts={"gpu": "mps"})
    if Path("/proc/driver/nvidia/version").exists() and not torch.cuda.is_available():
        text = f"there is an NVIDIA driver, but torch {torch.__version__} cannot use it"
        advice = "Install a CUDA build of torch, and see whether nvidia-smi lists the GPU."
        yield Finding("device", text, "warning", advice)


def _given(chosen: Settings) -> Finding:
    """Settings that the environment gives; secrets print as asterisks."""
    names = sorted(chosen.model_fields_set)
    given = {f"{ENV_PREFIX}{name.upper()}": str(getattr(chosen, name)) for name in names}
    text = ", ".join(f"{name}={value}" for name, value in given.items())
    return Finding("settings", text or "none is set: all have their defaults", facts=given)


def _threads(chosen: Settings) -> Finding:
    facts = {"threads": chosen.threads}
    if chosen.threads <= usable_cores():
        return Finding("settings", f"{chosen.threads} threads for the networks", facts=facts)
    text = f"{chosen.threads} threads for {usable_cores()} usable cores"
    return Finding("settings", text, "warning", f"Set STUDIO_THREADS to at most {usable_cores()}.", facts)


def _runtime(chosen: Settings) -> Finding:
    """What is installed, and what the settings choose of it."""
    try:
        openvino = version("openvino")
    except PackageNotFoundError:
        openvino = ""
    facts = {
        "torch": torch.__version__,
        "openvino": openvino,
        "runtime": chosen.runtime,
        "device": chosen.device,
    }
    text = f"torch {torch.__version__}, {f'OpenVINO {openvino}' if openvino else 'no OpenVINO'}"
    try:
        device = pick_device(chosen.device)
    except ValueError as error:
        return Finding("runtime", f"{text}; {error}", "problem", "Set STUDIO_DEVICE=auto.", facts)
    facts["device"] = str(device)
    if device.type == "cpu" and not openvino and chosen.runtime != "torch":
        advice = "Run make run, which installs OpenVINO, or set STUDIO_RUNTIME=torch."
        return Finding(
            "runtime", text, "problem" if chosen.runtime == "openvino" else "warning", advice, facts
        )
    by: str = "torch" if device.type != "cpu" else chosen.runtime
    by = "whichever is faster, network by network" if by == "auto" else by
    return Finding("runtime", f"{text}; networks run on {device} by {by}", facts=facts)


def _memory() -> Finding:
    """Memory that can still be had, of the machine and of the container."""
    memory = psutil.virtual_memory()
    free, total = memory.available, memory.total
    with suppress(OSError, ValueError):  # no container, or one without a limit
        limit, used = (int((_CGROUP / name).read_text()) for name in ("memory.max", "memory.current"))
        free, total = min(free, max(limit - used, 0)), min(total, limit)
    text = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB can be had"
    state = _graded(free, LOW_MEMORY, NO_MEMORY, "End other programs, or give the container more.")
    return Finding("memory", text, *state, {"free_bytes": free, "total_bytes": total})


def _disk(name: str, folder: Path) -> Finding:
    """Room where a folder lies, or will lie; into the weights nothing is written."""
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    usage = shutil.disk_usage(place)
    facts = {"folder": str(folder), "free_bytes": usage.free, "total_bytes": usage.total}
    text = f"{name} folder {folder}: {usage.free / 1e9:.1f} of {usage.total / 1e9:.1f} GB free"
    elsewhere = f"name another folder in STUDIO_{name.upper()}."
    if name == "weights":
        return Finding("disk", text, facts=facts)
    if not (place.is_dir() and os.access(place, os.W_OK)):
        text += ", but it may not be written to"
        return Finding("disk", text, "problem", f"Change its owner, or {elsewhere}", facts)
    state = _graded(usage.free, LOW_DISK, FULL_DISK, f"Free some space there, or {elsewhere}")
    return Finding("disk", text, *state, facts)


def _asset(name: str, chosen: Settings) -> Finding:
    found = find(name)
    if found is not None:
        size = found.stat().st_size
        text = f"{name}: {size / 1e6:.1f} MB, checksum fits"
        return Finding("models", text, facts={"file": str(found), "bytes": size})
    folders = [folder for folder in (chosen.assets, chosen.asset_cache) if folder is not None]
    what = "damaged" if any((folder / name).is_file() for folder in folders) else "missing"
    text = f"{name} is {what}: uploads are not placed and photos not judged"
    return Finding("models", text, "problem", "Run: make assets", {"file": name})


def _models(chosen: Settings) -> Iterator[Finding]:
    """Every model file that is there, those that are not, and whether banks and networks belong together."""
    found = list_models(chosen.weights, chosen.data / "models")
    yield from map(_model, found)
    there = {model.path.name for model in found if model.is_shipped}
    restore = f"Restore it with git, or name the folder that has it in STUDIO_WEIGHTS (now {chosen.weights})."
    for name in sorted({*REQUIRED, *OPTIONAL} - there):
        state: State = "warning" if name in OPTIONAL else "problem"
        text = f"{name} is missing: {OPTIONAL.get(name, 'no photo can be made')}"
        yield Finding("models", text, state, restore, {"file": str(chosen.weights / name)})
    for bank, key, networks in (
        (BANK_FILE, "autoencoder_sha256", AUTOENCODER_FILE),
        (PART_BANKS_FILE, "autoencoders_sha256", PARTS_FILE),
    ):
        files = chosen.weights / bank, chosen.weights / networks
        if {bank, networks} <= there and (
            problem := _problem_of(partial(check_belongs, files[0], key, files[1]))
        ):
            yield Finding("models", problem, "problem", "Restore both with git.", {"file": str(files[0])})


def _model(model: ModelFile) -> Finding:
    facts = {"file": str(model.path), "bytes": model.size_bytes}
    problem = model.problem or _problem_of(partial(check_checksum, model.path))
    if not problem:
        family = model.info.family if model.info else ""
        text = f"{model.path.name}: {family}, {model.size_bytes / 1e6:.1f} MB, header and checksum fit"
        return Finding("models", text, facts=facts | {"family": family})
    text = problem if model.path.name in problem else f"{model.path.name}: {problem}"
    return Finding(
        "models",
        text,
        "problem",
        "Restore it with git." if model.is_shipped else "Import or train it again.",
        facts,
    )


def _measure(chosen: Settings) -> Iterator[Finding]:
    """Speed of the pipeline as it is served, and whether every way to run it paints the same photo."""
    try:
        sketch = read_sketch(next(iter(sorted(DRAWINGS.glob("*.png"))), DRAWINGS / "*.png"))
        served = SketchToFacePipeline.load(chosen.weights, device=chosen.device, runtime=chosen.runtime)
        yield _speed(served, sketch)
    except _MAY_FAIL as error:
        text = f"no photo can be made: {_first_line(error)}"
        yield Finding("speed", text, "problem", "Mend what is said above first.")
        return
    yield from _gpu(chosen, sketch)
    yield from _agreement(chosen, served, sketch)


def _gpu(chosen: Settings, sketch: Sketch) -> Iterator[Finding]:
    """Speed and memory of the GPU that there is, with and without the upscaler: photos of 512 and of 256 px."""
    device = pick_device("auto")
    if device.type == "cpu":
        return
    for upscale in (False, True):
        try:
            before = _gpu_memory(device)
            pipeline = SketchToFacePipeline.load(
                chosen.weights, device=str(device), runtime="auto", upscale=upscale
            )
            found = _speed(pipeline, sketch)
            peak = _gpu_memory(device, peak=True)
        except _MAY_FAIL as error:
            text = f"{device} cannot run the networks: {_first_line(error)}"
            yield Finding(
                "gpu", text, "warning", "Set STUDIO_DEVICE=cpu, or see what is said of device above."
            )
            return
        memory = f", at most {(peak - before) / 1e6:,.0f} MB of its memory" if peak else ""
        facts = {**found.facts, "device": str(device), "peak_bytes": max(peak - before, 0)}
        yield Finding("gpu", f"{device}: {found.text}{memory}", found.state, found.advice, facts)


def _gpu_memory(device: torch.device, *, peak: bool = False) -> int:
    """Bytes that torch holds on a GPU, or (``peak``) held at most since this was asked last; 0 where nobody tells."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        if peak:
            return torch.cuda.max_memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else 0


def _speed(pipeline: SketchToFacePipeline, sketch: Sketch) -> Finding:
    photo = pipeline(sketch).photo  # warm from here on
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        pipeline(sketch)
        taken.append(1000 * (time.perf_counter() - start))
    milliseconds, side = statistics.median(taken), 0 if photo is None else photo.shape[0]
    facts = {"milliseconds": round(milliseconds, 1), "side_px": side, "runtimes": pipeline.runtimes}
    networks = ", ".join(" ".join(pair) for pair in pipeline.runtimes.items())
    text = f"{milliseconds:.0f} ms from a drawing to a photo of {side} px (median of {RUNS}): {networks}"
    slow = milliseconds > SLOW_MS
    advice = "End other programs, or give it more cores: photos lag behind the pen." if slow else ""
    return Finding("speed", text, "warning" if slow else "ok", advice, facts)


def _agreement(chosen: Settings, served: SketchToFacePipeline, sketch: Sketch) -> Iterator[Finding]:
    """Compare photos by OpenVINO, and by the GPU, with the one by torch on the CPU."""
    ways = {"torch": ("cpu", "torch"), "OpenVINO": ("cpu", "openvino")}
    if (gpu := pick_device("auto")).type != "cpu":
        ways[str(gpu)] = (str(gpu), "auto")
    photos: dict[str, NDArray[np.uint8]] = {}
    for name, (device, runtime) in ways.items():
        is_served = pick_device(chosen.device).type == "cpu" == device and all(
            used.startswith(runtime) for used in served.runtimes.values()
        )
        try:
            pipeline = served
            if not is_served:
                pipeline = SketchToFacePipeline.load(chosen.weights, device=device, runtime=runtime)
            photo = pipeline(sketch).photo
        except _MAY_FAIL as error:
            text = f"{name} cannot run the networks: {_first_line(error)}"
            yield Finding("agreement", text, "warning", "See what is said of device and runtime above.")
            continue
        if photo is None:
            continue
        photos[name] = photo
        if name == "torch" or "torch" not in photos:
            continue
        decibels = psnr_db(photo, photos["torch"])
        text = f"photos by {name} and by torch on the CPU agree to {decibels:.1f} dB"
        advice = "Set STUDIO_RUNTIME=torch." if name == "OpenVINO" else "Set STUDIO_DEVICE=cpu."
        facts = {"with": name, "psnr_db": None if math.isinf(decibels) else round(decibels, 1)}
        yield Finding("agreement", text, *_graded(decibels, MIN_PSNR_DB, MIN_PSNR_DB - 10, advice), facts)


def _graded(value: float, low: float, least: float, advice: str) -> tuple[State, str]:
    if value >= low:
        return "ok", ""
    return ("warning" if value >= least else "problem"), advice


def _problem_of(check: Callable[[], object]) -> str:
    try:
        check()
    except _MAY_FAIL as error:
        return _first_line(error)
    return ""


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _without_values(error: ValueError) -> str:
    """What is wrong with the settings, without what they hold: it may be a secret."""
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(
        f"{ENV_PREFIX}{'_'.join(map(str, each['loc'])).upper()}: {each['msg']}"
        for each in error.errors(include_input=False, include_url=False)
    )


def _read_pairs(path: Path) -> dict[str, str]:
    """The first value of each ``name: value`` of a file of the kernel's."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        pairs.setdefault(name.strip(), value.strip())
    return pairs


def main(arguments: list[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m core.doctor", description="Say what the studio has and lacks on this machine."
    )
    parser.add_argument("--quick", action="store_true", help="leave out what loads networks")
    parser.add_argument("--json", action="store_true", help="one JSON object in place of lines")
    parsed = parser.parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(message)s")
    findings = []
    for finding in diagnose(is_quick=parsed.quick):
        findings.append(finding)
        if not parsed.json:
            print(f"{finding.state:8} {finding.topic:10} {finding.text}", flush=True)
            if finding.advice:
                print(f"{'':8} {'':10} -> {finding.advice}")
    problems = sum(finding.state == "problem" for finding in findings)
    if parsed.json:
        print(json.dumps({"ok": not problems, "findings": [asdict(finding) for finding in findings]}))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
