"""A run's weights become a model under a name of its own."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
import torch

from core.checkpoints import load_model, read_info
from core.generators.pix2pixhd import DiscriminatorConfig, GlobalGeneratorConfig
from core.models.folder import generators
from core.training import autoencoder, pix2pixhd, run_control
from core.training.data import DataConfig
from core.training.recipe import LoopConfig
from core.training.run_control import publish_run
from core.training.runs import RunError, read_run

TINY = GlobalGeneratorConfig(ngf=4, n_downsampling=2, n_blocks=1, norm="batch", upsample="nearest", patch=2)


def loop_in(folder: Path) -> LoopConfig:
    return LoopConfig(folder, steps=1, batch_size=2, save_every=1, sample_every=9, device="cpu", amp=False)


@pytest.fixture(scope="module")
def root(tiny_data: DataConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("runs")
    judge = DiscriminatorConfig(ndf=4, n_layers=1, norm="spectral")
    pix2pixhd.train(tiny_data, loop_in(root / "gan"), generator=TINY, discriminator=judge,
                    loss=pix2pixhd.GanLoss(crop=48), licence="CC0")  # fmt: skip
    model = autoencoder.AutoencoderConfig(image_size=64, widths=(8, 16), bottleneck=4)
    autoencoder.train(tiny_data, loop_in(root / "lines"), model=model)
    (root / "young").mkdir()
    (root / "young" / "losses.jsonl").write_text(json.dumps({"step": 1}))
    (root / "gan" / "config.yaml").write_text(f"data: {{root: {tiny_data.root}}}\nloop: {{steps: 1}}\n")
    return root


def test_a_published_run_is_a_generator_with_a_card(root: Path, tmp_path: Path) -> None:
    weights, models = tmp_path / "weights", tmp_path / "models"
    path = publish_run(read_run(root, "gan"), "mine", weights=weights, models=models)
    assert generators(weights, models) == ["mine"]
    assert read_info(path).licence == "CC0"
    trained = load_model(root / "gan" / "model.safetensors").state_dict()
    for name, value in load_model(path).state_dict().items():
        torch.testing.assert_close(value, trained[name], rtol=1e-3, atol=1e-3)  # stored as float16
    card = path.with_suffix(".md").read_text()
    assert "# mine" in card
    assert "Steps: 1 of 1" in card


def test_a_name_that_a_model_has_is_refused_and_the_model_stays(root: Path, tmp_path: Path) -> None:
    weights, models = tmp_path / "weights", tmp_path / "models"
    path = publish_run(read_run(root, "gan"), "mine", weights=weights, models=models)
    before = path.read_bytes()
    with pytest.raises(RunError, match="mine already"):
        publish_run(read_run(root, "gan"), "mine", weights=weights, models=models)
    with pytest.raises(RunError, match="mine already"):  # a shipped one's name
        publish_run(read_run(root, "gan"), "mine", weights=models, models=tmp_path / "others")
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden"])
def test_a_model_gets_a_plain_name(root: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="A name has"):
        publish_run(read_run(root, "gan"), name, weights=tmp_path, models=tmp_path / "models")


@pytest.mark.parametrize("run", ["lines", "young"])
def test_what_is_no_generator_is_not_published(root: Path, tmp_path: Path, run: str) -> None:
    with pytest.raises(RunError, match="no weights of a generator"):
        publish_run(read_run(root, run), "mine", weights=tmp_path, models=tmp_path / "models")


def test_without_room_for_the_card_there_is_no_model(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, models = tmp_path / "weights", tmp_path / "models"

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run_control, "write_atomically", full)
        with pytest.raises(RunError, match="No space left"):
            publish_run(read_run(root, "gan"), "mine", weights=weights, models=models)
    assert generators(weights, models) == []
    assert publish_run(read_run(root, "gan"), "mine", weights=weights, models=models).exists()
