"""What the Draw page decides, apart from how it looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING

import cv2
import numpy as np

from core.conversion.settings import ConversionSettings
from core.face_frame import FRAME, PARTS, face_mask
from core.sketch_input import INK, prepare_sketch
from dashboard.shared.plain_text import without_folders
from dashboard.shared.texts import N_, _
from dashboard.views.draw.drawing import has_ink, is_sparse
from dashboard.views.draw.settings import PART_TITLES
from dashboard.views.draw.state import DrawSession, Shown

if TYPE_CHECKING:
    from core.conversion.request import Neighbour

LOW_CONFIDENCE = 0.35  # where neighbours have no sketches
FAR_PX = 6.2  # balanced accuracy .96 on tests.benchmarks.far_drawings; the confidence had .47 there
LOW_KEEP_LINES = 0.2
SMALL_HEAD = 1.3  # times larger it would fill the guide
OFF_SHARE = 40 / 512  # of the paper's side, across
HEAD_SHAPES = (1.0, 1.75)  # height to width of the ink of whole heads
OPEN_SHARE = 0.15  # of the ink's height: a head without its top has nothing in the middle down to there
NOSE_BAND = (
    slice(300, 340),
    slice(150, 362),
)  # rows and columns, px of 512: between eyes and mouth, from cheek to cheek
NOSE_BOTTOM = 390  # px of 512: no nose reaches lower than the lips
UNPAINTED: dict[str, str] = {
    "ears": N_("Your ears are not painted."),
    "glasses": N_("Your glasses are hardly painted."),
    "gaze_left": N_("Your eyes look to the left; the painted ones look straight ahead."),
    "gaze_right": N_("Your eyes look to the right; the painted ones look straight ahead."),
    "mouth": N_("Your wide mouth is painted narrower."),
    "left": N_("Some of what you drew to the left of the head is not painted."),
    "right": N_("Some of what you drew to the right of the head is not painted."),
    "above": N_("Some of what you drew above the head is not painted."),
    "below": N_("Some of what you drew below the head is not painted."),
}


class Step(Enum):
    """What to do in this run."""

    EMPTY = "nothing is drawn: no model call"
    KEEP = "what is shown is still right, or the canvas has not reported a load yet"
    WAIT = "the drawing or the settings changed, and the visitor converts by hand"
    GENERATE = "make a new face"


def next_step(session: DrawSession, wanted: ConversionSettings, *, is_live: bool, is_asked: bool) -> Step:
    """Decide whether this run calls the networks.

    Parameters
    ----------
    session
        With the drawing that the canvas reported in this very run.
    is_live
        Whether every change becomes a face by itself.
    is_asked
        Whether Convert was pressed.
    """
    if not has_ink(session.drawing.fabric):
        return Step.EMPTY
    if session.drawing.sketch is None:
        return Step.KEEP
    if session.shown is not None and session.shown.key == (session.drawing.digest, wanted.effective()):
        return Step.KEEP
    return Step.GENERATE if is_live or is_asked else Step.WAIT


def status_text(shown: Shown | None, step: Step) -> str:
    """The line under the photo: what to do next, what of the drawing was left out, or advice where little is known."""
    if step is Step.WAIT:
        return (
            _("Press Convert for the photo.")
            if shown is None
            else _("This has changed. Press Convert for a new photo.")
        )
    if shown is None or step is Step.EMPTY:
        return ""
    result, wanted = shown.result, shown.settings
    if result.is_blank:
        return _("Almost nothing is drawn yet. A few more lines, and a face appears.")
    if shown.is_misplaced and not is_sparse(shown.drawing.fabric):
        return _(
            "The networks know faces that fill the guide; yours is smaller or off the middle. Press Fit to the guide."
        )
    if missing := _missing_parts(shown):
        return _("Not drawn yet: {missing}. Draw it, or choose a random one under Parts.", missing=missing)
    if shown.undrawn and wanted.mode != "none" and wanted.effective().stage1 != "parts":
        return _("Not drawn yet, so made up: {parts}.", parts=_titles(shown.undrawn))
    if shown.unpainted and not is_sparse(shown.drawing.fabric):
        return " ".join(_(UNPAINTED[name]) for name in shown.unpainted[:2])
    if not is_far(shown) or wanted.mode == "none":
        return ""
    if wanted.t > LOW_KEEP_LINES:
        return _(
            "Far from the faces seen in training, which all look straight ahead. Try “Keep my lines” lower."
        )
    return _(
        "Far from the faces seen in training, which all look straight ahead. The guide helps to place eyes and mouth."
    )


def is_far(shown: Shown) -> bool:
    """Whether the drawing's features lie far from those of the training faces that it was read as."""
    result = shown.result
    if shown.misfit_px is not None:
        return shown.misfit_px > FAR_PX
    return result.confidence is not None and result.confidence < LOW_CONFIDENCE


