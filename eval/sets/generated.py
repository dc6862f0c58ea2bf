"""Generate a set of photos with a model of the studio, and keep it.

Each set lies in a folder named by all that it depends on: the weights of both stages, the sketches, and the
settings. Pictures appear one by one and whole, so a run that was stopped goes on where it was, and a finished
set is opened without loading a network.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.atomic_files import write_atomically
from core.config import settings
from core.conversion.settings import MODES, STAGE1_KINDS, ConversionSettings
from core.errors import AssetMissing, UnsafeImage
from core.face_parts.layout import PART_BANKS_FILE, PARTS_FILE
from core.generate import generated_by, read_sketch
from core.images import encode_png
from core.models.folder import AUTOENCODER_FILE, BANK_FILE, generator_file, list_models, models_folder
from eval.comparison.result import LeftOut
from eval.decoding import decode_as_seen
from eval.extractors import file_sha256
from eval.sets.contents import ImageSet, Item
from eval.sets.file_hash_cache import FileHashCache
from eval.sets.folders import open_set
from eval.sets.pairs_folder import is_pairs_folder, read_pairs_folder

if TYPE_CHECKING:
    from core.pipeline import FaceResult

ABOUT_FILE = "about.json"


@dataclass(frozen=True)
class About:
    """What a generated set was made by, and how long it took."""

    version: int
    generator: str
    stage1: str
    mode: str
    t: float
    k: int
    seed: int
    runtime: str
    device: str
    weights: Mapping[str, str]  # sha256 by file
    sketches: str  # digest of the sketches
    # Sketches that nothing was drawn from, because they are empty or damaged, and why.
    blank: Mapping[str, str]
    ms_per_image: float | None = None  # median from drawing to photo, None before one was drawn

    @property
    def key(self) -> str:
        """Changes with everything that the pictures depend on."""
        facts = asdict(replace(self, blank={}, ms_per_image=None))
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def read_about_file(folder: Path) -> About | None:
    """Give what is known of the set in a folder; None if it is not there, or cut short: it only saves time."""
    try:
        return About(**json.loads((folder / ABOUT_FILE).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def write_about_file(folder: Path, about: About) -> None:
    """Keep what is known of the set in a folder, which also marks it as used now."""
    facts: dict[str, Any] = asdict(about)
    write_atomically(folder / ABOUT_FILE, (json.dumps(facts, indent=1, sort_keys=True) + "\n").encode())


Pipeline = Callable[..., "FaceResult"]


def weight_files(generator: str, stage1: str, mode: str, weights: Path | None = None) -> list[Path]:
    """Every file that a photo depends on, there or not.

    Raises
    ------
    ValueError
        If there is no such generator.
    """
    weights = settings().weights if weights is None else weights
    stage1_files = [AUTOENCODER_FILE, BANK_FILE] if stage1 == "whole" else [PARTS_FILE, PART_BANKS_FILE]
    files = [generator_file(weights, generator)]
    return files + [weights / name for name in stage1_files] if mode != "none" else files


def weight_hashes(weights: Path, generator: str, stage1: str, mode: str) -> dict[str, str]:
    """sha256 of each file that a photo depends on, by the files' names.

    Raises
    ------
    ValueError
        If there is no such generator.
    AssetMissing
        If a file is not there.
    """
    files = weight_files(generator, stage1, mode, weights)
    if absent := [path.name for path in files if not path.is_file()]:
        raise AssetMissing(f"{', '.join(absent)} missing in {weights}. Restore with git, or train anew.")
    return {path.name: file_sha256(path) for path in files}


@dataclass(frozen=True)
class ModelFacts:
    """Numbers in the weights of both stages, and milliseconds from drawing to photo when they were drawn here."""

    parameters: int
    ms_per_image: float | None


def model_facts(images: ImageSet, wanted: ConversionSettings) -> ModelFacts:
    """Tell size and speed of the model that drew a set."""
    known = {file.path: file.parameters for file in list_models(settings().weights, models_folder())}
    files = weight_files(wanted.generator, wanted.stage1, wanted.mode)
    about = read_about_file(images.folder.parent) if images.folder else None
    total = sum(known.get(path, 0) for path in files if path.name not in (BANK_FILE, PART_BANKS_FILE))
    return ModelFacts(total, about.ms_per_image if about else None)


PHOTOS, SKETCHES, REFINED = "photos", "sketches", "refined"
LOOKED_AT, COLOURED = 8, 10.0  # pictures of a folder; grey levels between a pixel's channels, on average
KEPT_SETS, IN_USE_S = 60, 86_400
VERSION = 1  # of what is drawn from the same files; part of the key


def generate_set(
    wanted: ConversionSettings,
    data: Path,
    out: Path,
    *,
    split: str = "val",
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    load: Callable[[], Pipeline],
    seen: FileHashCache | None = None,
) -> ImageSet:
    """Draw a photo from every sketch of a split, or go on doing so, or open what is there.

    Parameters
    ----------
    wanted
        As for `core.pipeline.SketchToFacePipeline`; without settings of single parts.
    data
        A pairs folder or an exported version; a plain folder of sketches is taken whole.
    out
        Folder of generated sets; this one becomes ``OUT/GENERATOR-STAGE1-KEY`` with ``photos/``,
        ``sketches/`` and ``refined/``, all named as the photos that the sketches were made from.
    seed
        Part of the key; the networks themselves draw nothing at random.
    progress
        Called with photos that are there and sketches in all. What it raises ends the work.
    load
        Gives the pipeline, if anything is to be drawn; share one among several sets.
    seen
        See `eval.sets.folders.open_set`.

    Raises
    ------
    FileNotFoundError, ValueError
        If the data, the split or the generator is not there, or a setting is out of range.
    AssetMissing
        If weights are missing.
    """
    generator, stage1, mode = wanted.generator, wanted.stage1, wanted.mode
    if stage1 not in STAGE1_KINDS or mode not in MODES:
        raise ValueError(
            f"stage1 must be of {', '.join(STAGE1_KINDS)} and mode of {', '.join(MODES)}; got {stage1!r}, {mode!r}."
        )
    sketches = _sketches(Path(data), split, seen)
    chosen = settings()
    about = About(
        VERSION, generator, stage1, mode, float(wanted.t), int(wanted.k), int(seed), chosen.runtime, chosen.device,
        weight_hashes(chosen.weights, generator, stage1, mode), sketches.digest, {},
    )  # fmt: skip
    folder = Path(out) / f"{generator}-{stage1}-{about.key}"
    about = _draw_missing(about, sketches, folder, load, progress)
    _forget_old(Path(out), folder)
    made = open_set(folder / PHOTOS, name=f"{generator}, {stage1}", seen=seen)
    blank = [LeftOut(name=name, reason=reason) for name, reason in sorted(about.blank.items())]
    source = f"model {generator}, stage 1 {stage1}, {mode}, t {wanted.t:g}, on {Path(data).name} ({split})"
    made = made.only({item.name for item in sketches.items})
    return replace(made, kind="model", source=source, left_out=(*made.left_out, *blank))


def refined_of(images: ImageSet) -> ImageSet | None:
    """Give the refined drawings beside a generated set; None for any other set."""
    if images.kind != "model" or images.folder is None or not (images.folder.parent / REFINED).is_dir():
        return None
    return open_set(images.folder.parent / REFINED).only(set(images.names))


def _draw_missing(
    about: About,
    sketches: ImageSet,
    folder: Path,
    load: Callable[[], Pipeline],
    progress: Callable[[int, int], None] | None,
) -> About:
    """Draw what is not there yet; gives what is known of the set now."""
    for place in (PHOTOS, SKETCHES, REFINED):
        (folder / place).mkdir(parents=True, exist_ok=True)
    before = read_about_file(folder) or about
    blank = dict(before.blank)
    missing = [
        item
        for item in sketches.items
        if item.name not in blank and not (folder / PHOTOS / f"{item.name}.png").is_file()
    ]
    if not missing:
        write_about_file(folder, before)
        return before
    assert sketches.folder is not None
    if progress:  # loading may take a minute
        progress(len(sketches) - len(missing), len(sketches))
    pipeline = load()
    took = []
    for done, item in enumerate(missing, start=len(sketches) - len(missing) + 1):
        try:
            data = item.read()
            result = pipeline(
                read_sketch(sketches.folder / item.file), generator=about.generator, stage1=about.stage1,
                mode=about.mode, t=about.t, k=about.k,
            )  # fmt: skip
            if result.photo is None or result.refined_sketch is None:
                blank[item.name] = "The drawing is blank."
            else:
                _keep(folder, item.name, data, result, about.generator)
                took.append(result.timings["total"])
        except UnsafeImage as error:
            blank[item.name] = str(error)
        if progress:
            progress(done, len(sketches))
    speed = round(statistics.median(took), 1) if took else before.ms_per_image
    after = replace(about, blank=blank, ms_per_image=speed)
    write_about_file(folder, after)
    return after


def _keep(folder: Path, name: str, sketch: bytes, result: FaceResult, generator: str) -> None:
    """Write the three pictures of a case; the photo last, so that where it is the others are."""
    assert result.photo is not None and result.refined_sketch is not None
    text = generated_by(generator)
    pictures = (
        (SKETCHES, sketch),
        (REFINED, encode_png(result.refined_sketch)),
        (PHOTOS, encode_png(result.photo, text, compress_level=1)),
    )
    for place, data in pictures:
        path = folder / place / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data, durable=False)


def _sketches(data: Path, split: str, seen: FileHashCache | None) -> ImageSet:
    if is_pairs_folder(data):
        pairs = read_pairs_folder(data, split)
        found = open_set(pairs.sketches, seen=seen).only(pairs.names)
        if len(found) < len(pairs.names):
            absent = sorted(set(pairs.names) - set(found.names))
            raise FileNotFoundError(
                f"{pairs.sketches} lacks {len(absent)} of {len(pairs.names)} sketches, first {absent[0]}. "
                "Run python -m curation.run again, or export the version anew."
            )
        return found
    found = open_set(data / SKETCHES if (data / SKETCHES).is_dir() else data, seen=seen)
    some = [found.items[row] for row in np.unique(np.linspace(0, len(found) - 1, LOOKED_AT).astype(int))]
    if sum(map(_is_coloured, some)) > len(some) / 2:
        raise ValueError(
            f"{data} holds photos, not sketches: its pictures are coloured. Make pairs of them with python -m "
            "curation.run, or name a folder of drawings."
        )
    return found


def _is_coloured(item: Item) -> bool:
    try:
        photo = decode_as_seen(item.read()).astype(np.int16)
    except (UnsafeImage, OSError):
        return False
    return float((photo.max(axis=2) - photo.min(axis=2)).mean()) > COLOURED


def _forget_old(out: Path, keep: Path) -> None:
    """Remove sets beyond the newest ones, unless somebody may be using them."""
    sets = [(about.stat().st_mtime, about.parent) for about in out.glob(f"*/{ABOUT_FILE}")]
    for used, folder in sorted(sets, reverse=True)[KEPT_SETS:]:
        if folder != keep and time.time() - used > IN_USE_S:
            shutil.rmtree(folder, ignore_errors=True)
