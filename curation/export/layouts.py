"""Where the pictures of an export lie.

``pairs``: ``photos/NAME.png`` and ``sketches/NAME.png``, as `curation.run` leaves them and training reads
them; the split is a column of the manifest. ``imagefolder``: the same two folders below ``train``,
``validation`` and ``test``, each with the ``metadata.jsonl`` that Hugging Face's ImageFolder reads.
"""

from __future__ import annotations

from typing import Literal

from curation.export.splits import NONE, TEST, TRAIN, VAL

Kind = Literal["pairs", "imagefolder"]
KINDS: tuple[Kind, ...] = ("pairs", "imagefolder")
SPLIT_FOLDERS = {TRAIN: "train", VAL: "validation", TEST: "test", NONE: "none"}
SHORT_NAME = 16


def photo_place(kind: Kind, split: str, name: str) -> str:
    """Path of a photo below the export."""
    return f"{_folder(kind, split)}photos/{name}.png"


def sketch_place(kind: Kind, split: str, name: str) -> str:
    """Path of a sketch below the export."""
    return f"{_folder(kind, split)}sketches/{name}.png"


def _folder(kind: Kind, split: str) -> str:
    return f"{SPLIT_FOLDERS[split]}/" if kind == "imagefolder" else ""


def short_names(ids: tuple[str, ...]) -> dict[str, str]:
    """A name for each image: the first digits of its id, as many as tell all of them apart."""
    length = SHORT_NAME
    while len({image_id[:length] for image_id in ids}) < len(ids):
        length += 8
    return {image_id: image_id[:length] for image_id in ids}
