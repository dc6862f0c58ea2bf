"""What a worker is told about an image. Light to import: a worker meets it before its tools."""

from __future__ import annotations

from dataclasses import dataclass

Anchors = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ExamineTask:
    """One image to examine.

    Attributes
    ----------
    path
        Its original.
    anchors
        Image-left eye, image-right eye and mouth centre where a person has corrected them.
    """

    image_id: str
    path: str
    anchors: Anchors = ()
