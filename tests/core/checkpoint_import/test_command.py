import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.checkpoint_import.importing import run
from core.checkpoints import read_info
from core.config import ROOT
from core.models.conventions import Conventions
from tests.core.checkpoint_import.planted_checkpoints import cyclegan, pix2pixhd, save, weights_of


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return save(tmp_path / "latest_net_G_A.pth", weights_of(cyclegan()))


def test_conventions_licence_and_note_are_kept_in_the_file(checkpoint: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "x.safetensors"
    options = "--image-size 128 --polarity white_on_black --colour bgr --input-range unit --output-range byte"
    assert (
        run(
            [
                "import",
                str(checkpoint),
                "--out",
                str(out),
                *options.split(),
                "--licence",
                "MIT",
                "--note",
                "mine",
            ]
        )
        == 0
    )
    info = read_info(out)
    assert info.conventions == Conventions(128, 1, "white_on_black", "bgr", "unit", "byte")
    assert (info.licence, info.provenance["note"]) == ("MIT", "mine")
    assert info.provenance["imported_from"] == checkpoint.name
    assert json.loads(capsys.readouterr().out)["family"] == "cyclegan"


@pytest.mark.parametrize("channels", [2, 4, 6, 36, 39])
def test_networks_of_label_maps_are_refused(tmp_path: Path, capsys, channels: int) -> None:
    path = save(tmp_path / "latest_net_G.pth", weights_of(pix2pixhd(input_nc=channels)))
    assert run(["import", str(path), "--out", str(tmp_path / "x.safetensors")]) == 2
    assert f"takes {channels} input channels, where a sketch has 1 or 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [(["--image-size", "30"], "multiple of 4"), (["--family", "ugatit"], "Choose cyclegan"),
     (["--network", "genX"], "no 'genX'"), (["--out", "x.pth"], "must end in .safetensors"),
     (["--out", "/nowhere/x.safetensors"], "does not exist")],
)  # fmt: skip
def test_what_cannot_be_imported_ends_with_one_sentence_and_no_file(
    checkpoint: Path, tmp_path: Path, capsys, options: list[str], message: str
) -> None:
    assert run(["import", str(checkpoint), "--out", str(tmp_path / "x.safetensors"), *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err and printed.err.count("\n") == 1 and printed.out == ""
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name]


def test_an_existing_file_is_replaced_only_when_told(checkpoint: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.safetensors"
    out.write_bytes(b"mine")
    assert run(["import", str(checkpoint), "--out", str(out)]) == 2
    assert out.read_bytes() == b"mine"
    assert run(["import", str(checkpoint), "--out", str(out), "--replace"]) == 0
    assert read_info(out).family == "cyclegan"


def test_a_model_file_of_ours_comes_through_as_it_is(checkpoint: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    run(["import", str(checkpoint), "--out", str(first), "--polarity", "white_on_black", "--licence", "MIT"])
    assert run(["import", str(first), "--out", str(second)]) == 0
    assert read_info(second) == read_info(first)


def test_the_command_runs_as_a_module(checkpoint: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core.checkpoints", "import", str(checkpoint)]
    done = subprocess.run(
        [*command, "--out", str(tmp_path / "x.safetensors")],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"] > 0
