"""Our figures against those that pytorch-fid, torch-fidelity, torchmetrics, clean-fid and prdc gave.

`tests.benchmarks.fid_value` compares more pictures; here it is the smallest set, which holds every size and
format too.
"""

from pathlib import Path

import pytest

from eval.extractors import Extractor, load_extractor
from eval.protocols import BASES
from tests.benchmarks.fid_value import GOAL, on_features, on_pictures, stored

FIGURES = stored()
SMALLEST = min(FIGURES["pictures"], key=int)


@pytest.fixture(scope="module")
def extractor(inception_weights: Path) -> Extractor:
    return load_extractor(BASES["fid_clean"], weights=inception_weights, device="cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.mark.parametrize("shape", FIGURES["features"])
def test_on_the_same_features_every_tool_agrees(shape: str) -> None:
    rows = list(on_features(shape, FIGURES["features"][shape]))
    assert {row.tool for row in rows} == {
        "pytorch-fid",
        "torch-fidelity",
        "torchmetrics",
        "clean-fid",
        "prdc",
    }
    assert [row for row in rows if row.difference > GOAL] == []


@pytest.mark.parametrize("protocol", FIGURES["pictures"][SMALLEST])
def test_on_the_same_files_the_tool_of_each_protocol_agrees(
    protocol: str, extractor: Extractor, pictures: Path
) -> None:
    rows = list(
        on_pictures(int(SMALLEST), protocol, FIGURES["pictures"][SMALLEST][protocol], extractor, pictures)
    )
    assert rows
    assert [row for row in rows if row.difference > GOAL] == []


def test_the_protocols_disagree_on_the_same_files_which_is_why_they_have_names() -> None:
    values = [theirs["fid"] for theirs in FIGURES["pictures"]["48"].values()]
    assert max(values) > 1.05 * min(values)
