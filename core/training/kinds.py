"""Which trainings there are, with what a person chooses among them: presets and what each begins from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.untrusted_files import load_yaml

CONFIGS = Path(__file__).resolve().parent / "configs"


@dataclass(frozen=True)
class Kind:
    """A training command."""

    name: str  # presets of it are the files of ``configs/`` that begin so
    # title, says: for people.
    title: str
    says: str
    module: str  # has ``train`` and is run as ``python -m``
    begins_from: tuple[str, ...]  # families whose weights it can begin with
    takes_refiner: bool = False  # whether its input may be refined by a trained autoencoder
    is_unpaired: bool = False  # whether the photos may come from a folder of their own
    size_keys: tuple[str, ...] = ()  # settings beside ``data.image_size`` that must be the same number
    crop: int = 0  # side of the crop that its loss takes unless told otherwise, 0 where there is none
    smallest: int = 32  # resolution that its networks can still take


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "autoencoder", "Sketch autoencoder", "Stage 1: learns what a clean sketch of a face looks like.",
            "core.training.autoencoder", ("sketch_autoencoder",), size_keys=("model.image_size",),
        ),
        Kind(
            "parts", "Part autoencoders", "Stage 1 by parts: eyes, nose, mouth and the rest, each by itself.",
            "core.training.parts", ("part_autoencoders", "sketch_autoencoder"), size_keys=("model.image_size",),
        ),
        Kind(
            "pix2pixhd", "Pix2PixHD", "Stage 2 on pairs: each sketch has its own photo. Needs the fewest images.",
            "core.training.pix2pixhd", ("pix2pixhd",), takes_refiner=True, crop=160,
        ),
        Kind(
            "cyclegan", "CycleGAN", "Stage 2 without pairs: sketches of some faces, photos of others.",
            "core.training.cyclegan", ("cyclegan",), takes_refiner=True, is_unpaired=True,
        ),
        Kind(
            "ugatit", "U-GAT-IT", "Stage 2 without pairs, with attention; the slowest of the three.",
            "core.training.ugatit", ("ugatit",), takes_refiner=True, is_unpaired=True, smallest=128,
        ),
        Kind(
            "upscaler", "Upscaler", "256 px to 512 px: sharpens what every generator paints.",
            "core.training.upscaler", ("upscaler",), smallest=128,
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """A configuration that comes with the project."""

    name: str
    says: str
    settings: dict[str, Any]
    is_for_gpu: bool = False  # a processor alone needs days for it

    def get(self, key: str, default: Any) -> Any:
        """A setting by its dotted name."""
        return dig(self.settings, key, default)


def presets(kind: str) -> list[Preset]:
    """Configurations of a kind of training; at least one, which leaves everything at its default.

    Raises
    ------
    ValueError
        If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"expected a training of {', '.join(KINDS)}, got {kind!r}")
    found = []
    for path in sorted(CONFIGS.glob("*.yaml")):
        if path.stem == kind or path.stem.startswith(f"{kind}_"):
            text = path.read_text(encoding="utf-8")
            is_for_gpu = path.stem.endswith(("_gpu", "_512"))
            found.append(Preset(path.stem, _first_comment(text), load_yaml(text) or {}, is_for_gpu))
    found.sort(key=lambda preset: (preset.is_for_gpu, preset.get("data.image_size", 0), preset.name))
    return found or [Preset(kind, "Every setting at its default.", {})]


def dig(settings: dict[str, Any], key: str, default: Any = None) -> Any:
    """A setting by its dotted name, ``default`` where it is not there."""
    found: Any = settings
    for part in key.split("."):
        if not isinstance(found, dict) or part not in found:
            return default
        found = found[part]
    return found


def put(settings: dict[str, Any], key: str, value: Any) -> None:
    """Set a setting by its dotted name."""
    *path, last = key.split(".")
    for part in path:
        inner = settings.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ValueError(f"{key}: {part} holds {inner!r}, expected settings below it")
        settings = inner
    settings[last] = value


def merge(settings: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``settings`` with ``changes`` over them, branch by branch; neither is altered."""
    merged = dict(settings)
    for key, value in changes.items():
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = merge(below, value) if both else value  # type: ignore[arg-type]
    return merged


def _first_comment(text: str) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "")
    return line.lstrip("# ").rstrip(":") if line.startswith("#") else ""
