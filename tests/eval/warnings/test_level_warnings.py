"""Warnings about outputs that were written wrongly, or are smoother than true photos."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from eval.comparison.result import Column, Standing
from eval.warnings import check
from eval.warnings.facts import Facts
from tests.eval.warnings.warnings_material import (
    Change,
    clean,
    encoded,
    face,
    found,
    set_of,
    with_model,
)


def written(how: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Pictures whose values in [-1, 1] are written by ``how``."""

    def change(image: Image.Image, _: int) -> Image.Image:
        values = np.asarray(image, dtype=np.float64) / 127.5 - 1
        return Image.fromarray(how(values).astype(np.int64).astype(np.uint8))

    return change


def wide(image: Image.Image, _: int) -> Image.Image:
    """Over the whole range of levels, as photos are."""
    values = np.asarray(image, dtype=np.float64)
    return Image.fromarray(((values - values.min()) / np.ptp(values) * 240 + 5).astype(np.uint8))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """A clean comparison of pictures that use the whole range."""
    root = tmp_path_factory.mktemp("wide")
    return clean(root, **{name: set_of(root, name, wide) for name in ("real", "a", "b")})


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda x: np.clip(x, 0, 1) * 255, "cut off at black"),
        (lambda x: np.clip(x, 0, 255), "nearly black"),
        (lambda x: x * 255, "black and white side by side"),
        (lambda x: (x / 4 + 0.75) * 255, "washed out"),
    ],
)
def test_outputs_of_a_tanh_that_were_written_wrongly(
    photos: Facts, tmp_path: Path, how: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    def change(image: Image.Image, number: int) -> Image.Image | bytes:
        return written(how)(wide(image, number), number)

    facts = with_model(photos, set_of(tmp_path, "a", change))
    (warned,) = [one for one in check(facts) if one.code == "value_range"]
    assert (warned.severity, warned.sets) == ("misleads", ("a",)) and words in warned.text


def test_a_darker_model_is_not_in_a_wrong_range(photos: Facts, tmp_path: Path) -> None:
    dark = set_of(tmp_path, "a", lambda image, n: wide(image, n).point(lambda level: int(level * 0.6)))
    assert found(with_model(photos, dark), "value_range") == []


def with_alpha(alpha: int) -> Change:
    def change(image: Image.Image, _: int) -> Image.Image:
        image.putalpha(Image.new("L", image.size, 255))
        image.getchannel("A")
        image.putpixel((0, 0), (*image.getpixel((0, 0))[:3], alpha))
        return image

    return change


@pytest.mark.parametrize(("alpha", "expected"), [(0, [("misleads", ("a",))]), (255, [])])
def test_transparent_outputs(good: Facts, tmp_path: Path, alpha: int, expected: list) -> None:
    assert found(with_model(good, set_of(tmp_path, "a", with_alpha(alpha))), "transparency") == expected


def with_l1(facts: Facts, *firsts: str) -> Facts:
    """Mean absolute difference is a column, and these share its first place."""
    column = Column(key="l1", title="l1", unit="", higher_is_better=False, per_case=True)
    places = tuple(
        Standing(column="l1", model=name, rank=1 if name in firsts else 2, is_best=firsts == (name,))
        for name in ("a", "b")
    )
    columns = (*facts.comparison.columns, column)
    return replace(
        facts, comparison=facts.comparison.model_copy(update={"columns": columns, "standings": places})
    )


@pytest.mark.parametrize(("firsts", "severity"), [(("a",), "misleads"), (("b",), "caution")])
def test_blurred_outputs_where_figures_reward_blur(
    good: Facts, tmp_path: Path, firsts: tuple[str, ...], severity: str
) -> None:
    soft = set_of(tmp_path, "a", lambda image, _: image.filter(ImageFilter.GaussianBlur(4)))
    assert found(with_l1(with_model(good, soft), *firsts), "blurred_outputs") == [(severity, ("a",))]
    assert found(with_model(good, soft), "blurred_outputs") == []  # no figure that rewards it


def test_what_rewards_blur_is_noted(good: Facts) -> None:
    (warned,) = [one for one in check(with_l1(good)) if one.code == "rewards_blur"]
    assert (warned.severity, warned.columns) == ("note", ("l1",))


@pytest.mark.parametrize("how", [{"kind": "JPEG", "quality": 70}, {"kind": "WEBP", "quality": 90}])
def test_one_models_outputs_given_again_packed_anew(good: Facts, tmp_path: Path, how: dict) -> None:
    again = set_of(tmp_path, "a", lambda _, n: encoded(face(2000 + n), **how))
    assert found(with_model(good, again), "reencoded_copies") == [("misleads", ("a", "b"))]


def test_training_photos_among_the_outputs(good: Facts, tmp_path: Path) -> None:
    repeats = set_of(tmp_path, "a", lambda image, n: encoded(face(3000 + n), "JPEG") if n < 4 else image)
    facts = replace(with_model(good, repeats), training=set_of(tmp_path, "training"))
    assert found(facts, "training_copies") == [("misleads", ("a",))]


def test_names_that_hold_a_comma_are_quoted_in_lists(good: Facts, tmp_path: Path) -> None:
    soft = set_of(tmp_path, "a", with_alpha(0))
    facts = replace(good, models={"net, parts": replace(soft, name="net, parts")})
    (warned,) = [one for one in check(facts) if one.code == "transparency"]
    assert "“net, parts” 100 %" in warned.text
