"""The banks of the parts as a file: what comes back, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core.checkpoints import read_info, save_model
from core.errors import AssetMissing
from core.face_parts.layout import PAINT_ORDER, PART_BANKS_FILE, PARTS_FILE, PartAutoencoders, PartsConfig
from core.face_parts.refinement import has_parts, load_part_banks, load_parts, save_part_banks
from core.manifold import Manifold
from core.models.folder import generators
from tests.core.tiny_pipeline import SIZE, part_banks, part_networks, write_parts


def test_banks_come_back_as_they_were_saved(tmp_path: Path):
    networks, banks = load_parts(write_parts(tmp_path))
    expected = part_banks(networks)
    assert tuple(networks.config.parts) == PAINT_ORDER
    for name in PAINT_ORDER:
        assert np.array_equal(banks[name].bank, expected[name].bank)
        assert np.array_equal(banks[name].sketches, expected[name].sketches)
        assert banks[name].names == expected[name].names
        assert np.allclose(banks[name].residual_quantiles, expected[name].residual_quantiles)


def test_networks_come_back_as_they_were_saved(tmp_path: Path):
    networks, _ = load_parts(write_parts(tmp_path))
    weights = part_networks().state_dict()
    assert all(torch.equal(value, weights[key]) for key, value in networks.state_dict().items())


def test_the_files_of_parts_are_no_generators(tmp_path: Path):
    assert generators(write_parts(tmp_path), tmp_path / "none") == []
    assert read_info(tmp_path / PART_BANKS_FILE).family == "part_banks"


@pytest.mark.parametrize("missing", [PARTS_FILE, PART_BANKS_FILE])
def test_a_missing_file_is_named_with_the_next_step(tmp_path: Path, missing):
    (write_parts(tmp_path) / missing).unlink()
    assert not has_parts(tmp_path)
    with pytest.raises(AssetMissing, match=rf"{missing} is missing: .* Restore"):
        load_parts(tmp_path)


def test_banks_of_other_networks_are_refused(tmp_path: Path):
    write_parts(tmp_path)
    torch.manual_seed(9)
    save_model(tmp_path / PARTS_FILE, PartAutoencoders(part_networks().config), provenance={}, licence="none")
    with pytest.raises(ValueError, match="was made by networks"):
        load_parts(tmp_path)


def test_networks_of_some_parts_only_are_refused(tmp_path: Path):
    write_parts(tmp_path)
    few = PartAutoencoders(PartsConfig(SIZE, parts=("nose",)))
    save_model(tmp_path / PARTS_FILE, few, provenance={}, licence="none")
    with pytest.raises(ValueError, match="all five parts"):
        load_parts(tmp_path)


def test_a_file_of_something_else_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="not the banks of the parts"):
        load_part_banks(write_parts(tmp_path) / PARTS_FILE)


def test_damaged_thumbnails_are_refused_with_the_next_step(tmp_path: Path):
    path = write_parts(tmp_path) / PART_BANKS_FILE
    with safe_open(path, framework="np") as file:
        metadata = {key: value for key, value in file.metadata().items() if key != "sha256"}
    tensors = load_file(path)
    tensors["nose.sketches"] = tensors["nose.sketches"][:40]
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(ValueError, match=r"is damaged: .* Restore it"):
        load_part_banks(path)


def test_banks_whose_rows_are_other_faces_are_not_written(tmp_path: Path):
    banks = part_banks(part_networks())
    nose = banks["nose"]
    banks["nose"] = Manifold(nose.bank, [*nose.names[1:], "stranger"], sketches=nose.sketches)
    with pytest.raises(ValueError, match="the bank of nose holds other faces"):
        save_part_banks(tmp_path / PART_BANKS_FILE, banks, provenance={}, licence="none")
    assert list(tmp_path.iterdir()) == []
