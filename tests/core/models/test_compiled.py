"""Generators on demand: compiled once, shared, compiled anew when their file changes; side by side."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from core.checkpoints import save_model
from core.config import ROOT
from core.images import sketch_to_tensor
from core.models import compiled as generator_shelf
from core.models.compiled import GeneratorCache
from core.pipeline import SketchToFacePipeline
from core.runtime import Compiled
from tests.core.tiny_pipeline import SIZE, bank, drawing, networks, pipeline_of, write_weights


def counting_bind(made: list[str]):
    def bind(module, examples):
        made.append(type(module).__name__)
        return Compiled("eager", torch.no_grad()(module), tuple(examples[:1].shape))

    return bind


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights with two generators, and no imported models."""
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_THREADS", "1")
    folder = write_weights(tmp_path / "weights")
    torch.manual_seed(3)
    other = type(networks()[1])(networks()[1].config).eval()
    save_model(folder / "other.safetensors", other, provenance={"image_size": SIZE}, licence="none")
    return folder


def test_a_generator_is_compiled_once_however_many_ask(folder: Path):
    made: list[str] = []
    generator_cache = GeneratorCache(folder, counting_bind(made), sketch_to_tensor(drawing()))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: generator_cache.get("other"), range(8)))
    assert len(made) == 1 and all(one is found[0] for one in found)
    assert generator_cache.names == ["other", "pix2pixhd"]


def test_a_changed_file_is_compiled_anew(folder: Path):
    made: list[str] = []
    generator_cache = GeneratorCache(folder, counting_bind(made), sketch_to_tensor(drawing()))
    before = generator_cache.get("other")
    os.utime(folder / "other.safetensors", (1, 1))
    assert generator_cache.get("other") is not before and len(made) == 2


def test_only_the_latest_few_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generator_shelf, "AT_ONCE", 1)
    made: list[str] = []
    generator_cache = GeneratorCache(folder, counting_bind(made), sketch_to_tensor(drawing()))
    for name in ("other", "pix2pixhd", "pix2pixhd", "other"):
        generator_cache.get(name)
    assert len(made) == 3, "the latest is at hand, the one before it is compiled anew"


def test_a_generator_that_was_removed_is_refused_by_name(folder: Path):
    generator_cache = GeneratorCache(folder, counting_bind([]), sketch_to_tensor(drawing()))
    generator_cache.get("other")
    (folder / "other.safetensors").unlink()
    with pytest.raises(ValueError, match="generator must be one of: pix2pixhd; got 'other'"):
        generator_cache.get("other")


def test_side_by_side_gives_what_each_generator_gives_alone(folder: Path):
    pipeline = SketchToFacePipeline.load(folder, device="cpu", runtime="torch")
    assert pipeline.generators == ["other", "pix2pixhd"]
    results = pipeline.compare(drawing(1), mode="whole", t=0.3)
    assert [result.generator for result in results] == ["other", "pix2pixhd"]
    for result in results:
        alone = pipeline(drawing(1), mode="whole", t=0.3, generator=result.generator)
        assert np.array_equal(result.photo, alone.photo)
        assert [each.name for each in result.neighbours] == [each.name for each in alone.neighbours]
    assert not np.array_equal(results[0].photo, results[1].photo)


def test_side_by_side_runs_stage_one_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    pipeline = SketchToFacePipeline.load(folder, device="cpu", runtime="torch")
    reads = []
    run = pipeline.encode.run
    monkeypatch.setattr(pipeline.encode, "run", lambda batch: reads.append(1) or run(batch))
    results = pipeline.compare(drawing(2), generators=["pix2pixhd", "other", "pix2pixhd"])
    assert len(reads) == 1 and len(results) == 3


def test_a_blank_drawing_is_blank_for_each_generator(folder: Path):
    pipeline = SketchToFacePipeline.load(folder, device="cpu", runtime="torch")
    results = pipeline.compare(np.full((SIZE, SIZE), 255, np.uint8))
    assert [result.is_blank for result in results] == [True, True]


def test_one_name_in_place_of_a_list_is_refused(folder: Path):
    pipeline = SketchToFacePipeline.load(folder, device="cpu", runtime="torch")
    with pytest.raises(ValueError, match="generators must be a list of names"):
        pipeline.compare(drawing(), generators="other")


def test_a_fourth_channel_is_the_attention_map():
    class Attentive(torch.nn.Module):
        def forward(self, sketch):
            heat = torch.linspace(0, 1, SIZE).expand(1, 1, SIZE, SIZE)
            return torch.cat([sketch.expand(1, 3, SIZE, SIZE), heat], dim=1)

    autoencoder, _ = networks()
    pipeline = pipeline_of(autoencoder, Attentive(), bank(autoencoder), runtime="torch")
    result = pipeline(drawing(), mode="none")
    assert result.photo.shape == (SIZE, SIZE, 3)
    assert result.attention.shape == (SIZE, SIZE) and result.attention.dtype == np.uint8
    assert (result.attention[0, 0], result.attention[0, -1]) == (0, 255)


def test_a_generators_family_says_whether_it_learned_without_pairs() -> None:
    shipped = GeneratorCache(ROOT / "weights", counting_bind([]), sketch_to_tensor(drawing()))
    assert [name for name in shipped.names if shipped.is_unpaired(name)] == ["cyclegan", "ugatit"]
