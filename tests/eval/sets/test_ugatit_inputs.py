"""Numbered results of U-GAT-IT get the names of their inputs back, in the project's own order, or none at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from eval.sets.folders import open_set
from eval.sets.results_folders import named_inputs, ugatit_order
from eval.sets.split import main
from tests.eval.sets.pictures_material import packed, picture, write


def strip_of(shown: Image.Image, seed: int) -> Image.Image:
    """A result with its input on top."""
    rows = [np.asarray(shown), *(np.asarray(picture(seed + row)) for row in range(6))]
    return Image.fromarray(np.concatenate(rows))


def write_inputs(folder: Path, *files: str) -> Path:
    kinds = {".jpg": "JPEG", ".webp": "WEBP", ".png": "PNG", ".PNG": "PNG", ".tiff": "TIFF", ".tif": "TIFF"}
    for seed, file in enumerate(files):
        write(folder / file, packed(picture(1000 + seed), kinds[Path(file).suffix]))
    return folder


def write_results(folder: Path, inputs: Path, order: list[str]) -> Path:
    for number, file in enumerate(order, start=1):
        with Image.open(inputs / file) as image:
            write(folder / f"A2B_{number}.png", strip_of(image.convert("RGB"), 10 * number))
    return folder


@pytest.mark.parametrize(
    ("files", "order"),
    [
        (("face.png", "face (1).png", "face (2).png", "a.png"),
         ["a.png", "face (1).png", "face (2).png", "face.png"]),
        (("a-b.png", "a.png", "a_b.png", "B.png"), ["B.png", "a-b.png", "a.png", "a_b.png"]),
        (("10.png", "9.png", "x.webp", "y.tiff", "z.tif"), ["10.png", "9.png", "z.tif"]),
        (("a.jpg", "a.png", "b.PNG"), ["a.jpg", "a.png", "b.PNG"]),
        (("b.png", "sub/a.png", "sub/deep/a.png"), ["b.png", "sub/a.png", "sub/deep/a.png"]),
        (("가.png", "나.png", "a.png"), ["a.png", "가.png", "나.png"]),
    ],
)  # fmt: skip
def test_the_order_is_that_of_the_projects_loader(
    tmp_path: Path, files: tuple[str, ...], order: list[str]
) -> None:
    inputs = open_set(write_inputs(tmp_path / "testA", *files))
    assert [item.file for item in ugatit_order(inputs)] == order


def test_an_order_that_depends_on_the_system_is_refused(tmp_path: Path) -> None:
    inputs = open_set(write_inputs(tmp_path / "testA", "b/1.png", "b/A/2.png", "bA/3.png"))
    with pytest.raises(ValueError, match="another order on Windows"):
        ugatit_order(inputs)


def test_a_damaged_input_that_was_counted_is_refused(tmp_path: Path) -> None:
    write(write_inputs(tmp_path / "testA", "b.png") / "a.png", b"no picture")
    with pytest.raises(ValueError, match=r"a\.png of .* is left out"):
        ugatit_order(open_set(tmp_path / "testA"))


def test_shadows_of_macos_were_never_counted(tmp_path: Path) -> None:
    write(write_inputs(tmp_path / "testA", "b.png") / "._b.png", b"shadow")
    assert len(ugatit_order(open_set(tmp_path / "testA"))) == 1


@pytest.mark.parametrize("below", ["", "test"])
def test_every_output_gets_the_name_of_its_input(tmp_path: Path, below: str) -> None:
    inputs = write_inputs(tmp_path / "testA", "face.png", "face (1).png", "skipped.webp")
    order = ["face (1).png", "face.png"]
    results = write_results(tmp_path / "results" / below, inputs, order)
    assert main([str(tmp_path / "results"), str(tmp_path / "out"), "--inputs", str(inputs)]) == 0
    for number, file in enumerate(order, start=1):
        made = np.asarray(Image.open(tmp_path / "out/output" / file))
        strip = np.asarray(Image.open(results / f"A2B_{number}.png"))
        np.testing.assert_array_equal(made, strip[4 * 24 : 5 * 24])


def test_results_that_show_other_inputs_are_not_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = write_inputs(tmp_path / "testA", "a.png", "b.png")
    results = write_results(tmp_path / "results", inputs, ["b.png", "a.png"])
    assert main([str(results), str(tmp_path / "out"), "--inputs", str(inputs)]) == 2
    assert "result 1 shows b.png" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_another_number_of_inputs_than_results_is_refused(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "testA", "a.png", "b.png", "c.png")
    write(tmp_path / "results" / "A2B_1.png", strip_of(picture(5), 1))
    with pytest.raises(ValueError, match=r"numbered up to 1, but .* holds 3"):
        named_inputs(open_set(tmp_path / "results"), open_set(inputs))


def test_a_part_of_the_results_is_named_where_they_show_their_inputs(tmp_path: Path) -> None:
    inputs = write_inputs(tmp_path / "testA", "a.png", "b.png", "c.png")
    results = write_results(tmp_path / "results", inputs, ["a.png", "b.png"])
    assert named_inputs(open_set(results), open_set(inputs)) == ("a", "b", "c")


def test_results_below_test_latest_get_plain_names(tmp_path: Path) -> None:
    for ending in ("real_A", "fake_B"):
        write(tmp_path / f"results/test_latest/images/0801_{ending}.png", picture(3))
    assert main([str(tmp_path / "results"), str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/output/0801.png").is_file()


def test_two_results_for_one_name_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = write_inputs(tmp_path / "testA", "a.png")
    for run in ("one", "two"):
        write_results(tmp_path / "results" / run, inputs, ["a.png"])
    assert main([str(tmp_path / "results"), str(tmp_path / "out"), "--inputs", str(inputs)]) == 2
    assert "Split one folder at a time" in capsys.readouterr().err
