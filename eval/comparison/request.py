"""Describe what a comparison compares: plain data that the command line and the page write and a job reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.atomic_files import write_atomically
from core.conversion.settings import ConversionSettings, Mode, Stage1
from eval.metrics.registry import METRICS
from eval.protocols import WITHOUT_WEIGHTS, protocol

REQUEST_FILE = "request.json"
USUAL = ConversionSettings()


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class GeneratorSource(_Part):
    """A generator that draws its own set: every sketch of a pairs folder or of an exported version."""

    generator: str
    stage1: Stage1 = USUAL.stage1
    data: Path  # a pairs folder (photos/, sketches/, manifest.jsonl) or an exported version
    split: str = "val"
    mode: Mode = USUAL.mode
    t: float = Field(USUAL.t, ge=0, le=1)
    k: int = Field(USUAL.k, ge=1)

    @property
    def settings(self) -> ConversionSettings:
        """How the generator is asked."""
        return ConversionSettings(self.t, self.k, self.mode, self.stage1, self.generator)


class ComparisonRequest(_Part):
    """A comparison as it was asked for."""

    title: str = "Comparison"
    # The true photos: a folder, a zip, a Hugging Face ImageFolder, or a pairs folder / exported version, of which
    # ``split`` is taken.
    real: Path
    # Name of each model, and its set: a path like ``real``, or a generator that makes one.
    fakes: dict[str, Path | GeneratorSource] = Field(min_length=1)
    # Further sets of a model by training step, for the curve over a run: ``{"cyclegan": {2000: DIR}}``.
    checkpoints: dict[str, dict[int, Path]] = {}
    split: str = "val"
    protocol: str = WITHOUT_WEIGHTS
    weights: Path | None = None
    lpips: Path | None = None
    # What the models were trained on, for the nearest training photo; a pairs folder means its train split.
    training: Path | None = None
    # The drawings the outputs were made from, by name. Known already where ``real`` is a pairs folder.
    sketches: Path | None = None
    # A ``metadata.csv`` or ``metadata.jsonl`` that says of each file (``file_name``) what the filter offers.
    labels: Path | None = None
    # Names of `eval.metrics.registry`; empty for all. With ``fid`` alone memory does not grow with the sets.
    metrics: tuple[str, ...] = ()
    # A folder of drawings without a truth: generators draw them for the page, nothing scores them.
    drawings: Path | None = None
    pictures: bool = True
    seed: int = 0
    permutations: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    resamples: Annotated[int, Field(ge=0, le=1_000_000)] = 400

    def wants(self, metric: str) -> bool:
        """Tell whether a metric is to be computed."""
        return not self.metrics or metric in self.metrics

    @model_validator(mode="after")
    def _names(self) -> ComparisonRequest:
        for name in self.fakes:
            if not name.strip() or name == "real":
                raise ValueError(f"a model needs a name other than 'real', got {name!r}.")
        if strangers := sorted(set(self.checkpoints) - set(self.fakes)):
            raise ValueError(
                f"checkpoints of {', '.join(strangers)}, which is none of {', '.join(self.fakes)}."
            )
        known = {*METRICS, "lpips", "face_found"}
        if unknown := [name for name in self.metrics if name not in known]:
            raise ValueError(
                f"metrics {', '.join(unknown)} are not known. Valid names: {', '.join(sorted(known))}."
            )
        return self


def write_request(folder: Path, request: ComparisonRequest) -> Path:
    """Keep a request in a comparison's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REQUEST_FILE
    write_atomically(path, (request.model_dump_json(indent=1) + "\n").encode())
    return path


def read_request(path: Path) -> ComparisonRequest:
    """Read what `write_request` wrote: the file itself, or the folder that holds it.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is damaged.
    """
    path = path / REQUEST_FILE if path.is_dir() else path
    text = path.read_text("utf-8")
    try:
        return ComparisonRequest.model_validate_json(text)
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). Start the comparison anew.") from error


def check_request(request: ComparisonRequest) -> None:
    """Refuse what is known to fail later, before a picture is read or drawn.

    Raises
    ------
    ValueError
        Naming the first thing that is not there: a file, a split of a pairs folder, a generator, the protocol's
        weights, or images for its number of samples.
    """
    from eval.sets.labels import read_labels
    from eval.sets.pairs_folder import is_pairs_folder, read_pairs_folder

    _check_paths(request)
    chosen = protocol(request.protocol)
    _check_programs(request)
    if chosen.is_fid and request.weights is None:
        _check_inception(chosen.name)
    for source in request.fakes.values():
        if isinstance(source, GeneratorSource):
            _check_generator(source, request.real)
    splits = [(request.real, request.split)]
    splits += [(one, request.split) for one in request.fakes.values() if isinstance(one, Path)]
    splits += [(one.data, one.split) for one in request.fakes.values() if isinstance(one, GeneratorSource)]
    for path, split in dict.fromkeys(splits):
        if is_pairs_folder(path):
            chosen.pick(read_pairs_folder(path, split).names)
    if request.training is not None and is_pairs_folder(request.training):
        read_pairs_folder(request.training, "train")
    if request.labels is not None:
        read_labels(request.labels, ())


def _check_paths(request: ComparisonRequest) -> None:
    single = (
        request.real, request.weights, request.lpips, request.training, request.sketches, request.labels,
        request.drawings,
    )  # fmt: skip
    paths = [path for path in single if path is not None]
    sources = request.fakes.values()
    paths += [source.data if isinstance(source, GeneratorSource) else source for source in sources]
    paths += [path for steps in request.checkpoints.values() for path in steps.values()]
    for path in paths:
        if not path.exists():
            raise ValueError(
                f"{path} is not there. Name a folder or file on the machine that the server runs on."
            )


def _check_programs(request: ComparisonRequest) -> None:
    """Networks of a user's own, which would not be run."""
    from eval.own_network import check_own_network  # torch: a request is read without it
    from eval.torchscript import read_allowed

    if request.weights is not None and protocol(request.protocol).is_own:
        check_own_network(request.weights)
    if request.lpips is not None:
        read_allowed(request.lpips)


def _check_inception(name: str) -> None:
    from eval.inception import ASSET, find_inception

    if find_inception() is None:
        raise ValueError(
            f"{name} needs {ASSET.name} ({ASSET.size_bytes / 1e6:.0f} MB), which is not on this machine. Name the "
            f"file as its weights, or measure with {WITHOUT_WEIGHTS}."
        )


def _check_generator(source: GeneratorSource, real: Path) -> None:
    from eval.sets.generated import weight_files
    from eval.sets.pairs_folder import MANIFEST, is_pairs_folder

    if source.data == real and not is_pairs_folder(real):
        raise ValueError(
            f"{real} holds no pairs: generators draw from sketches, and it has no {MANIFEST} with photos/ and "
            "sketches/. Make pairs of your photos with python -m curation.run, or name photos and drawings apart."
        )
    if absent := [
        one for one in weight_files(source.generator, source.stage1, source.mode) if not one.is_file()
    ]:
        raise ValueError(
            f"{source.generator} cannot draw: {absent[0]} is missing. Restore it, or train anew."
        )
