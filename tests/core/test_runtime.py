"""The CPU runtime: folding, the choice between candidates, and calls from several threads."""

from __future__ import annotations

import copy
import ctypes
import gc
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import nn

from core import runtime
from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.runtime import agreement_db, compile_module, fold_batch_norm


def give_statistics(network: nn.Module, seed: int = 0) -> nn.Module:
    """Random running statistics and slopes, so that a wrong fold cannot hide."""
    torch.manual_seed(seed)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias)
    return network.eval()


def tiny_generator(**changes: object) -> nn.Module:
    torch.manual_seed(0)
    settings = {"ngf": 4, "n_downsampling": 1, "n_blocks": 1, "norm": "batch", "patch": 2, **changes}
    return give_statistics(GlobalGenerator(GlobalGeneratorConfig(**settings)))


def sketches(count: int = 2, size: int = 32) -> torch.Tensor:
    torch.manual_seed(1)
    return (torch.rand(count, 1, size, size) > 0.2).float() * 2 - 1


class ConvolutionUsedTwice(nn.Module):
    """Its convolution also feeds a branch without the norm: folding would change that branch."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features = self.convolution(x)
        return self.norm(features) + features


def count_norms(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize("upsample", ["nearest", "transposed"])
def test_folding_removes_every_batch_norm_of_the_generator_and_keeps_its_output(upsample):
    network, example = tiny_generator(upsample=upsample), sketches(1)
    folded = fold_batch_norm(network, example)
    with torch.no_grad():
        assert torch.allclose(folded(example), network(example), atol=1e-5)
    assert count_norms(folded) == 0 < count_norms(network)


def test_folding_reaches_the_residual_blocks_of_the_autoencoder():
    config = AutoencoderConfig(image_size=32, latent=8, widths=(4,), bottleneck=2)
    encoder = give_statistics(SketchAutoencoder(config)).encoder
    folded = fold_batch_norm(encoder, sketches(1))
    with torch.no_grad():
        assert torch.allclose(folded(sketches()), encoder(sketches()), atol=1e-4)
    assert count_norms(folded) == 0


def test_folding_that_would_change_the_output_is_not_done():
    network = give_statistics(ConvolutionUsedTwice())
    kept = fold_batch_norm(network, sketches(1))
    assert count_norms(kept) == 1
    with torch.no_grad():
        assert torch.equal(kept(sketches()), network(sketches()))


def test_folding_and_compiling_leave_the_network_as_it_was():
    network = tiny_generator()
    before = copy.deepcopy(network.state_dict())
    compile_module(network, sketches(), threads=1)
    after = network.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


@pytest.mark.parametrize("choice", ["auto", "torch", "openvino"])
def test_every_runtime_agrees_with_float32_torch_within_forty_decibels(choice):
    network, examples = tiny_generator(), sketches()
    compiled = compile_module(network, examples, threads=1, runtime=choice)
    with torch.no_grad():
        for row in range(len(examples)):
            batch = examples[row : row + 1]
            output = compiled.run(batch)
            assert output.dtype == torch.float32 and output.shape == (1, 3, 32, 32)
            assert agreement_db(output, network(batch)) >= 40
    assert choice == "auto" or compiled.name.startswith(choice)


FP32 = {"openvino-fp32", "torch-fp32"}


@pytest.mark.parametrize(
    ("has_bf16", "names"), [(True, FP32 | {"openvino-bf16", "torch-bf16"}), (False, FP32)]
)
def test_the_report_names_every_candidate_and_the_choice_is_the_fastest_faithful_one(
    monkeypatch, has_bf16, names
):
    monkeypatch.setattr(runtime, "has_bf16", lambda device: has_bf16)
    compiled = compile_module(tiny_generator(), sketches(), threads=1)
    assert {c.name for c in compiled.report} == names
    timed = {c.name: c.milliseconds for c in compiled.report if c.milliseconds is not None}
    as_openvino = {name: value * (2 if name.startswith("torch") else 1) for name, value in timed.items()}
    assert as_openvino[compiled.name] <= 1.1 * min(as_openvino.values())
    assert all(c.problem for c in compiled.report if c.milliseconds is None)


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        ({"openvino-bf16": 50.0, "torch-bf16": 49.0}, "openvino-bf16"),
        ({"openvino-bf16": 50.0, "openvino-fp32": 30.0}, "openvino-fp32"),
        ({"openvino-bf16": 50.0, "torch-bf16": 30.0}, "openvino-bf16"),  # beside OpenVINO torch would take 60
        ({"openvino-bf16": 50.0, "torch-bf16": 20.0}, "torch-bf16"),
        ({"torch-fp32": 7.0}, "torch-fp32"),
    ],
)
def test_neither_the_noise_of_timing_nor_torch_alone_being_faster_changes_the_choice(milliseconds, expected):
    assert runtime._pick(milliseconds) == expected


def test_a_candidate_below_forty_decibels_is_never_chosen(monkeypatch):
    def blurred(graph, precision, threads):
        del graph, precision, threads
        return lambda batch: torch.zeros(1, 3, *batch.shape[2:])

    monkeypatch.setattr(runtime, "has_bf16", lambda device: True)
    monkeypatch.setattr(runtime, "_openvino_run", blurred)
    compiled = compile_module(tiny_generator(), sketches(), threads=1)
    assert compiled.name.startswith("torch")
    problems = {c.name: c.problem for c in compiled.report}
    assert "below 40 dB" in problems["openvino-bf16"] and "below 40 dB" in problems["openvino-fp32"]


def test_output_that_is_not_finite_is_never_faithful():
    image = torch.zeros(1, 1, 4, 4)
    assert agreement_db(image * torch.nan, image) == float("-inf")
    assert agreement_db(image, image) == float("inf")


def test_psnr_of_images_has_a_peak_of_two():
    image = torch.zeros(1, 1, 4, 4)
    assert agreement_db(image + 0.02, image) == pytest.approx(40.0)


def test_a_machine_without_openvino_falls_back_to_torch(monkeypatch):
    def absent():
        raise ImportError("No module named 'openvino'")

    monkeypatch.setattr(runtime, "import_openvino", absent)
    compiled = compile_module(tiny_generator(), sketches(), threads=1)
    assert compiled.name.startswith("torch")
    with pytest.raises(ValueError, match="Use runtime auto"):
        compile_module(tiny_generator(), sketches(), threads=1, runtime="openvino")


def test_calls_from_four_threads_give_what_calls_in_turn_give():
    compiled = compile_module(tiny_generator(), sketches(), threads=2)
    batches = list(sketches(24).split(1))
    in_turn = [compiled.run(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        at_once = list(pool.map(compiled.run, batches))
    assert all(torch.equal(a, b) for a, b in zip(in_turn, at_once, strict=True))


def test_an_answer_is_not_overwritten_by_the_next_call():
    compiled = compile_module(tiny_generator(), sketches(), threads=1)
    first, second = sketches().split(1)
    answer = compiled.run(first)
    copy_of_answer = answer.clone()
    compiled.run(second)
    assert torch.equal(answer, copy_of_answer)


@pytest.mark.parametrize("shape", [(2, 1, 32, 32), (1, 1, 64, 64), (1, 3, 32, 32)])
def test_a_batch_of_another_shape_is_refused(shape):
    compiled = compile_module(tiny_generator(), sketches(), threads=1, runtime="torch")
    with pytest.raises(ValueError, match="compiled for"):
        compiled.run(torch.zeros(shape))
    with pytest.raises(ValueError, match="float64"):
        compiled.run(torch.zeros(1, 1, 32, 32, dtype=torch.float64))


def test_an_unknown_runtime_is_refused_with_the_valid_names():
    with pytest.raises(ValueError, match="auto, openvino, torch"):
        compile_module(tiny_generator(), sketches(), threads=1, runtime="tensorrt")


def test_openvino_sends_no_usage_statistics_and_leaves_no_files_at_home(tmp_path: Path):
    script = (
        "import sys; from core.runtime import import_openvino; import_openvino();"
        "assert 'openvino_telemetry.main' not in sys.modules"
    )
    environment = {**os.environ, "HOME": str(tmp_path), "CI": "false"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=120)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's call is Linux's")
def test_compiled_networks_leave_the_signal_stack_of_the_main_thread_alone():
    """OpenVINO's own left Python's handlers on freed memory: Ctrl-C was a segmentation fault."""

    class SignalStack(ctypes.Structure):
        _fields_ = [("start", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t)]

    def current() -> tuple[int | None, int, int]:
        stack = SignalStack()
        assert ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack)) == 0
        return stack.start, stack.flags, stack.size

    before = current()
    examples = torch.zeros(1, 1, 32, 32)
    held = [compile_module(tiny_generator(), examples, threads=1, runtime="openvino") for _ in range(3)]
    assert current() == before
    while held:
        held.pop(0)
        gc.collect()
        assert current() == before
