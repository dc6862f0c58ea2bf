"""``python -m curation.export``."""

from __future__ import annotations

import json

import pytest

from curation.export.__main__ import main


def test_it_exports_and_says_how_to_train(filled, tmp_path, capsys):
    assert main(["first", "--out", str(tmp_path / "out"), "--library", str(filled.root)]) == 0
    said = capsys.readouterr().out
    assert "10 pairs of version first" in said
    assert "Train on it: python -m core.training.autoencoder" in said
    assert (tmp_path / "out" / "README.md").is_file()


def test_json_progress_and_import(filled, tmp_path, capsys, make_library):
    progress = tmp_path / "progress.json"
    out = tmp_path / "out"
    arguments = ["first", "--out", str(out), "--library", str(filled.root), "--kind", "imagefolder", "--zip"]
    assert main([*arguments, "--json", "--progress-file", str(progress)]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["images"] == 10
    assert json.loads(progress.read_text())["done"] == 10
    empty = make_library("empty")
    assert main(["--import", summary["zip"], "--library", str(empty.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hash"] == summary["hash"]


def test_what_stops_it_is_one_sentence_on_stderr(filled, tmp_path, capsys):
    (tmp_path / "mine.txt").write_text("x")
    assert main(["first", "--out", str(tmp_path), "--library", str(filled.root)]) == 1
    assert "holds other files" in capsys.readouterr().err
    assert main(["nothing", "--out", str(tmp_path / "out"), "--library", str(filled.root)]) == 1
    assert "no version 'nothing'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["first"], ["--out", "x"], ["first", "--import", "x"]])
def test_missing_arguments_are_named(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "--out" in capsys.readouterr().err
