"""Run a trained network as fast as this machine can without changing what it draws.

BatchNorm is folded into the convolutions before it, then OpenVINO and torch are timed side by side, in
float32 and, where the processor has it, bfloat16, and the fastest one that stays within 40 dB PSNR of float32
torch is kept; torch beside OpenVINO only where it is twice as fast. The only module that imports OpenVINO.
"""

from __future__ import annotations

import copy
import ctypes
import gc
import logging
import platform
import statistics
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from core.images import psnr_db

logger = logging.getLogger(__name__)

_CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


def fold_batch_norm(module: nn.Module, example: torch.Tensor) -> nn.Module:
    """Merge each BatchNorm into the convolution that feeds it.

    The pairs are found by watching one forward pass, so any network is covered, not only sequential ones.
    The result is checked on the example and thrown away if it differs.

    Returns
    -------
    A copy with the BatchNorms folded, or a plain copy if folding would have changed the output.
    """
    folded = copy.deepcopy(module).eval()
    # By the id of the output tensor, the convolution that made it.
    producers: dict[int, nn.Conv2d | nn.ConvTranspose2d] = {}
    calls: dict[nn.Module, int] = {}
    pairs: dict[nn.BatchNorm2d, nn.Conv2d | nn.ConvTranspose2d] = {}
    alive: list[torch.Tensor] = []  # keeps ids from being used twice

    def watch(layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        calls[layer] = calls.get(layer, 0) + 1
        if isinstance(layer, _CONVOLUTIONS):
            producers[id(output)] = layer
        elif isinstance(layer, nn.BatchNorm2d) and id(inputs[0]) in producers:
            pairs[layer] = producers[id(inputs[0])]
        alive.extend((inputs[0], output))

    hooks = [
        layer.register_forward_hook(watch)
        for layer in folded.modules()
        if isinstance(layer, (*_CONVOLUTIONS, nn.BatchNorm2d))
    ]
    with torch.no_grad():
        expected = folded(example)
    for hook in hooks:
        hook.remove()
    alive.clear()

    names: dict[nn.Module, str] = {layer: name for name, layer in folded.named_modules()}
    for norm, convolution in pairs.items():
        if calls[norm] > 1 or calls[convolution] > 1 or norm.running_mean is None:
            continue
        is_transposed = isinstance(convolution, nn.ConvTranspose2d)
        merged: nn.Module = fuse_conv_bn_eval(convolution, norm, transpose=is_transposed)
        _replace(folded, names[convolution], merged)
        _replace(folded, names[norm], nn.Identity())
    with torch.no_grad():
        close = torch.allclose(folded(example), expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max()))
    if not close:
        logger.warning("Folding BatchNorm changed the network's output; it runs unfolded.")
        return copy.deepcopy(module).eval()
    return folded.requires_grad_(False)


def _replace(root: nn.Module, name: str, layer: nn.Module) -> None:
    parent, _, leaf = name.rpartition(".")
    setattr(root.get_submodule(parent), leaf, layer)


def has_bf16(device: torch.device) -> bool:
    """Tell whether a device computes in bfloat16 natively; a CPU that does not takes some ten times as long."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    is_cpu = device.type == "cpu" and torch.backends.mkldnn.is_available()
    return is_cpu and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


RUNTIMES = ("auto", "openvino", "torch")
PRECISIONS = ("auto", "fp32")
MIN_PSNR_DB = 40.0
_TIMED_RUNS = 5
_TIE = 1.1  # closer than this is noise; the order of preference decides, so that loads agree with one another
_TORCH_BESIDE = 2.0  # among networks that run on OpenVINO torch takes twice the time that it takes alone
_HOPELESS = 3.0  # a candidate this many times slower than the best so far is not looked at further

Run = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Candidate:
    """One way to run a network, and what came of trying it."""

    name: str  # for instance ``openvino-bf16`` or ``torch-fp32``
    # Median of a few interleaved runs, or one run where that was hopeless; None when it did not run.
    milliseconds: float | None = None
    # Worst agreement with float32 torch over the examples; None when it did not run.
    psnr_db: float | None = None
    problem: str = ""  # why it was not taken, empty if it could have been


class Compiled:
    """A network bound to one runtime and one input shape; safe to call from several threads.

    Attributes
    ----------
    name
        The candidate that was chosen.
    report
        Every candidate with its measurements.
    input_shape
        Shape of the one batch it takes.
    """

    def __init__(
        self, name: str, run: Run, input_shape: tuple[int, ...], report: tuple[Candidate, ...] = ()
    ) -> None:
        self.name = name
        self.report = report
        self.input_shape = input_shape
        self._run = run
        self._lock = threading.Lock()

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the network.

        Parameters
        ----------
        batch : ``input_shape`` float32, on the CPU

        Returns
        -------
        float32 tensor on the CPU

        Raises
        ------
        ValueError
            If shape or dtype differ from what was compiled.
        """
        if tuple(batch.shape) != self.input_shape or batch.dtype != torch.float32:
            raise ValueError(
                f"This network was compiled for {self.input_shape} float32, "
                f"got {tuple(batch.shape)} {batch.dtype}."
            )
        with self._lock:
            return self._run(batch)

    __call__ = run


