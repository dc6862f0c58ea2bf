"""The command line: one JSON line, pictures that say what they are, and clean refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.config import ROOT
from core.generate import main
from core.images import encode_png, save_png
from tests.core.tiny_pipeline import SIZE, drawing, write_parts, write_weights


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("weights"))


@pytest.fixture
def folder(tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a drawing in it, and the tiny weights as the product's."""
    monkeypatch.setenv("STUDIO_WEIGHTS", str(weights))
    monkeypatch.setenv("STUDIO_RUNTIME", "torch")
    monkeypatch.setenv("STUDIO_THREADS", "1")
    monkeypatch.setenv("STUDIO_DEVICE", "cpu")
    monkeypatch.chdir(tmp_path)
    save_png("in.png", drawing(1, 128))
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_command_prints_one_json_line_with_timings_and_writes_both_pictures(folder, weights):
    command = [sys.executable, "-m", "core.generate", "--sketch", str(folder / "in.png")]
    command += ["--out", str(folder / "out.png"), "--refined", str(folder / "refined.png"), "--t", "0.3"]
    ran = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("\n") and ran.stdout.count("\n") == 1
    report = json.loads(ran.stdout)
    assert report["t"] == 0.3 and report["generator"] == "pix2pixhd" and report["mode"] == "hybrid"
    assert report["timings_ms"]["total"] > 0 and set(report["timings_ms"]) >= {"encode", "decode", "generate"}
    assert Image.open(folder / "out.png").size == Image.open(folder / "refined.png").size == (SIZE, SIZE)
    assert Image.open(folder / "out.png").mode == "RGB"


def test_both_pictures_say_that_they_are_generated_and_by_which_model(folder, capsys):
    assert main(["--sketch", "in.png", "--out", "out.png", "--refined", "refined.png"]) == 0
    capsys.readouterr()
    for name in ("out.png", "refined.png"):
        text = Image.open(name).text
        assert text["Model"] == "pix2pixhd" and "Generated face" in text["Description"]
        assert text["DigitalSourceType"].endswith("trainedAlgorithmicMedia")


def test_the_refined_picture_is_optional(folder, capsys):
    assert main(["--sketch", "in.png", "--out", "out.png"]) == 0
    assert json.loads(capsys.readouterr().out)["refined"] is None
    assert names(folder) == ["in.png", "out.png"]


def test_the_command_draws_the_same_face_twice(folder, capsys):
    for name in ("a.png", "b.png"):
        assert main(["--sketch", "in.png", "--out", name, "--k", "3", "--mode", "whole"]) == 0
    capsys.readouterr()
    first, second = (np.asarray(Image.open(name), dtype=int) for name in ("a.png", "b.png"))
    assert np.abs(first - second).max() <= 8  # either run may have chosen bfloat16


def write_bad_inputs(folder: Path) -> None:
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    (folder / "cut.png").write_bytes(encode_png(drawing(1, 256))[:300])
    save_png(folder / "blank.png", np.full((64, 64), 255, np.uint8))
    Image.new("1", (20_000, 20_000)).save(folder / "huge.png")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sketch", "nowhere.png"], "nowhere.png does not exist."),
        (["--sketch", "empty.png"], "The file is empty"),
        (["--sketch", "text.png"], "not a picture"),
        (["--sketch", "cut.png"], "damaged or cut short"),
        (["--sketch", "huge.png"], "too large"),
        (["--sketch", "blank.png"], "blank.png is blank"),
        (["--sketch", "."], "directory"),
        (["--t", "1.5"], "t must be a number between 0"),
        (["--t", "nan"], "t must be a number between 0"),
        (["--k", "0"], "k must be a whole number between 1"),
        (["--mode", "full"], "mode must be one of hybrid, whole, none"),
        (["--generator", "unet"], "generator must be one of: pix2pixhd"),
        (["--device", "cuda:77"], "cuda:77"),
        (["--runtime", "fast"], "runtime must be one of auto, openvino, torch"),
        (["--weights", "nowhere"], "sketch_autoencoder.safetensors is missing"),
        (["--out", "nowhere/out.png"], "does not exist. Make it first."),
        (["--out", "."], "is a folder"),
        (["--refined", "out.png"], "two different files"),
    ],
)
def test_bad_input_ends_with_one_sentence_and_no_file(folder, capsys, arguments, sentence):
    write_bad_inputs(folder)
    before = names(folder)
    given = {
        "--sketch": "in.png",
        "--out": "out.png",
        **dict(zip(arguments[::2], arguments[1::2], strict=True)),
    }
    assert main([part for pair in given.items() for part in pair]) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and sentence in output.err
    assert names(folder) == before


@pytest.mark.parametrize(
    "arguments", [[], ["--sketch", "in.png"], ["--sketch", "in.png", "--out", "o", "--k", "x"]]
)
def test_a_command_that_cannot_be_understood_exits_with_two(folder, capsys, arguments):
    with pytest.raises(SystemExit) as ending:
        main(arguments)
    assert ending.value.code == 2 and capsys.readouterr().out == ""
    assert names(folder) == ["in.png"]


def test_a_picture_that_was_there_survives_bad_input(folder, capsys):
    save_png("out.png", drawing(2))
    before = Path("out.png").read_bytes()
    assert main(["--sketch", "in.png", "--out", "out.png", "--t", "7"]) == 2
    assert Path("out.png").read_bytes() == before


def test_stage_one_by_parts_takes_settings_and_fills_by_part(folder, tmp_path_factory, capsys, monkeypatch):
    monkeypatch.setenv("STUDIO_WEIGHTS", str(write_parts(write_weights(tmp_path_factory.mktemp("parts")))))
    arguments = ["--sketch", "in.png", "--out", "out.png", "--mode", "whole", "--stage1", "parts"]
    assert main([*arguments, "--part", "mouth:0.2:4", "--part", "nose:1:3", "--fill", "eye_left:7"]) == 0
    report = json.loads(capsys.readouterr().out)
    by_name = {part["name"]: part for part in report["parts"]}
    assert report["stage1"] == "parts" and len(by_name) == 5
    assert (by_name["mouth"]["t"], by_name["mouth"]["k"], by_name["nose"]["t"]) == (0.2, 4, 1)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--stage1", "halves"], "stage1 must be one of whole, parts"),
        (["--part", "mouth:0.2"], "--part takes NAME:t:k"),
        (["--fill", "mouth"], "--fill takes NAME:SEED"),
        (["--part", "mouth:0.2:4"], "settings of stage1='parts'"),
        (["--stage1", "parts"], "part_autoencoders.safetensors"),
    ],
)
def test_settings_of_parts_that_make_no_sense_end_with_one_sentence(folder, capsys, option, sentence):
    assert main(["--sketch", "in.png", "--out", "out.png", *option]) == 2
    said = capsys.readouterr()
    assert sentence in said.err and said.err.count("\n") == 1 and said.out == ""
    assert names(folder) == ["in.png"]
