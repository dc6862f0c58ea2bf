"""Choose the right way in for what a person names: folder, archive, list of addresses, picture, dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from curation.intake.archives import take_archive
from curation.intake.children import PictureFile
from curation.intake.folders import take_folder
from curation.intake.imports_coco import read_coco
from curation.intake.imports_fiftyone import read_fiftyone
from curation.intake.imports_imagefolder import read_imagefolder
from curation.intake.imports_voc import read_voc
from curation.intake.imports_yolo import read_yolo
from curation.intake.ingestion import IntakeItem, IntakeResult, ingest_bytes, ingest_pictures, plain_name
from curation.intake.picture import is_zip, sniff
from curation.intake.refusal import RejectedFile
from curation.library.records import Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

Progress = Callable[[int, int], None]
IMPORTERS: dict[str, Callable[[Path, Provenance], list[IntakeItem]]] = {
    "coco": read_coco, "yolo": read_yolo, "voc": read_voc, "imagefolder": read_imagefolder,
    "fiftyone": read_fiftyone,
}  # fmt: skip
LIST_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet", ".txt"})


@dataclass(frozen=True)
class Origin:
    """What the person says about where pictures come from; holds for all that is added together."""

    source: str = ""  # in place of ``folder:NAME``, ``archive:NAME`` and so on
    licence: str = ""
    author: str = ""
    page: str = ""
    uploader: str = ""

    def provenance(self, source: str) -> Provenance:
        texts = {name: plain_name(text) for name, text in asdict(self).items()}
        return Provenance(**{**texts, "source": texts["source"] or source})


NO_ORIGIN = Origin()


def add_source(
    library: Library,
    source: Path,
    origin: Origin = NO_ORIGIN,
    *,
    kind: str = "auto",
    progress: Progress | None = None,
    workers: int | None = None,
    remember: bool = True,
    follow_links: bool = False,
) -> Iterator[IntakeResult]:
    """Add one folder, archive, list of addresses or picture; see `curation.add`.

    Parameters
    ----------
    kind
        ``auto``, or one of `IMPORTERS` to read a folder as a dataset.
    follow_links
        See `curation.intake.folders.take_folder`.

    Raises
    ------
    ValueError
        If ``source`` does not exist or is not what ``kind`` says.
    """
    name = plain_name(source.resolve().name)
    if kind != "auto":
        if not source.is_dir():
            raise ValueError(f"{source} is no folder. Name the folder of the dataset.")
        items = IMPORTERS[kind](source, origin.provenance(f"import:{kind}"))
        return ingest_pictures(library, items, progress=progress, workers=workers, total=len(items))
    if source.is_dir():
        return take_folder(
            library, source, provenance=origin.provenance(f"folder:{name}"), progress=progress, workers=workers,
            leave_out=library.root, remember=remember, follow_links=follow_links,
        )  # fmt: skip
    if not source.is_file():
        raise ValueError(
            f"{source} does not exist. Name a folder, a zip file, a list of addresses or a picture."
        )
    with source.open("rb") as file:
        head = file.read(4096)
    if is_zip(head):
        where = origin.provenance(f"archive:{name}")
        return take_archive(library, source, provenance=where, progress=progress, workers=workers)
    if source.suffix.lower() in LIST_SUFFIXES and not _is_picture(head):
        return _add_list(library, source, origin, progress)
    item = IntakeItem(PictureFile(str(source)), replace(origin.provenance("file"), name=name))
    return ingest_pictures(library, [item], workers=1, progress=progress, total=1)


def _is_picture(head: bytes) -> bool:
    try:
        sniff(head)
    except RejectedFile:
        return False
    return True


def _add_list(
    library: Library, source: Path, origin: Origin, progress: Progress | None
) -> Iterator[IntakeResult]:
    from curation.intake.downloads import download_list  # needed for lists only
    from curation.intake.url_lists import read_url_list

    entries = [
        replace(
            entry,
            licence=entry.licence or origin.licence,
            author=entry.author or origin.author,
            page=entry.page or origin.page,
        )
        for entry in read_url_list(source).entries
    ]
    yield from download_list(library, entries, uploader=origin.uploader, progress=progress)


def add_demo(library: Library, *, progress: Progress | None = None) -> Iterator[IntakeResult]:
    """Add the sample dataset: faces, and what else a crawl brings home, to try the pages with."""
    from core.pipeline import SketchToFacePipeline
    from curation.sample_dataset import make_sample_dataset

    for file in make_sample_dataset(SketchToFacePipeline.load(upscale=False), progress=progress):
        yield ingest_bytes(library, file.data, file.provenance)
