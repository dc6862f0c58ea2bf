"""The judge of covered faces, on real photos with things planted onto them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import face_mesh
from core.checkpoints import load_model, save_model
from core.config import settings
from core.coverage_network import REGIONS, CoverageNetwork, region_weights
from core.errors import AssetMissing
from core.face_frame import FRAME
from core.images import read_photo
from core.landmarks import FaceLandmarker
from curation.align import find_alignment, move_points, warp_photo
from curation.analysis.embedding import CoverageJudge, FaceEmbedder, coverage_version
from curation.analysis.occluders import COVERS, Face, Planted, clear_glasses
from curation.analysis.planting import UNKNOWN, covered_label, make_example
from tests.benchmarks import unseen_occluders

HELD_OUT = ("0761", "0789", "0801", "0830", "0857")  # clear faces that training has not seen


@pytest.fixture(scope="module")
def faces(omi_dir: Path, landmarker_path: Path) -> list[Face]:
    found = []
    with FaceLandmarker(landmarker_path) as landmarker:
        for name in HELD_OUT:
            photo = read_photo(omi_dir / f"{name}.jpg")
            points = landmarker.detect(photo).points
            alignment = find_alignment(points, (photo.shape[1], photo.shape[0]))
            moved = move_points(points, alignment.matrix).astype(np.float32)
            found.append(Face(warp_photo(photo, alignment.matrix), moved))
    return found


@pytest.fixture(scope="module")
def embedder() -> FaceEmbedder:
    return FaceEmbedder()


@pytest.fixture(scope="module")
def judge() -> CoverageJudge:
    return CoverageJudge()


def test_clear_faces_are_neither_covered_nor_under_a_hat(faces, embedder, judge):
    answers = [judge.judge(embedder.embed(face.photo)) for face in faces]

    assert max(covered for covered, _ in answers) < 0.5
    assert max(on_head for _, on_head in answers) < 0.5


@pytest.mark.parametrize("kind", unseen_occluders.COVERS)
def test_a_face_behind_something_drawn_in_an_unknown_way_is_covered(kind, faces, embedder, judge):
    rng = np.random.default_rng(3)
    unmoved = np.array([[1.0, 0, 0], [0, 1.0, 0]])
    answers = []
    for face in faces:
        photo = unseen_occluders.put_on(face.photo, unseen_occluders.COVERS[kind](rng, face.points), unmoved)
        answers.append(judge.judge(embedder.embed(photo)).covered)

    assert sum(answer > 0.5 for answer in answers) >= len(faces) - 1


def test_clear_glasses_do_not_cover_a_face(faces, embedder, judge):
    rng = np.random.default_rng(1)
    answers = [
        judge.judge(embedder.embed(clear_glasses(rng, face, face).on(face.photo))).covered for face in faces
    ]

    assert sum(answer < 0.5 for answer in answers) >= len(faces) - 1


def test_a_mirrored_face_is_judged_alike(faces, embedder, judge):
    straight = [judge.judge(embedder.embed(face.photo)).covered for face in faces]
    mirrored = [judge.judge(embedder.embed(face.photo[:, ::-1].copy())).covered for face in faces]

    assert np.abs(np.array(straight) - mirrored).max() < 0.35


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(AssetMissing, match=r"nothing\.safetensors"):
        CoverageJudge(tmp_path / "nothing.safetensors")


def test_weights_of_another_network_are_refused():
    with pytest.raises(ValueError, match="holds no face_coverage"):
        CoverageJudge(settings().weights / "sketch_autoencoder.safetensors")


def test_a_network_survives_being_saved_and_its_version_is_that_of_its_file(tmp_path):
    network = CoverageNetwork().eval()
    path = tmp_path / "one.safetensors"
    save_model(path, network, provenance={}, licence="none")

    loaded = load_model(path)

    assert all(bool((value == loaded.state_dict()[key]).all()) for key, value in network.state_dict().items())
    assert coverage_version(path) != coverage_version()


def test_region_weights_sum_to_one_and_stay_inside_their_region():
    weights = region_weights().numpy()

    assert np.allclose(weights.sum((1, 2)), 1)
    left, top, right, bottom = REGIONS[0]
    rows, columns = np.nonzero(weights[0])
    cell = FRAME / 12
    assert (columns * cell).max() < right and ((columns + 1) * cell).min() > left
    assert (rows * cell).max() < bottom and ((rows + 1) * cell).min() > top


def test_hidden_eyes_count_as_covered_and_a_hidden_corner_does_not(faces):
    points = faces[0].points[:, :2]
    nothing = np.zeros((FRAME, FRAME), np.float32)
    x, y = face_mesh.anchors(points)[0].astype(int)
    eye, corner = nothing.copy(), nothing.copy()
    eye[y - 30 : y + 30, x - 45 : x + 45] = 1
    corner[:60, :60] = 1

    assert covered_label(nothing, points) == 0
    assert covered_label(eye, points) == 1
    assert covered_label(corner, points) == 0


@pytest.mark.parametrize("kind", [*COVERS, "clear", "clear_glasses", "beside", "hat"])
def test_every_kind_of_example_carries_its_label(kind, faces):
    rng = np.random.default_rng(2)
    examples = [make_example(rng, kind, faces[0], faces[1], has_hat=False) for _ in range(4)]

    for example in examples:
        assert example.photo.shape == (FRAME, FRAME, 3) and example.photo.dtype == np.uint8
        assert example.cells.shape == (3, 12, 12)
        assert example.cells.min() >= 0 and example.cells.max() <= 1
        if kind in COVERS:
            assert example.covered in (1.0, 0.0, UNKNOWN) and example.cells[0].max() > 0
        else:
            assert example.covered == 0.0 and example.head_covered == float(kind == "hat")


def test_what_is_planted_hides_the_photo_where_it_is_opaque_and_nowhere_else():
    photo = np.full((FRAME, FRAME, 3), 200, np.uint8)
    alpha = np.zeros((FRAME, FRAME), np.float32)
    alpha[100:200, 100:200] = 1

    planted = Planted(alpha, np.zeros((FRAME, FRAME, 3), np.float32)).on(photo)

    assert planted[150, 150].tolist() == [0, 0, 0]
    assert planted[300, 300].tolist() == [200, 200, 200]
