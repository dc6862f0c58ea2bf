"""How often each warning of a comparison accuses the innocent, and whether it finds what is planted.

``python -m tests.benchmarks.warning_alarms PHOTOS``: every round draws three sets of different photos from a folder
and compares two of them with the third, as two models that draw true photos. Whatever is said of them is a false
alarm, but for what is true of any sets of that size (`TRUE_OF_SIZE`). Then one set is spoilt for each warning in
turn, which must be found. Exit code 1 where a bound is missed.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from core.config import settings
from eval.comparison import case_scores
from eval.comparison.comparison_store import cache_of, root_of
from eval.comparison.result import Column, Comparison, ModelResult, ProtocolUsed, SetUsed, Warned
from eval.extractors import load_extractor
from eval.feature_cache import FeatureCache
from eval.protocols import WITHOUT_WEIGHTS, protocol
from eval.sets.contents import ImageSet, read_header
from eval.significance.feature_trust import compare_features
from eval.significance.memorisation import nearest_training
from eval.significance.value_trust import Trusted, exact_share
from eval.warnings import check, ignoring, memorising, without_detector
from eval.warnings.facts import Facts, Picture, SetFacts, facts_of
from eval.warnings.picture_statistics import measure_picture

MOST_FALSE = 0.02
LEAST_FOUND = 0.95
FD, KD = "fd_effnet_lite0", "kd_effnet_lite0"
TRUE_OF_SIZE = {"few_images", "rank_deficient", "rewards_blur"}
OF_THE_RUN = {"ignores_input", "memorised", "no_face_detector"}  # need no test of distances
SETS = ("real", "a", "b", "training")

Features = NDArray[np.float32]
Spoil = Callable[["Draw", np.random.Generator], "Draw"]


@dataclass(frozen=True)
class Draw:
    """Disjoint sets of photos: what is known of their pictures, and their features.

    Of what the outputs of model ``a`` show, the share ``answers`` is of the photo that they should be; ``detector``
    says why no face is looked for.
    """

    facts: Mapping[str, SetFacts]
    features: Mapping[str, Features]
    checkpoints: int = 1
    weights: str = "package"
    answers: float = 0.3
    detector: str = ""

    def with_set(self, name: str, facts: SetFacts | None = None, features: Features | None = None) -> Draw:
        return replace(
            self,
            facts=self.facts if facts is None else {**self.facts, name: facts},
            features=self.features if features is None else {**self.features, name: features},
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.warning_alarms", description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--counts", type=int, nargs="+", default=[40, 97, 330])
    parser.add_argument("--rounds", type=int, default=200, help="150 without an alarm bound its rate by 2 %%")
    parser.add_argument(
        "--quick",
        action="store_true",
        help=f"only {', '.join(sorted(OF_THE_RUN))}: hundreds of rounds a minute",
    )
    parser.add_argument("--planted", type=int, default=5, metavar="ROUNDS", help="of each planted case")
    parser.add_argument("--cache", type=Path, default=cache_of(root_of(settings().data)))
    options = parser.parse_args(arguments)
    pool, features, images = read_photos(options.photos, options.cache)
    misses = 0

    def asked(draw: Draw, seed: int) -> set[str]:
        said = of_the_run(comparison_of(draw, {}), draw) if options.quick else judge(draw, seed=seed)
        return {one.code for one in said}

    for count in options.counts:
        rng = np.random.default_rng(count)
        alarms: Counter[str] = Counter()
        for done in range(options.rounds):
            draw = drawn(pool, features, count, rng)
            alarms.update(asked(draw, done) - TRUE_OF_SIZE)
        print(f"{count} photos a set, {options.rounds} rounds: false alarms", flush=True)
        for code, times in sorted(alarms.items()) or [("none", 0)]:
            rate, (low, high) = times / options.rounds, exact_share(times, options.rounds)
            misses += rate > MOST_FALSE
            print(
                f"  {code:26}{rate:8.2%} ({low:.2%} to {high:.2%}){'  MISSED' if rate > MOST_FALSE else ''}"
            )
    count, rounds = options.counts[len(options.counts) // 2], options.planted
    print(f"planted in {count} photos a set, {rounds} rounds: found")
    chosen = {code: spoil for code, spoil in PLANTED.items() if not options.quick or code in OF_THE_RUN}
    for code, spoil in chosen.items() if rounds else ():
        rng = np.random.default_rng(7)
        found = sum(
            code in asked(spoil(drawn(pool, features, count, rng, images), rng), n) for n in range(rounds)
        )
        misses += found < LEAST_FOUND * rounds
        print(f"  {code:26}{found / rounds:7.0%}{'  MISSED' if found < LEAST_FOUND * rounds else ''}")
    return int(misses > 0)


def read_photos(folder: Path, cache: Path) -> tuple[SetFacts, Features, Mapping[str, bytes]]:
    """What is known of all photos of a folder, their features, and their contents by digest."""
    store = FeatureCache(cache)
    photos: ImageSet = store.open_set(folder, name="photos")
    chosen = protocol(WITHOUT_WEIGHTS)
    network = load_extractor(chosen)
    found = store.features(
        photos, chosen, lambda: network, weights_sha256=network.info.sha256, runtime=network.info.runtime
    )
    return facts_of("photos", photos, store.seen, max_looks=len(photos)), found.features, _Contents(photos)


class _Contents(dict[str, bytes]):
    """Contents by digest, read when they are asked for."""

    def __init__(self, photos: ImageSet) -> None:
        super().__init__()
        self._items = {item.digest: item for item in photos.items}

    def __missing__(self, digest: str) -> bytes:
        return self._items[digest].read()


def drawn(
    pool: SetFacts, features: Features, count: int, rng: np.random.Generator,
    contents: Mapping[str, bytes] | None = None,
) -> Draw:  # fmt: skip
    """Four disjoint sets; the outputs are named as the true photos."""
    order = rng.permutation(len(pool))[: len(SETS) * count].reshape(len(SETS), count)
    facts = {
        name: SetFacts(
            name,
            tuple(replace(pool.pictures[row], name=f"{place:04d}") for place, row in enumerate(rows)),
        )
        for name, rows in zip(SETS, order, strict=True)
    }
    if contents is not None:
        _CONTENTS.update({p.digest: contents[p.digest] for p in facts["a"].pictures})
        _CONTENTS.update({p.digest: contents[p.digest] for p in facts["real"].pictures})
    return Draw(facts, {name: features[rows] for name, rows in zip(SETS, order, strict=True)})


_CONTENTS: dict[str, bytes] = {}


def judge(draw: Draw, *, seed: int) -> list:
    """Every warning about a draw."""
    names = [picture.name for picture in draw.facts["real"].pictures]
    models = {name: draw.features[name] for name in ("a", "b")}
    given = {name: [picture.name for picture in draw.facts[name].pictures] for name in models}
    tests = {
        key: compare_features(
            draw.features["real"],
            models,
            column=key,
            metric=metric,
            names=given,
            real_names=names,
            permutations=200,
            resamples=100,
            seed=seed,
        )
        for key, metric in ((FD, "fid"), (KD, "kid"))
    }  # type: ignore[arg-type]
    comparison = comparison_of(draw, tests)
    facts = Facts(
        comparison, draw.facts["real"], {name: draw.facts[name] for name in models}, draw.facts["training"],
        draw.features["real"].shape[1], {"a": draw.checkpoints},
    )  # fmt: skip
    return [*of_the_run(comparison, draw), *check(facts)]


def of_the_run(comparison: Comparison, draw: Draw) -> list[Warned]:
    """What only the run itself knows."""
    return [*ignoring(comparison), *memorising(comparison), *without_detector({"a": draw.detector})]


def comparison_of(draw: Draw, tests: Mapping[str, Trusted]) -> Comparison:
    """The result that these tests make."""
    training = draw.features["training"]
    ids = [str(row) for row in range(len(training))]

    def nearest(name: str) -> tuple[tuple[str, float], ...]:
        return tuple(nearest_training(draw.features[name], training, ids))

    columns = [(key, False) for key in tests] + [("l1", True)]
    return Comparison(
        title="draw", created="", seconds={}, settings={}, versions={}, real=_used("real", draw),
        protocol=ProtocolUsed(
            name=FD, key="k", extractor="", weights=draw.weights, weights_sha256="0" * 64, runtime="", decoding="",
            resize="", samples=None, seed=0, reference="",
        ),
        columns=tuple(
            Column(key=key, title=key, unit="", higher_is_better=False, per_case=per_case) for key, per_case in columns
        ),
        models=tuple(
            ModelResult(
                name=name, set=_used(name, draw), nearest_training=nearest(name),
                ignores_input=ignores_input(draw, name),
                scores={key: found.scores[name] for key, found in tests.items()},
            )
            for name in ("a", "b")
        ),
        real_nearest_training=nearest("real"),
        pairs=tuple(pair for found in tests.values() for pair in found.pairs),
        floors=tuple(found.floor for found in tests.values() if found.floor),
        curves=tuple(curve for found in tests.values() for curve in found.curves),
    )  # fmt: skip


def ignores_input(draw: Draw, name: str) -> bool:
    """Whether outputs fit their own photos no better than strangers', by the distances of features."""
    drawn = draw.features[name]
    truths = draw.features["real"][: len(drawn)]
    outputs = draw.answers * truths + (1 - draw.answers) * drawn
    own, control = (
        tuple(np.linalg.norm(outputs - others, axis=1).tolist())
        for others in (truths, np.roll(truths, 1, axis=0))
    )
    return bool(case_scores.ignores_input(own, control))


