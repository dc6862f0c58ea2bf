"""FID's Inception: its tensors, its refusals, and that it never leaves eval mode."""

import pickle
from pathlib import Path

import pytest
import torch

from eval.inception import FEATURES, REFERENCE_FILE, REFERENCE_SHA256, TENSORS, FIDInception, load_inception


@pytest.fixture(scope="module")
def network(inception_weights: Path) -> FIDInception:
    return load_inception(inception_weights)


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """The right tensors, not initialised: what is refused is refused by name, shape and content."""
    return {name: torch.zeros(()).expand(tensor.shape) for name, tensor in shapes().items()}


def shapes() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return FIDInception().state_dict()


def saved(state: object, folder: Path) -> Path:
    torch.save(state, folder / "changed.pth")
    return folder / "changed.pth"


def test_it_has_the_reference_files_tensors() -> None:
    state = shapes()
    assert len(state) == TENSORS == 566
    assert state["fc.weight"].shape == (1008, 2048)
    assert state["Mixed_6b.branch7x7_2.conv.weight"].shape == (128, 128, 1, 7)
    assert state["Mixed_7c.branch3x3dbl_3b.bn.running_var"].shape == (384,)


def test_the_file_names_the_start_of_its_hash() -> None:
    assert REFERENCE_SHA256[:8] in REFERENCE_FILE


def test_photos_become_one_row_of_features_each(network: FIDInception) -> None:
    features = network(torch.rand(2, 3, 299, 299) * 2 - 1)
    assert features.shape == (2, FEATURES)
    assert features.std() > 0.1


def test_training_mode_is_refused_to_it(network: FIDInception) -> None:
    assert not network.train().training
    assert not network.Mixed_5b.branch1x1.bn.training


def test_a_photo_does_not_change_the_statistics(network: FIDInception) -> None:
    before = network.Conv2d_1a_3x3.bn.running_mean.clone()
    network.train()(torch.rand(1, 3, 299, 299))
    assert torch.equal(before, network.Conv2d_1a_3x3.bn.running_mean)


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_another_networks_tensors_are_refused(
    tmp_path: Path, state: dict[str, torch.Tensor], change: str
) -> None:
    if change == "missing":
        del state["Mixed_7c.branch_pool.conv.weight"]
    else:
        state["AuxLogits.conv0.conv.weight"] = torch.zeros(1)
    with pytest.raises(ValueError, match=r"not the FID Inception.*Mixed_7c|not the FID Inception.*AuxLogits"):
        load_inception(saved(state, tmp_path))


def test_torchvisions_thousand_classes_are_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    state |= {"fc.weight": torch.zeros(()).expand(1000, 2048), "fc.bias": torch.zeros(1000)}
    with pytest.raises(ValueError, match=r"fc\.\w+ has shape \(1000.*expected \(1008"):
        load_inception(saved(state, tmp_path))


def test_nan_is_refused(tmp_path: Path, state: dict[str, torch.Tensor]) -> None:
    state["fc.bias"] = torch.full((1008,), float("nan"))
    with pytest.raises(ValueError, match=r"fc\.bias holds NaN"):
        load_inception(saved(state, tmp_path))


class Planted:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("never"),))


def test_code_in_the_file_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"weights": Planted()}))
    with pytest.raises(ValueError, match="holds code"):
        load_inception(tmp_path / "evil.pth")


@pytest.mark.parametrize("data", [b"", b"no weights at all"])
def test_a_damaged_file_is_refused_with_its_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "half.pth").write_bytes(data)
    with pytest.raises(ValueError, match=r"half\.pth cannot be read"):
        load_inception(tmp_path / "half.pth")


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a state dict|holds code"):
        load_inception(saved([torch.zeros(1)], tmp_path))


def test_a_missing_file_says_which_one_it_should_be(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=REFERENCE_FILE):
        load_inception(tmp_path / "nowhere.pth")
