"""The file of a bank: one file with its search index, checked, and written as a whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import core.bank_file
import core.nearest
from core.checkpoints import read_info
from core.manifold import Manifold

ROWS, WIDTH = 1500, 40


@pytest.fixture()
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Approximate search from 1 000 rows on, so that a test's bank is a large one."""
    monkeypatch.setattr(core.nearest, "EXACT_BANK_ROWS", 1000)


@pytest.fixture()
def bank(small_limit: None) -> Manifold:
    random = np.random.default_rng(4)
    latents = np.tanh(random.normal(size=(ROWS, 6)) @ random.normal(size=(6, WIDTH)))
    latents += 0.05 * random.normal(size=latents.shape)
    return Manifold(latents.astype(np.float32), [f"face_{row:04d}" for row in range(ROWS)])


def queries() -> np.ndarray:
    return np.random.default_rng(8).normal(size=(6, WIDTH)).astype(np.float32)


def rewrite(path: Path, change: dict[str, np.ndarray]) -> None:
    """The same file with other tensors, as a careless tool would leave it."""
    info = read_info(path)
    metadata = {"format": "1", "family": info.family, "config": json.dumps(info.config),
                "provenance": json.dumps(info.provenance), "licence": info.licence}  # fmt: skip
    save_file({**load_file(path), **change}, path, metadata=metadata)


def test_a_large_bank_comes_back_with_its_index_and_answers_alike(
    bank: Manifold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    bank.save(tmp_path / "bank.safetensors")
    monkeypatch.setattr(core.nearest, "compress", lambda rows: pytest.fail("the index was made again"))
    loaded = Manifold.load(tmp_path / "bank.safetensors")
    assert not loaded.is_exact
    before, after = bank.project(queries()), loaded.project(queries())
    assert np.array_equal(before.neighbour_ids, after.neighbour_ids)
    assert np.array_equal(before.projected, after.projected)


def test_bank_and_index_are_one_file_and_nothing_else_is_left(bank: Manifold, tmp_path: Path):
    bank.save(tmp_path / "bank.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["bank.safetensors"]


def test_a_small_bank_is_saved_without_an_index(tmp_path: Path):
    latents = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    Manifold(latents, [str(row) for row in range(20)]).save(tmp_path / "bank.safetensors")
    assert set(load_file(tmp_path / "bank.safetensors")) == {"latents", "residual_quantiles"}
    assert "search_sha256" not in read_info(tmp_path / "bank.safetensors").config


def test_a_large_bank_that_was_saved_without_an_index_gets_one(bank: Manifold, tmp_path: Path):
    latents = np.array(bank.bank)
    save_file(
        {"latents": latents, "residual_quantiles": bank.residual_quantiles},
        tmp_path / "bank.safetensors",
        metadata={"format": "1", "family": "face_bank", "provenance": "{}", "licence": "",
                  "config": json.dumps({"names": bank.names, "calibration_k": 10})},
    )  # fmt: skip
    loaded = Manifold.load(tmp_path / "bank.safetensors")
    assert np.array_equal(loaded.project(queries()).neighbour_ids, bank.project(queries()).neighbour_ids)


@pytest.mark.parametrize("name", ["latents", "search_codes", "search_axes", "search_levels", "search_mean"])
def test_an_index_that_does_not_belong_to_its_latents_is_refused(bank: Manifold, tmp_path: Path, name: str):
    path = tmp_path / "bank.safetensors"
    bank.save(path)
    changed = load_file(path)[name].copy()
    changed.flat[-1] += 1
    rewrite(path, {name: changed})
    with pytest.raises(ValueError, match=r"does not belong to its latents.*build the bank again"):
        Manifold.load(path)


def test_half_a_file_is_refused(bank: Manifold, tmp_path: Path):
    path = tmp_path / "bank.safetensors"
    bank.save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="damaged"):
        Manifold.load(path)


def test_a_save_that_fails_leaves_the_old_bank(
    bank: Manifold, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "bank.safetensors"
    bank.save(path, licence="old")

    def full(tensors: dict, name: str, metadata: dict) -> None:
        Path(name).write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(core.bank_file, "save_file", full)
    with pytest.raises(OSError, match="No space"):
        bank.save(path, licence="new")
    assert read_info(path).licence == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["bank.safetensors"]


def test_training_rows_left_out_of_their_own_projection_stay_out(bank: Manifold):
    own = np.arange(0, ROWS, 100)
    found = bank.project(np.array(bank.bank[own]), k=10, exclude=own)
    assert not (found.neighbour_ids == own[:, None]).any()


def test_the_calibration_of_a_large_bank_is_that_of_the_exact_one(
    bank: Manifold, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(core.nearest, "EXACT_BANK_ROWS", 50_000)
    exact = Manifold(np.array(bank.bank), bank.names)
    assert exact.is_exact and not bank.is_exact
    assert np.allclose(bank.residual_quantiles, exact.residual_quantiles, rtol=0.01)
