"""A comparison as it comes out of a real run, made up: three generators with ties, warnings, cases and curves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eval.comparison.result import (
    Case,
    Column,
    Comparison,
    Curve,
    CurvePoint,
    Estimate,
    Floor,
    LeftOut,
    ModelResult,
    PairResult,
    ProtocolUsed,
    SetUsed,
    Standing,
    Warned,
)

FD, KD = "fd_effnet_lite0", "kd_effnet_lite0"
COLUMNS = (
    Column(key=FD, title="Fréchet distance", unit="", higher_is_better=False, per_case=False),
    Column(key=KD, title="Kernel distance", unit="", higher_is_better=False, per_case=False),
    Column(key="precision_effnet_lite0", title="Precision", unit="", higher_is_better=True, per_case=False),
    Column(key="l1", title="Mean absolute difference", unit="grey levels", higher_is_better=False, per_case=True),
    Column(key="ssim", title="SSIM", unit="", higher_is_better=True, per_case=True),
    Column(key="chamfer", title="Distance to the sketch's lines", unit="px at 256", higher_is_better=False,
           per_case=True),
    Column(key="landmarks", title="Landmark distance", unit="eye distances", higher_is_better=False, per_case=True),
)  # fmt: skip
LEVELS = {  # mean and spread by model, control
    "l1": ((31.2, 40.9, 42.0), 5.0, 58.0),
    "ssim": ((0.52, 0.41, 0.405), 0.05, 0.22),
    "chamfer": ((3.1, 2.4, 5.9), 0.7, 6.0),
    "landmarks": ((0.061, 0.074, 0.19), 0.02, 0.2),
}
DISTANCES = {
    FD: ((96.4, 90.1, 102.9), (121.5, 114.0, 128.3), (126.1, 117.9, 133.8)),
    KD: ((0.112, 0.099, 0.126), (0.178, 0.16, 0.195), (0.181, 0.164, 0.199)),
    "precision_effnet_lite0": ((0.61, 0.52, 0.7), (0.43, 0.35, 0.52), (0.4, 0.31, 0.49)),
}
NAMES = ("pix2pixhd", "cyclegan", "ugatit")


def example_comparison(
    cases: int = 40, *, title: str = "The three shipped models", key: str = "k1"
) -> Comparison:
    """A comparison of `NAMES` over that many cases; the same for the same arguments."""
    rng = np.random.default_rng(5)
    names = [f"{801 + number:04d}" for number in range(cases)]
    return Comparison(
        title=title,
        created="2026-11-22T21:04:05Z",
        seconds={"features": 41.2, "trust": 8.9},
        protocol=ProtocolUsed(
            name=FD, key=key, extractor="EfficientNet-Lite0 features", weights="package", weights_sha256="ab" * 32,
            runtime="torch 2.12.0 cpu", decoding="seen", resize="clean", samples=None, seed=0, reference="",
        ),
        settings={"permutations": 1000, "resamples": 400, "seed": 0},
        versions={"torch": "2.12.0", "numpy": "2.4.0"},
        real=_set("real", cases, kind="folder"),
        real_map_xy=_cloud(rng, cases, 0.0),
        columns=COLUMNS,
        models=tuple(_model(rng, place, cases) for place in range(3)),
        pairs=_pairs(),
        standings=_standings(),
        floors=(Floor(column=FD, estimate=Estimate(value=38.2, low=35.0, high=41.7), count=cases // 2,
                      note="two halves of the true photos"),),
        curves=_curves(cases),
        cases=tuple(
            Case(name=name, labels={"glasses": "yes" if number % 4 == 0 else "no",
                                    "pose": ("left", "front", "right")[number % 3]})
            for number, name in enumerate(names)
        ),
        real_nearest_training=tuple((f"{number + 1:04d}", 9.5 + number % 7) for number in range(cases)),
        warnings=_warnings(cases),
    )  # fmt: skip


def write_pictures(folder: Path, comparison: Comparison, *, first: int | None = None, side: int = 64) -> None:
    """Small made-up faces of the cases, under the names that the page looks for."""
    from eval.comparison.pictures import keep_picture, picture_path

    kinds: list[tuple[Any, str]] = [("sketch", ""), ("refined", comparison.models[0].name)]
    kinds += [("model", model.name) for model in comparison.models] + [("real", "")]
    for number, case in enumerate(comparison.cases[:first]):
        for place, (kind, model) in enumerate(kinds):
            face = _face(number, place, side, is_line=place < 2)
            keep_picture(picture_path(folder, kind, case.name, model), face)
        keep_picture(
            picture_path(folder, "training", f"{number + 1:04d}"), _face(number + 90, 5, side, is_line=False)
        )


def _face(number: int, variant: int, side: int, *, is_line: bool) -> np.ndarray:
    rng = np.random.default_rng(number)
    y, x = np.mgrid[0:side, 0:side] / side - 0.5
    r = np.hypot(x / 0.36, (y + 0.02 * variant * (variant < 6)) / (0.44 + rng.uniform(-0.05, 0.05)))
    eyes = np.hypot((np.abs(x) - 0.14) / 0.06, (y + 0.06) / 0.04) < 1
    mouth = np.hypot(x / 0.12, (y - 0.22) / 0.035) < 1
    if is_line:
        ink = (np.abs(r - 1) < 0.05) | eyes | mouth
        return np.repeat(np.where(ink, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    skin = np.array([225, 180, 150]) + rng.uniform(-40, 20, 3) - 6 * variant
    picture = np.where((r < 1)[..., None], skin, np.array([90, 110, 130]) + rng.uniform(-40, 40, 3))
    picture = np.where((eyes | mouth)[..., None], [70, 40, 50], picture)
    return np.clip(picture + rng.normal(0, 6, picture.shape), 0, 255).astype(np.uint8)


def _set(name: str, count: int, *, kind: str = "model") -> SetUsed:
    left_out = (LeftOut(name="0905.jpg", reason="0 bytes"),) if kind == "folder" else ()
    source = f"model {name} on demo pairs" if kind == "model" else "pairs/photos"
    return SetUsed(name=name, source=source, kind=kind, digest="cd" * 32, count=count, left_out=left_out)  # type: ignore[arg-type]


def _cloud(rng: np.random.Generator, count: int, shift: float) -> tuple[tuple[float, float], ...]:
    points = rng.normal(shift, 1, (count, 2))
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points)


def _model(rng: np.random.Generator, place: int, cases: int) -> ModelResult:
    scores = {column: _estimate(rows[place]) for column, rows in DISTANCES.items()}
    case_scores: dict[str, tuple[float | None, ...]] = {}
    for column, (means, spread, _) in LEVELS.items():
        values = np.abs(means[place] + rng.normal(0, spread, cases))
        case_scores[column] = tuple(round(float(value), 4) for value in values)
        error = float(values.std(ddof=1) / np.sqrt(cases))
        mean = float(values.mean())
        scores[column] = Estimate(value=mean, low=mean - 1.96 * error, high=mean + 1.96 * error, error=error)
    if cases > 3:  # a face that was not found
        case_scores["landmarks"] = (*case_scores["landmarks"][:3], None, *case_scores["landmarks"][4:])
    return ModelResult(
        name=NAMES[place],
        set=_set(NAMES[place], cases),
        scores=scores,
        control={column: levels[2] for column, levels in LEVELS.items()},
        ignores_input=place == 2,
        face_found=(1.0, 0.98, 0.85)[place],
        parameters=(45_600_000, 11_400_000, 26_700_000)[place],
        ms_per_image=(212.0, 87.0, 395.0)[place],
        case_scores=case_scores,
        nearest_training=tuple((f"{number + 1:04d}", 8.0 + number % 5 + place) for number in range(cases)),
        stage1="whole",
        map_xy=_cloud(rng, cases, 1.2 + 0.5 * place),
    )


def _estimate(row: tuple[float, float, float]) -> Estimate:
    return Estimate(value=row[0], low=row[1], high=row[2])


def _pairs() -> tuple[PairResult, ...]:
    rows = (("pix2pixhd", "cyclegan", -25.1, -34.0, -16.2, 0.001, 0.003, True, 60),
            ("pix2pixhd", "ugatit", -29.7, -39.9, -20.0, 0.001, 0.003, True, 50),
            ("cyclegan", "ugatit", -4.6, -13.1, 3.8, 0.29, 0.29, False, 1450))  # fmt: skip
    found = [
        PairResult(column=FD, first=first, second=second, difference=Estimate(value=value, low=low, high=high),
                   p=p, p_adjusted=adjusted, is_separated=separated, is_paired=True, needed=needed,
                   extrapolated=Estimate(value=0.9 * value, low=0.9 * low, high=0.9 * high))
        for first, second, value, low, high, p, adjusted, separated, needed in rows
    ]  # fmt: skip
    l1 = [
        PairResult(column="l1", first=first, second=second, difference=Estimate(value=value, low=low, high=high),
                   p=p, p_adjusted=p, is_separated=separated, is_paired=True, needed=None)
        for first, second, value, low, high, p, separated in (
            ("pix2pixhd", "cyclegan", -9.7, -12.0, -7.5, 0.0003, True),
            ("pix2pixhd", "ugatit", -10.8, -13.1, -8.6, 0.0003, True),
            ("cyclegan", "ugatit", -1.1, -3.3, 1.1, 0.34, False),
        )
    ]  # fmt: skip
    return (*found, *l1)


def _standings() -> tuple[Standing, ...]:
    found = []
    for column in (FD, "l1"):
        found += [
            Standing(column=column, model="pix2pixhd", rank=1, is_best=True),
            Standing(column=column, model="cyclegan", rank=2, is_best=False, tied_with=("ugatit",)),
            Standing(column=column, model="ugatit", rank=2, is_best=False, tied_with=("cyclegan",)),
        ]
    found += [
        Standing(column=KD, model=name, rank=1, is_best=False, tied_with=tuple(o for o in NAMES if o != name))
        for name in NAMES
    ]
    return tuple(found)


def _curves(cases: int) -> tuple[Curve, ...]:
    counts = [count for count in (10, 20, 30, 40, 60, 97) if count <= cases]
    by_n = [
        Curve(column=FD, model=name, over="n", points=tuple(
            CurvePoint(count=count, estimate=Estimate(value=level + 900 / count, low=level + 800 / count,
                                                      high=level + 1000 / count))
            for count in counts))
        for name, level in zip((*NAMES, "real"), (74.0, 99.0, 104.0, 16.0), strict=True)
    ]  # fmt: skip
    by_step = Curve(column=FD, model="pix2pixhd", over="step", points=tuple(
        CurvePoint(count=step, estimate=Estimate(value=96 + 4e4 / step, low=90 + 4e4 / step, high=101 + 4e4 / step))
        for step in (500, 1000, 2000, 3000)))  # fmt: skip
    return (*by_n, by_step)


def _warnings(cases: int) -> tuple[Warned, ...]:
    return (
        Warned(code="rank_deficient", severity="caution", columns=(FD,),
               text=f"{cases} images are fewer than the 1,280 features: the distance is mostly bias. Compare models "
               "with each other only, and look at the kernel distance too."),
        Warned(code="metrics_disagree", severity="misleads", columns=(FD, KD),
               text="The Fréchet distance separates pix2pixhd from the others and the kernel distance does not. "
               "Do not rank them by one alone."),
        Warned(code="few_images", severity="note", text=f"{cases} images a model.", sets=NAMES),
    )  # fmt: skip
