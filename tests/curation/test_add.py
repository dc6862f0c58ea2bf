"""The command that adds pictures: what a person names, what it prints, how it ends."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from curation import add
from curation.intake import sources
from curation.library.library import Library
from curation.library.records import LibraryError
from tests.curation.intake.pictures import plain, zip_of


@pytest.fixture
def heap(tmp_path: Path) -> Path:
    folder = tmp_path / "heap"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(plain("JPEG"))
    (folder / "page.jpg").write_bytes(b"<html>404</html>")
    return folder


def run(tmp_path: Path, *arguments: object) -> int:
    return add.main([*map(str, arguments), "--library", str(tmp_path / "library"), "--workers", "1"])


def images(tmp_path: Path) -> int:
    with Library.open(tmp_path / "library") as library:
        return int(library.counts()["images"])


def test_a_folder_is_added_and_refusals_are_told(tmp_path: Path, heap: Path, capsys) -> None:
    assert run(tmp_path, heap, "--licence", "CC0", "--author", "Ada", "--uploader", "Bob") == 0
    shown = capsys.readouterr()
    assert shown.out.strip() == "2 files: 1 added, 0 known already, 1 refused (active_content 1)."
    assert "page.jpg: It is SVG, HTML or XML" in shown.err
    with Library.open(tmp_path / "library") as library:
        (image_id,) = library.table().index
        (origin,) = library.provenance(image_id)
    assert (origin.source, origin.name, origin.licence, origin.author, origin.uploader) == (
        "folder:heap", "a.jpg", "CC0", "Ada", "Bob",
    )  # fmt: skip


def test_json_is_an_answer_a_line_and_a_summary(tmp_path: Path, heap: Path, capsys) -> None:
    assert run(tmp_path, heap, "--json", "--progress-file", tmp_path / "progress.json") == 0
    *answers, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert {answer["name"]: answer["outcome"] for answer in answers} == {
        "a.jpg": "added",
        "page.jpg": "refused",
    }
    assert last["summary"]["added"] == 1
    assert last["summary"]["reasons"] == {"active_content": 1}
    progress = json.loads((tmp_path / "progress.json").read_text())
    assert (progress["done"], progress["total"], progress["phase"]) == (2, 2, "adding")


def test_the_content_tells_an_archive_a_picture_and_a_list_apart(
    tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "archive.jpg").write_bytes(zip_of({"in.png": plain("PNG", seed=1)}))
    (tmp_path / "picture.csv").write_bytes(plain("PNG", seed=2))
    lists: list[Path] = []

    def add_list(_library: object, source: Path, _origin: object, _progress: object) -> object:
        lists.append(source)
        return iter(())

    monkeypatch.setattr(sources, "_add_list", add_list)
    (tmp_path / "list.csv").write_text("url\nhttps://example.org/a.jpg\n")
    names = [tmp_path / name for name in ("archive.jpg", "picture.csv", "list.csv")]
    assert run(tmp_path, *names) == 0
    assert "2 files: 2 added" in capsys.readouterr().out
    assert lists == [tmp_path / "list.csv"]


def test_a_dataset_is_read_as_what_the_person_says(tmp_path: Path, capsys) -> None:
    (tmp_path / "tree" / "hat").mkdir(parents=True)
    (tmp_path / "tree" / "hat" / "a.jpg").write_bytes(plain("JPEG"))
    assert run(tmp_path, tmp_path / "tree", "--as", "fiftyone", "--source", "mine") == 0
    with Library.open(tmp_path / "library") as library:
        (image_id,) = library.table().index
        assert tuple(library.labels_of([image_id])[image_id]) == ("hat",)
        assert library.provenance(image_id)[0].source == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["none"], "does not exist"), (["."], ""), (["--as", "coco", "."], "no COCO")],
)
def test_wrong_arguments_are_named(
    tmp_path: Path, monkeypatch, capsys, arguments: list[str], message: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    code = run(tmp_path, *arguments)
    assert code == (2 if message else 0)
    assert message in capsys.readouterr().err


def test_nothing_to_add_is_a_wrong_argument(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        run(tmp_path)
    assert caught.value.code == 2


def test_trouble_with_the_library_stops_with_its_message(
    tmp_path: Path, heap: Path, monkeypatch, capsys
) -> None:
    def full(*_: object) -> None:
        raise LibraryError("The picture cannot be kept: No space left on device.")

    monkeypatch.setattr(Library, "add_many", full)
    assert run(tmp_path, heap) == 1
    assert "No space left" in capsys.readouterr().err


def test_a_spool_folder_is_removed_after_success_only(tmp_path: Path, monkeypatch, capsys) -> None:
    spool = tmp_path / "library" / "jobs" / "spool-1"
    spool.mkdir(parents=True)
    (spool / "a.jpg").write_bytes(plain("JPEG"))
    with monkeypatch.context() as broken:
        broken.setattr(
            Library, "add_many", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
        )
        assert run(tmp_path, spool, "--source", "upload", "--remove-source") == 1
    assert spool.exists()
    assert "disk is full" in capsys.readouterr().err
    assert run(tmp_path, spool, "--source", "upload", "--remove-source") == 0
    assert not spool.exists()
    assert images(tmp_path) == 1


def test_an_uploaded_archive_s_own_folder_goes_with_it(tmp_path: Path) -> None:
    spool = tmp_path / "library" / "jobs" / "spool-1"
    spool.mkdir(parents=True)
    (spool / "heap.zip").write_bytes(zip_of({"a.png": plain("PNG")}))
    assert run(tmp_path, spool / "heap.zip", "--source", "upload", "--remove-source") == 0
    assert images(tmp_path) == 1
    assert not spool.exists()
    assert spool.parent.exists()


def test_a_person_s_own_folder_is_never_removed(tmp_path: Path, heap: Path, capsys) -> None:
    assert run(tmp_path, heap, "--remove-source") == 2
    assert heap.exists()
    assert "--remove-source is for folders in" in capsys.readouterr().err
    assert images(tmp_path) == 0


def test_the_command_runs_as_a_module(tmp_path: Path, heap: Path) -> None:
    command = [sys.executable, "-m", "curation.add", heap, "--library", tmp_path / "library", "--json"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["added"] == 1


def test_a_killed_run_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Killed at three moments and started again, it ends where an undisturbed run ends."""
    folder = tmp_path / "heap"
    folder.mkdir()
    for seed in range(80):
        (folder / f"{seed:03d}.png").write_bytes(plain("PNG", 32, 32, seed))
    command = [sys.executable, "-m", "curation.add", folder, "--json", "--workers", "1", "--library"]
    for answers in (1, 20, 45):
        with subprocess.Popen(
            [*map(str, command), str(tmp_path / "library")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as running:
            assert running.stdout is not None
            for _ in range(answers):
                running.stdout.readline()
            running.kill()
    assert run(tmp_path, folder) == 0
    with Library.open(tmp_path / "library") as library:
        ids = sorted(library.table().index)
        assert ids == sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir())
        assert all(len(library.provenance(image_id)) == 1 for image_id in ids)
        assert all(library.read_original(image_id) for image_id in ids)
