"""Import of a Pascal VOC dataset: an XML file for each picture, whose objects become labels."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from core.names import find_file
from curation.ingest import find_files
from curation.intake.imports import dataset_item
from curation.intake.ingestion import IntakeItem
from curation.library.records import Provenance

MAX_XML_BYTES = 5_000_000


def read_voc(folder: Path, provenance: Provenance) -> list[IntakeItem]:
    """List the pictures that a Pascal VOC dataset's annotations name.

    An image carries the names of all objects on it; boxes are not used.

    Parameters
    ----------
    folder
        With XML files anywhere below it (as a rule in ``Annotations/``). A picture lies under its
        ``filename`` in ``JPEGImages/``, ``images/``, the folder itself, beside its XML file, or in the
        ``folder`` that this names.

    Raises
    ------
    ValueError
        If there is no annotation, or one is not of this format.
    """
    tables = [name for name in find_files(folder) if name.lower().endswith(".xml")]
    if not tables:
        raise ValueError(f"{folder} holds no Pascal VOC annotations (*.xml, as a rule in Annotations/).")
    return [_item(folder, folder / name, provenance) for name in tables]


def _item(folder: Path, table: Path, provenance: Provenance) -> IntakeItem:
    root = _read(table)
    file_name = (root.findtext("filename") or "").strip()
    if root.tag != "annotation" or not file_name:
        raise ValueError(f"{table} is not of Pascal VOC's format: expected an annotation with a filename.")
    places = [folder / "JPEGImages", folder / "images", folder, table.parent]
    if (told := (root.findtext("folder") or "").strip()) and ".." not in told:
        places.append(folder / told.replace("\\", "/").lstrip("/"))
    place = next((each for each in places if find_file([each], file_name).is_file()), places[0])
    labels = [each.findtext("name") for each in root.iter("object")]
    return dataset_item(place, file_name, provenance, labels)


def _read(path: Path) -> ElementTree.Element:
    data = path.read_bytes() if path.stat().st_size <= MAX_XML_BYTES else b""
    if not data or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ValueError(f"{path} is too large, empty, or defines entities, which are not read.")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{path} is no XML: {error}.") from error
