from pathlib import Path

import numpy as np
import pytest

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import save_model
from core.coverage_network import CoverageConfig, CoverageNetwork
from core.generators.cyclegan import CycleGANConfig, ResnetTranslator
from core.models.speed import Speed, keep_speed, kept_speed, measure_speed

SPEED = Speed(12.5, "openvino-bf16", 48.0, 256, 2, 1.0)
DRAWING = np.full((512, 512), 255, np.uint8)
DRAWING[100:400, 200:204] = 0


@pytest.mark.parametrize(
    ("network", "side"),
    [(ResnetTranslator(CycleGANConfig(ngf=4, n_blocks=1)), 256),
     (SketchAutoencoder(AutoencoderConfig(image_size=64, widths=(4, 8), bottleneck=4)), 64)],
)  # fmt: skip
def test_a_measurement_says_what_ran_and_how_faithfully(tmp_path: Path, network, side: int) -> None:
    path = tmp_path / "m.safetensors"
    save_model(path, network.eval(), provenance={}, licence="none")
    speed = measure_speed(path, DRAWING, threads=1, runtime="torch")
    assert speed.milliseconds > 0 and speed.runtime.startswith("torch") and speed.psnr_db >= 40
    assert (speed.image_size, speed.threads) == (side, 1)


def test_families_that_are_not_measured_are_named(tmp_path: Path) -> None:
    save_model(tmp_path / "m.safetensors", CoverageNetwork(CoverageConfig()), provenance={}, licence="none")
    with pytest.raises(ValueError, match="face_coverage; only"):
        measure_speed(tmp_path / "m.safetensors", DRAWING, threads=1)


@pytest.mark.parametrize("speed", [SPEED, Speed(1.0, "torch-fp32", float("inf"), 64, 1, 2.0)])
def test_a_kept_measurement_comes_back_whole(tmp_path: Path, speed: Speed) -> None:
    keep_speed(tmp_path / "models", "mine", (10, 20), speed)
    assert kept_speed(tmp_path / "models", "mine", (10, 20)) == speed


def test_a_measurement_is_forgotten_when_its_file_changes(tmp_path: Path) -> None:
    keep_speed(tmp_path, "mine", (10, 20), SPEED)
    assert kept_speed(tmp_path, "mine", (10, 21)) is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"fingerprint": [10, 20], "speed": {"milliseconds": 1}}']
)
def test_a_damaged_record_counts_as_none(tmp_path: Path, content: bytes) -> None:
    keep_speed(tmp_path, "mine", (10, 20), SPEED)
    (tmp_path / ".speeds" / "mine.json").write_bytes(content)
    assert kept_speed(tmp_path, "mine", (10, 20)) is None
