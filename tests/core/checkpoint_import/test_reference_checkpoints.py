"""Every checkpoint of the reference projects, through the command, gives back the reference's own output."""

import json
from pathlib import Path

import pytest
import torch

from core.checkpoint_import.importing import run
from core.checkpoints import load_generator, read_info

CHECKPOINTS = {
    "pix2pixhd_global": "pix2pixhd",
    "pix2pixhd_local": "pix2pixhd",
    "cyclegan_resnet9": "cyclegan",
    "ugatit_light": "ugatit",
    "ugatit_full": "ugatit",
}


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    found = shared_dir / "reference" / "checkpoints"
    if not found.is_dir():
        pytest.skip(f"no reference checkpoints at {found}")
    return found


@pytest.mark.parametrize("is_named", [True, False], ids=["family given", "family worked out"])
@pytest.mark.parametrize(("name", "project"), CHECKPOINTS.items())
def test_an_imported_checkpoint_reproduces_the_reference_output(
    folder: Path, tmp_path: Path, name: str, project: str, is_named: bool
) -> None:
    out = tmp_path / f"{name}.safetensors"
    family = ["--family", project] if is_named else []
    assert run(["import", str(folder / f"{name}.pth"), *family, "--out", str(out)]) == 0
    tensors = torch.load(folder / f"{name}.io.pt", weights_only=True)
    with torch.no_grad():
        output = load_generator(out)(tensors["input"])
    assert (output - tensors["output"]).abs().max() < 1e-5


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_the_architecture_is_worked_out_from_the_weights(folder: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / f"{name}.safetensors"
    run(["import", str(folder / f"{name}.pth"), "--family", CHECKPOINTS[name], "--out", str(out)])
    stated = json.loads((folder / "configs.json").read_text())[name]
    stated.pop("file", None)
    if stated.get("light"):
        del stated["img_size"]  # nothing in the weights of a light network tells it
    assert stated.items() <= read_info(out).config.items()
