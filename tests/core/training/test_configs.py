from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from core.training import autoencoder, cyclegan, parts, pix2pixhd, tuning, ugatit, upscaler

CONFIGS = Path(autoencoder.__file__).parent / "configs"
TRAININGS = {
    "autoencoder": autoencoder, "parts": parts, "pix2pixhd": pix2pixhd, "cyclegan": cyclegan, "ugatit": ugatit,
    "tuning": tuning, "upscaler": upscaler,
}  # fmt: skip


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_config_is_understood(path, tmp_path):
    train = TRAININGS[path.stem.partition("_")[0]].train
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_function_arguments(train, skip={"progress"}, as_positional=False)
    needed = [f"--data.root={tmp_path}", f"--loop.out={tmp_path}"]
    if train is tuning.train:
        needed.append(f"--start_from={tmp_path / 'weights.safetensors'}")
    settings = parser.instantiate(parser.parse_args([f"--config={path}", *needed]))
    assert settings.loop.steps > 0
