"""Images at the boundary: decoding what strangers send, tensors, PNG files.

Between modules a photo is ``(H, W, 3) uint8`` sRGB and a sketch ``(H, W) uint8`` with black lines
(0) on white (255). Tensors are ``(B, C, H, W) float32`` in [-1, 1]; white paper is +1.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from core.atomic_files import write_atomically
from core.errors import UnsafeImage

if TYPE_CHECKING:  # loading torch takes seconds, and most of this module does without
    import torch

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF")  # JPEG opens MPO as well
MAX_PIXELS = 50_000_000
STRIP = 256  # rows that are scaled at once
MAX_SCANS = 200  # of a JPEG; an encoder makes about ten, and each costs a pass over all pixels

# What Pillow and its plugins raise on damaged files: what they document, RuntimeError (AVIF and HEIF, seen in
# our tests' corpus), and the kinds that a slip in a plugin's parsing gives.
DECODER_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, Image.DecompressionBombError,
    RuntimeError, LookupError, ArithmeticError, struct.error, zlib.error,
)  # fmt: skip


def psnr_db(output: np.ndarray, reference: np.ndarray, *, peak: float = 255.0) -> float:
    """Measure the peak signal-to-noise ratio of two arrays of one shape in dB: infinite for equal ones.

    Parameters
    ----------
    peak
        Range of the values: 255 for uint8, 2 for tensors in [-1, 1].
    """
    error = float(((output.astype(np.float64) - reference.astype(np.float64)) ** 2).mean())
    if not math.isfinite(error):
        return -math.inf
    return math.inf if error == 0 else 10 * math.log10(peak**2 / error)


@cache
def can_read_heif() -> bool:
    """Tell whether HEIC and HEIF are read as well, which takes the package pillow-heif; loads it."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _formats(data: bytes) -> tuple[str, ...]:
    is_heif = data[4:8] == b"ftyp" and can_read_heif()
    return (*FORMATS, "HEIF") if is_heif else FORMATS


