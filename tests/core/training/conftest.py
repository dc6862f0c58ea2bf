"""Six made-up pairs in the layout of ``curation.run``, for training that takes seconds."""

import json

import cv2
import numpy as np
import pytest

from core.training.data import DataConfig


def fake_mesh(rng: np.random.Generator) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 478, endpoint=False)
    radii = rng.uniform(60, 150, 478)
    return np.stack([256 + radii * np.cos(angles), 280 + radii * np.sin(angles), np.zeros(478)], 1)


@pytest.fixture(scope="session")
def pairs_folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pairs")
    (root / "photos").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for number in range(1, 9):
        photo = cv2.GaussianBlur(rng.integers(0, 256, (512, 512, 3), np.uint8), (0, 0), 9)
        cv2.circle(photo, (256, 280), 90 + number, (40, 90, 200), -1)
        cv2.imwrite(str(root / "photos" / f"{number:04d}.png"), photo)
        rows.append(
            {
                "name": f"{number:04d}",
                "status": "kept",
                "yaw": 0.0,
                "eye_distance_px": 120.0,
                "landmarks": fake_mesh(rng).tolist(),
            }
        )
    rows.append({"name": "0009", "status": "kept", "yaw": 40.0, "landmarks": rows[0]["landmarks"]})
    rows.append({"name": "0010", "status": "left_out", "reason": "no_face"})
    (root / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


@pytest.fixture(scope="session")
def tiny_data(pairs_folder):
    return DataConfig(pairs_folder, image_size=64, validation="0007-0008")
