"""Are duplicates found, are strangers left apart, and how long does it take? With imagededup beside it.

``python -m tests.benchmarks.duplicates_validity [SOURCE]`` edits some photos of SOURCE in eighteen ways (turned
by quarters and upside down among them), finds and aligns the face anew in each (the pipeline that examines
images), and groups them with all photos of SOURCE, which show different faces. It prints one line of JSON.
imagededup is installed into a temporary environment of its own and gets the same files; only its hashing part,
which needs no torchvision, is used. Last, 100 000 hashes are searched in a process of its own: seconds and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from core import assets, face_mesh
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis.aligned import align_face
from curation.analysis.analyse import LANDMARKER, MAX_FACES
from curation.analysis.faces import find_face
from curation.analysis.hashes import SAME_DETAIL, compare_details, face_detail, hash_face
from curation.duplicates import MAX_DISTANCE, find_duplicates
from tests.benchmarks.duplicates_peer import run_imagededup
from tests.benchmarks.duplicates_search import measure_search
from tests.conftest import ROOT

Photo = np.ndarray
Hashes = tuple[bytes, bytes]


def jpeg_q30(photo: Photo) -> Photo:
    return read_photo(cv2.imencode(".jpg", photo[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 30])[1].tobytes())


def half_size(photo: Photo) -> Photo:
    return cv2.resize(photo, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def crop_10_percent(photo: Photo) -> Photo:
    """A tenth of width and height gone, at the left and top."""
    height, width = photo.shape[:2]
    return np.ascontiguousarray(photo[height // 10 :, width // 10 :])


def rotate_2_degrees(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), 2, 1)
    return cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_CUBIC)


def brighter_20_percent(photo: Photo) -> Photo:
    return np.clip(photo.astype(np.float32) * 1.2, 0, 255).astype(np.uint8)


def noise_and_colour(photo: Photo) -> Photo:
    noise = np.random.default_rng(5).normal(0, 5, photo.shape)
    return np.clip(photo * np.array([1.06, 1.0, 0.94]) + noise, 0, 255).astype(np.uint8)


def crop_5_percent_around(photo: Photo) -> Photo:
    """A tenth of width and height gone, half of it at each side."""
    height, width = photo.shape[:2]
    return np.ascontiguousarray(photo[height // 20 : -(height // 20), width // 20 : -(width // 20)])


def mirror(photo: Photo) -> Photo:
    return np.ascontiguousarray(photo[:, ::-1])


def quarter_turn(photo: Photo) -> Photo:
    return np.ascontiguousarray(np.rot90(photo))


def three_quarter_turns(photo: Photo) -> Photo:
    return np.ascontiguousarray(np.rot90(photo, 3))


def upside_down(photo: Photo) -> Photo:
    return np.ascontiguousarray(np.rot90(photo, 2))


def rotate_7_degrees_back(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -7, 1)
    return cv2.warpAffine(photo, matrix, (width, height), flags=cv2.INTER_CUBIC)


def quarter_size(photo: Photo) -> Photo:
    return cv2.resize(photo, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)


def crop_sixths(photo: Photo) -> Photo:
    height, width = photo.shape[:2]
    return np.ascontiguousarray(photo[height // 6 : -(height // 8), width // 6 : -(width // 6)])


def darker(photo: Photo) -> Photo:
    return (255 * (photo / 255.0) ** 1.5).astype(np.uint8)


def greyscale(photo: Photo) -> Photo:
    return np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)


def blurred(photo: Photo) -> Photo:
    return cv2.GaussianBlur(photo, (0, 0), 2)


def black_frame(photo: Photo) -> Photo:
    return cv2.copyMakeBorder(photo, 60, 60, 60, 60, cv2.BORDER_CONSTANT)


EDITS: dict[str, Callable[[Photo], Photo]] = {
    edit.__name__: edit
    for edit in (
        jpeg_q30, half_size, quarter_size, crop_10_percent, crop_5_percent_around, crop_sixths, rotate_2_degrees,
        rotate_7_degrees_back, brighter_20_percent, darker, noise_and_colour, greyscale, blurred, black_frame,
        mirror, quarter_turn, three_quarter_turns, upside_down,
    )
}  # fmt: skip


def apart(centre: Hashes, other: Hashes) -> int:
    """Bits between two faces, mirrored or not."""
    seen = int.from_bytes(other[0], "big")
    return min((int.from_bytes(own, "big") ^ seen).bit_count() for own in centre)


def align(photo: Photo, landmarker: FaceLandmarker) -> Photo | None:
    """The aligned face, as an examination makes it."""
    found = find_face(photo, landmarker)
    if found is None:
        return None
    return align_face(photo, face_mesh.anchors(found.points), found.points).photo


def name_of(path: Path, source: Path) -> str:
    return path.relative_to(source).with_suffix("").as_posix().replace("/", "_")


def measure_validity(source: Path, edited: int, folder: Path) -> dict[str, object]:
    """Found edits, false pairs and groups with strangers; the files go into ``folder`` for the peer."""
    paths = sorted(path for path in source.rglob("*") if path.suffix in (".jpg", ".png", ".webp"))
    faces: dict[str, Hashes] = {}
    details: dict[str, np.ndarray] = {}
    missed: dict[str, list[str]] = {name: [] for name in EDITS}
    distances: list[int] = []
    likenesses: list[float] = []
    hash_s = 0.0
    with FaceLandmarker(assets.fetch(LANDMARKER), max_faces=MAX_FACES) as landmarker:
        step = max(len(paths) // edited, 1)
        chosen = set(paths[::step][:edited])
        for path in paths:
            photo = read_photo(path)
            aligned = align(photo, landmarker)
            if aligned is None:
                continue
            begin = time.thread_time()
            faces[name_of(path, source)] = hash_face(aligned)
            hash_s += time.thread_time() - begin
            details[name_of(path, source)] = face_detail(aligned).astype(np.float16)
            (folder / f"{name_of(path, source)}{path.suffix}").write_bytes(path.read_bytes())
            if path not in chosen:
                continue
            for name, edit in EDITS.items():
                changed = edit(photo)
                cv2.imwrite(str(folder / f"{name_of(path, source)}+{name}.png"), changed[:, :, ::-1])
                aligned = align(changed, landmarker)
                if aligned is None:
                    missed[name].append(f"{name_of(path, source)}: no face")
                    continue
                copy = f"{name_of(path, source)}+{name}"
                faces[copy], details[copy] = hash_face(aligned), face_detail(aligned).astype(np.float16)
                distance = apart(faces[name_of(path, source)], faces[copy])
                likeness = compared(details, name_of(path, source), copy)
                distances.append(distance)
                likenesses.append(likeness)
                if distance > MAX_DISTANCE or likeness < SAME_DETAIL:
                    missed[name].append(f"{name_of(path, source)}: {distance} bits, detail {likeness:.2f}")
    originals = [name for name in faces if "+" not in name]
    groups = find_duplicates(
        list(faces), [""] * len(faces), *map(list, zip(*faces.values(), strict=True)),
        [0 if "+" in name else 1 for name in faces],
        is_same=lambda one, other: compared(details, one, other) >= SAME_DETAIL,
    )  # fmt: skip
    found = 1 - sum(map(len, missed.values())) / (len(chosen) * len(EDITS))
    return {
        "faces": len(originals),
        "edited": len(chosen),
        "found": {name: round(1 - len(lost) / len(chosen), 4) for name, lost in missed.items()},
        "found_all": round(found, 4),
        "missed": {name: lost for name, lost in missed.items() if lost},
        "edit_bits_p50_p99_max": np.percentile(distances, (50, 99, 100)).tolist(),
        "edit_detail_p1_p50": np.percentile(likenesses, (1, 50)).round(3).tolist(),
        **nearest_strangers(faces, originals, details),
        "groups_with_strangers": sum(len({m.split("+")[0] for m in one.members}) > 1 for one in groups),
        "hash_ms": round(1000 * hash_s / len(originals), 3),
    }


def compared(details: dict[str, np.ndarray], one: str, other: str) -> float:
    """Likeness of two faces' details (kept in half precision, or 4 000 would not fit into memory)."""
    return compare_details(details[one].astype(np.float32), details[other].astype(np.float32))


