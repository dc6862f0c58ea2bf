"""The command that freezes a version: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curation import freeze
from curation.library.library import Library
from tests.curation.library.samples import fill


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with Library.open(tmp_path / "library") as library:
        ids = fill(library, 3)
        library.decide(ids[:1], "keep", reviewer="ann")
    return tmp_path / "library"


def run(root: Path, *arguments: str) -> int:
    return freeze.main([*arguments, "--library", str(root)])


def test_a_version_is_frozen_as_the_page_does(root: Path, capsys) -> None:
    assert run(root, "표준_v1", "--who", "Ann", "--note", "The first", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    with Library.open(root) as library:
        version = library.version("표준_v1")
    assert (version.hash, len(version.ids), version.note) == (found["hash"], 3, "The first")


def test_what_only_the_rules_keep_can_be_left_out(root: Path, capsys) -> None:
    assert run(root, "v1", "--who", "Ann", "--people-only") == 0
    assert capsys.readouterr().out.startswith("Version v1 holds 1 images")


def test_a_name_that_is_taken_is_refused(root: Path, capsys) -> None:
    assert run(root, "v1", "--who", "Ann") == 0
    assert run(root, "V1", "--who", "Ann") == 2
    assert "already" in capsys.readouterr().err


def test_a_command_that_is_run_again_finds_the_version_that_it_made(root: Path, capsys) -> None:
    assert run(root, "v1", "--who", "Ann", "--exist-ok", "--json") == 0
    first = json.loads(capsys.readouterr().out)
    with Library.open(root) as library:
        library.decide([str(library.table().index[1])], "reject", reviewer="ann")
    assert run(root, "v1", "--who", "Ann", "--exist-ok", "--json") == 0
    assert json.loads(capsys.readouterr().out) == first
