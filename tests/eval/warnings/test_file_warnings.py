"""Warnings about how many pictures there are, and how they are stored and coloured."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from eval.warnings import check
from eval.warnings.facts import Facts, facts_of
from tests.eval.warnings.warnings_material import (
    COUNT,
    clean,
    encoded,
    found,
    jpeg,
    set_of,
    with_model,
)


def test_a_clean_comparison_raises_no_warning(good: Facts) -> None:
    assert check(good) == ()


def test_few_images(good: Facts, tmp_path: Path) -> None:
    facts = with_model(good, set_of(tmp_path, "a", count=20))
    assert found(facts, "few_images") == [("misleads", ("a",))]


def test_few_images_that_differ_beyond_chance_are_not_called_chance(good: Facts, tmp_path: Path) -> None:
    tie = good.comparison.model_copy(update={"pairs": ()})
    few = with_model(good, set_of(tmp_path, "a", count=20))
    texts = [next(one.text for one in check(facts) if one.code == "few_images")
             for facts in (few, replace(few, comparison=tie))]  # fmt: skip
    assert ["mostly chance" in text for text in texts] == [False, True]


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "sub/desktop.ini", "._000.png", "__MACOSX/000.png"]
)
def test_what_a_system_keeps_in_a_folder_is_no_loss(tmp_path: Path, name: str) -> None:
    set_of(tmp_path, "a", count=2)
    stray = tmp_path / "a" / name
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"x")
    images = open_set(tmp_path / "a")
    assert len(images.left_out) == 1 and facts_of("a", images, FileHashCache(None)).left_out == 0


def test_fewer_images_than_features(good: Facts) -> None:
    assert found(replace(good, dimensions=COUNT), "rank_deficient") == [("misleads", ("real", "a", "b"))]
    assert found(replace(good, dimensions=COUNT - 1), "rank_deficient") == []


@pytest.mark.parametrize(("count", "severity"), [(COUNT - 1, "caution"), (50, "misleads")])
def test_unequal_numbers_of_images(good: Facts, tmp_path: Path, count: int, severity: str) -> None:
    facts = with_model(good, set_of(tmp_path, "a", count=count))
    assert found(facts, "unequal_counts") == [(severity, ("a", "b"))]


def test_kid_is_not_blamed_for_unequal_numbers(good: Facts, tmp_path: Path) -> None:
    facts = with_model(good, set_of(tmp_path, "a", count=50))
    (warned,) = [one for one in check(facts) if one.code == "unequal_counts"]
    assert warned.columns == ("fid_clean", "recall_clean")


@pytest.mark.parametrize(("count", "severity"), [(1, "note"), (10, "caution")])
def test_files_that_could_not_be_used(good: Facts, count: int, severity: str) -> None:
    facts = with_model(good, replace(good.models["a"], left_out=count))
    assert found(facts, "files_left_out") == [(severity, ("a",))]


def test_one_models_jpegs_against_anothers_png(good: Facts, tmp_path: Path) -> None:
    facts = with_model(good, set_of(tmp_path, "a", jpeg(75)))
    assert [severity for severity, _ in found(facts, "format_mix")] == ["misleads"]


def test_the_sets_are_named_by_how_they_are_stored(good: Facts, tmp_path: Path) -> None:
    facts = with_model(good, set_of(tmp_path, "a", jpeg(75)))
    (warned,) = [one for one in check(facts) if one.code == "format_mix"]
    assert "PNG (real and b), JPEG q75 (a)" in warned.text


def test_jpegs_of_different_quality(tmp_path: Path) -> None:
    sets = {
        name: set_of(tmp_path, name, jpeg(quality)) for name, quality in (("real", 95), ("a", 95), ("b", 75))
    }
    assert [severity for severity, _ in found(clean(tmp_path, **sets), "format_mix")] == ["misleads"]


def test_true_photos_packed_otherwise_than_all_models(good: Facts, tmp_path: Path) -> None:
    facts = replace(good, real=set_of(tmp_path, "real", jpeg(90)))
    assert [severity for severity, _ in found(facts, "format_mix")] == ["caution"]


def test_two_ways_of_packing_with_loss_are_a_contest(tmp_path: Path) -> None:
    sets = {name: set_of(tmp_path, name, jpeg(90)) for name in ("real", "a")}
    sets["b"] = set_of(tmp_path, "b", lambda image, _: encoded(image, "WEBP", quality=90))
    assert [severity for severity, _ in found(clean(tmp_path, **sets), "format_mix")] == ["misleads"]


def test_two_formats_in_one_set(good: Facts, tmp_path: Path) -> None:
    mixed = set_of(tmp_path, "a", lambda image, n: jpeg(75)(image, n) if n % 2 else image)
    assert [severity for severity, _ in found(with_model(good, mixed), "format_mix")] == ["misleads"]


def test_jpegs_of_one_quality_everywhere_are_no_contest(tmp_path: Path) -> None:
    sets = {name: set_of(tmp_path, name, jpeg(90)) for name in ("real", "a", "b")}
    assert found(clean(tmp_path, **sets), "format_mix") == []


def test_models_of_different_sizes(good: Facts, tmp_path: Path) -> None:
    small = set_of(tmp_path, "a", lambda image, _: image.resize((16, 16)))
    assert [severity for severity, _ in found(with_model(good, small), "size_mix")] == ["caution"]


def test_all_models_smaller_than_the_photos_is_a_note(good: Facts, tmp_path: Path) -> None:
    facts = replace(good, real=set_of(tmp_path, "real", lambda image, _: image.resize((96, 96))))
    assert [severity for severity, _ in found(facts, "size_mix")] == ["note"]


def test_two_draws_from_one_pool_of_grey_and_colour_are_alike(tmp_path: Path) -> None:
    grey = {"real": 6, "a": 2, "b": 3}
    sets = {
        name: set_of(tmp_path, name, lambda image, n, few=few: image.convert("L") if n < few else image)
        for name, few in grey.items()
    }
    assert found(clean(tmp_path, **sets), "grey_mix") == []


def test_the_same_mixture_of_formats_everywhere_is_no_contest(tmp_path: Path) -> None:
    sets = {
        name: set_of(tmp_path, name, lambda image, n, few=few: jpeg(90)(image, n) if n < few else image)
        for name, few in {"real": 30, "a": 26, "b": 33}.items()
    }
    assert found(clean(tmp_path, **sets), "format_mix") == []


def test_grey_against_colour(good: Facts, tmp_path: Path) -> None:
    grey = set_of(tmp_path, "a", lambda image, _: image.convert("L"))
    assert found(with_model(good, grey), "grey_mix") == [("misleads", ("a",))]


def test_grey_saved_as_colour_jpeg_is_grey(good: Facts, tmp_path: Path) -> None:
    grey = set_of(tmp_path, "a", lambda image, n: jpeg(75)(image.convert("L").convert("RGB"), n))
    assert found(with_model(good, grey), "grey_mix") == [("misleads", ("a",))]


def test_swapped_channels(good: Facts, tmp_path: Path) -> None:
    swapped = set_of(tmp_path, "a", lambda image, _: Image.fromarray(np.asarray(image)[..., ::-1].copy()))
    assert found(with_model(good, swapped), "channels_swapped") == [("misleads", ("a",))]


def test_a_cooler_tint_is_not_taken_for_swapped_channels(good: Facts, tmp_path: Path) -> None:
    cool = set_of(
        tmp_path, "a", lambda image, _: Image.fromarray(np.asarray(image) // 2 + np.uint8([0, 20, 45]))
    )
    assert found(with_model(good, cool), "channels_swapped") == []
