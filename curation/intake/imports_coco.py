"""Import of a COCO dataset: categories become labels, licences and addresses provenance."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.names import find_file
from curation.intake.imports import MAX_TABLE_BYTES, dataset_item, text_of
from curation.intake.ingestion import IntakeItem
from curation.library.records import Provenance


def read_coco(folder: Path, provenance: Provenance) -> list[IntakeItem]:
    """List the pictures that a COCO dataset's annotation files list.

    An image carries the names of all categories that are annotated on it; boxes and masks are not used.

    Parameters
    ----------
    folder
        With ``*.json`` in it or in ``annotations/``; those that list no images are passed over. Pictures lie
        under their ``file_name`` in ``folder``, ``images/``, ``data/``, or a folder named like the split
        (``train2017/`` for ``instances_train2017.json``).
    provenance
        For all pictures; licence and address of a picture win where the dataset has them.

    Raises
    ------
    ValueError
        If there is no annotation file, or one is not of this format.
    """
    items: list[IntakeItem] = []
    tables = _annotation_files(folder)
    others = []
    for table in tables:
        coco = _read(table)
        if "images" in coco.dataset:
            items += _items(folder, table, coco, provenance)
        else:
            others.append(table)
    if others == tables:
        raise ValueError(f"{tables[0]} lists no images, as an annotation file of COCO does.")
    return items


def _annotation_files(folder: Path) -> list[Path]:
    found = [*sorted(folder.glob("*.json")), *sorted((folder / "annotations").glob("*.json"))]
    found = [path for path in found if path.is_file() and not path.is_symlink()]
    if not found:
        raise ValueError(f"{folder} holds no COCO annotations (*.json, annotations/*.json).")
    return found


def _items(folder: Path, table: Path, coco: Any, provenance: Provenance) -> Iterator[IntakeItem]:
    licences = _by_id(coco.dataset.get("licenses", ()))
    places = _places(folder, table)
    try:
        for image_id, image in coco.imgs.items():
            file_name = str(image["file_name"])
            place = next((each for each in places if find_file([each], file_name).is_file()), places[0])
            numbers = {entry["category_id"] for entry in coco.imgToAnns[image_id]}
            labels = [coco.cats[number]["name"] for number in numbers if number in coco.cats]
            where = _provenance(image, licences, provenance)
            yield dataset_item(place, file_name, where, labels)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{table} is not of COCO's format: {error!r} where an image is expected.") from error


def _read(table: Path) -> Any:
    from pycocotools.coco import COCO

    if table.stat().st_size > MAX_TABLE_BYTES:
        raise ValueError(f"{table} is larger than {MAX_TABLE_BYTES / 1e9:g} GB. Split the dataset.")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it reports its progress there
            coco = COCO(str(table))
    except (ValueError, KeyError, TypeError, AssertionError, AttributeError, RecursionError) as error:
        raise ValueError(f"{table} is not of COCO's format: {error}.") from error
    return coco


def _places(folder: Path, table: Path) -> list[Path]:
    splits = [folder / part for part in table.stem.split("_")]
    images = [folder / "images" / part for part in table.stem.split("_")]
    return [folder, folder / "images", folder / "data", *splits, *images]


def _provenance(image: dict[str, Any], licences: dict[Any, Any], provenance: Provenance) -> Provenance:
    licence = licences.get(image.get("license"), {})
    licence_text = " ".join(filter(None, (text_of(licence.get("name")), text_of(licence.get("url")))))
    return replace(
        provenance,
        url=text_of(image.get("coco_url")) or text_of(image.get("flickr_url")) or provenance.url,
        page=text_of(image.get("flickr_url")) or provenance.page,
        licence=licence_text or provenance.licence,
        author=text_of(image.get("author")) or provenance.author,
    )


def _by_id(rows: object) -> dict[Any, Any]:
    if not isinstance(rows, list):
        return {}
    return {row["id"]: row for row in rows if isinstance(row, dict) and "id" in row}
