"""The network of the coverage judge, and that it is no generator."""

from __future__ import annotations

import pytest
import torch

from core.config import settings
from core.coverage_network import REGIONS, CoverageConfig, CoverageNetwork, region_weights
from core.models.folder import generators
from core.runtime import compile_module


def tiny() -> CoverageNetwork:
    torch.manual_seed(0)
    return CoverageNetwork(CoverageConfig(middle=4, deep=3, width=4)).eval()


def test_it_answers_for_cells_and_for_the_face():
    cells, face = tiny()(torch.randn(2, 4, 12, 12), torch.randn(2, 3, 6, 6))

    assert cells.shape == (2, 2, 12, 12)
    assert face.shape == (2, 2)


def test_an_answer_does_not_depend_on_the_rest_of_the_batch():
    network, middle, deep = tiny(), torch.randn(3, 4, 12, 12), torch.randn(3, 3, 6, 6)

    together, alone = network(middle, deep)[1][1], network(middle[1:2], deep[1:2])[1][0]

    assert torch.allclose(together, alone, atol=1e-6)


def test_gain_and_offset_move_the_face_and_not_the_cells():
    network, middle, deep = tiny(), torch.randn(1, 4, 12, 12), torch.randn(1, 3, 6, 6)
    cells, face = network(middle, deep)
    network.gain.fill_(2.0)
    network.offset.fill_(1.0)

    moved_cells, moved_face = network(middle, deep)

    assert torch.equal(cells, moved_cells)
    assert torch.allclose(moved_face, 2 * face + 1, atol=1e-6)


def test_every_region_looks_somewhere():
    weights = region_weights()

    assert weights.shape == (len(REGIONS), 12, 12)
    assert torch.allclose(weights.sum((1, 2)), torch.ones(len(REGIONS)))


def test_the_shipped_judge_is_offered_as_no_generator():
    assert (settings().weights / "face_coverage.safetensors").is_file()
    assert "face_coverage" not in generators(settings().weights)


def test_full_precision_can_be_asked_for():
    compiled = compile_module(torch.nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8), threads=1, precision="fp32")

    assert compiled.name.endswith("-fp32")
    assert all(candidate.name.endswith("-fp32") for candidate in compiled.report)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="precision must be one of"):
        compile_module(torch.nn.Conv2d(3, 4, 3), torch.randn(1, 3, 8, 8), threads=1, precision="int3")
