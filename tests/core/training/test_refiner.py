import numpy as np
import pytest
import torch

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import save_model
from core.face_frame import face_mask
from core.images import sketch_to_tensor
from core.manifold import Manifold, mix
from core.training.data import load_pairs
from core.training.refiner import Refiner


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
