"""CPU time of each step that a photo takes into the library; see `tests.benchmarks.curation_scale`."""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from core import assets, face_mesh
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis.aligned import align_face
from curation.analysis.analyse import LANDMARKER, MAX_FACES
from curation.analysis.embedding import CoverageJudge, FaceEmbedder
from curation.analysis.faces import find_face
from curation.analysis.hashes import hash_face
from curation.analysis.measure import measure_face
from curation.analysis.pictures import write_face
from curation.intake.picture import check_picture
from curation.library.files import LibraryFiles

WARM_UP = 3


def measure_steps(photos: Path, count: int = 60) -> dict[str, float]:
    """Milliseconds of each step for one photo, on one thread; the database's part is in ``rate``."""
    spent: dict[str, float] = defaultdict(float)
    looks: list[int] = []

    @contextmanager
    def step(name: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        spent[name] += time.process_time() - begin

    cv2.setNumThreads(1)
    embedder, coverage = FaceEmbedder(threads=1), CoverageJudge()
    with (
        FaceLandmarker(assets.fetch(LANDMARKER), max_faces=MAX_FACES) as landmarker,
        tempfile.TemporaryDirectory() as folder,
    ):
        files = LibraryFiles(Path(folder))
        for number, path in enumerate(sorted(photos.iterdir())[: count + WARM_UP]):
            if number == WARM_UP:
                spent.clear()
                looks.clear()
            data = path.read_bytes()
            with step("check"):
                check_picture(data)
            with step("hash original"):
                image_id = hashlib.sha256(data).hexdigest()
            with step("decode"):
                photo = read_photo(data)
            with step("find face"):
                found = find_face(photo, landmarker)
            if found is None:
                continue
            looks.append(found.looks)
            with step("align"):
                aligned = align_face(photo, face_mesh.anchors(found.points), found.points)
            with step("measure"):
                measure_face(photo, found, aligned.photo, aligned.alignment)
            with step("embed"):
                embedded = embedder.embed(aligned.photo)
            with step("covered"):
                coverage.judge(embedded)
            with step("perceptual hash"):
                hash_face(aligned.photo)
            with step("sketch"):
                sketch = aligned.sketch()
            with step("encode and write"):
                write_face(files, image_id, aligned.photo, sketch)
    done = max(len(looks), 1)
    steps = {name: round(1000 * seconds / done, 2) for name, seconds in spent.items()}
    return {**steps, "all": round(sum(steps.values()), 1), "looks": round(sum(looks) / done, 2)}
