from pathlib import Path

import pytest
from jsonargparse import ArgumentParser

from core.training import autoencoder, pix2pixhd

CONFIGS = Path(autoencoder.__file__).parent / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_config_is_understood(path, tmp_path):
    train = (autoencoder if path.stem.startswith("autoencoder") else pix2pixhd).train
    parser = ArgumentParser(exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_function_arguments(train, skip={"progress"}, as_positional=False)
    needed = [f"--data.root={tmp_path}", f"--loop.out={tmp_path}"]
    settings = parser.instantiate(parser.parse_args([f"--config={path}", *needed]))
    assert settings.loop.steps > 0
