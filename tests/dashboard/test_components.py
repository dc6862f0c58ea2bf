"""What the toolbar accepts, what an upload does, what is shared between visitors."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from core.conversion.settings import ConversionSettings
from core.errors import AssetMissing
from core.images import can_read_heif, encode_png
from dashboard.shared import gallery, networks
from dashboard.shared.resources import face_url, thumbnail
from dashboard.views.draw import start
from dashboard.views.draw.actions import files_of
from dashboard.views.draw.canvas import tools_from
from dashboard.views.draw.drawing import digest, fabric_from_strokes, strokes_file
from dashboard.views.draw.start import take_chosen, take_upload
from dashboard.views.draw.state import UPLOAD, Drawing, DrawSession, Shown, Tools
from tests.core.test_scan_cleanup import encoded
from tests.dashboard.fake_page import FakePipeline, drawn


def test_a_change_of_one_tool_leaves_the_others():
    now = Tools(brush=5, guide=False)
    assert tools_from({"tool": "eraser"}, now) == Tools(tool="eraser", brush=5, guide=False)


@pytest.mark.parametrize(
    "nonsense",
    [{"tool": "axe"}, {"brush": 0}, {"brush": 400}, {"eraser": "big"}, {"brush": None}, {"x": 1}, {}, 3, [1]],
)
def test_what_a_browser_must_not_send_is_left_alone(nonsense: object):
    assert tools_from(nonsense, Tools()) == Tools()


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture at all", encode_png(np.zeros((64, 64), np.uint8))[:60]],
    ids=["empty", "not a picture", "truncated"],
)
def test_an_upload_that_cannot_be_read_is_explained_and_loses_nothing(data: bytes):
    session = DrawSession()
    session.receive(drawn(3))
    message = take_upload(session, data)
    assert message
    assert "Traceback" not in message
    assert session.drawing.digest == drawn(3).digest
    assert session.load["load"] == 0


def test_an_upload_that_the_browser_sends_once_more_is_taken_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    session, key = DrawSession(), f"{UPLOAD}_0"
    contents = iter([strokes_file(drawn(3).fabric), b""])  # taken over, and gone from the disk
    file = SimpleNamespace(name="strokes.json", file_id="one", getvalue=lambda: next(contents))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setattr(start.st, "session_state", {key: file})
    for _ in range(2):
        take_chosen(session, key)
    assert session.upload_error == ""
    assert session.uploads == 1
    assert len(session.drawing.fabric["objects"]) == 3


def test_an_uploaded_drawing_lies_on_the_paper_and_undo_brings_the_old_one_back():
    session = DrawSession()
    session.receive(drawn(3))
    picture = np.full((512, 512), 255, np.uint8)
    picture[100:400, 250:256] = 0
    picture[250:256, 100:400] = 0
    assert take_upload(session, encode_png(picture)) == ""
    assert session.drawing.fabric["objects"][0]["type"] == "Image"
    session.take_back()
    assert session.drawing.digest == drawn(3).digest


def test_new_weights_have_another_fingerprint(tmp_path: Path):
    assert networks.weights_fingerprint(tmp_path / "none") == ()
    file = tmp_path / "pix2pixhd.safetensors"
    file.write_bytes(b"old")
    before = networks.weights_fingerprint(tmp_path)
    file.write_bytes(b"newer")
    assert networks.weights_fingerprint(tmp_path) != before


def test_the_look_reaches_the_networks(pipeline: FakePipeline):
    networks.generate(drawn().sketch, ConversionSettings(t=0.3, mode="whole", k=4))
    call = pipeline.calls[0]
    assert (call["t"], call["mode"], call["k"]) == (0.3, "whole", 4)


def test_equal_bytes_of_another_shape_are_another_face():
    """Faces are known again by one hash of their bytes."""
    tall = np.arange(0, 128, dtype=np.uint8).reshape(16, 8)
    assert face_url(tall) == face_url(tall.copy()) != face_url(tall.reshape(8, 16))
    assert face_url(tall[::2, ::2]) == face_url(
        np.ascontiguousarray(tall[::2, ::2])
    )  # a view of a bank's row


def test_a_thumbnail_is_small_and_can_be_shown_in_place():
    url = thumbnail(np.zeros((256, 256, 3), np.uint8), 64)
    assert url.startswith("data:image/png;base64,")
    assert len(url) < 2000


def test_every_file_can_be_made_from_a_finished_face_and_the_strokes_read_back(pipeline: FakePipeline):
    drawing = drawn()
    shown = Shown(drawing, ConversionSettings(), networks.generate(drawing.sketch, ConversionSettings()))
    files = {label: make() for label, make in files_of(drawing, shown).items() if make is not None}
    assert set(files) == {"Photo", "Refined sketch", "Drawing", "All three", "Strokes"}
    assert all(data.startswith(b"\x89PNG") for label, data in files.items() if label != "Strokes")
    strokes = json.loads(files["Strokes"])["strokes"]
    assert digest(fabric_from_strokes(strokes)) == drawing.digest


def test_before_the_first_photo_only_the_drawing_can_be_taken_along():
    files = files_of(drawn(), None)
    assert [label for label, make in files.items() if make is not None] == ["Drawing", "Strokes"]
    assert not any(files_of(Drawing(), None).values())


def test_loading_hands_control_back_until_the_networks_are_there(
    pipeline: FakePipeline, monkeypatch: pytest.MonkeyPatch
):
    is_loaded = threading.Event()
    monkeypatch.setattr(networks, "pipeline", lambda: is_loaded.wait(10) and pipeline)
    rounds = 0
    for _ in networks.until_ready(pause_s=0.001):
        rounds += 1
        if rounds == 3:
            is_loaded.set()
    assert rounds >= 3


def test_missing_weights_are_told_to_whoever_waits_for_them(pipeline: FakePipeline):
    pipeline.error = AssetMissing("face_bank.safetensors is missing. Run: make assets")
    with pytest.raises(AssetMissing, match="face_bank"):
        list(networks.until_ready())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("IMG_0001", "PNG"), ("drawing.jfif", "JPEG"), ("photo.HEIC", "HEIF"), ("photo.HEIC", "PNG"), ("x.dat", "AVIF")],
)  # fmt: skip
def test_the_content_of_an_upload_decides_and_never_its_name(name: str, kind: str):
    assert kind != "HEIF" or can_read_heif()  # which registers its writer as well
    session = DrawSession()
    picture = np.full((512, 512), 255, np.uint8)
    picture[100:400, 250:256] = 0
    assert take_upload(session, encoded(picture, kind), name) == ""
    assert session.placed is not None
    assert 0.005 < np.mean(session.placed.sketch < 128) < 0.05


def test_downloaded_strokes_can_be_uploaded_again():
    session = DrawSession()
    assert take_upload(session, strokes_file(drawn(3).fabric), "strokes.json") == ""
    assert session.drawing.digest == drawn(3).digest


def test_a_file_of_a_foreign_kind_is_refused_by_its_name():
    assert "Files ending in .svg are not allowed" in take_upload(DrawSession(), b"<svg/>", "a.SVG")


@pytest.mark.parametrize("choice", ["a", "../../etc/passwd", "-1", 3, ["a"], {}, None])
def test_only_pictures_of_the_row_can_be_picked(choice: object, monkeypatch: pytest.MonkeyPatch):
    picked: list[str] = []
    monkeypatch.setattr(gallery, "component", lambda _path: lambda **mounted: mounted["on_picked_change"]())
    monkeypatch.setattr(gallery.st, "session_state", {"row": {"picked": choice}})
    gallery.show_pictures([gallery.Picture("a", "", "A")], key="row", on_pick=picked.append)
    assert picked == (["a"] if choice == "a" else [])