def read_photo(
    source: bytes | str | Path,
    *,
    max_pixels: int = MAX_PIXELS,
    flatten: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
    """Decode one picture the way a person would see it.

    The format is taken from the content, never from the name. EXIF orientation is applied, an ICC
    profile is converted to sRGB, transparency is laid over white, 16-bit is scaled (not clipped),
    and of an animation the first frame is used.

    Parameters
    ----------
    source
        The file's bytes, or its path.
    max_pixels
        Cap on width x height, checked from the header before any pixel is decoded.
    flatten
        What makes RGB of a transparent picture; by default `flatten_over_white`.

    Returns
    -------
    photo : (H, W, 3) uint8
        Contiguous sRGB.

    Raises
    ------
    UnsafeImage
        If the file is empty, no picture, truncated, larger than ``max_pixels``, or a JPEG of scans
        without end.
    FileNotFoundError
        If ``source`` is a path that does not exist.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    if not data:
        raise UnsafeImage("The file is empty (0 bytes). Choose a picture file.")
    refuse_endless_scans(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)
        try:
            image = Image.open(io.BytesIO(data), formats=_formats(data))
        except Image.DecompressionBombError:
            raise UnsafeImage(
                f"The picture is too large: at most {max_pixels / 1e6:.0f} megapixels."
            ) from None
        except DECODER_ERRORS as error:
            raise UnsafeImage(
                f"The file is not a picture that can be read ({', '.join(FORMATS)})."
            ) from error
        with image:
            width, height = image.size
            if width * height > max_pixels:
                raise UnsafeImage(
                    f"The picture is too large: {width} x {height} pixels, "
                    f"at most {max_pixels / 1e6:.0f} megapixels are read. Make it smaller first."
                )
            try:
                return _decode(image, flatten or flatten_over_white)
            except DECODER_ERRORS as error:
                raise UnsafeImage("The picture is damaged or cut short and cannot be decoded.") from error


def refuse_endless_scans(data: bytes) -> None:
    """Refuse a JPEG of more than ``MAX_SCANS`` scans, which is small and takes minutes to decode."""
    if data.startswith(b"\xff\xd8") and data.count(b"\xff\xda\0") > MAX_SCANS:
        raise UnsafeImage(f"The picture has more than {MAX_SCANS} scans. Save it anew.")


def _decode(image: Image.Image, flatten: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    image.seek(0)
    image.load()
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)  # without it every photo would be copied here
    upright: Image.Image = image
    if upright.mode.startswith("I") or upright.mode == "F":
        upright = _scale_to_8_bit(upright)
    if upright.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        return flatten(np.asarray(upright.convert("RGBA")))
    if profile and upright.mode in ("RGB", "CMYK", "L"):
        upright = _to_srgb(upright, profile)
    return np.array(upright if upright.mode == "RGB" else upright.convert("RGB"), dtype=np.uint8)


def _scale_to_8_bit(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    highest = float(values.max(initial=0))
    top = 65535.0 if image.mode.startswith("I") and highest > 255 else max(highest, 1.0)
    scaled = np.empty(values.shape, np.uint8)
    for row in range(0, len(values), STRIP):  # float64 of the whole picture would be eight times its pixels
        scaled[row : row + STRIP] = np.clip(values[row : row + STRIP] / top, 0, 1) * 255 + 0.5
    return Image.fromarray(scaled)


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image  # a broken profile is no reason to lose the photo
    return converted or image


def flatten_over_white(rgba: np.ndarray) -> np.ndarray:
    """Lay a transparent picture over white paper: (H, W, 3) uint8.

    Parameters
    ----------
    rgba : (H, W, 4) uint8
    """
    if rgba.ndim != 3 or rgba.shape[2] != 4 or rgba.dtype != np.uint8:
        raise ValueError(f"expected (H, W, 4) uint8, got {rgba.shape} {rgba.dtype}")
    return over_white(rgba[..., :3], rgba[..., 3:])


def over_white(colour: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay values (uint8) of that opacity (uint8, of a shape that fits) over white; contiguous uint8."""
    opacity = alpha.astype(np.uint16)
    flat = (colour * opacity + 255 * (255 - opacity) + 127) // 255
    return np.ascontiguousarray(flat, dtype=np.uint8)


def photo_to_tensor(photo: np.ndarray) -> torch.Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) float32 in [-1, 1]."""
    if photo.ndim != 3 or photo.shape[2] != 3 or photo.dtype != np.uint8:
        raise ValueError(f"expected a photo (H, W, 3) uint8, got {photo.shape} {photo.dtype}")
    import torch

    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1))[None]).float() / 127.5 - 1


def tensor_to_photo(tensor: torch.Tensor) -> np.ndarray:
    """(1, 3, H, W) or (3, H, W) float in [-1, 1] -> (H, W, 3) uint8."""
    if tensor.dim() == 4 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.dim() != 3 or tensor.shape[0] != 3:
        raise ValueError(f"expected one photo (3, H, W), got {tuple(tensor.shape)}")
    return np.ascontiguousarray(_to_uint8(tensor).transpose(1, 2, 0))


def sketch_to_tensor(sketch: np.ndarray) -> torch.Tensor:
    """(H, W) uint8, white 255 -> (1, 1, H, W) float32, white +1."""
    if sketch.ndim != 2 or sketch.dtype != np.uint8:
        raise ValueError(f"expected a sketch (H, W) uint8, got {sketch.shape} {sketch.dtype}")
    import torch

    return torch.from_numpy(sketch[None, None].astype(np.float32) / np.float32(127.5) - 1)


def tensor_to_sketch(tensor: torch.Tensor) -> np.ndarray:
    """(1, 1, H, W) float in [-1, 1] -> (H, W) uint8."""
    if tensor.dim() != 4 or tensor.shape[:2] != (1, 1):
        raise ValueError(f"expected one sketch (1, 1, H, W), got {tuple(tensor.shape)}")
    return _to_uint8(tensor[0, 0])


def _to_uint8(tensor: torch.Tensor) -> np.ndarray:
    # In numpy: waking torch's threads for so little costs more than the work, above all on a busy machine.
    values: np.ndarray = tensor.detach().float().cpu().numpy()
    return ((np.clip(values, -1, 1) + 1) * 127.5 + 0.5).astype(np.uint8)


def encode_png(image: np.ndarray, text: Mapping[str, str] | None = None, *, compress_level: int = 6) -> bytes:
    """PNG bytes of a photo or sketch, with ``text`` as iTXt entries.

    Parameters
    ----------
    image : (H, W), (H, W, 3) or (H, W, 4) uint8
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise ValueError(f"expected a uint8 picture, got {image.shape} {image.dtype}")
    info = PngImagePlugin.PngInfo()
    for key, value in (text or {}).items():
        info.add_itxt(key, value)
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG", pnginfo=info, compress_level=compress_level)
    return buffer.getvalue()


def save_png(path: str | Path, image: np.ndarray) -> None:
    """Write a PNG so that a reader sees the old file or the whole new one, never a part."""
    write_atomically(path, encode_png(image))
