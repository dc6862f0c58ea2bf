import json

import pytest
import torch
from safetensors.torch import save_file

from core.autoencoder import AutoencoderConfig, SketchAutoencoder
from core.checkpoints import load_generator, load_model, load_stage2, read_info, save_model
from core.errors import AssetMissing
from core.generators.pix2pixhd import GlobalGenerator, GlobalGeneratorConfig
from core.models.conventions import Conventions

TINY = GlobalGeneratorConfig(ngf=4, n_downsampling=1, n_blocks=1, norm="batch")


def test_a_round_trip_is_bit_equal_and_needs_no_settings(tmp_path):
    model = GlobalGenerator(TINY)
    save_model(tmp_path / "m.safetensors", model, provenance={"steps": 3}, licence="CC0")
    again = load_model(tmp_path / "m.safetensors")
    assert again.config == TINY and not again.training
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    info = read_info(tmp_path / "m.safetensors")
    assert (info.family, info.licence, info.provenance) == ("pix2pixhd", "CC0", {"steps": 3})


def test_settings_that_are_tuples_come_back_as_tuples(tmp_path):
    config = AutoencoderConfig(image_size=64, widths=(4, 8), bottleneck=4)
    save_model(tmp_path / "m.safetensors", SketchAutoencoder(config), provenance={}, licence="CC0")
    assert load_model(tmp_path / "m.safetensors").config == config


def test_half_precision_files_are_smaller_and_load_as_float32(tmp_path):
    model = GlobalGenerator(TINY)
    for half in (False, True):
        save_model(tmp_path / f"{half}.safetensors", model, provenance={}, licence="CC0", half=half)
    assert (tmp_path / "True.safetensors").stat().st_size < 0.8 * (
        tmp_path / "False.safetensors"
    ).stat().st_size
    again = load_model(tmp_path / "True.safetensors").state_dict()
    assert {v.dtype for v in again.values() if v.is_floating_point()} == {torch.float32}


def test_weights_that_are_not_finite_are_not_written(tmp_path):
    model = GlobalGenerator(TINY)
    model.model[1].weight.data[0] = float("nan")
    with pytest.raises(ValueError, match="not finite"):
        save_model(tmp_path / "m.safetensors", model, provenance={}, licence="CC0")
    assert not list(tmp_path.iterdir())


def test_a_flipped_bit_is_noticed_wherever_it_lies_and_a_file_without_checksum_is_read(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(path, GlobalGenerator(TINY), provenance={"steps": 3}, licence="CC0")
    sound = path.read_bytes()
    for place in (sound.index(b"steps") + 9, len(sound) // 2, len(sound) - 1):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(ValueError, match=r"m\.safetensors is damaged: its checksum.* Restore it"):
            load_model(path)
    start = 8 + int.from_bytes(sound[:8], "little")
    header = json.loads(sound[8:start])
    del header["__metadata__"]["sha256"]
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + sound[start:])
    assert load_model(path).config == TINY


def test_a_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(AssetMissing, match="STUDIO_WEIGHTS"):
        load_model(tmp_path / "none.safetensors")


def test_a_file_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "junk.safetensors").write_bytes(b"not a model")
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_info(tmp_path / "junk.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [({"family": "stylegan"}, "unknown family"), ({"config": {"colour": 3}}, "unknown settings"),
     ({"config": {"ngf": 8}}, "do not fit"), ({"format": "9"}, "format 1")],
)  # fmt: skip
def test_metadata_that_does_not_fit_is_named(tmp_path, change, message):
    metadata = {"format": "1", "family": "pix2pixhd", "config": "{}", "provenance": "{}", "licence": "CC0"}
    metadata |= {key: value if isinstance(value, str) else json.dumps(value) for key, value in change.items()}
    save_file({"model.1.weight": torch.zeros(1)}, tmp_path / "m.safetensors", metadata)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "m.safetensors")


def test_conventions_travel_with_a_generator(tmp_path):
    conventions = Conventions(64, 1, "white_on_black", "bgr", "unit", "byte")
    path = tmp_path / "m.safetensors"
    save_model(path, GlobalGenerator(TINY), provenance={}, licence="CC0", conventions=conventions)
    assert read_info(path).conventions == conventions == load_stage2(path).conventions


def test_a_generator_without_stored_conventions_has_ours_at_the_size_of_its_training(tmp_path):
    save_model(
        tmp_path / "m.safetensors", GlobalGenerator(TINY), provenance={"image_size": 128}, licence="CC0"
    )
    assert read_info(tmp_path / "m.safetensors").conventions == Conventions(128, 1)


def test_conventions_that_do_not_fit_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="multiple of 2"):
        save_model(
            tmp_path / "m.safetensors", GlobalGenerator(TINY), provenance={}, licence="CC0",
            conventions=Conventions(63, 1),
        )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_generator_is_had_raw_or_behind_our_conventions(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(
        path, GlobalGenerator(TINY), provenance={}, licence="CC0",
        conventions=Conventions(32, 1, "white_on_black"),
    )  # fmt: skip
    sketch = torch.rand(1, 1, 32, 32) * 2 - 1
    with torch.no_grad():
        assert torch.equal(load_stage2(path)(sketch), load_generator(path)(-sketch))


@pytest.mark.parametrize("load", [load_generator, load_stage2])
def test_what_is_no_generator_is_refused_by_name(tmp_path, load):
    network = SketchAutoencoder(AutoencoderConfig(image_size=64, widths=(4, 8), bottleneck=4))
    save_model(tmp_path / "m.safetensors", network, provenance={}, licence="CC0")
    with pytest.raises(ValueError, match="is a sketch_autoencoder, not a generator"):
        load(tmp_path / "m.safetensors")


@pytest.mark.parametrize(
    "config",
    [
        {"n_blocks": 60_000},
        {"n_blocks": 60, "n_downsampling": 60},
        {"n_blocks": 1e9},
        {"ngf": 10**6},
        {"ngf": 2**62},
    ],
)
def test_what_a_file_claims_is_compared_with_what_it_holds_before_anything_is_built(
    tmp_path, monkeypatch, config
):
    """A file of 4 MB that claims 60 000 blocks took 21.5 GB."""
    path = tmp_path / "m.safetensors"
    about = {"format": "1", "family": "pix2pixhd", "provenance": "{}", "licence": "CC0"}
    save_file(GlobalGenerator(TINY).state_dict(), path, about | {"config": json.dumps(config)})
    built = []
    make = GlobalGenerator.__init__

    def watched(self, config):
        make(self, config)
        built.extend(p.device.type for p in self.parameters() if p.device.type != "meta")

    monkeypatch.setattr(GlobalGenerator, "__init__", watched)
    with pytest.raises(ValueError, match=r"m\.safetensors: "):
        load_model(path)
    assert built == []


def test_metadata_that_is_nested_without_end_is_damaged(tmp_path):
    path = tmp_path / "m.safetensors"
    save_file({}, path, {"format": "1", "family": "pix2pixhd", "config": "[" * 100_000})
    with pytest.raises(ValueError, match="damaged"):
        read_info(path)
