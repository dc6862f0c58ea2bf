"""The network that tells people apart: dlib's own numbers, and the crop that it was trained on."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from core.face_frame import FRAME
from curation.align import align_anchors, move_points
from curation.analysis import identity
from curation.analysis.identity import CHIP, SIZE, IdentityNetwork, face_chip, weights_file

# Corners of the eyes and base of the nose in the chip: where dlib.get_face_chip puts its five points.
IN_CHIP = np.array(
    [(110.957, 46.350), (89.606, 47.897), (37.058, 46.373), (58.408, 47.906), (74.011, 87.780)]
)


@pytest.fixture(scope="module")
def weights() -> Path:
    found = weights_file()
    assert found is not None, "requirements.txt names the package"
    return found


@pytest.fixture(scope="module")
def network(weights: Path) -> IdentityNetwork:
    return IdentityNetwork(weights)


def pattern(kind: str) -> np.ndarray:
    y, x = np.mgrid[0:CHIP, 0:CHIP]
    if kind == "fine":
        return np.stack([(x * x + 3 * y) % 256, (2 * x + y * y) % 256, (x * y) % 256], -1).astype(np.uint8)
    return np.stack([x * 255 // 149, y * 255 // 149, (x + y) * 255 // 298], -1).astype(np.uint8)


@pytest.mark.parametrize(("kind", "first"), [
    ("fine", [-0.09115, 0.14467, 0.00079, -0.05636, -0.13009, -0.03183]),
    ("smooth", [-0.05098, 0.12099, 0.06011, 0.01424, -0.0557, -0.04608]),
])  # fmt: skip
def test_a_chip_gives_the_numbers_that_dlib_gives(network, kind, first):
    vector = network.embed(pattern(kind))

    assert vector.shape == (SIZE,)
    assert vector[:6] == pytest.approx(first, abs=5e-5)  # dlib 20.0.1, compute_face_descriptor


def test_other_weights_are_refused(tmp_path, weights):
    changed = bytearray(weights.read_bytes())
    changed[1_000_000] ^= 1
    (tmp_path / "changed.dat").write_bytes(changed)
    with pytest.raises(ValueError, match="expected weights with sha256 55533b28a958"):
        IdentityNetwork(tmp_path / "changed.dat")


def test_without_the_package_there_are_no_weights(monkeypatch):
    monkeypatch.setitem(sys.modules, "face_recognition_models", None)
    monkeypatch.setattr(identity, "find_spec", lambda name: None)
    assert weights_file() is None


@pytest.mark.parametrize(("angle", "size", "stretch"), [(0.0, 1.0, 1.0), (12.0, 2.6, 1.0), (-25.0, 0.8, 1.2)])
def test_the_chip_is_upright_and_in_the_proportions_of_the_source(angle, size, stretch):
    turn = size * np.array([[np.cos(np.radians(angle)), -np.sin(np.radians(angle))],
                            [np.sin(np.radians(angle)), np.cos(np.radians(angle))]])  # fmt: skip
    source = IN_CHIP @ turn.T + 300
    eyes_and_mouth = np.array([(48, 47), (100, 47), (74, 47 + 60 * stretch)]) @ turn.T + 300
    in_frame = move_points(source, align_anchors(eyes_and_mouth, (1, 1)).matrix)
    aligned = np.zeros((FRAME, FRAME, 3), np.uint8)
    ys, xs = np.mgrid[0:FRAME, 0:FRAME]
    for x, y in in_frame:
        aligned[(xs - x) ** 2 + (ys - y) ** 2 < 36] = 255
    landmarks = np.zeros((478, 2))
    landmarks[[263, 362, 33, 133, 2]] = in_frame

    chip = face_chip(aligned, landmarks, eyes_and_mouth.astype(np.float32))[..., 0].astype(float)

    for x, y in IN_CHIP:
        left, top = round(x) - 5, round(y) - 5
        spot = chip[top : top + 11, left : left + 11]
        ys, xs = np.mgrid[top : top + 11, left : left + 11]
        assert (
            float((xs * spot).sum() / spot.sum()),
            float((ys * spot).sum() / spot.sum()),
        ) == pytest.approx((x, y), abs=0.5)


@pytest.mark.parametrize("points", [np.zeros((478, 2)), np.full((478, 2), np.inf)])
def test_points_that_are_no_face_are_refused(points):
    with pytest.raises(ValueError, match="five points of a face"):
        face_chip(np.zeros((FRAME, FRAME, 3), np.uint8), points, np.array([(0, 0), (9, 0), (4, 9)]))


def test_openvino_and_torch_agree(network, weights):
    chip = pattern("smooth")
    ours = identity._Network(identity._read_weights(weights))(identity._as_input(chip))
    assert torch.from_numpy(network.embed(chip)) == pytest.approx(ours[0], abs=1e-4)
