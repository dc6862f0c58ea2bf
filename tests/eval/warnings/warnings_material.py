"""A clean comparison of two models, from which each test spoils one thing."""

import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from eval.comparison.result import (
    Column,
    Comparison,
    Estimate,
    Floor,
    ModelResult,
    PairResult,
    ProtocolUsed,
    SetUsed,
)
from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from eval.warnings import check
from eval.warnings.facts import Facts, SetFacts, facts_of

COUNT = 60
Change = Callable[[Image.Image, int], Image.Image | bytes]


def face(seed: int, size: int = 48) -> Image.Image:
    """Something as reddish and as different from others as a face."""
    coarse = np.random.default_rng(seed).integers(0, 150, (13, 13, 3)) + np.array([80, 40, 10])
    return Image.fromarray(coarse.astype(np.uint8)).resize((size, size), Image.Resampling.BICUBIC)


def set_of(
    folder: Path, name: str, change: Change | None = None, *, count: int = COUNT, seed: int | None = None
) -> SetFacts:
    """Facts of a set of PNG files ``000.png``... in a folder, each after ``change``."""
    first = {"real": 0, "a": 1000, "b": 2000, "training": 3000}.get(name, 9000) if seed is None else seed
    place = folder / name
    place.mkdir(parents=True)
    for number in range(count):
        image = face(first + number)
        made = image if change is None else change(image, number)
        data = made if isinstance(made, bytes) else encoded(made, "PNG")
        (place / f"{number:03d}.png").write_bytes(data)
    return facts_of(name, open_set(place), FileHashCache(None))


def encoded(image: Image.Image, kind: str, **how: object) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def pair(
    column: str, difference: float, *, separated: bool = False, limit: float | None = None
) -> PairResult:
    """``a`` minus ``b``."""
    return PairResult(
        column=column, first="a", second="b", difference=Estimate(value=difference), p=0.01, p_adjusted=0.01,
        is_separated=separated, is_paired=True, needed=None,
        extrapolated=None if limit is None else Estimate(value=limit),
    )  # fmt: skip


def floor(value: float, *, low: float | None = None, count: int = COUNT) -> Floor:
    """Of ``fid_clean``."""
    return Floor(column="fid_clean", estimate=Estimate(value=value, low=low), count=count)


def comparison(scores: Mapping[str, tuple[float, float]], **how: object) -> Comparison:
    """FID and KID of each model."""
    used = SetUsed(name="x", source="x", kind="folder", digest="0", count=COUNT)
    columns = [("fid_clean", False), ("kid_clean", False), ("recall_clean", False), ("landmarks", True)]
    given: dict[str, object] = {
        "title": "t", "created": "", "seconds": {}, "settings": {}, "versions": {}, "real": used,
        "protocol": ProtocolUsed(
            name="fid_clean", key="k", extractor="inception", weights="reference", weights_sha256="ab" * 32,
            runtime="r", decoding="tools", resize="clean", samples=None, seed=0, reference="",
        ),
        "columns": tuple(
            Column(key=key, title=key, unit="", higher_is_better=False, per_case=per_case) for key, per_case in columns
        ),
        "models": tuple(
            ModelResult(
                name=name, set=used,
                scores={"fid_clean": Estimate(value=fid), "kid_clean": Estimate(value=kid)},
            )
            for name, (fid, kid) in scores.items()
        ),
        **how,
    }  # fmt: skip
    return Comparison.model_validate(given)


def clean(folder: Path, **change: object) -> Facts:
    """Facts that no check has anything against, but for what is replaced."""
    given = {"real": None, "a": None, "b": None, **change}
    sets = {name: given.pop(name) or set_of(folder, name) for name in ("real", "a", "b")}
    numbers = comparison(
        {"a": (30.0, 0.03), "b": (50.0, 0.05)},
        pairs=(pair("fid_clean", -20, separated=True, limit=-18), pair("kid_clean", -0.02, separated=True)),
        floors=(floor(9.0, low=7.0),),
    )
    facts = Facts(numbers, sets["real"], {"a": sets["a"], "b": sets["b"]}, None, 10)  # type: ignore[arg-type]
    return replace(facts, **given)  # type: ignore[arg-type]


def found(facts: Facts, code: str) -> list[tuple[str, tuple[str, ...]]]:
    """Severity and sets of the warnings of a code."""
    return [(one.severity, one.sets) for one in check(facts) if one.code == code]


def with_model(facts: Facts, spoilt: SetFacts) -> Facts:
    """The same with another set for model ``a``."""
    return replace(facts, models={**facts.models, "a": replace(spoilt, name="a")})


def jpeg(quality: int) -> Callable[[Image.Image, int], bytes]:
    return lambda image, _: encoded(image, "JPEG", quality=quality)


def stacked(axis: int, count: int) -> Callable[[Image.Image, int], Image.Image]:
    """Several different pictures in one, below (0) or beside (1) each other."""

    def change(image: Image.Image, number: int) -> Image.Image:
        more = [np.asarray(face(50_000 + 10 * number + n)) for n in range(1, count)]
        return Image.fromarray(np.concatenate([np.asarray(image), *more], axis=axis))

    return change