def compile_module(
    module: nn.Module,
    examples: torch.Tensor,
    *,
    threads: int,
    runtime: str = "auto",
    precision: str = "auto",
    device: torch.device | str = "cpu",
) -> Compiled:
    """Bind a network to the fastest faithful runtime for batches of one.

    Parameters
    ----------
    module
        Any network with one tensor in and one out. It is left as it was.
    examples : (E, ...) float32
        Realistic inputs: speed is measured on the first, faithfulness on all, each as a batch of one.
    threads
        CPU threads.
    runtime
        ``auto`` measures everything; ``openvino`` or ``torch`` restrict the choice.
    precision
        ``fp32`` leaves out half precision: for what must come out the same in every process.
    device
        On a GPU torch runs the network there, in half precision where that is faithful.

    Raises
    ------
    ValueError
        If ``runtime`` or ``precision`` is unknown, or nothing that they name can run here.
    """
    if runtime not in RUNTIMES:
        raise ValueError(f"runtime must be one of {', '.join(RUNTIMES)}, got {runtime!r}.")
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}.")
    if examples.dim() < 2 or len(examples) == 0 or examples.dtype != torch.float32:
        raise ValueError(f"examples must be (E, ...) float32 with E >= 1, got {tuple(examples.shape)}.")
    device = torch.device(device)
    rows = [examples[row : row + 1].contiguous() for row in range(len(examples))]
    with one_torch_thread(), torch.no_grad():
        reference = copy.deepcopy(module).cpu().float().eval().requires_grad_(False)
        expected = [reference(row) for row in rows]
        folded = fold_batch_norm(reference, rows[0])
        del reference
    torch.set_num_threads(threads)

    builders = _builders(folded, rows[0], threads=threads, runtime=runtime, device=device)
    if precision != "auto":
        builders = {name: build for name, build in builders.items() if name.endswith(precision)}
    runs: dict[str, Run] = {}
    tried: dict[str, Candidate] = {}
    best_ms = float("inf")
    for name, build in builders.items():
        try:
            run, candidate = _try(name, build, rows, expected, best_ms)
        except Exception as error:  # a runtime that fails in any way leaves the others
            logger.info("%s cannot run this network: %s", name, str(error).strip().splitlines()[:1])
            tried[name] = Candidate(name, problem=f"{type(error).__name__}: {error}"[:300])
            continue
        tried[name] = candidate
        if not candidate.problem:
            runs[name] = run
            best_ms = min(best_ms, candidate.milliseconds or best_ms)
    if not runs:
        problems = "; ".join(f"{c.name}: {c.problem}" for c in tried.values())
        raise ValueError(f"runtime {runtime!r} cannot run this network here ({problems}). Use runtime auto.")

    milliseconds = _time_side_by_side(runs, rows[0])
    for name, value in milliseconds.items():
        tried[name] = replace(tried[name], milliseconds=value)
    chosen = _pick(milliseconds)
    return Compiled(chosen, runs[chosen], tuple(rows[0].shape), tuple(tried.values()))


