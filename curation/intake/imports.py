"""Share what readers of datasets need: paths that stay inside, labels that are text.

The formats themselves are read by libraries where one exists that is fit to depend on: COCO by pycocotools
(`curation.intake.imports_coco`), Hugging Face's ImageFolder by datasets (`curation.intake.imports_imagefolder`).
FiftyOne brings a database server, so its documented ``labels.json`` is read as plain JSON
(`curation.intake.imports_fiftyone`). Pictures take the same way through `curation.intake.children` as any
stranger's file; class names become labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.names import find_file, normal_name
from curation.intake.children import PictureFile
from curation.intake.ingestion import IntakeItem, plain_name
from curation.intake.refusal import RejectedFile
from curation.library.records import MAX_LABEL, Provenance

MAX_TABLE_BYTES = 2_000_000_000


def dataset_item(
    folder: Path, name: str, provenance: Provenance, labels: Iterable[object] = ()
) -> IntakeItem:
    """Make one picture of a dataset, named in ``provenance``; it is refused if ``name`` leads out of ``folder``.

    Parameters
    ----------
    name
        Path below ``folder``, as the dataset's table has it, which another system may have written.
    """
    path = find_file([folder], name)
    content = PictureFile(str(path))
    is_below = ".." not in re.split(r"[/\\]", name)
    is_inside = path.parent.resolve().is_relative_to(folder.resolve()) and is_below
    refusal = (
        None if is_inside else RejectedFile("unsafe_name", "Its path leads out of the dataset's folder.")
    )
    return IntakeItem(content, replace(provenance, name=plain_name(name)), clean_labels(labels), refusal)


def clean_labels(labels: Iterable[object]) -> tuple[str, ...]:
    """Write labels as the library writes them, cut to its length; what is empty is left out."""
    lines = (" ".join(normal_name(str(label)).split()) for label in labels if label is not None)
    return tuple(sorted({plain_name(line).casefold()[:MAX_LABEL].strip() for line in lines} - {""}))


def text_of(value: object) -> str:
    """Write a table's value as text for provenance: nothing for what is missing, no control characters."""
    return plain_name(value.strip()) if isinstance(value, str) else ""


def read_json(path: Path) -> dict[str, Any]:
    """Read a dataset's table.

    Raises
    ------
    ValueError
        If it is missing, too large or no JSON object.
    """
    if not path.is_file():
        raise ValueError(f"{path} is missing. Name the folder of a dataset of this format.")
    if path.stat().st_size > MAX_TABLE_BYTES:
        raise ValueError(f"{path} is larger than {MAX_TABLE_BYTES / 1e9:g} GB. Split the dataset.")
    try:
        table = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON: {error}.") from error
    if not isinstance(table, dict):
        raise ValueError(f"{path} holds a {type(table).__name__}, expected an object.")
    return table
