"""Pictures in rows and columns under headings, for looking at many results at once."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

HEADING_PX = 24
MARGIN_PX = 2

Picture = NDArray[np.uint8]


def contact_sheet(
    rows: Sequence[Sequence[Picture | None]],
    headings: Sequence[str],
    *,
    names: Sequence[str] = (),
    side: int = 256,
) -> Picture:
    """Lay pictures out as a table.

    Parameters
    ----------
    rows
        Sketches (H, W) and photos (H, W, 3), uint8; ``None`` leaves a place empty. Every row has as many
        places as there are ``headings``.
    headings
        Above the columns.
    names
        One a row, written into its first picture's corner.
    side
        Pixels of a place; pictures are scaled to it.

    Returns
    -------
    sheet : (H, W, 3) uint8
    """
    if not rows:
        raise ValueError("expected at least one row, got none.")
    wrong = [len(row) for row in rows if len(row) != len(headings)]
    if wrong:
        raise ValueError(f"expected {len(headings)} pictures in every row, got {wrong[0]}.")
    if names and len(names) != len(rows):
        raise ValueError(f"expected {len(rows)} names, got {len(names)}.")
    place = side + MARGIN_PX
    sheet = np.full((HEADING_PX + place * len(rows), place * len(headings), 3), 255, np.uint8)
    for column, heading in enumerate(headings):
        _write(sheet, heading, (column * place + 6, HEADING_PX - 7))
    for i, row in enumerate(rows):
        for column, picture in enumerate(row):
            if picture is not None:
                top, left = HEADING_PX + i * place, column * place
                sheet[top : top + side, left : left + side] = _fit(picture, side)
        if names:
            _write(sheet, names[i], (6, HEADING_PX + i * place + 14))
    return sheet


def _fit(picture: Picture, side: int) -> Picture:
    """The picture as RGB of that side."""
    rgb = np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture
    smaller = rgb.shape[0] >= side
    scaled = cv2.resize(rgb, (side, side), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return scaled.astype(np.uint8)


def _write(sheet: Picture, text: str, at: tuple[int, int]) -> None:
    cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 70, 150), 1, cv2.LINE_AA)
