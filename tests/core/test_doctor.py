"""The doctor says what is missing, damaged or scarce, and what to do about it."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from core import doctor
from core.checkpoints import load_model, save_model
from core.config import settings
from core.doctor import REQUIRED, Finding, diagnose, main
from core.images import psnr_db
from tests.core.tiny_pipeline import write_parts, write_weights


@pytest.fixture(scope="module")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_parts(write_weights(tmp_path_factory.mktemp("tiny") / "weights"))


@pytest.fixture
def weights(tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with all that is needed, and a landmarker."""
    folder = shutil.copytree(tiny_weights, tmp_path / "weights")
    (tmp_path / "face_landmarker.task").write_bytes(b"stands in for the model")
    monkeypatch.setattr(doctor, "find", lambda name: tmp_path / name)
    monkeypatch.setenv("STUDIO_WEIGHTS", str(folder))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    # What else runs on this machine is not ours.
    monkeypatch.setattr(doctor, "_memory", lambda: Finding("memory", "enough"))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 0, 10**12))
    return folder


def problems() -> list[Finding]:
    return [found for found in diagnose(is_quick=True) if found.state == "problem"]


def test_a_machine_with_everything_passes(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--quick"]) == 0
    shown = capsys.readouterr().out
    assert "pix2pixhd.safetensors: pix2pixhd, 0.0 MB, header and checksum fit" in shown
    assert "agreement" not in shown  # nothing was run


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_network_is_a_problem(weights: Path, name: str) -> None:
    (weights / name).unlink()
    (found,) = problems()
    assert found.text == f"{name} is missing: no photo can be made"
    assert "Restore it with git" in found.advice


def test_a_missing_optional_network_is_a_warning(weights: Path) -> None:
    found = next(one for one in diagnose(is_quick=True) if one.text.startswith("upscaler.safetensors"))
    assert (found.state, found.text) == (
        "warning",
        "upscaler.safetensors is missing: photos stay at 256 px",
    )


@pytest.mark.parametrize("name", [*REQUIRED, "part_autoencoders.safetensors"])
@pytest.mark.parametrize("harm", ["a flipped bit", "cut short"])
def test_a_damaged_network_is_a_problem(weights: Path, name: str, harm: str) -> None:
    data = bytearray((weights / name).read_bytes())
    data[-5] ^= 4
    (weights / name).write_bytes(data if harm == "a flipped bit" else data[: len(data) // 2])
    found = problems()
    assert any(name in one.text and "damaged" in one.text for one in found), found
    assert all(one.advice for one in found)


def test_networks_and_a_bank_of_others_are_a_problem(weights: Path) -> None:
    other = write_weights(weights.parent / "other") / "sketch_autoencoder.safetensors"
    save_model(weights / other.name, load_model(other), provenance={"again": True}, licence="none")
    (found,) = problems()
    assert "face_bank.safetensors was made by networks" in found.text


def test_a_landmarker_that_is_not_there_is_a_problem(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find", lambda _: None)
    (found,) = problems()
    assert "face_landmarker.task is missing" in found.text and found.advice == "Run: make assets"


@pytest.mark.parametrize(("free", "state"), [(10**10, "ok"), (10**9, "warning"), (10**8, "problem")])
def test_a_disk_that_fills_up_is_seen(
    weights: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**12, 10**12 - free, free))
    disks = {one.text.split()[0]: one.state for one in diagnose(is_quick=True) if one.topic == "disk"}
    assert disks == {"data": state, "weights": "ok", "cache": state}


def test_json_is_one_object_with_the_same_findings(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (weights / "pix2pixhd.safetensors").unlink()
    assert main(["--quick", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert {one["topic"] for one in report["findings"]} == {
        "device", "settings", "runtime", "memory", "disk", "models",
    }  # fmt: skip
    assert [one["facts"]["file"] for one in report["findings"] if one["state"] == "problem"] == [
        str(weights / "pix2pixhd.safetensors")
    ]


@pytest.mark.parametrize("token", ["s3cret", "s3cret-and-long-enough"])
def test_secrets_are_not_shown(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str
) -> None:
    monkeypatch.setenv("STUDIO_API_TOKEN", token)
    assert main(["--quick", "--json"]) == int(len(token) < 16)
    shown = capsys.readouterr().out
    assert "STUDIO_API_TOKEN" in shown and "s3cret" not in shown


def test_a_device_that_is_not_there_is_a_problem(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DEVICE", "cuda:99")
    (found,) = problems()
    assert "cuda:99" in found.text and found.advice == "Set STUDIO_DEVICE=auto."


class Networks:
    """A pipeline whose photos are brighter on one runtime than on the other."""

    def __init__(self, runtime: str, shift: int) -> None:
        self.runtimes, self.shift = {"generate": f"{runtime}-fp32"}, shift
        self.calls, self.side = 0, 512

    def __call__(self, sketch: np.ndarray) -> SimpleNamespace:
        self.calls += 1
        return SimpleNamespace(photo=np.full((self.side, self.side, 3), 100 + self.shift, np.uint8))


@pytest.mark.parametrize(("shift", "state"), [(0, "ok"), (1, "ok"), (4, "warning"), (20, "problem")])
def test_speed_is_measured_and_runtimes_are_held_against_one_another(
    weights: Path, monkeypatch: pytest.MonkeyPatch, shift: int, state: str
) -> None:
    made: dict[str, Networks] = {}

    def load(_weights: Path, *, device: str, runtime: str) -> Networks:
        kind = runtime.replace("auto", "openvino")
        assert (device, kind) not in made
        return made.setdefault(kind, Networks(kind, shift if kind == "openvino" else 0))

    monkeypatch.setattr(doctor.SketchToFacePipeline, "load", load)
    monkeypatch.setattr(doctor, "pick_device", lambda _: torch.device("cpu"))
    found = {one.topic: one for one in diagnose()}
    assert found["speed"].facts.keys() == {"milliseconds", "side_px", "runtimes"}
    assert found["speed"].text.endswith("a photo of 512 px (median of 10): generate openvino-fp32")
    assert made["openvino"].calls == 12  # one to warm up, ten by the clock, one to compare
    assert (found["agreement"].state, found["agreement"].facts["with"]) == (state, "OpenVINO")
    assert found["agreement"].advice == ("" if state == "ok" else "Set STUDIO_RUNTIME=torch.")


@pytest.fixture
def planted_gpu(weights: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A GPU by name only: what it would run, this machine's stand-ins do; how bright they paint on which device."""
    brightness = {"cpu": 0, "cuda:0": 1}

    def load(_weights: Path, *, device: str, runtime: str, upscale: bool = True) -> Networks:
        if device not in brightness:
            raise RuntimeError("no kernel image is available for execution on the device")
        networks = Networks(runtime, brightness[device])
        if not upscale:
            networks.side = 256
        return networks

    monkeypatch.setattr(doctor.SketchToFacePipeline, "load", load)
    monkeypatch.setattr(
        doctor, "pick_device", lambda name: torch.device("cpu" if name == "cpu" else "cuda:0")
    )
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda _: None)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 100_000_000)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda _: 512_000_000)
    return brightness


def test_a_gpu_is_measured_at_both_sizes_and_held_against_the_cpu(planted_gpu: dict[str, int]) -> None:
    found = list(diagnose())
    assert [(one.facts["side_px"], one.facts["peak_bytes"], one.state) for one in found if one.topic == "gpu"] == [
        (256, 412_000_000, "ok"), (512, 412_000_000, "ok"),
    ]  # fmt: skip
    assert "412 MB of its memory" in next(one.text for one in found if one.topic == "gpu")
    agreed = {one.facts["with"]: one.facts["psnr_db"] for one in found if one.topic == "agreement"}
    assert agreed == {"OpenVINO": None, "cuda:0": 48.1}


def test_a_gpu_that_cannot_run_the_networks_is_told_with_the_way_out(planted_gpu: dict[str, int]) -> None:
    del planted_gpu["cuda:0"]
    (found,) = doctor._gpu(settings(), np.zeros((8, 8), np.uint8))
    assert (found.state, "no kernel image" in found.text) == ("warning", True)
    assert "STUDIO_DEVICE=cpu" in found.advice


def test_networks_that_do_not_run_are_a_problem(weights: Path) -> None:
    (weights / REQUIRED[0]).unlink()
    found = {one.topic: one for one in diagnose()}
    assert found["speed"].state == "problem" and REQUIRED[0] in found["speed"].text
    assert "agreement" not in found


def test_photos_that_differ_by_one_level_agree_to_48_db() -> None:
    photo = np.full((8, 8, 3), 100, np.uint8)
    assert psnr_db(photo + np.uint8(1), photo) == pytest.approx(48.13, abs=0.01)
    assert psnr_db(photo, photo) == float("inf")
