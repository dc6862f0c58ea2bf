"""Result folders of the reference projects: each kind of picture in a folder of its own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.sets.folders import open_set
from eval.sets.results_folders import find_layout, split_results
from tests.eval.sets.pictures_material import packed, picture, write

KINDS = ["input", "heat_same", "same", "heat_output", "output", "heat_reconstruction", "reconstruction"]


def strip(seed: int) -> Image.Image:
    """Seven pictures above each other, as U-GAT-IT writes them."""
    return Image.fromarray(np.concatenate([np.asarray(picture(seed + row)) for row in range(7)]))


def sheet(seed: int, count: int) -> Image.Image:
    """Pictures side by side."""
    return Image.fromarray(np.concatenate([np.asarray(picture(seed + n)) for n in range(count)], axis=1))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_strip_of_ugatit_is_cut_into_its_seven_pictures(tmp_path: Path) -> None:
    write(tmp_path / "in/A2B_1.png", strip(10))
    split = split_results(open_set(tmp_path / "in"), tmp_path / "out")
    assert (split.layout, split.counts) == ("ugatit", dict.fromkeys(KINDS, 1))
    for number, kind in enumerate(KINDS):
        np.testing.assert_array_equal(
            pixels(tmp_path / "out" / kind / "A2B_1.png"), np.asarray(picture(10 + number))
        )


def test_the_way_back_does_not_get_among_the_outputs(tmp_path: Path) -> None:
    write(tmp_path / "in/A2B_1.png", strip(10))
    write(tmp_path / "in/B2A_1.png", strip(20))
    split_results(open_set(tmp_path / "in"), tmp_path / "out")
    assert [path.name for path in (tmp_path / "out/output").iterdir()] == ["A2B_1.png"]
    assert [path.name for path in (tmp_path / "out/output_back").iterdir()] == ["B2A_1.png"]


def test_numbered_results_get_their_inputs_names_back(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / f"in/A2B_{number}.png", strip(number))
    split_results(open_set(tmp_path / "in"), tmp_path / "out", inputs=["0801", "0804"])
    assert sorted(path.name for path in (tmp_path / "out/output").iterdir()) == ["0801.png", "0804.png"]


def test_a_number_beyond_the_inputs_is_left_out_with_the_reason(tmp_path: Path) -> None:
    for number in (1, 2):
        write(tmp_path / f"in/A2B_{number}.png", strip(number))
    split = split_results(open_set(tmp_path / "in"), tmp_path / "out", inputs=["0801"])
    assert [one.name for one in split.left_out] == ["A2B_2.png"]


@pytest.mark.parametrize(
    ("endings", "kinds"),
    [
        (
            ["_real_A.png", "_fake_B.png", "_real_B.png", "_rec_A.png"],
            ["input", "output", "truth", "reconstruction"],
        ),
        (["_input_label.jpg", "_synthesized_image.jpg"], ["input", "output"]),
    ],
)
def test_files_with_endings_are_copied_as_they_are(
    tmp_path: Path, endings: list[str], kinds: list[str]
) -> None:
    for number, ending in enumerate(endings):
        data = packed(picture(number), "JPEG" if ending.endswith("jpg") else "PNG")
        write(tmp_path / f"in/0801{ending}", data)
    split = split_results(open_set(tmp_path / "in"), tmp_path / "out")
    assert (split.layout, split.counts) == ("files", dict.fromkeys(kinds, 1))
    for ending, kind in zip(endings, kinds, strict=True):
        copy = tmp_path / "out" / kind / f"0801{Path(ending).suffix}"
        assert copy.read_bytes() == (tmp_path / f"in/0801{ending}").read_bytes()


@pytest.mark.parametrize(("count", "kinds"), [(2, ["input", "output"]), (3, ["input", "output", "truth"])])
def test_sheets_are_cut_from_left_to_right(tmp_path: Path, count: int, kinds: list[str]) -> None:
    write(tmp_path / "in/0801.png", sheet(5, count))
    split = split_results(open_set(tmp_path / "in"), tmp_path / "out")
    assert split.layout == "sheets"
    for number, kind in enumerate(kinds):
        np.testing.assert_array_equal(
            pixels(tmp_path / "out" / kind / "0801.png"), np.asarray(picture(5 + number))
        )


def test_a_sheet_of_four_needs_names_for_its_pictures(tmp_path: Path) -> None:
    write(tmp_path / "in/0801.png", sheet(5, 4))
    images = open_set(tmp_path / "in")
    with pytest.raises(ValueError, match="--panels"):
        split_results(images, tmp_path / "out")
    split = split_results(images, tmp_path / "out", panels=["input", "heat", "output", "truth"])
    assert list(split.counts) == ["input", "heat", "output", "truth"]


def test_plain_outputs_are_no_result_folder(tmp_path: Path) -> None:
    write(tmp_path / "in/0801.png", picture())
    with pytest.raises(ValueError, match="compare the folder as it is"):
        find_layout(open_set(tmp_path / "in"))


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    write(tmp_path / "in/0801_fake_B.png", picture())
    write(tmp_path / "in/0801_notes.txt", b"x")
    command = [sys.executable, "-m", "eval.sets.split", str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["counts"] == {"output": 1} and report["compare"] == str(tmp_path / "out/output")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 2 and "not empty" in again.stderr
