"""Uploads of drawings: paper photos, scans, drawing programs and hostile files."""

import contextlib
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from core.errors import UnsafeImage
from core.scan_cleanup import drawing_from_picture, read_drawing

EYES_AND_MOUTH = ((186, 244), (326, 244), (256, 380))
White = (255, 255, 255)


def draw_face(
    shape=(512, 512), *, offset=(0, 0), scale=1.0, width=3, ink=(0, 0, 0), ground=White, neck=False
) -> np.ndarray:
    """A face in lines that sits in the template's frame where offset and scale are left alone."""
    picture = np.full((*shape, 3), ground, np.uint8)

    def arc(x, y, rx, ry, start=0, end=360):
        centre = (round(x * scale + offset[0]), round(y * scale + offset[1]))
        axes = (round(rx * scale), round(ry * scale))
        cv2.ellipse(picture, centre, axes, 0, start, end, ink, max(1, round(width * scale)), cv2.LINE_AA)

    arc(256, 290, 145, 175, -10, 190)
    arc(256, 230, 175, 190, 160, 380)
    for x, y in EYES_AND_MOUTH[:2]:
        arc(x, y, 34, 16)
        arc(x, y, 9, 9)
        arc(x, y - 26, 42, 14, 190, 350)
    arc(252, 300, 20, 14, 0, 180)
    arc(256, 380, 52, 12)
    if neck:
        arc(190, 540, 6, 90, 90, 270)
        arc(322, 540, 6, 90, -90, 90)
        arc(256, 640, 240, 90, 180, 360)
    return picture


def light_on(sheet: np.ndarray, *, seed=0) -> np.ndarray:
    """The sheet under a lamp from the left, with a soft shadow over one corner, and sensor noise."""
    height, width = sheet.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    light = 1 - 0.4 * (x / width)
    shadow = cv2.GaussianBlur(np.where(y + 0.6 * x > height, np.float32(0.75), np.float32(1)), (0, 0), 8)
    noise = np.random.default_rng(seed).normal(0, 6, sheet.shape)
    return np.clip(sheet * (0.92 * light * shadow)[..., None] + noise, 0, 255).astype(np.uint8)


def paper_photo(*, neck=False, tint=(1.0, 0.96, 0.85), ink=(70, 70, 76)) -> np.ndarray:
    """A sheet of paper, lit unevenly, seen at a slant on a dark table; (1300, 1000, 3) uint8."""
    sheet = draw_face((1200, 900), offset=(110, 150), scale=1.3, width=2.5, ink=ink, neck=neck) * tint
    corners = np.array([[90, 80], [880, 120], [930, 1230], [60, 1190]], np.float32)
    source = np.array([[0, 0], [900, 0], [900, 1200], [0, 1200]], np.float32)
    matrix = cv2.getPerspectiveTransform(source, corners)
    table = np.full((1300, 1000, 3), (62, 45, 34), np.float64)
    on_sheet = cv2.warpPerspective(np.ones(sheet.shape[:2]), matrix, (1000, 1300))[..., None]
    return light_on(cv2.warpPerspective(sheet, matrix, (1000, 1300)) * on_sheet + table * (1 - on_sheet))


