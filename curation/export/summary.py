"""What came of an export, in numbers and sentences."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from curation.export.layouts import Kind
from curation.export.splits import NONE, TRAIN, VAL, Fractions

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
