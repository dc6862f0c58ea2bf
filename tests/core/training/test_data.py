import dataclasses
import json

import cv2
import numpy as np
import pytest

from core.training.data import MANIFEST, DataConfig, load_pairs


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


def test_nothing_held_out_leaves_everybody_to_train_on(tiny_data):
    data = dataclasses.replace(tiny_data, validation="")
    assert len(load_pairs(data, "train")) == 8
    assert len(load_pairs(data, "val")) == 0


def rewritten(pairs_folder, tmp_path, change):
    """The same pairs with every photo changed."""
    (tmp_path / "photos").mkdir()
    for file in (pairs_folder / "photos").iterdir():
        cv2.imwrite(str(tmp_path / "photos" / file.name), change(cv2.imread(str(file))))
    (tmp_path / "manifest.jsonl").write_text((pairs_folder / "manifest.jsonl").read_text())
    return DataConfig(tmp_path, image_size=64, validation="0007-0008")


@pytest.mark.parametrize("side", [256, 1024])
def test_photos_that_were_resized_keep_their_sketches(pairs_folder, tiny_data, tmp_path, side):
    data = rewritten(pairs_folder, tmp_path, lambda photo: cv2.resize(photo, (side, side)))
    ours, theirs = load_pairs(data, "val"), load_pairs(tiny_data, "val")
    np.testing.assert_array_equal(ours.points, theirs.points)
    difference = np.abs(ours.clean.astype(int) - theirs.clean.astype(int)).mean()
    assert difference < 8  # 40 where landmarks are drawn at the wrong scale


def test_photos_that_are_not_square_are_refused_by_name(pairs_folder, tmp_path):
    data = rewritten(pairs_folder, tmp_path, lambda photo: photo[:400])
    with pytest.raises(ValueError, match=r"0001\.png is 512 x 400.*square"):
        load_pairs(data, "train")


@pytest.mark.parametrize(
    ("landmarks", "says"), [(None, "no 478"), ([[900.0, 950.0]] * 478, "outside of the frame")]
)
def test_landmarks_that_are_none_are_refused_by_name(pairs_folder, tmp_path, landmarks, says):
    (tmp_path / "photos").symlink_to(pairs_folder / "photos")
    row = {"name": "0003", "status": "kept", "yaw": 0.0, "landmarks": landmarks}
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(ValueError, match=says) as refused:
        load_pairs(DataConfig(tmp_path, image_size=64), "train")
    assert "0003" in str(refused.value)


def test_a_row_that_repeats_has_as_many_turns_in_an_epoch(tmp_path, pairs_folder):
    rows = [json.loads(line) for line in (pairs_folder / MANIFEST).read_text().splitlines()]
    rows[1]["repeats"] = 3
    (tmp_path / "photos").symlink_to(pairs_folder / "photos")
    (tmp_path / MANIFEST).write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = load_pairs(
        DataConfig(tmp_path, image_size=64, validation="0007-0008"), "train", keep_photos=False
    )
    assert pairs.turns.tolist() == [0, 1, 1, 1, 2, 3, 4, 5]
    assert pairs.photos.shape == (0, 64, 64, 3) and pairs.size == 64
