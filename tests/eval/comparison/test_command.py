"""``python -m eval.run``."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.config import ROOT
from eval.comparison.export_csv import write_files
from eval.comparison.formatting import in_order
from eval.comparison.request import ComparisonRequest
from eval.comparison.result import read_comparison, write_comparison
from eval.comparison.table import figure, table
from eval.run import generators_of, main, named_set
from tests.eval.comparison.comparison_material import comparison, write_sets


def test_two_runs_of_the_command_write_the_same_but_for_the_times(tmp_path: Path) -> None:
    folders = write_sets(tmp_path, count=6, sharp=5, rough=50)
    command = [sys.executable, "-m", "eval.run", "--real", folders["real"], "--protocol", "fd_effnet_lite0",
               "--fake", f"sharp={folders['sharp']}", "--fake", f"rough={folders['rough']}",
               "--metrics", "fid", "kid", "l1", "--permutations", "50"]  # fmt: skip
    texts = []
    for run in ("first", "second"):
        out = tmp_path / f"{run}.json"
        done = subprocess.run(
            [*command, "--cache", tmp_path / run, "--json", out],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(out.read_text())
        assert found.pop("created") and found.pop("seconds")
        texts.append(json.dumps(found))
    assert texts[0] == texts[1]
    assert done.stdout.splitlines()[1].startswith("sharp")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--fake", "a=."], "--real"),
        (["--real", "."], "nothing to compare"),
        (["--real", ".", "--fake", "folder"], "NAME=DIR"),
        (["--real", ".", "--fake", "a=nowhere"], "nowhere is not there"),
        (["--real", ".", "--generators", "all"], "--pairs"),
        (["--pairs", ".", "--generators", "all"], "holds no pairs: generators draw from sketches"),
        (["--real", ".", "--fake", "m=.", "--fake", "m=core"], "two sets are called m"),
        (["--real", ".", "--fake", "m@5=.", "--fake", "m@5=core"], "two sets are called m@5"),
        (["--real", ".", "--fake", "a=.", "--metrics", "fud"], "fud"),
        (["--real", ".", "--fake", "a=.", "--pdf", "report.pdf"], "open it in a browser, print it to PDF"),
        (["--real", ".", "--fake", "a=.", "--html", "report.PDF"], "open it in a browser, print it to PDF"),
    ],
)
def test_wrong_arguments_end_with_a_sentence(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_set_without_pictures_ends_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--real", str(tmp_path), "--fake", f"a={tmp_path}", "--protocol", "fd_effnet_lite0"]
    assert main([*arguments, "--cache", str(tmp_path / "cache")]) == 1
    assert "no picture" in capsys.readouterr().err


def test_a_step_belongs_to_the_name() -> None:
    assert named_set("run a@2000=x/y=z") == ("run a", 2000, Path("x/y=z"))
    assert named_set("me@home=x") == ("me@home", None, Path("x"))


def test_the_table_says_what_is_unknown_as_a_dash() -> None:
    lines = table(comparison({"a": (0.1, 0.2), "b": (0.3, None)})).splitlines()
    assert lines[1].split()[:3] == ["a", "2", "1"]


def test_figures_have_four_digits_that_count() -> None:
    assert [figure(one) for one in (None, 0, 123.456, 0.0012345, 1.2e-7)] == [
        "-",
        "0",
        "123.5",
        "0.001234",
        "1.20e-07",
    ]


def test_without_standings_models_stay_in_their_order() -> None:
    assert [one.name for one in in_order(comparison({"b": (1.0,), "a": (2.0,)}))] == ["b", "a"]


def test_an_unknown_model_of_checkpoints_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="checkpoints of b"):
        ComparisonRequest(real=tmp_path, fakes={"a": tmp_path}, checkpoints={"b": {1: tmp_path}})


def test_every_generator_after_both_kinds_of_stage_1(tmp_path: Path) -> None:
    options = argparse.Namespace(
        generators=["all"], stage1=["whole", "parts"], pairs=tmp_path, split="val", mode="hybrid", t=0.5, k=10
    )
    found = generators_of(options)
    assert {"pix2pixhd", "pix2pixhd, parts", "cyclegan", "ugatit, parts"} <= set(found)
    with pytest.raises(ValueError, match="no generator stylegan"):
        generators_of(argparse.Namespace(**{**vars(options), "generators": ["stylegan"]}))


def test_all_exports_are_written(tmp_path: Path) -> None:
    write_comparison(tmp_path / "made", comparison({"a": (0.1, 0.2), "b": (0.3, None)}))
    files = {kind: tmp_path / f"out.{kind}" for kind in ("json", "csv", "html")}
    write_files(tmp_path / "made", **files)
    assert read_comparison(files["json"]) == read_comparison(tmp_path / "made")
    assert b"0.3" in files["csv"].read_bytes()
    assert files["html"].read_bytes()[:15].lower().startswith(b"<!doctype html")
