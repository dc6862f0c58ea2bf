"""Features by content: computed once, whatever the files are called."""

from pathlib import Path

import numpy as np
import pytest

from eval.feature_cache import FeatureCache
from eval.protocols import EvaluationProtocol
from eval.sets.contents import ImageSet
from eval.sets.folders import open_set
from tests.eval.cache_material import RUNTIME, SHA, Loader, features
from tests.eval.sets.pictures_material import odd_files, packed, picture, write


def test_the_second_time_nothing_is_loaded_or_decoded(
    cache: FeatureCache, images: ImageSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = features(cache, images, Loader())

    def refuse(*_: object) -> None:
        raise AssertionError("decoded or loaded")

    monkeypatch.setattr("core.image_child._children", refuse)
    second = features(cache, images, refuse)  # type: ignore[arg-type]
    np.testing.assert_array_equal(first.features, second.features)
    assert (first.names, first.key) == (second.names, second.key)


def test_editing_one_image_changes_its_features_and_computes_only_it(
    cache: FeatureCache, images: ImageSet, tmp_path: Path
) -> None:
    before, load = features(cache, images, Loader()), Loader()
    write(tmp_path / "set/03.png", picture(99))
    after = features(cache, open_set(tmp_path / "set"), load)
    changed = (before.features != after.features).any(axis=1)
    assert changed.tolist() == [False, False, False, True, False, False]
    assert load.images == 1


def test_renaming_computes_nothing_and_gives_the_new_names(
    cache: FeatureCache, images: ImageSet, tmp_path: Path
) -> None:
    before, load = features(cache, images, Loader()), Loader()
    (tmp_path / "set/00.png").rename(tmp_path / "set/zz.png")
    after = features(cache, open_set(tmp_path / "set"), load)
    assert load.loaded == 0 and after.names[-1] == "zz"
    np.testing.assert_array_equal(after.features, np.roll(before.features, -1, axis=0))


def test_a_protocols_choice_takes_rows_of_the_whole(cache: FeatureCache, images: ImageSet) -> None:
    whole, load = features(cache, images, Loader()), Loader()
    few = EvaluationProtocol("fd_tiny_3", "tiny", "tools", "clean", 8, samples=3)
    chosen = features(cache, images, load, protocol=few)
    rows = few.pick(images.names)
    assert load.loaded == 0 and chosen.protocol == "fd_tiny_3"
    np.testing.assert_array_equal(chosen.features, whole.features[rows])


@pytest.mark.parametrize(
    "other",
    [
        {"weights_sha256": "cd" * 32},
        {"runtime": "openvino-fp32"},
        {"protocol": EvaluationProtocol("fd_tiny", "tiny", "seen", "clean", 8)},
        {"protocol": EvaluationProtocol("fd_tiny", "tiny", "tools", "pytorch", 8)},
    ],
)
def test_other_weights_runtime_decoding_or_resize_are_computed_anew(
    cache: FeatureCache, images: ImageSet, other: dict[str, object]
) -> None:
    features(cache, images, Loader())
    load = Loader(sha256=str(other.get("weights_sha256", SHA)), runtime=str(other.get("runtime", RUNTIME)))
    features(cache, images, load, **other)
    assert load.images == len(images)


def test_a_network_that_is_not_the_one_announced_goes_under_its_own_name(
    cache: FeatureCache, images: ImageSet
) -> None:
    features(cache, images, Loader(runtime="torch-fp32"), runtime="openvino-fp32")
    load = Loader()
    features(cache, images, load)
    assert load.loaded == 0


def test_every_odd_file_gives_features_or_a_reason(cache: FeatureCache, tmp_path: Path) -> None:
    images = open_set(odd_files(tmp_path / "odd"))
    found = features(cache, images, Loader())
    assert [one.name for one in found.skipped] == ["bad-truncated"]
    assert {name.rsplit("/", 1)[-1].split("-")[0] for name in found.names} == {"good"}
    assert len(found.names) + len(found.skipped) == len(images)


def test_what_cannot_be_decoded_is_remembered_too(cache: FeatureCache, tmp_path: Path) -> None:
    images = open_set(odd_files(tmp_path / "odd"))
    first, load = features(cache, images, Loader()), Loader()
    assert features(cache, images, load).skipped == first.skipped
    assert load.loaded == 0


def test_a_set_of_damaged_files_says_so(cache: FeatureCache, tmp_path: Path) -> None:
    write(tmp_path / "set/a.png", packed(picture(1, (200, 200)))[:3000])
    with pytest.raises(ValueError, match=r"no picture can be used; 1 were left out. The first: a"):
        features(cache, open_set(tmp_path / "set"), Loader())


def test_a_file_that_vanishes_meanwhile_is_listed_and_not_remembered(
    cache: FeatureCache, images: ImageSet, tmp_path: Path
) -> None:
    data = (tmp_path / "set/02.png").read_bytes()
    (tmp_path / "set/02.png").unlink()
    assert [one.name for one in features(cache, images, Loader()).skipped] == ["02"]
    write(tmp_path / "set/02.png", data)
    assert features(cache, images, Loader()).skipped == ()