def _used(name: str, draw: Draw) -> SetUsed:
    return SetUsed(name=name, source=name, kind="folder", digest=name, count=len(draw.facts[name]))


def edited(how: Callable[[Image.Image, int], Image.Image], kind: str = "PNG", **options: object) -> Spoil:
    """Model ``a``'s pictures after an edit, packed anew."""

    def spoil(draw: Draw, _: np.random.Generator) -> Draw:
        pictures = tuple(
            packed(picture, how, number, kind, options)
            for number, picture in enumerate(draw.facts["a"].pictures)
        )
        return draw.with_set("a", replace(draw.facts["a"], pictures=pictures))

    return spoil


def packed(
    picture: Picture, how: Callable[[Image.Image, int], Image.Image], number: int, kind: str, options: Mapping
) -> Picture:
    """A picture after an edit."""
    with Image.open(io.BytesIO(_CONTENTS[picture.digest])) as image:
        buffer = io.BytesIO()
        how(image.convert("RGB"), number).save(buffer, kind, **options)
    data = buffer.getvalue()
    return Picture(picture.name, f"{number:064d}", read_header(data), measure_picture(data))


def clipped(image: Image.Image, _: int) -> Image.Image:
    """Outputs in [-1, 1], saved as if they were in [0, 1]."""
    values = np.asarray(image, np.float32) / 127.5 - 1
    return Image.fromarray((values.clip(0, 1) * 255).astype(np.uint8))


