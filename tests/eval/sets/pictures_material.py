"""Small pictures made in code, in every form that a folder of strangers may hold."""

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int = 0, size: tuple[int, int] = (24, 24)) -> Image.Image:
    """Blobs of colour, different for each seed; ``size`` is width and height."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def packed(image: Image.Image, kind: str = "PNG", **how: object) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return buffer.getvalue()


def write(path: Path, data: bytes | Image.Image) -> Path:
    """Write a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else packed(data))
    return path


def fill(folder: Path, count: int, *, first_seed: int = 0) -> Path:
    """A folder of ``00.png``, ``01.png``, ..."""
    for number in range(count):
        write(folder / f"{number:02d}.png", picture(first_seed + number))
    return folder


def odd_files(folder: Path) -> Path:
    """One file of every odd kind; those named ``bad...`` cannot be used."""
    deep = Image.fromarray((np.arange(576, dtype=np.uint16).reshape(24, 24) * 100).astype(np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6
    write(folder / "good-upper.JPG", packed(picture(1), "JPEG"))
    write(folder / "nested/deep/good.png", picture(2))
    write(folder / "good-cmyk.jpg", packed(picture(3).convert("CMYK"), "JPEG"))
    write(folder / "good-16bit.png", packed(deep))
    write(folder / "good-palette.png", packed(picture(4).quantize(16)))
    write(folder / "good-rotated.jpg", packed(picture(5, (32, 20)), "JPEG", exif=exif))
    write(folder / "bad-empty.png", b"")
    write(folder / "bad-text.png", b"no picture at all")
    write(folder / "bad-truncated.png", packed(picture(6, (200, 200)))[:3000])
    write(folder / "bad-notes.txt", b"notes")
    return folder


def zip_of(path: Path, files: dict[str, bytes]) -> Path:
    """A zip file of these contents."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
