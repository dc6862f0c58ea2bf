"""What the Models page says of a model, in words."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.models.conventions import Conventions
from core.models.families import FAMILIES
from core.models.folder import ModelFile
from core.models.speed import Speed
from dashboard.shared.plain_text import as_text, without_links

TITLES = {
    "sketch_autoencoder": "Sketch autoencoder",
    "part_autoencoders": "Part autoencoders",
    "face_bank": "Bank of training sketches",
    "part_banks": "Banks of training parts",
    "face_coverage": "Judge of covered faces",
}
BANKS = ("face_bank", "part_banks")  # rows of training latents: nothing in them was learnt
PAIRINGS = {"paired": "learnt from pairs", "unpaired": "learnt without pairs"}
POLARITY_WORDS = {"black_on_white": "black on white", "white_on_black": "white on black"}
COLOUR_WORDS = {"rgb": "RGB", "bgr": "BGR (OpenCV)"}
STATISTICS_WORDS = {"training": "averages of its training", "picture": "each picture itself"}
RANGE_WORDS = {"signed": "-1 to 1", "unit": "0 to 1", "byte": "0 to 255"}
_FACTS = {
    "ngf": "{} channels",
    "n_downsampling": "{} downsamplings",
    "n_downsample_global": "{} downsamplings",
    "num_downs": "{} levels",
    "n_blocks": "{} blocks",
    "n_blocks_global": "{} blocks",
    "n_blocks_local": "{} local blocks",
}


def family_title(family: str) -> str:
    """What a person calls a family."""
    known = FAMILIES.get(family)
    fallback = TITLES.get(family, family.replace("_", " "))
    return str(getattr(known[0], "name", fallback)) if known else fallback


def pairing(family: str) -> str:
    """How a generator learnt; empty for other families."""
    known = FAMILIES.get(family)
    return PAIRINGS.get(getattr(known[0], "pairing", ""), "") if known else ""


def architecture_line(family: str, config: Mapping[str, Any]) -> str:
    """The architecture in a line."""
    parts = [family_title(family)]
    if family == "ugatit":
        parts[0] += ", light" if config.get("light") else f", full ({config.get('img_size')} px only)"
    parts += [words.format(config[key]) for key, words in _FACTS.items() if key in config]
    if "norm" in config:
        parts.append({"instance": "InstanceNorm", "batch": "BatchNorm"}.get(config["norm"], config["norm"]))
    if "input_nc" in config:
        parts.append(f"{config['input_nc']} → {config['output_nc']} colour channels")
    return " · ".join(parts)


def size_words(size_bytes: int) -> str:
    """A file's size."""
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 1e5 else f"{size_bytes / 1e3:,.0f} kB"


def count_words(parameters: int) -> str:
    """A number of parameters."""
    return f"{parameters / 1e6:,.1f} M" if parameters >= 1e5 else f"{parameters / 1e3:,.0f} k"


def facts_line(model: ModelFile) -> str:
    """Size and kind of a model, in a line."""
    parts = [size_words(model.size_bytes)]
    info = model.info
    if info is None:
        return parts[0]
    if info.family not in BANKS:
        parts.append(f"{count_words(model.parameters)} parameters")
    side = info.conventions.image_size if info.conventions else info.config.get("image_size")
    if isinstance(side, int):
        parts.append(f"{side} px")
    if words := pairing(info.family):
        parts.append(words)
    parts.append(short_licence(info.licence))
    return " · ".join(parts)


def short_licence(licence: str) -> str:
    """A licence without what stands in brackets behind it."""
    plain = licence.partition("(")[0].strip()
    return "licence unknown" if plain in ("", "unknown") else plain


def speed_words(speed: Speed) -> str:
    """A measurement, short."""
    return f"{speed.milliseconds:,.0f} ms"


def speed_details(speed: Speed) -> str:
    """A measurement, whole."""
    day = time.strftime("%d %b %Y, %H:%M", time.localtime(speed.when))
    faithful = "" if speed.psnr_db == float("inf") else f", {speed.psnr_db:.0f} dB from fp32"
    threads = f"{speed.threads} thread{'' if speed.threads == 1 else 's'}"
    return f"{speed.runtime}, {threads}{faithful}, {speed.image_size} px, measured {day}"


def conventions_rows(conventions: Conventions) -> list[tuple[str, str]]:
    """Conventions as a table."""
    unusual = [
        ("BatchNorm goes by", STATISTICS_WORDS[conventions.statistics], conventions.statistics != "training"),
        ("Borders", conventions.border, conventions.border != "reflect"),
    ]
    return [
        ("Size", f"{conventions.image_size} x {conventions.image_size} px"),
        ("Sketch", f"{POLARITY_WORDS[conventions.polarity]}, {_channels(conventions.input_channels)}, "
                   f"{RANGE_WORDS[conventions.input_range]}"),
        ("Photo", f"{COLOUR_WORDS[conventions.colour]}, {RANGE_WORDS[conventions.output_range]}"),
        *((name, value) for name, value, is_shown in unusual if is_shown),
    ]  # fmt: skip


def _channels(count: int) -> str:
    return "1 channel" if count == 1 else f"{count} channels"


def card_text(model: ModelFile) -> str:
    """A model's card as Markdown: the file beside it, else what its metadata says."""
    card = model.path.with_suffix(".md")
    try:
        text = card.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return _made_card(model)
    text = re.sub(r"\A# .*\n+", "", text)
    if not model.is_shipped:  # what people typed when it was published stands in it
        return re.sub(r"^(#+) ", r"##\1 ", without_links(text), flags=re.MULTILINE)
    text = re.sub(r"!\[([^\]]*)\]\(([^)]+)\)", lambda m: _picture(card.parent, m[1], m[2]), text)
    text = re.sub(r"(?<!!)\[([^\]]+)\]\((?!https?:)[^)]+\)", r"\1", text)  # files of the repository
    return re.sub(r"^(#+) ", r"##\1 ", text, flags=re.MULTILINE)


def _picture(folder: Path, label: str, name: str) -> str:
    path = folder / name
    is_here = Path(name).name == name and path.suffix.lower() in (".png", ".webp", ".jpg")
    if not is_here or not path.is_file() or path.stat().st_size > 2_000_000:
        return ""
    kind = path.suffix.lower().removeprefix(".").replace("jpg", "jpeg")
    return f"![{label}](data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')})"


def _made_card(model: ModelFile) -> str:
    if model.info is None:
        return ""
    names = {"imported_from": "Imported from", "imported": "Imported", "sha256": "SHA-256 of that file",
             "network": "Network of the file", "note": "Note", "notes": "How it was read"}  # fmt: skip
    rows = [("Network", as_text(architecture_line(model.info.family, model.info.config)))]
    for key, value in model.info.provenance.items():
        words = "; ".join(map(str, value)) if isinstance(value, list) else str(value)
        if words:
            rows.append(
                (names.get(key) or as_text(key.replace("_", " ").capitalize(), 500), as_text(words, 500))
            )
    rows.append(("Licence", as_text(model.info.licence, 500)))
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)
