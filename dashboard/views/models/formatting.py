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
from dashboard.shared.formatting import size_text
from dashboard.shared.networks import FAMILY_TITLES, PAIRING, family_title
from dashboard.shared.plain_text import as_text, without_links
from dashboard.shared.texts import N_, _, ngettext, translate_sentence

SHIPPED_LICENCE = N_(
    "research and demonstration, non-commercial"
)  # beside those that have a name of their own
BANKS = ("face_bank", "part_banks")  # rows of training latents: nothing in them was learned
POLARITY_WORDS = {"black_on_white": N_("black on white"), "white_on_black": N_("white on black")}
COLOUR_WORDS = {"rgb": "RGB", "bgr": "BGR (OpenCV)"}
STATISTICS_WORDS = {"training": N_("averages of its training"), "picture": N_("each image itself")}
RANGE_WORDS = {"signed": N_("-1 to 1"), "unit": N_("0 to 1"), "byte": N_("0 to 255")}
_FACTS = {
    "ngf": N_("{} channels"),
    "n_downsampling": N_("{} downsamplings"),
    "n_downsample_global": N_("{} downsamplings"),
    "num_downs": N_("{} levels"),
    "n_blocks": N_("{} blocks"),
    "n_blocks_global": N_("{} blocks"),
    "n_blocks_local": N_("{} local blocks"),
}


def model_title(name: str) -> str:
    """What a person calls a model: a shipped one, which has its family's key for a name, by the family's title."""
    return family_title(name) if name in FAMILIES or name in FAMILY_TITLES else name


def pairing(family: str) -> str:
    """How a generator learned; empty for other families."""
    known = FAMILIES.get(family)
    return _(PAIRING.get(getattr(known[0], "pairing", ""), "")) if known else ""


def architecture_line(family: str, config: Mapping[str, Any]) -> str:
    """The architecture in a line."""
    parts = [family_title(family)]
    if family == "ugatit":
        parts[0] = (
            _("{title}, light", title=parts[0])
            if config.get("light")
            else _("{title}, full ({side} px only)", title=parts[0], side=config.get("img_size"))
        )
    parts += [_(words).format(config[key]) for key, words in _FACTS.items() if key in config]
    if "norm" in config:
        parts.append({"instance": "InstanceNorm", "batch": "BatchNorm"}.get(config["norm"], config["norm"]))
    if "input_nc" in config:
        parts.append(_("{input_nc} → {output_nc} colour channels", **config))
    return " · ".join(parts)


def count_words(parameters: int) -> str:
    """A number of parameters."""
    return f"{parameters / 1e6:,.1f} M" if parameters >= 1e5 else f"{parameters / 1e3:,.0f} k"


def facts_line(model: ModelFile) -> str:
    """Size and kind of a model, in a line."""
    parts = [size_text(model.size_bytes)]
    info = model.info
    if info is None:
        return parts[0]
    if info.family not in BANKS:
        parts.append(_("{count} parameters", count=count_words(model.parameters)))
    side = info.conventions.image_size if info.conventions else info.config.get("image_size")
    if isinstance(side, int):
        parts.append(f"{side} px")
    if words := pairing(info.family):
        parts.append(words)
    parts.append(short_licence(info.licence))
    return " · ".join(parts)


def short_licence(licence: str) -> str:
    """A licence without what stands in brackets or after a colon behind it."""
    plain = re.split("[(:]", licence)[0].strip()
    return _("licence unknown") if plain in ("", "unknown") else _(plain)


def speed_details(speed: Speed) -> str:
    """A measurement, whole."""
    day = time.strftime("%d %b %Y, %H:%M", time.localtime(speed.when))
    facts = [speed.runtime, ngettext("{n} thread", "{n} threads", speed.threads)]
    if speed.psnr_db != float("inf"):
        facts.append(_("{db:.0f} dB from fp32", db=speed.psnr_db))
    return ", ".join((*facts, f"{speed.image_size} px", _("measured {day}", day=day)))


def conventions_rows(conventions: Conventions) -> list[tuple[str, str]]:
    """Conventions as a table."""
    unusual = [
        (
            _("BatchNorm goes by"),
            _(STATISTICS_WORDS[conventions.statistics]),
            conventions.statistics != "training",
        ),
        (_("Borders"), conventions.border, conventions.border != "reflect"),
        (_("Margin above and below"), f"{conventions.margin} px", conventions.margin > 0),
    ]
    channels = ngettext("{n} channel", "{n} channels", conventions.input_channels)
    return [
        (_("Size"), f"{conventions.image_size} x {conventions.image_size} px"),
        (_("Sketch"), f"{_(POLARITY_WORDS[conventions.polarity])}, {channels}, "
                   f"{_(RANGE_WORDS[conventions.input_range])}"),
        (_("Photo"), f"{COLOUR_WORDS[conventions.colour]}, {_(RANGE_WORDS[conventions.output_range])}"),
        *((name, value) for name, value, is_shown in unusual if is_shown),
    ]  # fmt: skip


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
    names = {"imported_from": _("Imported from"), "imported": _("Imported"), "sha256": _("SHA-256 of that file"),
             "network": _("Network of the file"), "note": _("Note"), "notes": _("How it was read")}  # fmt: skip
    rows = [(_("Network"), as_text(architecture_line(model.info.family, model.info.config)))]
    for key, value in model.info.provenance.items():
        words = "; ".join(map(translate_sentence, value)) if isinstance(value, list) else str(value)
        if words:
            rows.append(
                (names.get(key) or as_text(key.replace("_", " ").capitalize(), 500), as_text(words, 500))
            )
    rows.append((_("Licence"), as_text(model.info.licence, 500)))
    return "| | |\n|---|---|\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)