def transparent(image: Image.Image, _: int) -> Image.Image:
    image.putalpha(Image.new("L", image.size, 200))
    return image


def side_by_side(image: Image.Image, _: int) -> Image.Image:
    return Image.fromarray(np.hstack([np.asarray(image), np.asarray(image)[:, ::-1], np.asarray(image)]))


def above_each_other(image: Image.Image, _: int) -> Image.Image:
    return Image.fromarray(np.vstack([np.asarray(image.resize((64, 64)))] * 7))


def copied(source: str, target: str, share: float, *, of_features: bool = True) -> Spoil:
    """A share of one set's pictures among those of another."""

    def spoil(draw: Draw, _: np.random.Generator) -> Draw:
        count = max(1, int(share * len(draw.facts[target])))
        pictures = list(draw.facts[target].pictures)
        pictures[:count] = [
            replace(new, name=old.name)
            for new, old in zip(draw.facts[source].pictures[:count], pictures[:count], strict=True)
        ]
        features = draw.features[target].copy()
        features[:count] = draw.features[source][:count]
        return draw.with_set(
            target, replace(draw.facts[target], pictures=tuple(pictures)), features if of_features else None
        )

    return spoil


def packed_again(draw: Draw, rng: np.random.Generator) -> Draw:
    """Model ``b`` is model ``a`` as JPEG."""
    again = edited(lambda image, _: image, "JPEG", quality=75)(draw, rng).facts["a"]
    return draw.with_set("b", replace(again, name="b"))


