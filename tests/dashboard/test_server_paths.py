"""A path that somebody types leads to plain files below the roots, and tells nothing about the others."""

import os
import socket
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import access
from dashboard.roles import Role
from dashboard.shared.server_paths import REFUSED, PathRefused, places_in, server_path
from dashboard.views.compare.sources import source_path
from dashboard.views.models.drafts import server_file


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder; beside it a folder that the setting names, and one that nobody named."""
    for name in ("data", "named", "outside"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "net.pth").write_bytes(b"weights")
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_ROOTS", str(tmp_path / "named"))
    return tmp_path / "data"


@pytest.mark.parametrize("place", ["data/net.pth", "named/net.pth", "data", "named"])
def test_files_and_folders_below_the_roots_are_taken(data: Path, place: str) -> None:
    assert server_path(f" '{data.parent / place}' ") == data.parent / place


def _plant(data: Path, kind: str) -> str:
    path = data / "odd"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
    elif kind == "link to a file outside":
        path.symlink_to(data.parent / "outside" / "net.pth")
    elif kind == "link to a folder outside":
        path.symlink_to(data.parent / "outside")
        path = path / "net.pth"
    elif kind == "link to itself":
        path.symlink_to(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    return str(path)


@pytest.mark.parametrize(
    "kind",
    [
        "missing",
        "fifo",
        "socket",
        "device",
        "link to a file outside",
        "link to a folder outside",
        "link to itself",
    ],
)
def test_special_files_and_ways_out_read_like_missing_ones(data: Path, kind: str) -> None:
    with pytest.raises(PathRefused) as caught:
        server_path(_plant(data, kind))
    assert str(caught.value) == REFUSED


@pytest.mark.parametrize(
    "text",
    ["/etc/passwd", "/etc", "/", "/nowhere/at/all", "/dev/zero", "/proc/self/environ", "~root/.ssh", "~nobody/x",
     "net.pth", "../outside/net.pth", "{data}/../outside/net.pth", "{data}/../data/net.pth", "{data}2/net.pth",
     "{data}/net.pth\0", "", "{data}/" + "x" * 5000],
)  # fmt: skip
def test_all_else_is_one_answer(data: Path, text: str) -> None:
    with pytest.raises(PathRefused) as caught:
        server_path(text.replace("{data}", str(data)))
    assert str(caught.value) == REFUSED


def test_nothing_outside_is_even_looked_at(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    resolve = Path.resolve

    def note(self: Path, strict: bool = False) -> Path:
        looked.append(str(self))
        return resolve(self, strict)

    monkeypatch.setattr(Path, "resolve", note)
    with pytest.raises(PathRefused):
        server_path("/etc/passwd")
    assert "/etc/passwd" not in looked


def test_a_folder_offers_what_may_be_picked_and_nothing_that_leads_out(data: Path) -> None:
    (data / "faces" / "deep").mkdir(parents=True)
    for name in ("faces/a.jpg", "faces/b.PNG", "faces/notes.txt", "set.zip", ".secret.zip", "photo.jpg"):
        (data / name).write_bytes(b"")
    (data / ".hidden").mkdir()
    (data / "out").symlink_to(data.parent / "outside")
    os.mkfifo(data / "pipe.zip")
    assert [place.name for place in places_in(data, (".zip",))] == ["faces", "set.zip"]
    for folder in (data.parent, data / "out", data / ".." / "outside"):
        with pytest.raises(PathRefused):
            places_in(folder)


def ask() -> None:
    import streamlit as st

    from dashboard.shared.server_paths import ask_server_path

    st.text(ask_server_path("Folder", key="asked"))


def test_a_folder_is_picked_by_steps_into_the_field(data: Path) -> None:
    (data / "faces" / "deep").mkdir(parents=True)
    page = AppTest.from_function(ask, default_timeout=60).run()
    page.button(key="asked_browse").click().run()
    assert [button.label for button in page.button if "_place_" in button.key] == [
        str(data), str(data.parent / "named"),
    ]  # fmt: skip
    page.session_state["asked"] = str(data / "faces")
    page.run()
    page.button(key="asked_browse").click().run()  # where the field is
    assert [button.label for button in page.button if "_place_" in button.key] == ["deep"]
    assert [button.label for button in page.button if "_up_" in button.key] == ["", "data", "faces"]
    page.button(key="asked_take").click().run()
    assert page.text[0].value == str(data / "faces")
    assert not page.exception


def test_a_name_that_is_no_utf_8_hides_no_other_folder(data: Path) -> None:
    for name in (b"faces", b"pho\xe9tos", b"zebras"):
        (data / os.fsdecode(name)).mkdir()
    page = AppTest.from_function(ask, default_timeout=60).run()
    page.session_state["asked"] = str(data)
    page.run()
    page.button(key="asked_browse").click().run()
    assert [button.label for button in page.button if "_place_" in button.key] == ["faces", "zebras"]
    assert not page.exception


def test_who_is_no_owner_sees_no_folder(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "visitor", lambda: access.Visitor("bo@example.org", Role.CURATOR))
    page = AppTest.from_function(ask, default_timeout=60).run()
    page.button(key="asked_browse").click().run()
    assert not [button for button in page.button if "_place_" in button.key]
    assert "Only owners" in page.error[0].value


@pytest.mark.parametrize("take", [source_path, server_file])
def test_sets_and_checkpoints_are_typed_the_same_way(data: Path, take) -> None:
    for text in ("/etc/hostname", str(data.parent / "outside" / "net.pth"), str(data / "missing.pth")):
        with pytest.raises(PathRefused, match="nothing to read under this path"):
            take(text)
