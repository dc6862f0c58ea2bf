"""Which input a numbered result of U-GAT-IT was made of: ``A2B_3.png`` is the third test input.

The project's own loader decides the order: folders by their path, files by their whole name with its ending, code
point by code point, and only the endings of `COUNTED`. Every result shows its input on top, so the order is checked
against the pictures; where it cannot be known, nothing is named.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from core.errors import UnsafeImage
from eval.decoding import decode_as_tools
from eval.sets.contents import ImageSet, Item
from eval.sets.folders import is_system_file
from eval.sets.results_folders import UGATIT_PANELS, number_of

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
    shown = {number: top for number, item in numbers.items() if (top := _top(item)) is not None}
    confirmed = _confirmed(shown, ordered, inputs.source)
    if numbers and max(numbers) != len(ordered) and not confirmed >= numbers.keys():
        raise ValueError(
            f"the results are numbered up to {max(numbers)}, but {inputs.source} holds {len(ordered)} pictures that "
            f"U-GAT-IT counts ({', '.join(COUNTED)}). Name the very folder that they were made of."
        )
    return tuple(item.name for item in ordered)


def ugatit_order(inputs: ImageSet) -> tuple[Item, ...]:
    """The pictures of a folder as U-GAT-IT's loader lists them; others are not counted.

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


def _top(item: Item) -> NDArray[np.float32] | None:
    """The input that a strip shows, small and grey."""
    try:
        strip = decode_as_tools(item.read())
    except (UnsafeImage, OSError):
        return None
    return _grey(strip[: len(strip) // len(UGATIT_PANELS)])


def _small(item: Item) -> NDArray[np.float32] | None:
    try:
        return _grey(decode_as_tools(item.read()))
    except (UnsafeImage, OSError):
        return None


def _grey(photo: NDArray[np.uint8]) -> NDArray[np.float32] | None:
    if min(photo.shape[:2]) < 1:
        return None
    small = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small.astype(np.float32).mean(axis=2), np.float32)
