"""From pictures to features: batches, odd files, and the file on disk."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eval.extractors import Extractor, ExtractorInfo
from eval.features import (
    FeatureSet,
    FeatureStream,
    Picture,
)
from eval.protocols import EvaluationProtocol

PROTOCOL = EvaluationProtocol("fd_colour", "colour", "seen", "clean", 8)
INFO = ExtractorInfo("colour", "custom", "ab" * 32, 3, "torch-fp32")


def mean_colour(batch: torch.Tensor) -> torch.Tensor:
    return batch.mean((2, 3))


def stream(pictures: list[tuple[str, Picture]], **options: object) -> FeatureStream:
    return FeatureStream(pictures, Extractor(INFO, 8, mean_colour), PROTOCOL, **options)


def pictures(count: int = 7) -> list[tuple[str, Picture]]:
    rng = np.random.default_rng(0)
    return [(f"{i}.png", rng.integers(0, 256, (9 + i, 12, 3)).astype(np.uint8)) for i in range(count)]


def extract(stream: FeatureStream) -> FeatureSet:
    batches = list(stream)
    names = tuple(name for some, _ in batches for name in some)
    rows = np.concatenate([rows for _, rows in batches])
    return FeatureSet(rows, names, PROTOCOL.name, INFO, tuple(stream.skipped))


def png(photo: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("batch_size", [1, 3, 7, 50])
def test_batches_do_not_matter(batch_size: int) -> None:
    found = extract(stream(pictures(), batch_size=batch_size))
    assert found.names == tuple(name for name, _ in pictures())
    assert np.array_equal(found.features, extract(stream(pictures())).features)
    assert (found.features.dtype, found.protocol, found.extractor) == (np.float32, "fd_colour", INFO)


def test_pixels_bytes_and_files_are_one(tmp_path: Path) -> None:
    photo = pictures(1)[0][1]
    assert isinstance(photo, np.ndarray)
    (tmp_path / "a.PNG").write_bytes(png(photo))
    found = extract(stream([("a", photo), ("b", png(photo)), ("c", tmp_path / "a.PNG")]))
    assert np.array_equal(found.features[0], found.features[1])
    assert np.array_equal(found.features[0], found.features[2])


def test_damaged_and_missing_files_are_listed_and_stop_nothing(tmp_path: Path) -> None:
    good = pictures(3)
    mixed = [good[0], ("empty", b""), ("text", b"hello"), good[1], ("gone", tmp_path / "gone.png"), good[2]]
    found = extract(stream(mixed, batch_size=2))
    assert found.names == ("0.png", "1.png", "2.png")
    assert [one.name for one in found.skipped] == ["empty", "text", "gone"]
    assert all(one.reason for one in found.skipped)
    assert np.array_equal(found.features, extract(stream(good)).features)


def test_progress_counts_every_picture() -> None:
    seen: list[int] = []
    extract(stream([*pictures(2), ("empty", b"")], progress=seen.append))
    assert seen == [1, 2, 3]


def test_the_key_tells_protocol_weights_and_runtime() -> None:
    assert extract(stream(pictures(2))).key == "fd_colour@abababababab:torch-fp32"
