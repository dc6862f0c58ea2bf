import numpy as np
import pytest
import torch

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import save_model
from core.conversion.request import StepClock
from core.conversion.settings import ConversionSettings
from core.face_frame import face_mask
from core.face_parts.layout import PAINT_ORDER, cut_part
from core.face_parts.refinement import PartsRefinement, load_parts
from core.images import sketch_to_tensor
from core.manifold import Manifold, mix
from core.runtime import Compiled
from core.training.data import load_pairs
from core.training.refiner import PartsRefiner, RefinedInput, Refiner, RefinerConfig, refine_some
from tests.core.tiny_pipeline import SIZE, drawing, write_parts


@pytest.fixture(scope="module")
def pairs(tiny_data):
    return load_pairs(tiny_data, "train")


@pytest.fixture(scope="module")
def refiner(pairs, tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("w") / "ae.safetensors"
    model = SketchAutoencoder(AutoencoderConfig(image_size=64, widths=(4, 8), bottleneck=4))
    save_model(path, model, provenance={}, licence="CC0")
    return Refiner(path, pairs.clean, k=3)


def refine(refiner, sketches, rows, t, whole):
    count = len(rows)
    return refiner.refine(sketches, np.array(rows), torch.full((count,), t), torch.full((count,), whole))


def test_t_of_one_is_plain_decoding_of_the_encoding(refiner, pairs):
    sketch = sketch_to_tensor(pairs.clean[0])
    with torch.no_grad():
        expected = refiner.model.decode(refiner.model.encode(sketch))
    assert torch.allclose(refine(refiner, sketch, [0], 1.0, True), expected, atol=1e-4)


def test_training_projects_as_the_product_does_with_the_own_row_left_out(refiner, pairs):
    sketch = sketch_to_tensor(pairs.clean[2])
    with torch.no_grad():
        latent = refiner.model.encode(sketch).numpy()
        bank = Manifold(refiner.bank, pairs.names)
        projected = bank.project(latent, k=3, exclude=np.array([2])).projected
        expected = refiner.model.decode(torch.from_numpy(mix(latent, projected, 0.3)))
    assert torch.allclose(refine(refiner, sketch, [2], 0.3, True), expected, atol=1e-3)


def test_a_hybrid_keeps_the_drawing_outside_the_face(refiner, pairs):
    sketch = sketch_to_tensor(pairs.clean[1])
    hybrid = refine(refiner, sketch, [1], 0.0, False)
    outside = torch.from_numpy(face_mask(64) == 0)
    assert torch.equal(hybrid[0, 0][outside], sketch[0, 0][outside])
    assert not torch.equal(hybrid, sketch)


@pytest.fixture(scope="module")
def parts_folder(tmp_path_factory):
    return write_parts(tmp_path_factory.mktemp("parts"))


@pytest.mark.parametrize("mode", ["hybrid", "whole"])
@pytest.mark.parametrize("t", [1.0, 0.3, 0.0])
def test_parts_in_training_are_what_the_product_makes_of_them(parts_folder, mode, t):
    page = drawing(99)
    product = PartsRefinement(
        lambda: load_parts(parts_folder),
        lambda module, examples: Compiled("eager", torch.no_grad()(module), tuple(examples[:1].shape)),
        sketch_to_tensor(page),
    )
    wanted = ConversionSettings(t=t, k=5, mode=mode, stage1="parts")
    expected = product.refine(page, page, wanted, clock=StepClock()).sketch
    ours = PartsRefiner(parts_folder, ["nobody"], SIZE, k=5)
    refined = refine(ours, sketch_to_tensor(page), [0], t, mode == "whole")
    assert np.abs(refined[0, 0].numpy() - expected).max() < 1e-3


def test_a_pair_is_left_out_of_its_own_projection_in_every_bank(parts_folder):
    page = sketch_to_tensor(drawing(3))
    networks, banks = load_parts(parts_folder)
    ours = PartsRefiner(parts_folder, ["nobody", "face_03"], SIZE, k=1)
    copied, projected = (refine(ours, page, [row], 0.0, True) for row in (0, 1))
    kept = refine(ours, page, [0], 1.0, True)
    assert torch.allclose(copied, kept, atol=1e-2), "the nearest face is the drawing itself"
    assert not torch.allclose(projected, kept, atol=1e-2)
    assert {banks[name].names[3] for name in PAINT_ORDER} == {"face_03"}
    assert cut_part(drawing(3), "mouth").shape[-1] == networks.autoencoder("mouth").config.image_size


def test_only_the_inputs_that_are_chosen_go_by_parts(parts_folder, pairs, tmp_path):
    torch.manual_seed(0)
    whole = tmp_path / "ae.safetensors"
    model = SketchAutoencoder(AutoencoderConfig(image_size=SIZE, widths=(4, 8), bottleneck=4))
    save_model(whole, model, provenance={}, licence="CC0")
    refined = RefinedInput(
        RefinerConfig(weights=whole, refined=1.0, whole=1.0, k=3, parts=parts_folder),
        pairs,
        device=torch.device("cpu"),
    )
    assert refined.refiner is not None and refined.by_parts is not None
    sketches = torch.from_numpy(pairs.clean[:4])[:, None]
    draws = refined.draw([0, 1, 2, 3], [np.random.default_rng(seed) for seed in range(4)])
    batch = {name: torch.from_numpy(value) for name, value in draws.items()} | {"sketch": sketches}
    batch["by_parts"] = torch.tensor([True, False, True, False])
    result = refine_some(refined, batch)
    raw = sketches.float() / 127.5 - 1
    for place, refiner in enumerate([refined.by_parts, refined.refiner] * 2):
        one = slice(place, place + 1)
        alone = refiner.refine(raw[one], np.array([place]), batch["t"][one], batch["whole"][one])
        assert torch.allclose(result[one], alone, atol=1e-3)


def test_parts_without_the_whole_faces_refiner_are_refused(parts_folder, pairs):
    with pytest.raises(ValueError, match=r"needs refiner\.weights"):
        RefinedInput(RefinerConfig(parts=parts_folder), pairs, device=torch.device("cpu"))
