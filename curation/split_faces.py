"""Make a member of its own of each face of a group picture: ``python -m curation.split_faces [ID...]``.

Every picture of the library that shows several faces (or those named by the beginning of their ids) is cut:
one square around each face that is large enough to be used, taken from the original and stored without loss.
A crop keeps licence, author and page of its picture, and its source is ``picture:ID``, so it can be traced
back; crops of one picture share a page and so a split. They are judged like any other image; a second run
adds nothing new.
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
from core.errors import AssetMissing, UnsafeImage
from core.landmarks import FaceLandmarker
from curation.intake.picture import hash_pixels
from curation.judging.aligned import read_original
from curation.judging.examine import LANDMARKER, MAX_FACES
from curation.judging.faces import crop_around, find_face
from curation.library.errors import LibraryError
from curation.library.records import Original, Provenance

if TYPE_CHECKING:
    from curation.library.library import Library

SOURCE = "picture:"


@dataclass(frozen=True)
class SplitSummary:
    """A finished run: pictures cut, crops added, crops that were there already, pictures not readable."""

    pictures: int
    added: int
    known: int
    unreadable: int

    def sentence(self) -> str:
        """The same for people."""
        return (
            f"{self.pictures} group pictures cut: {self.added} faces added, {self.known} were there already, "
            f"{self.unreadable} pictures could not be read."
        )


def split_faces(
    library: Library,
    ids: Sequence[str] = (),
    *,
    min_eye_distance_px: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SplitSummary:
    """Add one crop for each face of group pictures.

    Parameters
    ----------
    ids
        Pictures to cut; by default all that were examined and show more than one face.
    min_eye_distance_px
        Smaller faces are left out; by default what the rule in force asks for.

    Raises
    ------
    AssetMissing
        If the landmarker's model file cannot be had.
    LibraryError
        If the library cannot be read or written.
    """
    least = library.rules()["eye_distance"].threshold if min_eye_distance_px is None else min_eye_distance_px
    table = library.table()
    chosen = list(ids) or table.index[table["faces"] > 1].tolist()
    origins = library.provenances(chosen)
    added = known = unreadable = 0
    with FaceLandmarker(assets.fetch(LANDMARKER), max_faces=MAX_FACES) as landmarker:
        for number, image_id in enumerate(chosen):
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
            known += sum(outcome == "known" for outcome in outcomes)
            if progress:
                progress(number + 1, len(chosen))
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
    page = origin.page or f"{SOURCE}{image_id}"
    return replace(
        origin, source=f"{SOURCE}{image_id}", name=f"{origin.name} face {face}", page=page, added_at=""
    )


def main(arguments: list[str] | None = None) -> int:
    """The command; gives the exit code: 0 done, 1 stopped, 2 wrong arguments, 130 interrupted."""
    from tqdm import tqdm

    from curation.library.library import Library

    parser = argparse.ArgumentParser(prog="python -m curation.split_faces", description=split_faces.__doc__)
    parser.add_argument(
        "ids", nargs="*", metavar="ID", help="beginnings of ids (default: all group pictures)"
    )
    parser.add_argument("--library", type=Path, metavar="DIR", help="default: library/ in the data folder")
    parser.add_argument("--json", action="store_true", help="print the summary as one line of JSON")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    try:
        with Library.open(options.library) as library, tqdm(unit="picture", file=sys.stderr) as bar:

            def show(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            summary = split_faces(library, _named(library, options.ids), progress=show)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    except (LibraryError, AssetMissing) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was added stays; run it again to go on.", file=sys.stderr)
        return 130
    print(json.dumps(asdict(summary)) if options.json else summary.sentence())
    return 0


def _named(library: Library, beginnings: Sequence[str]) -> list[str]:
    ids = library.table().index.astype(str)
    found = []
    for beginning in beginnings:
        matching = [one for one in ids if one.startswith(beginning)]
        if len(matching) != 1:
            raise ValueError(
                f"{beginning!r} is the beginning of {len(matching)} ids of this library, expected 1. "
                "Give more of the id, or none to cut every group picture."
            )
        found += matching
    return found


if __name__ == "__main__":
    sys.exit(main())
