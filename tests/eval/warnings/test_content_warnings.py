"""Warnings about what is in the pictures, and how they are named."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import eval.warnings as own
from eval.warnings import check, copies, files, memorising, pictures, scores
from eval.warnings.facts import Facts, SetFacts
from tests.benchmarks.warning_alarms import PLANTED
from tests.eval.warnings.warnings_material import (
    clean,
    encoded,
    face,
    found,
    set_of,
    stacked,
    with_model,
)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_strips_of_ugatit(good: Facts, tmp_path: Path, kind: str) -> None:
    strips = set_of(tmp_path, "a", lambda image, n: encoded(stacked(0, 7)(image, n), kind))
    facts = with_model(good, strips)
    assert found(facts, "strips") == [("misleads", ("a",))] and found(facts, "sheets") == []


@pytest.mark.parametrize("count", [2, 3])
def test_sheets_of_pictures_side_by_side(good: Facts, tmp_path: Path, count: int) -> None:
    facts = with_model(good, set_of(tmp_path, "a", stacked(1, count)))
    assert found(facts, "sheets") == [("misleads", ("a",))] and found(facts, "strips") == []


def test_sheets_everywhere_are_told_by_their_seams(tmp_path: Path) -> None:
    sets = {name: set_of(tmp_path, name, stacked(1, 2)) for name in ("real", "a", "b")}
    assert found(clean(tmp_path, **sets), "sheets") == [("misleads", ("real", "a", "b"))]


def test_wide_photos_are_no_sheets(tmp_path: Path) -> None:
    sets = {
        name: set_of(tmp_path, name, lambda image, _: image.resize((96, 48))) for name in ("real", "a", "b")
    }
    assert found(clean(tmp_path, **sets), "sheets") == []


def renamed(one: SetFacts, how: Callable[[str], str]) -> SetFacts:
    return replace(one, pictures=tuple(replace(p, name=how(p.name)) for p in one.pictures))


@pytest.mark.parametrize(
    ("how", "advice"),
    [
        (lambda name: f"x{name}", "Name each output"),
        (lambda name: f"{name}_fake_B", r"eval\.sets\.split"),
        (lambda name: f"images/{name}_fake_B", r"eval\.sets\.split"),
        (lambda name: f"test/A2B_{int(name) + 1}", "--inputs DIR"),
        (lambda name: f"A2B_{int(name) + 1}", "--inputs DIR"),
        (lambda name: f"out/{name}", "without the folders"),
        (lambda name: name if name < "030" else f"x{name}", "30 of 60 of a"),
    ],
)
def test_names_that_match_no_photo(good: Facts, how: Callable[[str], str], advice: str) -> None:
    facts = with_model(good, renamed(good.models["a"], how))
    (warned,) = [one for one in check(facts) if one.code == "unmatched_names"]
    assert warned.sets == ("a",)
    assert re.search(advice, warned.text)


@pytest.mark.parametrize(("count", "severity"), [(2, "caution"), (20, "misleads")])
def test_training_photos_in_the_reference(good: Facts, tmp_path: Path, count: int, severity: str) -> None:
    def change(image: Image.Image, number: int) -> Image.Image:
        return face(number) if number < count else image

    facts = replace(good, training=set_of(tmp_path, "training", change))
    assert found(facts, "train_in_reference") == [(severity, ("real", "training"))]


def test_a_training_photo_that_was_packed_and_shrunk_is_still_known(good: Facts, tmp_path: Path) -> None:
    def change(image: Image.Image, number: int) -> Image.Image | bytes:
        return encoded(face(7).resize((36, 36)), "JPEG", quality=75) if number == 3 else image

    facts = replace(good, training=set_of(tmp_path, "training", change))
    (warned,) = [one for one in check(facts) if one.code == "train_in_reference"]
    assert "first 007" in warned.text


def test_training_photos_that_are_not_in_the_reference(good: Facts, tmp_path: Path) -> None:
    assert found(replace(good, training=set_of(tmp_path, "training")), "train_in_reference") == []


def test_true_photos_among_the_outputs(good: Facts, tmp_path: Path) -> None:
    copied = set_of(tmp_path, "a", lambda image, n: face(n) if n < 5 else image)
    assert found(with_model(good, copied), "duplicates_between_sets") == [("misleads", ("real", "a"))]


def test_a_true_photo_under_another_name_is_known_after_packing(good: Facts, tmp_path: Path) -> None:
    copied = set_of(tmp_path, "a", lambda image, n: encoded(face(n + 1), "JPEG") if n < 5 else image)
    assert found(with_model(good, copied), "duplicates_between_sets") == [("misleads", ("real", "a"))]


def test_an_output_that_is_very_like_its_own_truth_is_no_copy(good: Facts, tmp_path: Path) -> None:
    def change(_: Image.Image, number: int) -> Image.Image:
        noise = np.random.default_rng(number).normal(0, 7, (48, 48, 3))
        return Image.fromarray((np.asarray(face(number)) + noise).clip(0, 255).astype(np.uint8))

    assert found(with_model(good, set_of(tmp_path, "a", change)), "duplicates_between_sets") == []


def test_two_models_that_draw_alike_are_no_copies_of_each_other(good: Facts, tmp_path: Path) -> None:
    alike = set_of(tmp_path, "a", lambda _, n: encoded(face(2000 + n), "PNG", compress_level=1) + b" ")
    assert found(with_model(good, alike), "duplicates_between_sets") == []


def test_a_folder_that_was_named_twice(good: Facts) -> None:
    facts = replace(good, models={"a": good.models["a"], "b": replace(good.models["a"], name="b")})
    assert found(facts, "duplicates_between_sets") == [("misleads", ("a", "b"))]


@pytest.mark.parametrize("noise", [0, 6])
def test_a_model_that_draws_the_same_faces_again_and_again(good: Facts, tmp_path: Path, noise: int) -> None:
    def change(image: Image.Image, number: int) -> Image.Image:
        grain = np.random.default_rng(number).integers(0, noise + 1, (48, 48, 3))
        return Image.fromarray((np.asarray(face(70_000 + number % 4)) * 0.9 + grain).astype(np.uint8))

    facts = with_model(good, set_of(tmp_path, "a", change))
    assert found(facts, "repeated_outputs") == [("misleads", ("a",))]


def test_flat_pictures_are_not_called_copies_of_each_other(good: Facts, tmp_path: Path) -> None:
    flat = [
        set_of(tmp_path, name, lambda image, n, shift=shift: Image.new("RGB", (32, 32), (n + shift, 80, 60)))
        for name, shift in (("a", 0), ("b", 100))
    ]
    facts = replace(good, models={"a": flat[0], "b": flat[1]})
    assert found(facts, "duplicates_between_sets") == []


def nearest(*distances: float) -> tuple[tuple[str, float], ...]:
    return tuple((f"t{place}", distance) for place, distance in enumerate(distances))


@pytest.mark.parametrize(
    ("near", "is_told"),
    [
        ([1.0] * 40, True),  # copies
        ([1.0] * 6 + [9.0 + step / 100 for step in range(34)], False),  # a few, which chance may draw
        ([9.0 + step / 100 for step in range(40)], False),  # as near as true photos
        ([], False),  # nobody has looked
    ],
)
def test_outputs_nearer_to_training_photos_than_unseen_photos_are_memorised(
    good: Facts, near: list[float], is_told: bool
) -> None:
    models = tuple(
        one.model_copy(update={"nearest_training": nearest(*near)}) if one.name == "a" else one
        for one in good.comparison.models
    )
    usual = nearest(*(9.0 + step / 100 for step in range(40)))
    compared = good.comparison.model_copy(update={"models": models, "real_nearest_training": usual})
    told = [(one.code, one.severity, one.sets) for one in memorising(compared)]
    assert told == ([("memorised", "misleads", ("a",))] if is_told else [])


def test_every_warning_has_a_planted_case() -> None:
    """``python -m tests.benchmarks.warning_alarms`` plants each, and counts how often it accuses the innocent."""
    modules = (copies, files, pictures, scores, own)
    codes = {code for module in modules for code in re.findall(r'code="(\w+)"', inspect.getsource(module))}
    assert codes == PLANTED.keys()