def nearest_strangers(
    faces: dict[str, Hashes], originals: list[str], details: dict[str, np.ndarray]
) -> dict[str, object]:
    """How near different faces come, mirrored or not: by the hash, and in detail where the hash is near."""
    plain, mirrored = (
        np.frombuffer(b"".join(faces[name][side] for name in originals), np.uint8).reshape(-1, 32)
        for side in (0, 1)
    )
    lowest, likenesses = 256, []
    for i in range(len(originals) - 1):
        others = plain[i + 1 :]
        bits = np.minimum(
            np.bitwise_count(others ^ plain[i]).sum(1), np.bitwise_count(others ^ mirrored[i]).sum(1)
        )
        lowest = min(lowest, int(bits.min()))
        near = i + 1 + np.flatnonzero(bits <= MAX_DISTANCE)
        likenesses += [compared(details, originals[i], originals[j]) for j in near]
    return {
        "pairs_of_strangers": len(originals) * (len(originals) - 1) // 2,
        "near_by_hash": len(likenesses),
        "false_pairs": sum(likeness >= SAME_DETAIL for likeness in likenesses),
        "nearest_strangers_bits": lowest,
        "nearest_strangers_detail": round(max(likenesses, default=0.0), 3),
    }


def main() -> int:
    shared = Path(os.environ.get("STUDIO_SHARED") or ROOT.parent / "shared")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "source", type=Path, nargs="?", default=shared / "data" / "generated", metavar="SOURCE"
    )
    parser.add_argument("--edited", type=int, default=50, help="photos to edit (default %(default)s)")
    parser.add_argument("--count", type=int, default=100_000, help="hashes to search (default %(default)s)")
    parser.add_argument("--no-peer", action="store_true", help="leave imagededup out")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder) / "files"
        files.mkdir()
        result: dict[str, object] = {"ours": measure_validity(options.source, options.edited, files)}
        result["search"] = measure_search(options.count)
        if not options.no_peer:
            result["imagededup"] = run_imagededup(files, Path(folder) / "environment", list(EDITS))
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