def is_misplaced(sketch: np.ndarray) -> bool:
    """Tell whether a head was drawn well, but smaller than the guide or off its middle.

    Measured on the examples: as they are, the head would be scaled by .87 to 1.06 and moved by at most 36 px to fit
    the guide; made small (x .6) by 1.44 to 1.77, and drawn 80 px to the right moved by 44 px and more.

    Parameters
    ----------
    sketch : (H, W) uint8
    """
    from core.scan_cleanup import ink_box, ink_matrix

    tone = sketch.astype(np.float32) / np.float32(255)
    if np.mean(tone < 0.7) < 1e-3:
        return False
    left, top, right, bottom = ink_box(tone)
    low, high = HEAD_SHAPES
    if not low <= (bottom - top) / (right - left) <= high:
        return False  # eyes alone, half a face: not finished, which is another advice
    middle = slice(int(0.6 * left + 0.4 * right), int(0.4 * left + 0.6 * right))
    crown = slice(int(top), int(top + OPEN_SHARE * (bottom - top)))
    if not (tone[crown, middle] < 0.7).any():
        return False  # cheeks and chin alone: the head is as large as it will be once it has a top
    side = sketch.shape[0]
    matrix = ink_matrix(tone, side)
    across = matrix[0] @ (side / 2, side / 2, 1) - side / 2
    return bool(matrix[0, 0] > SMALL_HEAD or abs(across) > OFF_SHARE * side)


def undrawn_parts(sketch: np.ndarray) -> tuple[str, ...]:
    """Name the eyes, nose and mouth that nothing is drawn of; stage 1 of the whole face makes them up.

    Of 63 human drawings none is said to lack a part that it has, and 1 of 200 held-out sketches.

    Parameters
    ----------
    sketch : (H, W) uint8
    """
    from core.face_parts.layout import drawn_names

    page = prepare_sketch(sketch, FRAME)
    drawn = drawn_names(page)
    if "nose" not in drawn and _has_nose_beside_its_place(page):
        drawn.add("nose")
    return tuple(part.name for part in PARTS if part.name not in drawn)


def _has_nose_beside_its_place(page: np.ndarray) -> bool:
    """Tell whether some lines between eyes and mouth end above the chin: a turned head's nose, not a face's outline."""
    ink = (page < INK).astype(np.uint8)
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(ink)
    bottoms = boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]
    found = np.unique(parts[NOSE_BAND])
    return bool((bottoms[found[found > 0]] <= NOSE_BOTTOM).any())


def misfit_px(lines: np.ndarray, neighbours: Sequence[Neighbour]) -> float | None:
    """Chamfer distance between the lines drawn within the face and its neighbours' blended ones, px at 256 px.

    The latent's own confidence is calibrated on traced photos and cannot tell drawings apart: two heads, a
    small face in a corner and a mouth below the chin have as much of it as a good drawing.

    Parameters
    ----------
    lines : (256, 256) bool
        `eval.metrics.sketch_agreement.lines_of` the drawing.
    neighbours
        Training faces with their sketches and weights.

    Returns
    -------
    misfit
        None where no sketches are known; two blank faces have 0.
    """
    from eval.metrics.sketch_agreement import SIZE, lines_of, sketch_agreement

    near = [(face.weight, face.sketch) for face in neighbours if face.sketch is not None and face.weight > 0]
    if not near:
        return None
    blend = np.average([sketch for _, sketch in near], axis=0, weights=[weight for weight, _ in near])
    mask = face_mask(SIZE) > 0.5
    drawn = lines & mask
    return sketch_agreement(drawn, lines_of(np.where(blend < 175, 0, 255).astype(np.uint8)) & mask).chamfer_px


def _missing_parts(shown: Shown) -> str:
    """The parts that are neither drawn nor made up, where stage 1 works by parts and most of it is there."""
    if shown.settings.effective().stage1 != "parts" or is_sparse(shown.drawing.fabric):
        return ""
    missing = [part.name for part in shown.result.parts if not (part.is_drawn or part.is_filled)]
    return _titles(name for name in missing if name != "remainder")


def _titles(parts: Iterable[str]) -> str:
    return ", ".join(_(PART_TITLES[name]).lower() for name in parts)


def timing_text(timings: Mapping[str, float]) -> tuple[str, str]:
    """The whole time, and the steps it is made of, from milliseconds per step."""
    if "total" not in timings:
        return "", ""
    steps = (f"{name} {_duration(value)}" for name, value in timings.items() if name != "total" and value > 0)
    return _duration(timings["total"]), ", ".join(steps)


def _duration(milliseconds: float) -> str:
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def waiting_text(wanted: ConversionSettings, title: str) -> str:
    """What a visitor reads while networks are loaded."""
    if wanted.generator != ConversionSettings().generator:
        return _("Getting {title} ready …", title=title)
    return _("Getting the parts ready …") if wanted.stage1 == "parts" else _("Getting the networks ready …")


def missing_text(error: Exception) -> str:
    """What a visitor reads when the weights are not there: the error's own advice, without folders."""
    return _("The studio cannot make photos yet. {reason}", reason=without_folders(error))


def unusable_text(wanted: ConversionSettings, error: Exception) -> str:
    """What a visitor reads when a generator, or stage 1 by parts, cannot be used."""
    what = wanted.generator if wanted.generator != ConversionSettings().generator else _("By parts")
    reason = without_folders(error).strip().partition("\n")[0].partition(": Error(s) in loading")[0]
    return _("{what} cannot be used: {reason}", what=what, reason=reason)
