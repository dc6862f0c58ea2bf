"""Make a member of its own of each face of a group picture: ``python -m curation.split_faces [ID...]``.

Every picture of the library that shows several faces (or those named by the beginning of their ids) is cut:
one square around each face that is large enough to be used, taken from the original and stored without loss.
A crop keeps licence, author and page of its picture, and its source is ``picture:ID``, so it can be traced
back; crops of one picture share a page and so a split. They are judged like any other image (at once with
``--judge``); pictures that were cut are passed over by the next run, unless they are named or the rules ask for
smaller faces now.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core import assets, face_mesh
from core.cli import command
from core.errors import AssetMissing, UnsafeImage
from core.landmarks import FaceLandmarker
from core.processes.progress import follow_progress, progress_writer
from core.processes.workers import WorkerStartError
from curation.analysis.aligned import read_original
from curation.analysis.analyse import LANDMARKER, MAX_FACES
from curation.analysis.faces import crop_around, find_face
from curation.intake.picture import hash_pixels
from curation.library.records import GROUP_PICTURE, LibraryError, Original, Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

_CUT = "split_faces"  # under which the library notes how each picture was cut


@dataclass(frozen=True)
class SplitSummary:
    """A finished run: pictures looked at, crops added, crops that were there already, pictures not readable."""

    pictures: int
    added: int
    known: int
    unreadable: int

    def sentence(self) -> str:
        """Write the same for people."""
        parts = [f"{_count(self.added, 'face')} of {_count(self.pictures, 'group picture')} added"]
        parts += [f"{self.known:,} there already"] if self.known else []
        parts += [f"{_count(self.unreadable, 'picture')} not readable"] if self.unreadable else []
        if self.pictures and not self.added + self.known:
            parts.append("none is as large as the rules ask for")
        return f"{', '.join(parts)}."


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def pictures_to_split(library: Library) -> list[str]:
    """List the pictures that show several faces and were not cut into faces as small as the rules ask for."""
    table = library.table()
    least = library.rules()["eye_distance"].threshold
    cut = library.known_sources(_CUT)
    return [
        image_id
        for image_id in table.index[table["faces"] > 1].astype(str)
        if image_id not in cut or float(cut[image_id].partition(" ")[0]) > least
    ]


def split_faces(
    library: Library, ids: Sequence[str] = (), *, progress: Callable[[int, int], None] | None = None
) -> SplitSummary:
    """Add one crop for each face of group pictures that is as large as the rules ask for.

    Parameters
    ----------
    ids
        Pictures to cut; by default those of `pictures_to_split`.

    Raises
    ------
    AssetMissing
        If the landmarker's model file cannot be had.
    LibraryError
        If the library cannot be read or written.
    """
    least = library.rules()["eye_distance"].threshold
    chosen = list(ids) or pictures_to_split(library)
    origins = library.provenances(chosen)
    added = known = unreadable = 0
    with FaceLandmarker(assets.fetch(LANDMARKER), max_faces=MAX_FACES) as landmarker:
        for number, image_id in enumerate(chosen):
            if progress:
                progress(number, len(chosen))
            try:
                photo = read_original(library.files.original(image_id), image_id)
            except UnsafeImage:
                unreadable += 1
                continue
            crops = list(_crops(photo, landmarker, least))
            arrivals = [
                (crop, _provenance(origin, image_id, face))
                for face, crop in enumerate(crops, 1)
                for origin in origins.get(image_id, ())
            ]
            outcomes = library.add_many(arrivals)
            added += outcomes.count("new")
            known += outcomes.count("known")
            library.note_source_files(_CUT, {image_id: f"{least:g} {image_id}"})  # goes with the image
    if progress:
        progress(len(chosen), len(chosen))
    return SplitSummary(len(chosen) - unreadable, added, known, unreadable)


def _crops(photo: np.ndarray, landmarker: FaceLandmarker, least_px: float) -> Iterator[Original]:
    found = find_face(photo, landmarker)
    if found is None or not found.others:
        return
    for points in (found.points, *found.others):
        if face_mesh.eye_distance(points) >= least_px:
            yield _as_original(crop_around(photo, points))


def _as_original(crop: np.ndarray) -> Original:
    data = cv2.imencode(".png", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))[1].tobytes()
    height, width = crop.shape[:2]
    return Original(hashlib.sha256(data).hexdigest(), data, "PNG", width, height, hash_pixels(crop))


def _provenance(origin: Provenance, image_id: str, face: int) -> Provenance:
    page = origin.page or f"{GROUP_PICTURE}{image_id}"
    return replace(
        origin, source=f"{GROUP_PICTURE}{image_id}", name=f"{origin.name} face {face}", page=page, added_at=""
    )


@command(
    LibraryError, AssetMissing, WorkerStartError, OSError,
    stopped="Stopped. What was added stays; run it again to go on.",
)  # fmt: skip
def main(arguments: list[str] | None = None) -> int:
    """Run the command; give the exit code: 0 done, 1 stopped, 2 wrong arguments, 130 interrupted."""
    from tqdm import tqdm

    from curation.library.library import Library

    parser = argparse.ArgumentParser(prog="python -m curation.split_faces", description=split_faces.__doc__)
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="beginnings of ids (default: all group pictures)"
    )
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: library/ in the data folder")
    parser.add_argument("--judge", action="store_true", help="examine the faces right afterwards")
    parser.add_argument("--progress-file", type=Path, metavar="FILE", help="keep done and total in this file")
    parser.add_argument("--json", action="store_true", help="print each summary as a line of JSON")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    report = progress_writer(options.progress_file)
    with Library.open(options.library) as library, tqdm(unit="picture", file=sys.stderr) as bar:
        show = follow_progress(bar, report)
        report.phase("splitting")
        summary = split_faces(library, library.find_ids(options.ids), progress=show)
        found = json.dumps({"summary": asdict(summary)}) if options.json else summary.sentence()
        print(found, flush=True)
        if options.judge:
            from curation.judge import judge_new  # loads the whole machinery

            report.phase("judging")
            judge_new(library, as_json=options.json, progress=show)
    return 0


if __name__ == "__main__":
    sys.exit(main())
