"""Training the judge of covered faces: it learns what is planted, leaves out what it must, and is calibrated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from curation.analysis.planting import UNKNOWN
from curation.train_coverage import LABELS, Examples, TrainConfig, calibrate, load_faces, logits, train


def planted_maps(count: int, seed: int) -> Examples:
    """Maps in which one channel marks what hides the face, and another what is on the head."""
    rng = np.random.default_rng(seed)
    labels = np.stack([rng.random(count) < 0.5, rng.random(count) < 0.3, np.zeros(count)], 1).astype(
        np.float32
    )
    cells = np.zeros((count, 3, 12, 12), np.float16)
    cells[:, 2, 4:11, 3:9] = 1
    cells[:, 0, 5:8, 3:9] = labels[:, 0, None, None]
    cells[:, 1, 0:3] = labels[:, 1, None, None]
    middle = rng.normal(size=(count, 4, 12, 12)).astype(np.float16)
    middle[:, 0] += 3 * cells[:, 0]
    middle[:, 1] += 3 * cells[:, 1]
    deep = rng.normal(size=(count, 2, 6, 6)).astype(np.float16)
    return Examples(middle, deep, cells, labels, np.array(["x"] * count))


def test_it_learns_what_hides_a_face_and_what_is_on_a_head():
    network = train(planted_maps(384, 0), TrainConfig(epochs=8, batch=32, learning_rate=1e-2))
    fresh = planted_maps(200, 1)
    calibrate(network, fresh, 0.05)

    said = logits(network, fresh) > 0

    assert (said == (fresh.labels[:, :2] == 1)).mean() > 0.9


def test_calibration_lets_the_asked_part_of_clear_faces_above_one_half():
    network = train(planted_maps(128, 0), TrainConfig(epochs=1, batch=32))
    fresh = planted_maps(400, 2)

    calibrate(network, fresh, 0.05)

    clear = fresh.labels[:, 0] == 0
    assert (logits(network, fresh)[clear, 0] > 0).mean() == pytest.approx(0.05, abs=0.01)


def test_examples_that_are_neither_covered_nor_clear_teach_nothing_wrong():
    examples = planted_maps(64, 3)
    examples.labels[:32, 0] = UNKNOWN

    network = train(examples, TrainConfig(epochs=1, batch=32))

    assert np.isfinite(logits(network, examples)).all()


def write_manifest(folder: Path, names: list[str]) -> None:
    lines = [json.dumps({"name": n, "status": "kept", "landmarks": [[1, 2, 3]] * 478}) for n in names]
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")


def test_faces_that_are_really_covered_and_those_of_other_parts_are_left_out(tmp_path):
    covered = json.loads(LABELS.read_text(encoding="utf-8"))["covered"][0]
    write_manifest(tmp_path, ["0001", covered, "0700"])

    assert set(load_faces(tmp_path, (1, 600))) == {"0001"}


def test_a_folder_without_photos_of_the_part_is_refused(tmp_path):
    write_manifest(tmp_path, ["0001"])

    with pytest.raises(ValueError, match="no kept photos numbered 601 to 750"):
        load_faces(tmp_path, (601, 750))


def test_no_face_is_labelled_twice_over():
    labels = json.loads(LABELS.read_text(encoding="utf-8"))

    assert not set(labels["covered"]) & set(labels["covered_unsure"])
    assert not set(labels["head_covered"]) & set(labels["head_unsure"])
    assert not set(labels["covered"]) & set(labels["clear_glasses"])
    assert all(len(names) == len(set(names)) for key, names in labels.items() if key != "about")
