"""What a visitor reads about a generator before choosing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from dashboard.looks import DEFAULT_GENERATOR

PAIRING = {"paired": "learned from pairs", "unpaired": "learned without pairs"}
EXPECT = {
    "pix2pixhd": "Saw each drawing beside its photo, so it keeps closest to your lines.",
    "pix2pixhd_local": "Pix2PixHD with a second network for fine detail; the slowest.",
    "cyclegan": "Saw drawings and photos, never which belong together. Briefly trained: expect blotches.",
    "cyclegan_unet": "CycleGAN on a U-Net: lines reach the photo by a short way.",
    "ugatit": "Unpaired too, and it shows where it looks. Briefly trained: calmest when everything is refined.",
}


@dataclass(frozen=True)
class GeneratorCard:
    """A generator as a choice.

    Attributes
    ----------
    name
        What the pipeline is asked for.
    title
        What a visitor calls it.
    pairing, line, licence
        How it learned, what to expect of it, what its weights are under; empty where nothing is known.
    """

    name: str
    title: str
    pairing: str = ""
    line: str = ""
    licence: str = ""


def cards(names: Iterable[str]) -> tuple[GeneratorCard, ...]:
    """A card for each generator, the default first and the others as they come."""
    found = sorted(names, key=lambda name: name != DEFAULT_GENERATOR)
    return tuple(_card(name, *_family_and_licence(name)) for name in found)


@cache
def _card(name: str, family: str, licence: str) -> GeneratorCard:
    from core.models.families import GENERATORS

    if family not in GENERATORS:
        return GeneratorCard(name, name, licence=licence)
    network, _ = GENERATORS[family]
    title = getattr(network, "name", family)
    return GeneratorCard(
        name,
        title if name == family else f"{name} ({title})",
        PAIRING.get(getattr(network, "pairing", ""), ""),
        EXPECT.get(family, ""),
        licence,
    )


def _family_and_licence(name: str) -> tuple[str, str]:
    """What a generator's file says of itself; empty where it cannot be read."""
    from core.checkpoints import read_info
    from core.config import settings
    from core.errors import AssetMissing
    from core.models.folder import generator_file

    try:
        info = read_info(generator_file(settings().weights, name))
    except (AssetMissing, ValueError, OSError):
        return "", ""
    return info.family, info.licence