def _try(
    name: str,
    build: Callable[[], Run],
    rows: list[torch.Tensor],
    expected: list[torch.Tensor],
    best_ms: float,
) -> tuple[Run, Candidate]:
    """Build a candidate, and see whether it is faithful and not hopelessly slow."""
    run = build()
    psnr = agreement_db(run(rows[0]), expected[0])  # and it is warm now
    start = time.perf_counter()
    run(rows[0])
    milliseconds = 1000 * (time.perf_counter() - start)
    if milliseconds > _HOPELESS * best_ms:
        return run, Candidate(name, milliseconds, psnr, f"over {_HOPELESS:.0f} times slower than another")
    psnr = min(
        [psnr, *(agreement_db(run(row), want) for row, want in zip(rows[1:], expected[1:], strict=True))]
    )
    problem = "" if psnr >= MIN_PSNR_DB else f"{psnr:.1f} dB is below {MIN_PSNR_DB:.0f} dB"
    return run, Candidate(name, milliseconds, psnr, problem)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """For the few runs that prepare a network: torch's threads wait for one another in a spin, and beside
    other work on the machine two of them are ten times slower than one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def agreement_db(output: torch.Tensor, reference: torch.Tensor) -> float:
    """PSNR of a network's output in dB; the peak is 2 for images in [-1, 1], else the reference's range."""
    is_image = reference.dim() == 4 and float(reference.abs().max()) <= 1.0
    peak = 2.0 if is_image else float(reference.max() - reference.min())
    return psnr_db(
        *(one.detach().double().cpu().numpy() for one in (output, reference)), peak=max(peak, 1e-12)
    )


def _builders(
    module: nn.Module, example: torch.Tensor, *, threads: int, runtime: str, device: torch.device
) -> dict[str, Callable[[], Run]]:
    """Ways to run the network on this device, by name; each is built when called."""
    if device.type != "cpu":
        return {
            f"torch-{device.type}-fp16": lambda: _torch_run(module, device, torch.float16),
            f"torch-{device.type}-fp32": lambda: _torch_run(module, device, torch.float32),
        }
    builders: dict[str, Callable[[], Run]] = {}
    has_half = has_bf16(device)
    if runtime in ("auto", "openvino"):
        converted: list[Any] = []  # both precisions share one conversion

        def openvino_run(precision: str) -> Run:
            if not converted:
                converted.append(_convert_to_openvino(module, example))
            return _openvino_run(converted[0], precision, threads)

        if has_half:
            builders["openvino-bf16"] = lambda: openvino_run("bf16")
        builders["openvino-fp32"] = lambda: openvino_run("f32")
    if runtime in ("auto", "torch"):
        if has_half:
            builders["torch-bf16"] = lambda: _torch_run(module, device, torch.bfloat16)
        builders["torch-fp32"] = lambda: _torch_run(module, device, torch.float32)
    return builders


def _torch_run(module: nn.Module, device: torch.device, dtype: torch.dtype) -> Run:
    placed = copy.deepcopy(module).to(device)
    placed.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    autocast = dtype != torch.float32

    def run(batch: torch.Tensor) -> torch.Tensor:
        batch = batch.to(device)
        if batch.dim() == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode(), torch.autocast(device.type, dtype=dtype, enabled=autocast):
            return placed(batch).float().cpu().contiguous()

    return run


def import_openvino() -> Any:
    """OpenVINO without the usage statistics that its import otherwise sends to a third party."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # its stub steps in then
    import openvino  # here, so that machines without it run on torch

    return openvino


def compile_graph(graph: Any, hints: dict[str, Any]) -> Any:
    """Compile an OpenVINO graph for the CPU, in a thread of its own.

    OpenVINO 2026.4 gives the thread that compiles a signal stack of its own and, when compiled models go in
    another order than they came, leaves that thread with one that is freed. The next Ctrl-C or SIGTERM would
    then end the process with a segmentation fault if that thread were the main one.
    """
    # Pinned threads wait behind whatever else holds their core.
    settings = {**hints, "ENABLE_CPU_PINNING": False}
    with ThreadPoolExecutor(1, thread_name_prefix="compile") as own:
        return own.submit(import_openvino().Core().compile_model, graph, "CPU", settings).result()


def _convert_to_openvino(module: nn.Module, example: torch.Tensor) -> Any:
    """The network as an OpenVINO graph of static shape.

    Goes to the frontend itself: ``openvino.convert_model`` does the same five times slower.
    """
    import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    with one_torch_thread(), torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", torch.jit.TracerWarning)
        traced = torch.jit.trace(module, example, check_trace=False)
        frontend = FrontEndManager().load_by_framework("pytorch")
        decoder = TorchScriptPythonDecoder(traced, example_input=example)  # must outlive the conversion
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape(list(example.shape))
    return graph


def _openvino_run(graph: Any, precision: str, threads: int) -> Run:
    openvino = import_openvino()
    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
    }
    compiled = compile_graph(graph, hints)
    used = compiled.get_property("INFERENCE_PRECISION_HINT")
    if used != getattr(openvino.Type, precision):
        raise RuntimeError(f"this CPU runs {used} where {precision} was asked for")
    request = compiled.create_infer_request()

    def run(batch: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(request.infer([batch.contiguous().numpy()])[0])

    return run


def _time_side_by_side(runs: dict[str, Run], example: torch.Tensor) -> dict[str, float]:
    """Median milliseconds each, taken in turns so that other work on the machine hits all alike."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(_TIMED_RUNS if len(runs) > 1 else 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run(example)
            taken[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in taken.items()}


def _pick(milliseconds: dict[str, float]) -> str:
    """The first in order of preference that is as fast as any, give or take what timing cannot tell."""
    expected = {
        name: value * (_TORCH_BESIDE if name.startswith("torch") else 1)
        for name, value in milliseconds.items()
    }
    best = min(expected.values())
    return next(name for name, value in expected.items() if value <= _TIE * best)


def release_memory() -> None:
    """Give what the losing candidates held back to the system; call once after the last compilation."""
    gc.collect()
    if platform.system() == "Linux":
        try:
            ctypes.CDLL("libc.so.6").malloc_trim(0)  # glibc keeps freed memory for itself otherwise
        except (OSError, AttributeError):
            logger.debug("This C library has no malloc_trim.")