def encoded(picture: np.ndarray, kind="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, kind, **options)
    return buffer.getvalue()


def assert_is_clean_framed_face(sketch: np.ndarray, *, within_px: int = 26) -> None:
    """White paper, dark thin lines, and each feature's ink where the template has that feature."""
    assert sketch.shape == (512, 512)
    assert sketch.dtype == np.uint8
    assert np.mean(sketch > 250) > 0.85
    assert np.mean(sketch < 100) > 0.01
    corners = np.concatenate([sketch[:30, :30], sketch[:30, -30:]])
    assert corners.min() > 200
    reach = 75
    for x, y in EYES_AND_MOUTH:
        window = 255.0 - sketch[y - 45 : y + 45, x - reach : x + reach]
        rows, columns = np.indices(window.shape)
        assert abs((window * columns).sum() / window.sum() - reach) < within_px
        assert abs((window * rows).sum() / window.sum() - 45) < within_px


@pytest.mark.parametrize("neck", [False, True])
def test_a_photo_of_paper_on_a_table_becomes_a_clean_framed_sketch(neck: bool) -> None:
    sketch = read_drawing(encoded(paper_photo(neck=neck), "JPEG", quality=85)).sketch
    assert_is_clean_framed_face(sketch)


def test_faint_pencil_becomes_dark_lines() -> None:
    sketch = read_drawing(encoded(paper_photo(ink=(165, 165, 170)), "JPEG", quality=90)).sketch
    assert_is_clean_framed_face(sketch)


def test_a_shadow_across_a_page_that_fills_the_photo_leaves_no_line() -> None:
    page = light_on(draw_face((1200, 900), offset=(110, 150), scale=1.3, width=2.5, ink=(60, 60, 60)))
    assert_is_clean_framed_face(read_drawing(encoded(page, "JPEG", quality=85)).sketch)


def test_a_photo_turned_by_exif_gives_the_upright_sketch() -> None:
    photo = paper_photo()
    exif = Image.Exif()
    exif[0x112] = 6  # to be shown turned clockwise
    turned = encoded(np.ascontiguousarray(np.rot90(photo)), exif=exif)
    assert np.array_equal(read_drawing(turned).sketch, read_drawing(encoded(photo)).sketch)


def test_white_lines_on_black_give_the_same_sketch_as_black_on_white() -> None:
    drawing = draw_face((700, 600), offset=(60, 90), scale=0.9)
    assert np.array_equal(read_drawing(encoded(255 - drawing)).sketch, read_drawing(encoded(drawing)).sketch)


def test_chalk_on_a_board_is_inverted_and_cleaned() -> None:
    board = draw_face(
        (900, 1200), offset=(280, 140), scale=1.2, width=5, ink=(205, 210, 205), ground=(40, 70, 55)
    )
    noise = np.random.default_rng(0).normal(0, 7, board.shape)
    picture = np.clip(board + noise, 0, 255).astype(np.uint8)
    assert_is_clean_framed_face(read_drawing(encoded(picture, "JPEG")).sketch)


@pytest.mark.parametrize("ink", [(220, 40, 40), (30, 90, 230), (245, 215, 20), (120, 70, 30)])
def test_a_pencil_of_any_colour_draws_dark_lines(ink: tuple[int, int, int]) -> None:
    drawing = draw_face((900, 700), offset=(90, 180), width=4, ink=ink)
    assert_is_clean_framed_face(read_drawing(encoded(drawing)).sketch)


def test_coloured_skin_is_taken_away_and_the_lines_stay() -> None:
    skin = np.full((900, 700, 3), 255, np.uint8)
    cv2.ellipse(skin, (346, 470), (140, 170), 0, 0, 360, (245, 205, 175), -1)
    drawing = np.minimum(skin, draw_face((900, 700), offset=(90, 180), ink=(60, 30, 20)))
    assert_is_clean_framed_face(read_drawing(encoded(drawing)).sketch)


def test_a_transparent_drawing_is_laid_over_white() -> None:
    drawing = draw_face()
    rgba = np.zeros((512, 512, 4), np.uint8)
    rgba[..., 3] = 255 - drawing[..., 0]
    assert np.abs(read_drawing(encoded(rgba)).sketch.astype(int) - drawing[..., 0]).max() <= 1


@pytest.mark.parametrize("seed", range(6))
def test_a_downloaded_drawing_comes_back_unchanged_however_unfinished(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawing = np.full((512, 512), 255, np.uint8)
    for _ in range(rng.integers(2, 9)):
        points = rng.integers(20, 492, (5, 2)).astype(np.int32)
        cv2.polylines(drawing, [points], False, 0, int(rng.integers(2, 9)), cv2.LINE_AA)
    again = read_drawing(encoded(drawing)).sketch
    assert np.array_equal(again, drawing)
    assert np.array_equal(read_drawing(encoded(again)).sketch, again)


def test_a_refined_sketch_with_soft_tones_comes_back_unchanged() -> None:
    soft = cv2.GaussianBlur(draw_face(width=6)[..., 0], (0, 0), 3)
    soft = np.minimum(soft, 253 - np.random.default_rng(0).integers(0, 12, soft.shape)).astype(np.uint8)
    assert np.array_equal(read_drawing(encoded(soft)).sketch, soft)


@pytest.mark.parametrize("side", [256, 1024, 2000])
def test_a_framed_square_drawing_of_another_size_is_only_scaled(side: int) -> None:
    drawing = draw_face((side, side), scale=side / 512)
    expected = cv2.resize(drawing[..., 0], (512, 512), interpolation=cv2.INTER_AREA)
    assert np.mean(np.abs(read_drawing(encoded(drawing)).sketch.astype(int) - expected)) < 4


@pytest.mark.parametrize("offset", [(20, 30), (900, 40), (500, 900)])
def test_where_a_small_face_stands_on_the_canvas_does_not_matter(offset: tuple[int, int]) -> None:
    drawing = draw_face((1500, 1500), offset=offset, scale=0.8)
    assert_is_clean_framed_face(read_drawing(encoded(drawing)).sketch)


def test_dust_and_a_signature_in_the_corner_do_not_change_the_framing() -> None:
    clean = draw_face((1400, 900), offset=(190, 150))
    dirty = clean.copy()
    cv2.putText(dirty, "me", (780, 1370), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    shift = np.abs(
        read_drawing(encoded(dirty)).sketch.astype(int) - read_drawing(encoded(clean)).sketch.astype(int)
    )
    assert shift.mean() < 1


def test_the_side_of_the_result_can_be_chosen() -> None:
    assert read_drawing(encoded(draw_face()), size=256).sketch.shape == (256, 256)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_picture_of_one_colour_is_refused_as_blank(value: int) -> None:
    with pytest.raises(UnsafeImage, match="No drawn lines"):
        read_drawing(encoded(np.full((400, 300, 3), value, np.uint8)))


def test_a_photo_of_blank_paper_is_refused_instead_of_drawing_its_grain() -> None:
    with pytest.raises(UnsafeImage, match="No drawn lines"):
        read_drawing(encoded(light_on(np.full((900, 700, 3), 240.0)), "JPEG"))


def bomb() -> bytes:
    """A PNG whose header says 20000 x 20000 and whose pixels never come."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "data",
    [b"", b"%PDF-1.4 not a picture", b"<svg xmlns='x'></svg>", encoded(draw_face())[:2000], bomb()],
    ids=["empty", "pdf", "svg", "truncated", "bomb"],
)
def test_hostile_files_are_refused_with_one_sentence(data: bytes) -> None:
    with pytest.raises(UnsafeImage) as refusal:
        read_drawing(data)
    assert str(refusal.value).rstrip().endswith(".")


@pytest.mark.parametrize("shape", [(1, 1), (2, 900), (900, 3), (5, 5)])
def test_odd_little_shapes_give_a_sketch_or_a_refusal_never_a_crash(shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 255, np.uint8)
    picture[::2] = 0
    with contextlib.suppress(UnsafeImage):
        assert read_drawing(encoded(picture)).sketch.shape == (512, 512)


def test_an_upload_is_decoded_in_a_child(monkeypatch):
    """What happens to the decoder here does not show there."""
    monkeypatch.setattr("core.scan_cleanup.read_photo", None)
    assert_is_clean_framed_face(read_drawing(encoded(draw_face())).sketch)


def test_a_jpeg_of_scans_without_end_is_refused_at_once():
    data = encoded(np.zeros((64, 64), np.uint8), "JPEG", progressive=True)
    start = data.rfind(b"\xff\xda")
    with pytest.raises(UnsafeImage, match="scans"):
        read_drawing(data[:start] + data[start:-2] * 200 + b"\xff\xd9")


def ruled_sheet(*, squared: bool = False, degrees: float = 0) -> np.ndarray:
    """A face in pencil on paper with blue lines every 36 pixels."""
    sheet = draw_face((1200, 900), offset=(110, 150), scale=1.3, width=2.5, ink=(70, 70, 76))
    rule = np.array((150, 180, 225), np.uint8)
    for start in range(40, 1200, 36):
        sheet[start : start + 2] = np.minimum(sheet[start : start + 2], rule)
        if squared and start < 900:
            sheet[:, start : start + 2] = np.minimum(sheet[:, start : start + 2], rule)
    matrix = cv2.getRotationMatrix2D((450, 600), degrees, 1)
    return cv2.warpAffine(sheet, matrix, (900, 1200), borderValue=White)


@pytest.mark.parametrize(
    "sheet",
    [ruled_sheet(), light_on(ruled_sheet()), light_on(ruled_sheet(degrees=2.5)), light_on(ruled_sheet(squared=True))],
    ids=["scan", "photo", "tilted", "squared"],
)  # fmt: skip
def test_the_lines_of_ruled_paper_go_and_the_drawing_stays(sheet: np.ndarray, landmarker_path: Path) -> None:
    sketch = drawing_from_picture(sheet).sketch
    assert_is_clean_framed_face(sketch)
    beside = np.concatenate([sketch[60:450, :50], sketch[60:450, -50:]], axis=1)
    assert np.mean(beside < 200) < 0.005


def test_faint_pencil_beside_strong_keeps_mouth_and_chin() -> None:
    strong, faint = (
        draw_face((1200, 900), offset=(110, 150), scale=1.3, width=2.5, ink=(grey,) * 3)
        for grey in (110, 226)
    )
    strong[560:] = faint[560:]
    assert_is_clean_framed_face(drawing_from_picture(light_on(strong)).sketch)


@pytest.mark.parametrize("grey", [160, 180, 210, 235])
def test_a_clean_scan_with_light_grey_lines_is_no_blank_page(grey: int) -> None:
    drawing = draw_face((900, 700), offset=(90, 180), width=4, ink=(grey,) * 3)
    assert_is_clean_framed_face(read_drawing(encoded(drawing)).sketch)


@pytest.mark.parametrize("ink", [(255, 255, 255), (245, 225, 120)], ids=["white", "yellow"])
def test_light_lines_on_transparency_are_lines(ink: tuple[int, int, int]) -> None:
    drawing = draw_face((900, 700), offset=(90, 180), width=4)
    rgba = np.zeros((900, 700, 4), np.uint8)
    rgba[..., :3], rgba[..., 3] = ink, 255 - drawing[..., 0]
    assert_is_clean_framed_face(read_drawing(encoded(rgba)).sketch)
