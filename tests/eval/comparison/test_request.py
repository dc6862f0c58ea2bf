"""What is refused before a comparison starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.comparison.request import ComparisonRequest, GeneratorSource, check_request
from tests.eval.comparison.comparison_material import photo, write_set
from tests.eval.comparison.test_sources import spoiled, write_pairs


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_set(tmp_path / "photos", {"a": photo(0), "b": photo(1)})


@pytest.mark.parametrize("what", ["training", "labels"])
def test_what_a_generator_would_be_drawn_for_in_vain(tmp_path: Path, what: str) -> None:
    with pytest.raises(ValueError, match=r"split 'train'|whose labels"):
        check_request(spoiled(tmp_path, what))


def test_photos_are_not_taken_for_sketches(photos: Path) -> None:
    fakes = {"pix2pixhd": GeneratorSource(generator="pix2pixhd", data=photos)}
    with pytest.raises(ValueError, match=r"holds no pairs: .* no manifest.jsonl .* python -m curation.run"):
        check_request(ComparisonRequest(real=photos, fakes=fakes))


def test_a_generator_that_is_not_there(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path)
    request = ComparisonRequest(real=pairs, fakes={"a": GeneratorSource(generator="stylegan", data=pairs)})
    with pytest.raises(ValueError, match="stylegan"):
        check_request(request)


def test_a_protocol_that_takes_more_images_than_there_are(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path)
    request = ComparisonRequest(real=pairs, fakes={"a": pairs}, protocol="fd_effnet_lite0_val99")
    with pytest.raises(ValueError, match="takes 99 images, but there are 3"):
        check_request(request)


def test_fid_without_its_weights(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eval.inception.find_inception", lambda: None)
    with pytest.raises(ValueError, match=r"fid_clean needs .* measure with fd_effnet_lite0"):
        check_request(ComparisonRequest(real=photos, fakes={"a": photos}, protocol="fid_clean"))
