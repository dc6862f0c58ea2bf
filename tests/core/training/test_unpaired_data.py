from dataclasses import replace

import cv2
import numpy as np
import pytest

from core.training.augment import AugmentConfig
from core.training.data import load_pairs
from core.training.unpaired_data import UnpairedConfig, load_unpaired

STILL = AugmentConfig(max_rotation_deg=0, max_scale=0, max_shift_px=0)


@pytest.fixture
def other_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    for number in range(3):
        picture = np.full((80, 80, 3), 40 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "deep" / f"{number}.JPG"), picture)
    return tmp_path


def test_photos_are_drawn_independently_of_the_sketches(tiny_data):
    sides = load_unpaired(tiny_data, UnpairedConfig(), "train")
    owners = set()
    for seed in range(60):
        photo = sides.photo(np.random.default_rng(seed), STILL)
        same = [
            i for i, own in enumerate(sides.photos) if (own == photo).all() or (own[:, ::-1] == photo).all()
        ]
        owners.update(same)
    assert owners == set(range(len(sides.photos)))


def test_held_out_faces_are_on_neither_side(tiny_data):
    sides = load_unpaired(tiny_data, UnpairedConfig(), "train")
    held_out = load_pairs(tiny_data, "val").photos
    assert len(sides.photos) == len(sides) == 6
    assert not any((photo == other).all() for photo in sides.photos for other in held_out)


def test_the_other_side_may_be_an_unrelated_folder_of_pictures(tiny_data, other_folder):
    sides = load_unpaired(tiny_data, UnpairedConfig(photos=other_folder), "train")
    assert len(sides) == 6
    assert sides.photos.shape == (3, 64, 64, 3)
    assert sorted(int(photo.mean().round(-1)) for photo in sides.photos) == [0, 40, 80]


def test_drawings_need_no_landmarks(other_folder, tiny_data):
    data = replace(tiny_data, root=other_folder)
    sides = load_unpaired(data, UnpairedConfig(photos=other_folder), "train")
    sketch = sides.sketch(2, np.random.default_rng(0), replace(STILL, warp_px=0, erase=0, hole=0, blur=0))
    assert sketch.shape == (64, 64)
    assert sketch.dtype == np.uint8


def test_drawings_without_photos_are_refused_with_the_way_out(other_folder, tiny_data):
    with pytest.raises(FileNotFoundError, match=r"unpaired\.photos"):
        load_unpaired(replace(tiny_data, root=other_folder), UnpairedConfig(), "train")


def test_an_empty_folder_is_named(tiny_data, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no pictures"):
        load_unpaired(tiny_data, UnpairedConfig(photos=tmp_path), "train")


def test_a_file_that_is_no_picture_is_named(tiny_data, other_folder):
    (other_folder / "deep" / "notes.png").write_text("not a picture")
    with pytest.raises(ValueError, match=r"notes\.png"):
        load_unpaired(tiny_data, UnpairedConfig(photos=other_folder), "train")


def test_a_picture_that_is_not_square_is_named(tiny_data, other_folder):
    cv2.imwrite(str(other_folder / "wide.png"), np.zeros((60, 90, 3), np.uint8))
    with pytest.raises(ValueError, match=r"wide\.png is 90 x 60"):
        load_unpaired(tiny_data, UnpairedConfig(photos=other_folder), "train")


def test_photos_of_pairs_with_other_names_hold_out_a_tenth_of_their_own(tiny_data, pairs_folder, tmp_path):
    rows = (pairs_folder / "manifest.jsonl").read_text().replace('"name": "00', '"name": "b-')
    (tmp_path / "manifest.jsonl").write_text(rows)
    (tmp_path / "photos").mkdir()
    for file in (pairs_folder / "photos").iterdir():
        (tmp_path / "photos" / file.name.replace("00", "b-", 1)).symlink_to(file)
    sides = load_unpaired(tiny_data, UnpairedConfig(photos=tmp_path), "train")
    assert 0 < len(sides.photos) < 8
