"""Each face of a group picture becomes a member of its own, with a link to the picture."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.analysis.faces import find_face
from curation.library.library import Library
from curation.library.records import Provenance
from curation.rules import Rules
from curation.split_faces import SplitSummary, main, pictures_to_split, split_faces
from dashboard.shared.jobs import split_sentence
from tests.curation.library.samples import examination
from tests.curation.planted_analyser import original_of

WHERE = Provenance("upload", "party.png", licence="CC0", author="ann")


@pytest.fixture(scope="module")
def group(omi_dir: Path) -> np.ndarray:
    """Two faces side by side and a tiny one."""
    canvas = np.full((600, 1300, 3), 90, np.uint8)
    for name, left, side in (("0042", 20, 512), ("0137", 640, 400), ("0810", 1150, 110)):
        photo = read_photo(omi_dir / f"{name}.jpg")
        canvas[40 : 40 + side, left : left + side] = cv2.resize(
            photo, (side, side), interpolation=cv2.INTER_AREA
        )
    return canvas


@pytest.fixture
def library(group: np.ndarray, tmp_path: Path) -> Iterator[Library]:
    """A library that holds the group picture, examined."""
    with Library.open(tmp_path / "library") as opened:
        data = cv2.imencode(".png", group[..., ::-1])[1].tobytes()
        original = original_of(bytes(data))
        opened.add(original, WHERE)
        opened.save_examinations([examination(original.id, faces=3.0)])
        yield opened


def test_every_usable_face_is_added_with_a_link_to_its_picture(
    library: Library, landmarker_path: Path
) -> None:
    (picture,) = library.table().index
    assert split_faces(library) == SplitSummary(1, 2, 0, 0)
    crops = [one for one in library.table().index if one != picture]
    with FaceLandmarker(landmarker_path, max_faces=5) as landmarker:
        for number, crop in enumerate(crops, 1):
            (origin,) = library.provenance(crop)
            assert replace(origin, added_at="") == replace(
                WHERE, source=f"picture:{picture}", name=f"party.png face {number}", page=f"picture:{picture}"
            )
            found = find_face(read_photo(library.read_original(crop)), landmarker)
            assert found is not None
            centre = found.points.mean(axis=0)[:2]
            assert np.all(np.abs(centre / read_photo(library.read_original(crop)).shape[1::-1] - 0.5) < 0.25)


def test_a_second_run_adds_nothing(library: Library) -> None:
    split_faces(library)
    (picture, *_) = library.table().index
    assert split_faces(library, [picture]) == SplitSummary(1, 0, 2, 0)


def test_a_picture_that_was_cut_is_passed_over_until_smaller_faces_are_asked_for(library: Library) -> None:
    (picture,) = library.table().index
    library.set_rules(library.rules().with_threshold("eye_distance", 110.0), "ann")
    assert pictures_to_split(library) == [picture]
    assert split_faces(library) == SplitSummary(1, 1, 0, 0)
    assert pictures_to_split(library) == []
    assert split_faces(library) == SplitSummary(0, 0, 0, 0)
    library.set_rules(Rules.default(), "ann")
    assert split_faces(library) == SplitSummary(1, 1, 1, 0)  # the smaller one of the two


def test_deleting_a_picture_forgets_how_it_was_cut(library: Library) -> None:
    (picture,) = library.table().index
    split_faces(library)
    library.delete_for_good([picture], who="ann", why="asked for")
    assert not library.known_sources("split_faces")


def test_the_command_keeps_its_progress_and_says_what_it_did(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = library.root
    library.close()
    progress, output = tmp_path / "progress.json", tmp_path / "job.out"
    assert main(["--library", str(root), "--progress-file", str(progress), "--json"]) == 0
    assert json.loads(progress.read_text())["done"] == 1
    output.write_text(capsys.readouterr().out)
    assert split_sentence(output) == "2 faces of 1 group picture added."


def test_an_id_that_fits_no_picture_is_told(library: Library, capsys: pytest.CaptureFixture[str]) -> None:
    root = library.root
    library.close()
    assert main(["--library", str(root), "zzz"]) == 2
    assert "'zzz' is the beginning of 0 ids" in capsys.readouterr().err
