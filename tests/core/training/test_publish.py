import pytest
import torch

from core.autoencoder import AutoencoderConfig
from core.checkpoints import load_model
from core.errors import AssetMissing
from core.images import sketch_to_tensor
from core.manifold import Manifold
from core.training import autoencoder
from core.training.data import load_pairs
from core.training.publish import publish
from core.training.recipe import LoopConfig


@pytest.fixture(scope="module")
def run(tiny_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    loop = LoopConfig(out, steps=1, batch_size=2, save_every=1, sample_every=9, device="cpu")
    config = AutoencoderConfig(image_size=64, widths=(4, 8), bottleneck=4)
    autoencoder.train(tiny_data, loop, model=config, licence="CC0")
    return out


def test_a_bank_holds_the_training_sketches_as_the_published_encoder_sees_them(run, tiny_data, tmp_path):
    path = publish(run, tiny_data, tmp_path)
    bank, pairs = Manifold.load(tmp_path / "face_bank.safetensors"), load_pairs(tiny_data, "train")
    assert bank.names == tuple(pairs.names)
    with torch.no_grad():
        latent = load_model(path).encode(sketch_to_tensor(pairs.clean[3])).numpy()
    found = bank.project(latent, k=1)
    assert found.neighbour_ids[0, 0] == 3
    assert found.distances[0, 0] < 1e-3


def test_a_run_without_weights_is_refused(tiny_data, tmp_path):
    with pytest.raises(AssetMissing, match="missing"):
        publish(tmp_path, tiny_data, tmp_path)
