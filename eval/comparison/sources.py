"""From a request to the sets of images that it means."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

from eval.comparison.request import ComparisonRequest, GeneratorSource
from eval.protocols import EvaluationProtocol
from eval.sets.contents import ImageSet
from eval.sets.folders import open_set
from eval.sets.labels import in_words, read_labels
from eval.sets.pairs_folder import PairsFolder, is_pairs_folder, read_pairs_folder

StageProgress = Callable[[str, int, int], None]
Generate = Callable[[GeneratorSource, Callable[[int, int], None]], ImageSet]
Open = Callable[..., ImageSet]
FEWEST = 2  # pictures of a set
PairsOf = Callable[[Path, str], PairsFolder]


@dataclass(frozen=True)
class Material:
    """All sets of a comparison."""

    # real, fakes: the images that are scored, after the protocol's choice of samples.
    real: ImageSet
    fakes: Mapping[str, ImageSet]
    # Further sets of a model, by training step.
    checkpoints: Mapping[str, Mapping[int, ImageSet]] = field(default_factory=dict)
    # sketches, training: None where they are not known.
    sketches: ImageSet | None = None
    training: ImageSet | None = None
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # by name of the case
    sources: Mapping[str, GeneratorSource] = field(default_factory=dict)  # where a model's set was generated

    @property
    def case_names(self) -> tuple[str, ...]:
        """Inputs that at least one model answered, in the order of the real set."""
        answered = {name for images in self.fakes.values() for name in images.names}
        return tuple(name for name in self.real.names if name in answered)


def gather(
    request: ComparisonRequest,
    protocol: EvaluationProtocol,
    generate: Generate,
    *,
    progress: StageProgress,
    open_set: Open = open_set,
) -> Material:
    """Open every set of a request, and then have those of generators made.

    Parameters
    ----------
    generate
        Makes the set of a generator; told how far it is.
    open_set
        `eval.sets.folders.open_set`, or one that remembers.

    Raises
    ------
    FileNotFoundError, ValueError
        If a set is not there, is empty, or has fewer images than the protocol takes.
    """

    pairs_of = cache(read_pairs_folder)  # a manifest is asked for its photos, its sketches and its labels

    def look(path: Path, name: str, split: str) -> ImageSet:
        def show(done: int, total: int) -> None:
            progress(f"reading {name}", done, total)

        if name == "real" and is_statistics(path):
            return statistics_set(path)
        if not is_pairs_folder(path):
            return open_set(path, name=name, progress=show)
        pairs = pairs_of(path, split)
        found = open_set(pairs.photos, name=name, progress=show).only(pairs.names)
        return replace(found, source=f"{split} photos of {path.name or path}")

    real = _picked(look(request.real, "real", request.split), protocol)
    ready = {
        name: _picked(look(source, name, request.split), protocol)
        for name, source in request.fakes.items()
        if isinstance(source, Path)
    }
    steps = {
        name: {step: look(path, f"{name} at {step}", request.split) for step, path in sorted(some.items())}
        for name, some in request.checkpoints.items()
    }
    for images in (
        *(() if real.statistics else (real,)),
        *ready.values(),
        *(one for some in steps.values() for one in some.values()),
    ):
        _check_size(images)
    training = look(request.training, "training", "train") if request.training else None
    sketches, labels = _sketches(request, open_set, pairs_of), _labels(request, real, pairs_of)
    fakes, sources = {}, {}
    for (
        name,
        source,
    ) in request.fakes.items():  # last of all: drawing takes the longest, and all else may fail
        if isinstance(source, GeneratorSource):
            made = generate(source, partial(progress, f"drawing {name}"))
            fakes[name] = _picked(replace(made, name=name), protocol)
            sources[name] = source
        else:
            fakes[name] = ready[name]
    return Material(real, fakes, steps, sketches, training, labels, sources)


def checkpoints_of(folder: Path) -> dict[int, Path]:
    """Folders of samples by training step: the numbers that subfolders' names end with (``step_002000``).

    Raises
    ------
    ValueError
        If there is none.
    """
    found = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        digits = path.name[len(path.name.rstrip("0123456789")) :]
        if path.is_dir() and digits:
            found[int(digits)] = path
    if not found:
        raise ValueError(f"{folder} holds no folder whose name ends with a step, such as step_002000.")
    return found


def _sketches(request: ComparisonRequest, opened: Open, pairs_of: PairsOf) -> ImageSet | None:
    source = request.sketches or request.real
    if is_pairs_folder(source):
        pairs = pairs_of(source, request.split)
        return opened(pairs.sketches, name="sketches").only(pairs.names)
    return opened(source, name="sketches") if request.sketches is not None else None


def _labels(request: ComparisonRequest, real: ImageSet, pairs_of: PairsOf) -> dict[str, dict[str, str]]:
    labels = in_words({item.name: dict(item.labels) for item in real.items if item.labels})
    if is_pairs_folder(request.real):
        for name, own in pairs_of(request.real, request.split).labels.items():
            labels[name] = {**labels.get(name, {}), **own}
    if request.labels is not None:
        for name, own in read_labels(request.labels, real.names).items():
            labels[name] = {**labels.get(name, {}), **own}
    return labels


def _check_size(images: ImageSet) -> None:
    if len(images) < FEWEST:
        raise ValueError(
            f"{images.name} ({images.source}) holds {len(images)} picture; a distance needs at least {FEWEST}. "
            "Add pictures, or name another set."
        )


def is_statistics(path: Path) -> bool:
    """Tell whether a path is a file of precomputed statistics, as pytorch-fid, TTUR and clean-fid write them."""
    return path.suffix.lower() == ".npz" and path.is_file()


def statistics_set(path: Path) -> ImageSet:
    """A reference of which only mean and covariance are known: a set without pictures."""
    return ImageSet(
        "real",
        "memory",
        f"statistics {path.name}",
        (),
        statistics=hashlib.sha256(path.read_bytes()).hexdigest(),
    )


def _picked(images: ImageSet, protocol: EvaluationProtocol) -> ImageSet:
    if images.statistics:
        return images
    chosen = protocol.pick(images.names)
    return images if len(chosen) == len(images) else images.only([images.names[i] for i in chosen])
