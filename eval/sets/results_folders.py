"""Split the result folders of the reference projects into one folder for each kind of picture.

What each project writes:

- U-GAT-IT: ``A2B_1.png``, seven pictures above each other: input, heat map of A2A, A2A, heat map of A2B, the
  output A2B, heat map of A2B2A, A2B2A.
- CycleGAN and pix2pix: ``NAME_real_A.png``, ``NAME_fake_B.png``, ``NAME_rec_A.png``, ...
- Pix2PixHD: ``NAME_input_label.jpg``, ``NAME_synthesized_image.jpg``.
- Sheets of any of them: two, three or more square pictures side by side.

Which input a numbered result of U-GAT-IT was made of: ``A2B_3.png`` is the third test input.

The project's own loader decides the order: folders by their path, files by their whole name with its ending, code
point by code point, and only the endings of `COUNTED`. Every result shows its input on top, so the order is checked
against the pictures; where it cannot be known, nothing is named.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from core.atomic_files import write_atomically
from core.errors import UnsafeImage
from core.image_child import decode_in_child
from core.images import encode_png
from eval.decoding import decode_as_tools
from eval.sets.contents import ImageSet, Item, LeftOut
from eval.sets.folders import is_system_file

Layout = Literal["ugatit", "files", "sheets"]
INPUT, OUTPUT, TRUTH = "input", "output", "truth"
UGATIT_PANELS = (
    INPUT, "heat_same", "same", "heat_output", OUTPUT, "heat_reconstruction", "reconstruction",
)  # fmt: skip
SHEET_PANELS: Mapping[int, tuple[str, ...]] = {2: (INPUT, OUTPUT), 3: (INPUT, OUTPUT, TRUTH)}
_TOLERANCE = 0.02

# Ending of a file's name, and what it is when A is the sketch and B the photo.
ENDINGS: Mapping[str, str] = {
    "_real_A": INPUT, "_fake_B": OUTPUT, "_real_B": TRUTH, "_rec_A": "reconstruction",
    "_fake_A": "output_back", "_rec_B": "reconstruction_back", "_idt_A": "same", "_idt_B": "same_back",
    "_input_label": INPUT, "_synthesized_image": OUTPUT, "_real_image": TRUTH,
}  # fmt: skip
# Of the test; samples of the training are numbered with seven digits, ``A2B_0001000``.
_NUMBERED = re.compile(r"(?P<way>A2B|B2A)_(?P<number>[1-9]\d*)")
_ENDING = re.compile(rf"(?P<stem>.+)(?P<ending>{'|'.join(ENDINGS)})$")


@dataclass(frozen=True)
class Split:
    """What came of a result folder."""

    layout: Layout  # what it was taken for
    counts: Mapping[str, int]  # pictures by folder: ``input``, ``output``, ``truth``, ...
    left_out: tuple[LeftOut, ...]  # files that nothing was made of, and why


def find_layout(images: ImageSet) -> Layout:
    """Recognise what a result folder is by its names and shapes.

    Raises
    ------
    ValueError
        If most files are none of the known kinds.
    """
    votes = {"files": 0, "ugatit": 0, "sheets": 0}
    for item in images.items:
        width, height = item.header.width, item.header.height
        if _ENDING.match(item.name):
            votes["files"] += 1
        elif _is_multiple(height, width, len(UGATIT_PANELS)):
            votes["ugatit"] += 1
        elif width > height and _is_multiple(width, height, round(width / height)):
            votes["sheets"] += 1
    for layout in ("files", "ugatit", "sheets"):
        if votes[layout] > len(images) / 2:
            return layout
    raise ValueError(
        f"{images.source} is no result folder of a reference project: of {len(images)} pictures {votes['files']} end "
        f"like _fake_B or _synthesized_image, {votes['ugatit']} are strips of seven, {votes['sheets']} are several "
        "squares wide. If each file is one output, compare the folder as it is."
    )


def split_results(
    images: ImageSet,
    out: Path,
    *,
    layout: Layout | None = None,
    panels: Sequence[str] | None = None,
    inputs: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Split:
    """Write each kind of picture into a folder of its own: ``OUT/output/NAME.png``, ``OUT/input/NAME.png``, ...

    Whole files are copied byte by byte; pieces are cut out without loss and written as PNG.

    Parameters
    ----------
    layout
        Default: what `find_layout` says.
    panels
        Names of the pictures in a strip or sheet, first to last; default as above.
    inputs
        Names of the test inputs as U-GAT-IT numbers its results, which get these names back; see
        `eval.sets.results_folders.named_inputs`.
    progress
        Called with files done and files in all.

    Raises
    ------
    ValueError
        If the layout is unknown, or the number of panels is not known.
    OSError
        If ``out`` cannot be written.
    """
    chosen = layout or find_layout(images)
    counts: dict[str, int] = {}
    left_out = list(images.left_out)
    written: dict[Path, str] = {}
    for done, item in enumerate(_from_their_folder(images.items), start=1):
        try:
            for kind, name, data in _pieces(item, chosen, panels):
                path = out / kind / _renamed(name, inputs)
                if (other := written.setdefault(path, item.file)) != item.file:
                    raise ValueError(
                        f"{item.file} and {other} both become {path}. Split one folder at a time."
                    )
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, data, durable=False)
                counts[kind] = counts.get(kind, 0) + 1
        except UnsafeImage as error:
            left_out.append(LeftOut(name=item.file, reason=str(error)))
        if progress:
            progress(done, len(images))
    if not counts:
        raise ValueError(f"nothing in {images.source} could be split as {chosen}. {left_out[0].reason}")
    return Split(chosen, counts, tuple(left_out))


def number_of(name: str) -> int | None:
    """Which test input a result of U-GAT-IT was made of, from 1; None for any other name."""
    match = _NUMBERED.fullmatch(name.rsplit("/", 1)[-1])
    return int(match["number"]) if match is not None and match["way"] == "A2B" else None


def _from_their_folder(items: Sequence[Item]) -> tuple[Item, ...]:
    """Names below the folder that holds all results, such as ``test_latest/images``: they are those of the inputs."""
    tops = [item.name.split("/")[:-1] for item in items]
    shared = len(list(takewhile(lambda parts: len(set(parts)) == 1, zip(*tops, strict=False))))
    return tuple(replace(item, name="/".join(item.name.split("/")[shared:])) for item in items)


def _pieces(item: Item, layout: Layout, panels: Sequence[str] | None) -> Iterable[tuple[str, str, bytes]]:
    """Folder, name and content of each picture in a file."""
    if layout == "files":
        match = _ENDING.match(item.name)
        if match is None:
            raise UnsafeImage(f"Its name ends with none of {', '.join(ENDINGS)}.")
        suffix = Path(item.file).suffix
        return [(ENDINGS[match["ending"]], match["stem"] + suffix, item.read())]
    photo = decode_in_child(decode_as_tools, item.read())
    is_strip = layout == "ugatit"
    if is_strip:
        photo = photo.transpose(1, 0, 2)
    height, width = photo.shape[:2]
    names = tuple(panels or (UGATIT_PANELS if is_strip else SHEET_PANELS.get(round(width / height), ())))
    if not names:
        raise ValueError(
            f"{item.file} holds {round(width / height)} pictures side by side, and nobody says what they are. Name "
            "them from left to right, such as --panels input heat output truth."
        )
    if not _is_multiple(width, height, len(names)):
        where = "high" if is_strip else "wide"
        raise UnsafeImage(f"It is {width / height:.2f} squares {where}, not {len(names)}.")
    parts = np.array_split(photo, len(names), axis=1)
    is_back = _NUMBERED.match(item.name.rsplit("/", 1)[-1]) is not None and "B2A_" in item.name
    turned = [part.transpose(1, 0, 2) if is_strip else part for part in parts]
    return [
        (name + ("_back" if is_back else ""), f"{item.name}.png", encode_png(np.ascontiguousarray(part)))
        for name, part in zip(names, turned, strict=True)
    ]


def _renamed(name: str, inputs: Sequence[str]) -> str:
    """``A2B_3.png`` under the name of the third input, whatever folder it is in."""
    number = number_of(name.removesuffix(".png"))
    if not inputs or number is None:
        return name
    if number > len(inputs):
        raise UnsafeImage(
            f"It is number {number}, but there are {len(inputs)} inputs. Name the folder it was made of."
        )
    return f"{inputs[number - 1]}.png"


def _is_multiple(long: int, short: int, count: int) -> bool:
    return count >= 2 and abs(long / short - count) <= _TOLERANCE * count


COUNTED = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif")
SIDE = 32
SAME = 4.0  # mean grey levels by which an input and its copy on a result may differ at 32 px
OTHER = 3.0  # so many times further than the nearest input is another picture


def named_inputs(results: ImageSet, inputs: ImageSet) -> tuple[str, ...]:
    """Names of the test inputs in the order in which U-GAT-IT numbered them.

    Parameters
    ----------
    results
        Strips of seven, ``A2B_1.png`` and on.
    inputs
        The folder that they were made of, ``testA``.

    Raises
    ------
    ValueError
        If the order or the folder cannot be the one that was numbered.
    """
    ordered = ugatit_order(inputs)
    numbers = {number: item for item in results.items if (number := number_of(item.name)) is not None}
    strip = len(UGATIT_PANELS)
    shown = {number: top for number, item in numbers.items() if (top := _small(item, strip)) is not None}
    confirmed = _confirmed(shown, ordered, inputs.source)
    if numbers and max(numbers) != len(ordered) and not confirmed >= numbers.keys():
        raise ValueError(
            f"the results are numbered up to {max(numbers)}, but {inputs.source} holds {len(ordered)} pictures that "
            f"U-GAT-IT counts ({', '.join(COUNTED)}). Name the very folder that they were made of."
        )
    return tuple(item.name for item in ordered)


def ugatit_order(inputs: ImageSet) -> tuple[Item, ...]:
    """Give the pictures of a folder as U-GAT-IT's loader lists them; others are not counted.

    Raises
    ------
    ValueError
        If it counted files that are no pictures here, or the order depends on the system that it ran on.
    """
    for one in inputs.left_out:
        if _is_counted(one.name) and not is_system_file(one.name):  # at those it would have stopped
            raise ValueError(
                f"{one.name} of {inputs.source} is left out ({one.reason}), but U-GAT-IT counts it, so nobody knows "
                "which number belongs to which input. Mend it, or name the folder as it was."
            )
    found = sorted(
        (item for item in inputs.items if _is_counted(item.file)), key=lambda item: _key(item.file)
    )
    elsewhere = sorted(found, key=lambda item: _key(item.file, separator="\\"))
    if found != elsewhere:
        raise ValueError(
            f"the subfolders of {inputs.source} have another order on Windows than elsewhere, so nobody knows which "
            "number belongs to which input. Name the results by hand."
        )
    return tuple(found)


def _is_counted(file: str) -> bool:
    return file.lower().endswith(COUNTED)


def _key(file: str, separator: str = "/") -> tuple[str, str]:
    folder, name = posixpath.split(file)
    return (separator + folder.replace("/", separator) if folder else ""), name


def _confirmed(shown: Mapping[int, NDArray[np.float32]], ordered: Sequence[Item], source: str) -> set[int]:
    """Numbers whose result shows the input of that number; ValueError if one shows another input."""
    pictures = {
        place: small for place, item in enumerate(ordered, start=1) if (small := _small(item)) is not None
    }
    confirmed = set()
    for number, top in shown.items():
        far = {place: float(np.abs(top - one).mean()) for place, one in pictures.items()}
        if not far:
            continue
        nearest = min(far, key=lambda place: far[place])
        own = far.get(number, np.inf)
        if own <= SAME:
            confirmed.add(number)
        if own > OTHER * max(far[nearest], 1.0) and far[nearest] <= SAME:
            named = ordered[number - 1].file if number <= len(ordered) else "no picture"
            raise ValueError(
                f"result {number} shows {ordered[nearest - 1].file}, but in the order of {source} it is {named}. "
                "Name the very folder that the results were made of."
            )
    return confirmed


def _small(item: Item, panels: int = 1) -> NDArray[np.float32] | None:
    """A picture, or the topmost of so many in a strip, small and grey."""
    try:
        photo = decode_as_tools(item.read())
    except (UnsafeImage, OSError):
        return None
    photo = photo[: len(photo) // panels]
    if min(photo.shape[:2]) < 1:
        return None
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32).mean(axis=2), np.float32)
