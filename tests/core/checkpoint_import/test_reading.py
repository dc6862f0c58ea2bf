import argparse
import zipfile
from copy import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.checkpoint_import.architecture import work_out
from core.checkpoint_import.reading import CheckpointRefused, read_checkpoint
from tests.core.checkpoint_import.planted_checkpoints import (
    WholeModule,
    cyclegan,
    pix2pixhd,
    save,
    ugatit,
    weights_of,
)


def test_prefixes_of_parallel_training_and_of_compilation_are_stripped(tmp_path: Path) -> None:
    weights = weights_of(cyclegan())
    wrapped = {f"module._orig_mod.{name}": value for name, value in weights.items()}
    read = read_checkpoint(save(tmp_path / "net.pth", wrapped))
    assert read.tensors.keys() == weights.keys()
    assert "module." in " ".join(read.notes)


@pytest.mark.parametrize(
    "nest",
    [lambda w: {"state_dict": w, "epoch": 3}, lambda w: {"model": {"netG": w}}, lambda w: {"epoch": 3, **w},
     lambda w: {"state_dict": {f"netG.{n}": v for n, v in w.items()} | {"netD.x": torch.zeros(1)}},
     lambda w: {"netG": w, "netD": {"scale0_layer0.0.weight": torch.zeros(1)}, "optimizer": {"state": {}}}],
    ids=["state_dict", "two levels", "flat with an epoch", "one flat dictionary of two networks", "beside others"],
)  # fmt: skip
def test_a_generator_inside_a_training_checkpoint_is_found(tmp_path: Path, nest) -> None:
    weights = weights_of(pix2pixhd())
    assert read_checkpoint(save(tmp_path / "net.pth", nest(weights))).tensors.keys() == weights.keys()


def test_a_safetensors_file_of_bare_weights_is_read(tmp_path: Path) -> None:
    weights = weights_of(cyclegan())
    save_file(dict(weights), tmp_path / "net.safetensors")
    assert read_checkpoint(tmp_path / "net.safetensors").tensors.keys() == weights.keys()


def test_the_sketch_to_photo_direction_is_taken_by_default(tmp_path: Path) -> None:
    networks = {name: weights_of(ugatit()) for name in ("genB2A", "genA2B")}
    read = read_checkpoint(save(tmp_path / "net.pt", networks))
    assert (read.network, set(read.networks)) == ("genA2B", {"genA2B", "genB2A"})


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("gen_BA", "gen_AB"), "gen_AB"),
        (("generator_state_dict", "discriminator_state_dict"), "generator_state_dict"),
        (("netD_state_dict", "netG_state_dict"), "netG_state_dict"),
        (("netG_B2A_weights", "netG_A2B_weights"), "netG_A2B_weights"),
        (("D_A", "G_BA", "G_AB"), "G_AB"),
    ],
)
def test_names_of_other_projects_are_understood(tmp_path: Path, names: tuple[str, ...], taken: str) -> None:
    networks = {name: weights_of(cyclegan()) for name in names}
    assert read_checkpoint(save(tmp_path / "net.pt", networks)).network == taken


def test_networks_without_telling_names_are_listed_for_whoever_asks_next(tmp_path: Path) -> None:
    path = save(tmp_path / "net.pt", {name: weights_of(cyclegan()) for name in ("first", "second")})
    with pytest.raises(CheckpointRefused, match="--network") as refused:
        read_checkpoint(path)
    assert refused.value.networks == ("first", "second")


@pytest.mark.parametrize(
    ("beside", "says"),
    [
        ({"best": np.float64(3.5)}, "a number of numpy"),
        ({"opt": argparse.Namespace(ngf=64)}, "the options of its command line"),
    ],
)
def test_what_lies_beside_the_weights_is_named_for_what_it_is(
    tmp_path: Path, beside: dict, says: str
) -> None:
    path = save(tmp_path / "net.pt", {"state_dict": weights_of(cyclegan()), **beside})
    with pytest.raises(CheckpointRefused, match=says) as refused:
        read_checkpoint(path)
    assert "torch.save(network) " not in str(refused.value)


