"""A decoder that hangs, explodes or dies costs its file and nothing else."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from core.image_child import DecodingFailed
from curation.intake.children import (
    CheckPictures,
    PictureBytes,
    PictureFile,
    Task,
    check_in_child,
    open_checkers,
)
from curation.intake.picture import PictureLimits, RejectedFile, check_picture
from curation.library.records import Original
from tests.curation.intake import pictures
from tests.curation.intake.pictures import encode
from tests.curation.intake.planted_checks import BrokenDecoder


def outcomes(
    contents: list[PictureBytes | PictureFile], limits: PictureLimits, setup: CheckPictures | None = None
) -> list[str]:
    """``taken`` or the code, in the order of ``contents``."""
    tasks = [Task(number, content) for number, content in enumerate(contents)]
    with open_checkers(limits, workers=1, setup=setup) as check:
        found = {task.number: result for task, result in check(tasks)}
    return ["taken" if isinstance(result, Original) else result.code for _, result in sorted(found.items())]


def test_a_decoder_that_hangs_or_dies_costs_that_file_only() -> None:
    limits = PictureLimits(timeout_s=3)
    good = PictureBytes(encode("PNG"))
    contents = [good, PictureBytes(b"hang"), good, PictureBytes(b"die"), good, PictureBytes(b"leave"), good]
    found = outcomes([*contents], limits, BrokenDecoder(limits))
    assert found == ["taken", "timeout", "taken", "crashed", "taken", "crashed", "taken"]


def test_a_picture_that_takes_too_long_is_given_up() -> None:
    """A real one: 36 megapixels in 150 scans, each within the limits of its header."""
    image = np.zeros((6000, 6000), np.uint8)
    data = encode("JPEG", image, progressive=True)
    start = data.rfind(b"\xff\xda")
    slow = data[:start] + data[start:-2] * 150 + b"\xff\xd9"
    contents = [PictureBytes(slow), PictureBytes(encode("PNG"))]
    assert outcomes([*contents], PictureLimits(timeout_s=1.5)) == ["timeout", "taken"]


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_child_goes_on() -> None:
    large = pictures.png_of_size(6000, 6000, bytes(6000 * (6000 * 3 + 1)))
    contents = [PictureBytes(encode("PNG")), PictureBytes(large), PictureBytes(encode("PNG"))]
    limits = PictureLimits(memory_bytes=60_000_000)
    assert outcomes([*contents], limits) == ["taken", "memory", "taken"]
    assert check_picture(large).width == 6000  # it is a picture where there is memory


def test_the_default_memory_is_enough_for_the_hungriest_picture_of_the_default_size() -> None:
    """16-bit grey is decoded through float64; a quarter of the pixels in a quarter of the memory."""
    whole = PictureLimits()
    deep = np.zeros((whole.max_pixels // 4 // 5000, 5000), np.uint16)
    deep[::7] = 50_000
    limits = PictureLimits(timeout_s=120, memory_bytes=whole.memory_bytes // 4)
    assert outcomes([PictureBytes(encode("PNG", deep, compress_level=1))], limits) == ["taken"]


def test_files_are_read_in_the_child_and_links_are_not_followed(tmp_path: Path) -> None:
    good = tmp_path / "good"
    good.write_bytes(encode("PNG"))
    (tmp_path / "link.png").symlink_to(good)
    (tmp_path / "large.png").write_bytes(encode("BMP"))
    os.mkfifo(tmp_path / "pipe.png")
    names = ["good", "link.png", "large.png", "pipe.png", "gone.png", "."]
    contents = [PictureFile(str(tmp_path / name)) for name in names]
    found = outcomes([*contents], PictureLimits(max_bytes=9_000))
    assert found == ["taken", "link", "too_many_bytes", "link", "unreadable", "unreadable"]


def test_a_few_children_serve_many_threads_and_outlive_them() -> None:
    files = [encode("PNG", pictures.photo(32, 32, seed)) for seed in range(12)]
    for _ in range(2):  # the second round comes from new threads
        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(check_in_child, files))
        assert [original.data for original in found] == files
    with pytest.raises(RejectedFile, match="no picture"):
        check_in_child(b"nonsense")
    with pytest.raises(RejectedFile, match="MB"):
        check_in_child(bytes(70_000_000))


def test_what_a_child_gives_up_is_refused_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> Original:
        raise DecodingFailed("timeout", "It was not decoded in time.")

    monkeypatch.setattr("curation.intake.children.decode_in_child", give_up)
    with pytest.raises(RejectedFile, match="not decoded in time") as caught:
        check_in_child(encode("PNG"))
    assert caught.value.code == "timeout"


def test_the_shared_child_answers_as_the_check_itself() -> None:
    data = encode("WEBP")
    assert check_in_child(data) == check_picture(data)
    with pytest.raises(RejectedFile, match="SVG"):
        check_in_child(b"<svg/>")
