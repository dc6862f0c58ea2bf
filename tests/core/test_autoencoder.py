import pytest
import torch

from core.autoencoder import AutoencoderConfig, SketchAutoencoder


@pytest.mark.parametrize(("size", "patch"), [(64, 1), (256, 2), (512, 2), (512, 4)])
def test_any_fitting_size_goes_through_a_latent_of_the_stated_width(size, patch):
    model = SketchAutoencoder(
        AutoencoderConfig(image_size=size, patch=patch, widths=(4, 8), bottleneck=4)
    ).eval()
    with torch.no_grad():
        latent = model.encode(torch.ones(2, 1, size, size))
        sketch = model.decode(latent)
    assert latent.shape == (2, 512)
    assert sketch.shape == (2, 1, size, size)
    assert sketch.abs().max() <= 1


def test_a_size_that_does_not_fit_is_refused_with_what_fits():
    with pytest.raises(ValueError, match="16 times a power of two"):
        SketchAutoencoder(AutoencoderConfig(image_size=200))


def test_decoding_is_the_probability_of_white_paper():
    model = SketchAutoencoder(AutoencoderConfig(image_size=64, widths=(4,), bottleneck=4)).eval()
    sketch = torch.ones(1, 1, 64, 64)
    with torch.no_grad():
        assert torch.allclose(
            model.decode(model.encode(sketch)), torch.sigmoid(model(sketch)) * 2 - 1, atol=1e-6
        )