def collapsed(draw: Draw, _: np.random.Generator) -> Draw:
    """Model ``a`` draws eight faces again and again, each a little different."""
    rows = np.arange(len(draw.facts["a"])) % 8
    pictures = tuple(
        replace(draw.facts["a"].pictures[row], name=f"{place:04d}") for place, row in enumerate(rows)
    )
    return draw.with_set("a", replace(draw.facts["a"], pictures=pictures), draw.features["a"][rows])


def nearer(draw: Draw, rng: np.random.Generator) -> Draw:
    """Model ``a``'s features are those of training photos, a little noisy."""
    noise = rng.normal(0, 0.05 * draw.features["a"].std(), draw.features["a"].shape)
    return draw.with_set("a", features=(draw.features["training"] + noise).astype(np.float32))


def copies_of_the_truth(draw: Draw, rng: np.random.Generator) -> Draw:
    """Model ``a``'s features are those of the true photos, a little noisy."""
    noise = rng.normal(0, 0.05 * draw.features["a"].std(), draw.features["a"].shape)
    return draw.with_set("a", features=(draw.features["real"] + noise).astype(np.float32))


def shrunk_against_shifted(shrunk: float, shifted: float) -> Spoil:
    """Model ``a`` is not varied enough, ``b`` is wrong on average: FID is told by both, KID by the second."""

    def spoil(draw: Draw, _: np.random.Generator) -> Draw:
        own, other = draw.features["a"], draw.features["b"]
        direction = np.random.default_rng(1).normal(size=own.shape[1])
        move = shifted * own.std(axis=0).mean() * direction / np.linalg.norm(direction)
        less = own.mean(axis=0) + shrunk * (own - own.mean(axis=0))
        return draw.with_set("a", features=less.astype(np.float32)).with_set(
            "b", features=(other + move).astype(np.float32)
        )

    return spoil


def as_drawn(draw: Draw, _: np.random.Generator) -> Draw:
    """What is true of any sets of this size."""
    return draw


def fewer(draw: Draw, _: np.random.Generator) -> Draw:
    """Model ``a`` has half as many images."""
    half = len(draw.facts["a"]) // 2
    facts = replace(draw.facts["a"], pictures=draw.facts["a"].pictures[:half])
    return draw.with_set("a", facts, draw.features["a"][:half])


PLANTED: Mapping[str, Spoil] = {
    "few_images": fewer,
    "rank_deficient": as_drawn,
    "rewards_blur": as_drawn,
    "unequal_counts": fewer,
    "files_left_out": lambda draw, _: draw.with_set("a", replace(draw.facts["a"], left_out=9)),
    "format_mix": edited(lambda image, _: image, "JPEG", quality=60),
    "size_mix": edited(lambda image, _: image.resize((128, 128)), "WEBP", quality=88),
    "grey_mix": edited(lambda image, n: image.convert("L").convert("RGB") if n % 4 == 0 else image, "WEBP"),
    "channels_swapped": edited(lambda image, _: Image.merge("RGB", image.split()[::-1]), "WEBP"),
    "value_range": edited(clipped),
    "transparency": edited(transparent),
    "blurred_outputs": edited(lambda image, _: image.filter(ImageFilter.GaussianBlur(image.width / 170)), "WEBP"),
    "strips": edited(above_each_other),
    "sheets": edited(side_by_side),
    "unmatched_names": lambda draw, _: draw.with_set(
        "a",
        replace(draw.facts["a"], pictures=tuple(replace(p, name=f"x{p.name}") for p in draw.facts["a"].pictures)),
    ),
    "train_in_reference": copied("training", "real", 0.05),
    "duplicates_between_sets": copied("real", "a", 0.05),
    "training_copies": copied("training", "a", 0.05),
    "reencoded_copies": packed_again,
    "repeated_outputs": collapsed,
    "memorised": nearer,
    "below_floor": copies_of_the_truth,
    "metrics_disagree": shrunk_against_shifted(0.5, 6.0),
    "bias_decides": shrunk_against_shifted(0.3, 12.9),
    "ignores_input": lambda draw, _: replace(draw, answers=0.0),
    "no_face_detector": lambda draw, _: replace(draw, detector="its model file is missing."),
    "best_of_checkpoints": lambda draw, _: replace(draw, checkpoints=4),
    "custom_weights": lambda draw, _: replace(draw, weights="custom"),
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
