"""Gather what the warnings look at: once a set, remembered by content, and plain data from there on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import UnsafeImage
from core.image_child import decode_in_child
from eval.comparison.result import Comparison, Estimate
from eval.sets.contents import Header, ImageSet
from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import is_system_file
from eval.warnings.picture_statistics import WHAT, PictureStatistics, measure_picture

KEPT_AT_A_TIME = 128
MAX_LOOKS = 2000  # pictures of a set that are decoded for this; headers and hashes are known of all

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Picture:
    """One picture of a set; ``look`` is None for those that were not decoded."""

    name: str
    digest: str
    header: Header
    look: PictureStatistics | None = None


@dataclass(frozen=True)
class SetFacts:
    """A set of pictures, for the warnings."""

    name: str  # as in the comparison: ``real``, a model's name, ``training``
    pictures: tuple[Picture, ...]
    # Number of files that could not be used, without those that a system keeps in every folder.
    left_out: int = 0

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def looks(self) -> list[PictureStatistics]:
        """Of the pictures that were decoded."""
        return [picture.look for picture in self.pictures if picture.look is not None]

    def share(self, test: Callable[[PictureStatistics], bool]) -> float:
        """Share of the decoded pictures that a test is true of."""
        looks = self.looks
        return sum(map(test, looks)) / len(looks) if looks else 0.0


@dataclass(frozen=True)
class Facts:
    """All that `eval.warnings.CHECKS` look at."""

    comparison: Comparison  # the numbers: scores, pairs, floors, standings, protocol
    # real, models, training: the sets, models by their names in the comparison.
    real: SetFacts
    models: Mapping[str, SetFacts]
    training: SetFacts | None = None
    dimensions: int | None = None  # width of the features, None where it is not known
    # For a model that was chosen among checkpoints, how many there were.
    checkpoints: Mapping[str, int] = field(default_factory=dict)

    @property
    def sets(self) -> tuple[SetFacts, ...]:
        """All that are compared; without the true photos where only their statistics are known."""
        return (*((self.real,) if len(self.real) else ()), *self.models.values())

    def columns(self, metric: str) -> tuple[str, ...]:
        """Keys of the columns of ``fid``, ``kid``, ``precision``...: of features, under whatever name."""
        starts = {"fid": ("fid_", "fd_"), "kid": ("kid_", "kd_")}.get(metric, (f"{metric}_",))
        return tuple(column.key for column in self.comparison.columns if column.key.startswith(starts))

    @property
    def feature_columns(self) -> tuple[str, ...]:
        """Keys of all columns that compare sets by features."""
        return tuple(column.key for column in self.comparison.columns if not column.per_case)

    def score(self, model: str, column: str) -> Estimate | None:
        """A model's number, None where it has none."""
        scores = next((one.scores for one in self.comparison.models if one.name == model), {})
        return scores.get(column)


def gather(
    comparison: Comparison,
    real: ImageSet,
    models: Mapping[str, ImageSet],
    *,
    training: ImageSet | None = None,
    dimensions: int | None = None,
    checkpoints: Mapping[str, int] | None = None,
    seen: FileHashCache | None = None,
    progress: Progress | None = None,
) -> Facts:
    """Gather the facts of a finished comparison.

    Parameters
    ----------
    seen
        Remembers what pictures look like by their content, so that the second time nothing is decoded; see
        `eval.feature_cache.FeatureCache.seen`.
    progress
        Called with pictures looked at and pictures in all.
    """
    memory = seen or FileHashCache(None)
    sets = [("real", real), *models.items(), *([("training", training)] if training is not None else [])]
    total = sum(min(len(images), MAX_LOOKS) for _, images in sets)
    found: dict[str, SetFacts] = {}
    done = 0
    for name, images in sets:
        base = done

        def report(count: int, base: int = base) -> None:
            if progress:
                progress(base + count, total)

        found[name] = facts_of(name, images, memory, report)
        done += min(len(images), MAX_LOOKS)
    return Facts(
        comparison, found["real"], {name: found[name] for name in models},
        found.get("training") if training is not None else None, dimensions, checkpoints or {},
    )  # fmt: skip


def facts_of(
    name: str,
    images: ImageSet,
    seen: FileHashCache,
    progress: Callable[[int], None] | None = None,
    *,
    max_looks: int = MAX_LOOKS,
) -> SetFacts:
    """Facts of one set; of a large one the looks of ``max_looks`` pictures, spread evenly."""
    items = images.items
    chosen: Sequence[int] = range(len(items))
    if len(items) > max_looks:
        chosen = np.linspace(0, len(items) - 1, max_looks).round().astype(int).tolist()
    digests = {items[row].digest for row in chosen}
    known = seen.values.find(WHAT, digests)
    fresh: dict[str, PictureStatistics | None] = {}
    kept = 0
    for done, row in enumerate(chosen, start=1):
        item = items[row]
        if item.digest not in known and item.digest not in fresh:
            try:
                fresh[item.digest] = decode_in_child(measure_picture, item.read())
            except (OSError, UnsafeImage):
                fresh[item.digest] = None  # it is listed elsewhere: the features were not made either
        if len(fresh) - kept >= KEPT_AT_A_TIME:  # who stops this need not wait for it again
            seen.values.keep(WHAT, dict(list(fresh.items())[kept:]))
            kept = len(fresh)
        if progress and (done % 16 == 0 or done == len(chosen)):
            progress(done)
    seen.values.keep(WHAT, dict(list(fresh.items())[kept:]))
    looks = {
        digest: PictureStatistics(*value) if value else None for digest, value in {**known, **fresh}.items()
    }
    pictures = tuple(Picture(item.name, item.digest, item.header, looks.get(item.digest)) for item in items)
    return SetFacts(name, pictures, sum(not is_system_file(one.name) for one in images.left_out))
