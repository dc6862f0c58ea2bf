import dataclasses

import pytest

from core.training.data import load_pairs


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
