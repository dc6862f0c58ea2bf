import dataclasses
import json

import pytest

from core.training.data import DataConfig, load_pairs


def test_splits_are_disjoint_and_turned_or_refused_photos_are_in_neither(tiny_data):
    train, val = load_pairs(tiny_data, "train"), load_pairs(tiny_data, "val")
    assert train.names == [f"{n:04d}" for n in range(1, 7)]
    assert val.names == ["0007", "0008"]


def test_everything_of_a_pair_has_the_size_asked_for(tiny_data):
    pairs = load_pairs(tiny_data, "train")
    assert pairs.photos.shape == (6, 64, 64, 3)
    assert pairs.lines.shape == pairs.clean.shape == (6, 64, 64)
    assert pairs.points.max() < 64


def test_a_folder_without_manifest_says_what_to_run(tmp_path, tiny_data):
    with pytest.raises(FileNotFoundError, match=r"curation\.run"):
        load_pairs(dataclasses.replace(tiny_data, root=tmp_path), "train")


def test_an_unknown_split_is_refused(tiny_data):
    with pytest.raises(ValueError, match="'train' or 'val'"):
        load_pairs(tiny_data, "test")


def test_an_empty_split_is_refused(tiny_data):
    with pytest.raises(ValueError, match="no pair"):
        load_pairs(dataclasses.replace(tiny_data, validation="9000-9001"), "val")


def with_splits(pairs_folder, tmp_path, splits):
    """The same pairs with a manifest that says who is held out, as an export's does."""
    (tmp_path / "photos").symlink_to(pairs_folder / "photos")
    rows = [json.loads(line) for line in (pairs_folder / "manifest.jsonl").read_text().splitlines()]
    for row in rows:
        row["split"] = splits.get(row["name"], "train")
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return DataConfig(tmp_path, image_size=64, validation="split")


def test_splits_of_the_manifest_are_honoured(pairs_folder, tmp_path):
    data = with_splits(pairs_folder, tmp_path, {"0002": "val", "0003": "test", "0004": "none"})
    assert load_pairs(data, "val").names == ["0002"]
    assert load_pairs(data, "train").names == ["0001", "0005", "0006", "0007", "0008"]


def test_a_manifest_without_splits_says_what_to_do(tiny_data):
    with pytest.raises(ValueError, match=r"no splits of its own.*--data\.validation"):
        load_pairs(dataclasses.replace(tiny_data, validation="split"), "train")