def test_the_other_direction_can_be_had_by_its_name(tmp_path: Path) -> None:
    networks = {name: weights_of(ugatit()) for name in ("genA2B", "genB2A")}
    networks["genB2A"]["conv1x1.bias"] = networks["genA2B"]["conv1x1.bias"] + 1
    read = read_checkpoint(save(tmp_path / "net.pt", networks), "genB2A")
    assert torch.equal(read.tensors["conv1x1.bias"], networks["genB2A"]["conv1x1.bias"])


def test_a_network_that_the_file_does_not_hold_is_named_with_those_it_does(tmp_path: Path) -> None:
    path = save(tmp_path / "net.pt", {"genA2B": weights_of(ugatit())})
    with pytest.raises(CheckpointRefused, match=r"no 'genX'; it holds: genA2B"):
        read_checkpoint(path, "genX")


def test_a_whole_module_is_refused_unopened_with_the_way_out(tmp_path: Path) -> None:
    path = save(tmp_path / "net.pth", WholeModule())
    with pytest.raises(CheckpointRefused, match=r"WholeModule.*state_dict\(\)"):
        read_checkpoint(path)


@pytest.mark.parametrize("is_old", [False, True], ids=["archive", "format before torch 1.6"])
def test_code_in_a_pickle_does_not_run(tmp_path: Path, is_old: bool) -> None:
    marker = tmp_path / "ran"

    class Trap:
        def __reduce__(self):
            return Path.touch, (marker,)

    torch.save({"a": Trap()}, tmp_path / "net.pth", _use_new_zipfile_serialization=not is_old)
    with pytest.raises(CheckpointRefused):
        read_checkpoint(tmp_path / "net.pth")
    assert not marker.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.98])
@pytest.mark.parametrize("kind", ["pth", "old.pth", "safetensors"])
def test_half_a_file_is_refused_in_a_sentence(tmp_path: Path, share: float, kind: str) -> None:
    path = tmp_path / f"net.{kind}"
    weights = weights_of(cyclegan())
    if kind == "safetensors":
        save_file(dict(weights), path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=kind == "pth")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointRefused, match=r"(only part of one|is empty).*Copy or download it again"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
     (b"<!DOCTYPE html><html>Google Drive</html>", "web page"), (b"\x89PNG\r\n\x1a\n" + bytes(99), "no checkpoint")],
)  # fmt: skip
def test_what_is_no_checkpoint_is_called_by_its_name(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(CheckpointRefused, match=message):
        read_checkpoint(tmp_path / "net.pth")


def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(WholeModule().layer, torch.zeros(1, 2)), tmp_path / "net.pt")
    with pytest.raises(CheckpointRefused, match="TorchScript"):
        read_checkpoint(tmp_path / "net.pt")


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("core.checkpoint_import.reading.MAX_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "net.pth", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("net/data/0", bytes(100_000))
    with pytest.raises(CheckpointRefused, match="unpacks to more"):
        read_checkpoint(tmp_path / "net.pth")


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_archive_that_claims_more_than_its_size_is_refused(tmp_path: Path, compression: int) -> None:
    """Packed, or with many entries that lead to the same bytes."""
    path = tmp_path / "net.pth"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("net/data/0", bytes(100_000))
        for number in range(1, 20 if compression == zipfile.ZIP_STORED else 1):
            again = copy(archive.infolist()[0])
            again.filename = f"net/data/{number}"
            archive.filelist.append(again)
    with pytest.raises(CheckpointRefused, match="claims more bytes"):
        read_checkpoint(path)


def test_a_chain_of_blocks_without_end_is_refused_before_it_is_built(tmp_path: Path) -> None:
    weights = weights_of(cyclegan())
    for number in range(100, 10_000):
        weights[f"model.{number}.conv_block.1.weight"] = torch.zeros(0)
    with pytest.raises(CheckpointRefused, match="layers"):
        work_out(read_checkpoint(save(tmp_path / "net.pth", weights)).tensors)


def test_a_tiny_file_with_a_huge_expanded_tensor_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "net.pth", {"model.1.weight": torch.zeros(1).expand(10**10)})
    assert path.stat().st_size < 10_000
    with pytest.raises(CheckpointRefused, match="GB of weights"):
        read_checkpoint(path)


@pytest.mark.parametrize("content", [[1, 2], {}, {"epoch": 3}])
def test_a_file_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(CheckpointRefused, match="no weights"):
        read_checkpoint(save(tmp_path / "net.pth", content))
