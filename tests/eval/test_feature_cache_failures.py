"""The cache of features when a run is stopped or killed, the disk is full, or files are damaged."""

import errno
import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest

from eval.feature_cache import FeatureCache
from eval.sets.contents import ImageSet
from eval.sets.folders import open_set
from tests.eval.cache_material import Loader, features
from tests.eval.sets.pictures_material import fill


def test_a_run_that_was_stopped_goes_on_where_it_was(
    cache: FeatureCache, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.feature_cache.BATCH", 2)

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features(cache, images, Loader(), progress=stop)
    load = Loader()
    found = features(cache, images, load)
    assert load.images == 2
    np.testing.assert_array_equal(
        found.features, features(FeatureCache(cache.folder / "x"), images, Loader()).features
    )


def test_a_damaged_file_is_made_anew(cache: FeatureCache, images: ImageSet) -> None:
    first = np.array(features(cache, images, Loader()).features)
    assert cache.values.file is not None
    cache.values.file.write_bytes(bytes(4096))
    for end in ("-wal", "-shm"):
        cache.values.file.with_name(cache.values.file.name + end).unlink(missing_ok=True)
    load = Loader()
    for _ in range(2):
        np.testing.assert_array_equal(features(cache, images, load).features, first)
    assert load.images == len(images)


def test_features_of_another_format_are_computed_anew(
    cache: FeatureCache, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    features(cache, images, Loader())
    monkeypatch.setattr("eval.feature_cache.SCHEMA", 0)
    load = Loader()
    features(cache, images, load)
    features(cache, images, load)
    assert load.images == len(images)


def test_a_full_disk_still_gives_features(
    cache: FeatureCache, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("eval.value_cache.ValueCache._write", full)
    monkeypatch.setattr("eval.feature_cache.tempfile.TemporaryFile", full)
    expected = features(FeatureCache(cache.folder / "x"), images, Loader())
    found = features(cache, images, Loader())
    assert found.features.shape == (6, 5) and found.names == expected.names
    np.testing.assert_array_equal(found.features, expected.features)


def test_the_oldest_features_go_when_there_are_too_many(cache: FeatureCache, tmp_path: Path) -> None:
    sets = [open_set(fill(tmp_path / f"set{n}", 6, first_seed=10 * n)) for n in range(3)]
    cache.values.max_rows = 16  # of two sets and what computed them
    for images in sets:
        features(cache, images, Loader())
    for images, computed in ((sets[2], 0), (sets[1], 0), (sets[0], 6)):
        load = Loader()
        features(cache, images, load)
        assert load.images == computed


def test_a_set_that_is_larger_than_the_cache_is_whole(cache: FeatureCache, images: ImageSet) -> None:
    cache.values.max_rows = 3
    assert features(cache, images, Loader()).names == images.names


def test_features_are_a_map_of_a_file(cache: FeatureCache, images: ImageSet) -> None:
    assert isinstance(features(cache, images, Loader()).features, np.memmap)


def _die_while_extracting(folder: Path, pictures: Path) -> None:
    load = Loader()

    def dying(done: int, _total: int) -> None:
        if done == 5:
            os.kill(os.getpid(), signal.SIGKILL)

    features(FeatureCache(folder), open_set(pictures), load, progress=dying)


def test_a_killed_process_leaves_what_it_had_and_nothing_half(
    tmp_path: Path, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eval.feature_cache.BATCH", 2)
    monkeypatch.setattr("eval.feature_cache.ROWS_AT_A_TIME", 2)
    folder = tmp_path / "cache"
    victim = multiprocessing.get_context("fork").Process(
        target=_die_while_extracting, args=(folder, tmp_path / "set")
    )
    victim.start()
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    load = Loader()
    found = features(FeatureCache(folder), images, load)
    expected = features(FeatureCache(tmp_path / "other"), images, Loader())
    np.testing.assert_array_equal(found.features, expected.features)
    assert load.images == 2


def _extract(folder: Path, pictures: Path) -> None:
    features(FeatureCache(folder), open_set(pictures), Loader())


def test_two_processes_may_extract_the_same_set_at_once(tmp_path: Path, images: ImageSet) -> None:
    spawned = multiprocessing.get_context("fork")
    folder = tmp_path / "cache"
    some = [spawned.Process(target=_extract, args=(folder, tmp_path / "set")) for _ in range(2)]
    for one in some:
        one.start()
    for one in some:
        one.join(60)
    load = Loader()
    assert [one.exitcode for one in some] == [0, 0]
    assert features(FeatureCache(folder), images, load).features.shape == (6, 5) and load.loaded == 0
