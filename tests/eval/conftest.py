"""Random weights in the format of FID's Inception, and photos made in code."""

from pathlib import Path

import numpy as np
import pytest

from eval.feature_cache import FeatureCache
from eval.inception import FIDInception
from eval.sets.contents import ImageSet
from eval.sets.folders import open_set
from tests.benchmarks.fid_material import write_weights
from tests.eval.sets.pictures_material import fill


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict with the reference file's 566 tensors, and features that do not collapse."""
    path = tmp_path_factory.mktemp("inception") / "weights.pth"
    write_weights(path, FIDInception())
    return path


@pytest.fixture
def photo() -> np.ndarray:
    """(40, 56, 3) uint8: a gradient with a bright square."""
    rows, columns = np.mgrid[:40, :56]
    picture = np.stack([rows * 6, columns * 4, (rows + columns) * 2], axis=2).astype(np.uint8)
    picture[10:20, 30:44] = 240
    return picture


@pytest.fixture
def cache(tmp_path: Path) -> FeatureCache:
    return FeatureCache(tmp_path / "cache")


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    """Six photos in a folder."""
    return open_set(fill(tmp_path / "set", 6))
