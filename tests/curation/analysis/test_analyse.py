"""One image, all that is found out about it: the real MediaPipe and the real networks on real photos."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest

from core import face_mesh
from core.face_frame import FRAME, alignment_targets
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.align import align_anchors
from curation.analysis import analyse as module
from curation.analysis.analyse import MAX_FACES, Analyser, current_versions, realign
from curation.analysis.batches import AnalysisTask
from curation.analysis.embedding import CoverageJudge, FaceEmbedder
from curation.analysis.hashes import hash_face
from curation.analysis.pictures import has_pictures
from curation.library.library import Library
from curation.library.records import Examination, Provenance
from tests.curation.planted_analyser import original_of

PHOTO = "0137.jpg"
KEPT_BY_HAND = {"faces", "yaw", "pitch", "roll", "covered", "head_covered", "width", "height"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library.open(tmp_path_factory.mktemp("library")) as opened:
        yield opened


@pytest.fixture(scope="module")
def analyser(library: Library, landmarker_path: Path) -> Iterator[Analyser]:
    cv2.setNumThreads(1)
    with FaceLandmarker(landmarker_path, max_faces=MAX_FACES) as landmarker:
        yield Analyser(library.files, landmarker, FaceEmbedder(threads=1), CoverageJudge(), "made by a test")


def add(library: Library, data: bytes) -> AnalysisTask:
    original = original_of(data)
    library.add(original, Provenance("upload"))
    return AnalysisTask(original.id, str(library.files.original(original.id)))


def encode(photo: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", photo[..., ::-1])[1].tobytes())


@pytest.fixture(scope="module")
def task(library: Library, omi_dir: Path) -> AnalysisTask:
    return add(library, (omi_dir / PHOTO).read_bytes())


@pytest.fixture(scope="module")
def row(analyser: Analyser, task: AnalysisTask, library: Library) -> Examination:
    found = analyser.analyse(task)
    library.save_examinations([found])
    return found


def test_a_portrait_gets_every_measurement(row: Examination) -> None:
    assert (row.status, row.detail, row.versions) == ("ok", "", "made by a test")
    measured = asdict(row.measurements)
    assert [name for name, value in measured.items() if value is None] == []
    assert all(np.isfinite(value) for value in measured.values())
    assert (measured["faces"], measured["width"], measured["height"]) == (1, 512, 512)
    assert 0 <= measured["covered"] <= 1


def test_the_row_carries_mesh_hashes_and_embedding_in_their_sizes(row: Examination) -> None:
    assert np.frombuffer(row.landmarks, np.float16).shape == (478 * 2,)
    assert (len(row.phash), len(row.phash_mirror)) == (32, 32)
    embedding = np.frombuffer(row.embedding, np.float16)
    assert embedding.shape == (1280,)
    assert np.isfinite(embedding).all()
    assert embedding.std() > 0


def test_eyes_and_mouth_are_on_the_template(row: Examination) -> None:
    landmarks = np.frombuffer(row.landmarks, np.float16).reshape(478, 2).astype(np.float32)
    assert np.abs(face_mesh.anchors(landmarks) - alignment_targets()).max() < 1
    anchors = np.array(row.anchors)
    assert np.linalg.norm(anchors[1] - anchors[0]) == pytest.approx(
        row.measurements.eye_distance_px, abs=0.05
    )


def test_crop_sketch_and_thumb_are_in_place(row: Examination, library: Library) -> None:
    files = library.files
    crop, sketch = read_photo(files.crop(row.image_id)), cv2.imread(str(files.sketch(row.image_id)), -1)
    thumb = read_photo(files.thumb(row.image_id))
    assert (crop.shape, sketch.shape, thumb.shape) == ((FRAME, FRAME, 3), (FRAME, FRAME), (128, 128, 3))
    assert hash_face(crop) == (row.phash, row.phash_mirror)
    assert (np.median(sketch), sketch.min()) == (255, 0)
    assert has_pictures(files, row.image_id, "ok")


def test_examining_again_gives_the_same_row_and_the_same_pictures(
    row: Examination, task: AnalysisTask, analyser: Analyser, library: Library
) -> None:
    kinds = (library.files.crop, library.files.sketch, library.files.thumb)
    before = [kind(row.image_id).read_bytes() for kind in kinds]
    assert analyser.analyse(task) == row
    assert [kind(row.image_id).read_bytes() for kind in kinds] == before


def test_a_picture_without_a_face_gets_a_thumbnail_of_it_all_and_loses_an_older_face(
    analyser: Analyser, library: Library
) -> None:
    ramp = np.broadcast_to(np.arange(200, dtype=np.uint8)[:, None, None], (200, 300, 3))
    task = add(library, encode(np.ascontiguousarray(ramp)))
    for stale in (library.files.crop(task.image_id), library.files.sketch(task.image_id)):
        stale.parent.mkdir(parents=True, exist_ok=True)
        stale.write_bytes(b"from another version")
    found = analyser.analyse(task)
    assert (found.status, found.measurements.faces, found.embedding) == ("no_face", 0, b"")
    assert (found.measurements.width, found.measurements.height) == (300, 200)
    assert read_photo(library.files.thumb(task.image_id)).shape == (85, 128, 3)
    assert not library.files.crop(task.image_id).exists()
    assert has_pictures(library.files, task.image_id, "no_face")


@pytest.mark.parametrize("damage", ["gone", "changed", "no picture"])
def test_an_original_that_is_not_what_it_was_is_unreadable_with_a_sentence(
    damage: str, analyser: Analyser, tmp_path: Path, library: Library
) -> None:
    data = b"not a picture"
    path = tmp_path / "original"
    if damage != "gone":
        path.write_bytes(data)
    image_id = hashlib.sha256(data if damage == "no picture" else b"another").hexdigest()
    found = analyser.analyse(AnalysisTask(image_id, str(path)))
    assert found.status == "unreadable"
    assert found.detail.endswith(".")
    assert {"gone": "is gone", "changed": "has changed", "no picture": "not a picture"}[
        damage
    ] in found.detail
    assert not library.files.thumb(image_id).exists()


def test_a_correction_is_used_in_place_of_what_was_found(
    row: Examination, task: AnalysisTask, analyser: Analyser
) -> None:
    moved = tuple((x + 12.0, y + 5.0) for x, y in row.anchors)
    found = analyser.analyse(AnalysisTask(task.image_id, task.path, moved))
    assert np.abs(np.subtract(found.anchors, moved)).max() < 0.01
    assert found.phash != row.phash
    analyser.analyse(task)


def test_a_face_that_only_a_person_sees_is_aligned_by_hand(analyser: Analyser, library: Library) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    task = add(library, encode(cv2.GaussianBlur(noise, (0, 0), 9)))
    found = analyser.analyse(AnalysisTask(task.image_id, task.path, ((100, 120), (200, 120), (150, 220))))
    assert (found.status, found.landmarks, found.measurements.yaw) == ("ok", b"", None)
    assert found.measurements.stretch is not None
    assert has_pictures(library.files, task.image_id, "ok")


def test_three_points_on_a_line_are_no_face(analyser: Analyser, task: AnalysisTask) -> None:
    found = analyser.analyse(AnalysisTask(task.image_id, task.path, ((10, 10), (20, 10), (30, 10))))
    assert found.status == "no_face"
    assert "on one line" in found.detail
    analyser.analyse(task)


def test_realigning_to_the_same_points_changes_next_to_nothing(row: Examination, library: Library) -> None:
    crop = library.files.crop(row.image_id).read_bytes()
    again = realign(library, row.image_id, row.anchors)
    assert (again.status, again.versions, again.embedding) == ("ok", row.versions, row.embedding)
    new, old = read_photo(library.files.crop(row.image_id)), read_photo(crop)
    assert np.abs(new.astype(int) - old).mean() < 1
    before, after = asdict(row.measurements), asdict(again.measurements)
    assert all(after[name] == before[name] for name in KEPT_BY_HAND)
    for name in before:
        assert after[name] == pytest.approx(before[name], rel=0.05, abs=0.05), name


def test_realigning_moves_crop_mesh_and_hash_and_keeps_the_database(
    row: Examination, library: Library, task: AnalysisTask, analyser: Analyser
) -> None:
    revision = library.revision()
    moved = [(x + 20, y) for x, y in row.anchors]
    again = realign(library, row.image_id, moved)
    assert library.revision() == revision
    assert np.allclose(again.anchors, moved, atol=0.01)
    assert again.phash == hash_face(read_photo(library.files.crop(row.image_id)))[0] != row.phash
    shift = np.frombuffer(again.landmarks, np.float16) - np.frombuffer(row.landmarks, np.float16)
    scale = align_anchors(np.array(row.anchors), (512, 512)).matrix[0, 0]
    assert np.median(shift.reshape(-1, 2)[:, 0]) == pytest.approx(-20 * scale, abs=1)
    analyser.analyse(task)


def test_realigning_refuses_what_it_cannot_do(row: Examination, library: Library, omi_dir: Path) -> None:
    with pytest.raises(ValueError, match="on one line"):
        realign(library, row.image_id, [(0, 0), (5, 0), (9, 0)])
    with pytest.raises(ValueError, match="finite"):
        realign(library, row.image_id, [(0, 0), (5, float("nan")), (9, 9)])
    new = add(library, (omi_dir / "0001.jpg").read_bytes())
    with pytest.raises(ValueError, match="not been examined"):
        realign(library, new.image_id, row.anchors)


def test_versions_are_compact_json_and_change_with_any_part(monkeypatch: pytest.MonkeyPatch) -> None:
    before = current_versions()
    assert set(json.loads(before)) >= {"landmarker", "sketch", "measure", "coverage", "hash", "embedding"}
    assert " " not in before
    monkeypatch.setattr(module, "ANALYSIS_VERSION", 999)
    assert current_versions() != before
