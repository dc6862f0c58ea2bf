"""The real thing: MediaPipe in worker processes, real photos, and files that break lesser programs."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from core import face_mesh, sketches
from core.face_frame import FRAME, alignment_targets
from core.images import read_photo
from core.landmarks import FaceLandmarker
from core.training.splits import read_manifest
from curation.prepare import Gates
from curation.run import Config, Summary, curate
from tests.conftest import ROOT

GOOD = ("0001.jpg", "0042.jpg", "0137.jpg", "0420.jpg", "0810.jpg")
TURNED = "0803.jpg"  # yaw 44 degrees
BROKEN = ("00_truncated.jpg", "01_empty.jpg", "02_text.jpg", "03_bomb.png", "readme.txt", "half.png")
FACELESS = ("04_one_pixel.png", "05_grey_noise.png", "06_16_bit_ramp.png")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory, omi_dir: Path) -> Path:
    """Good photos, with bad files before, among and after them."""
    folder = tmp_path_factory.mktemp("source")
    for name in (*GOOD, TURNED):
        (folder / name).write_bytes((omi_dir / name).read_bytes())
    jpeg = (omi_dir / GOOD[0]).read_bytes()
    (folder / "00_truncated.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    (folder / "01_empty.jpg").write_bytes(b"")
    (folder / "02_text.jpg").write_text("not a picture")
    (folder / "readme.txt").write_text("about these photos")
    huge = np.zeros((8000, 8000), np.uint8)
    (folder / "03_bomb.png").write_bytes(cv2.imencode(".png", huge)[1].tobytes())
    save(folder / "04_one_pixel.png", np.zeros((1, 1, 3), np.uint8))
    save(folder / "05_grey_noise.png", np.random.default_rng(0).integers(0, 256, (90, 70), dtype=np.uint8))
    save(folder / "06_16_bit_ramp.png", np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16)
    photo = read_photo(omi_dir / GOOD[0])
    png = cv2.imencode(".png", photo)[1].tobytes()
    (folder / "half.png").write_bytes(png[: len(png) // 2])
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    save(folder / "grey.png", grey)
    save(folder / "sixteen.png", grey.astype(np.uint16) * 257)
    save(folder / "alpha.png", np.dstack([photo, np.full(grey.shape, 255, np.uint8)]))
    save(folder / "big.jpg", cv2.resize(photo, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    save(folder / "sideways.png", np.ascontiguousarray(np.rot90(photo)), exif=exif)
    (folder / "deep").mkdir()
    save(folder / "deep/0001.png", photo[:, ::-1])
    return folder


def save(path: Path, image: np.ndarray, **options: Any) -> None:
    buffer = io.BytesIO()
    kind = {".png": "PNG", ".jpg": "JPEG"}[path.suffix]
    Image.fromarray(np.ascontiguousarray(image)).save(buffer, kind, **options)
    path.write_bytes(buffer.getvalue())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(scope="module")
def summary(source: Path, out: Path, landmarker_path: Path) -> dict[str, Any]:
    """The command's own JSON line."""
    command = [sys.executable, "-m", "curation.run", str(source), "--out", str(out), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def records(summary: dict[str, Any], out: Path) -> dict[str, dict[str, Any]]:
    return {record["source"]: record for record in read_manifest(out)}


@pytest.fixture(scope="module")
def landmarker(landmarker_path: Path) -> Iterator[FaceLandmarker]:
    with FaceLandmarker(landmarker_path) as found:
        yield found


def kept(records: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records.values() if record["status"] == "kept"]


def photo_of(out: Path, record: dict[str, Any]) -> np.ndarray:
    return read_photo(out / "photos" / f"{record['name']}.png")


def test_every_file_has_a_record_in_order_of_name(records: dict[str, dict[str, Any]], source: Path) -> None:
    files = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    assert set(records) == files
    names = [record["name"] for record in records.values()]
    assert names == sorted(set(names))


def test_a_broken_file_is_left_out_with_a_sentence(records: dict[str, dict[str, Any]]) -> None:
    assert {records[name]["reason"]["code"] for name in BROKEN} == {"unreadable"}
    assert all(records[name]["reason"]["sentence"].endswith(".") for name in BROKEN)
    assert {records[name]["reason"]["code"] for name in FACELESS} == {"no_face"}


def test_good_photos_among_the_broken_ones_are_all_kept(records: dict[str, dict[str, Any]]) -> None:
    assert {records[name]["status"] for name in GOOD} == {"kept"}


@pytest.mark.parametrize("name", ["grey.png", "sixteen.png", "alpha.png", "big.jpg", "deep/0001.png"])
def test_a_face_in_an_unusual_file_is_kept(records: dict[str, dict[str, Any]], name: str) -> None:
    assert records[name]["status"] == "kept"


def test_a_head_turned_too_far_is_left_out_and_says_how_far(records: dict[str, dict[str, Any]]) -> None:
    record = records[TURNED]
    assert record["reason"]["code"] == "yaw_over_limit"
    assert abs(record["yaw"]) > 40
    assert f"{abs(record['yaw']):.1f} degrees" in record["reason"]["sentence"]


def test_kept_files_have_a_pair_and_the_others_none(records: dict[str, dict[str, Any]], out: Path) -> None:
    names = {f"{record['name']}.png" for record in kept(records)}
    for folder in ("photos", "sketches"):
        assert {path.name for path in (out / folder).iterdir()} == names


def test_the_summary_counts_the_records(summary: dict[str, Any], records: dict[str, dict[str, Any]]) -> None:
    assert set(summary) == set(Summary.__annotations__)
    assert (summary["files"], summary["kept"]) == (len(records), len(kept(records)))
    assert sum(summary["left_out_by_reason"].values()) == summary["left_out"]
    assert summary["workers"] == len(os.sched_getaffinity(0))


def test_pairs_are_512_px_in_colour_and_in_grey(records: dict[str, dict[str, Any]], out: Path) -> None:
    for record in kept(records):
        with Image.open(out / "photos" / f"{record['name']}.png") as photo:
            assert (photo.size, photo.mode) == ((FRAME, FRAME), "RGB")
        with Image.open(out / "sketches" / f"{record['name']}.png") as sketch:
            assert (sketch.size, sketch.mode) == ((FRAME, FRAME), "L")
            assert np.median(np.asarray(sketch)) == 255  # white paper
            assert np.asarray(sketch).min() == 0  # black lines


def test_eyes_and_mouth_are_on_the_template(records: dict[str, dict[str, Any]]) -> None:
    for record in kept(records):
        anchors = face_mesh.anchors(np.array(record["landmarks"]))
        assert np.abs(anchors - alignment_targets()).max() < 1


def test_a_second_detection_finds_the_recorded_landmarks(
    records: dict[str, dict[str, Any]], out: Path, landmarker: FaceLandmarker
) -> None:
    errors = []
    for record in kept(records):
        found = landmarker.detect(photo_of(out, record))
        assert found is not None
        difference = found.points[:, :2] - np.array(record["landmarks"])[:, :2]
        errors.append(np.median(np.linalg.norm(difference, axis=1)))
    assert np.median(errors) < 2


def test_the_sketch_can_be_made_again_from_photo_and_manifest(
    records: dict[str, dict[str, Any]], out: Path
) -> None:
    record = records[GOOD[0]]
    sketch = sketches.sketch_from_photo(photo_of(out, record), np.array(record["landmarks"]))
    with Image.open(out / "sketches" / f"{record['name']}.png") as written:
        np.testing.assert_array_equal(np.asarray(written), sketch)


def test_a_photo_stored_on_its_side_gives_the_same_pair(
    records: dict[str, dict[str, Any]], out: Path
) -> None:
    upright, sideways = records[GOOD[0]], records["sideways.png"]
    assert sideways["status"] == "kept"
    assert sideways["roll"] == pytest.approx(upright["roll"], abs=0.5)
    np.testing.assert_array_equal(photo_of(out, sideways), photo_of(out, upright))


def test_the_size_of_a_photo_changes_its_eye_distance_and_little_else(
    records: dict[str, dict[str, Any]], out: Path
) -> None:
    small, big = records[GOOD[0]], records["big.jpg"]
    assert big["eye_distance_px"] == pytest.approx(4 * small["eye_distance_px"], rel=0.02)
    assert big["yaw"] == pytest.approx(small["yaw"], abs=1)
    difference = np.abs(photo_of(out, big).astype(int) - photo_of(out, small))
    assert difference.mean() < 6


def test_a_mirrored_photo_flips_the_sign_of_yaw(records: dict[str, dict[str, Any]]) -> None:
    assert records["deep/0001.png"]["yaw"] == pytest.approx(-records[GOOD[0]]["yaw"], abs=2)
    assert records["deep/0001.png"]["name"] != records[GOOD[0]]["name"]


def test_a_record_says_what_made_it(records: dict[str, dict[str, Any]], landmarker_path: Path) -> None:
    record = records[GOOD[0]]
    assert record["versions"]["sketch"] == sketches.SKETCH_VERSION
    assert len(record["versions"]["landmarker"]) == len(record["sha256"]) == 64
    assert (record["versions"]["max_yaw"], record["faces"]) == (Gates().max_yaw, 1)
    assert 1 <= record["stretch"] <= Gates().max_stretch
    assert 0 <= record["padding"] < 0.1
    assert np.array(record["landmarks"]).shape == (478, 3)


def test_a_narrower_limit_leaves_more_out_and_removes_their_pairs(
    records: dict[str, dict[str, Any]], source: Path, out: Path
) -> None:
    gates = Gates(max_stretch=1.1)
    before = {record["source"] for record in kept(records)}
    curate(source, out, Config(gates=gates, workers=1))
    after = {record["source"]: record for record in read_manifest(out)}
    stretched = {name for name in before if records[name]["stretch"] > 1.1}
    assert stretched
    assert {record["source"] for record in kept(after)} == before - stretched
    assert {after[name]["reason"]["code"] for name in stretched} == {"stretch_over_limit"}
    assert len(list((out / "photos").iterdir())) == len(before - stretched)
