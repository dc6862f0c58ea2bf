"""The networks of an unpaired training: two translators that close a circle, and judges for each domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from core.generators.ugatit import AttentionTranslator


@dataclass(frozen=True)
class Circle:
    """What the translators make of sketches and photos; logits are None for a family without attention."""

    fake_photo: Tensor
    fake_sketch: Tensor
    sketch_again: Tensor
    photo_again: Tensor
    same_photo: Tensor
    same_sketch: Tensor
    cam_logits: tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]] | None


class Translators(nn.Module):
    """Both directions as one network, so that several processes wrap and synchronise them together."""

    def __init__(self, sketch_to_photo: nn.Module, photo_to_sketch: nn.Module) -> None:
        super().__init__()
        self.sketch_to_photo, self.photo_to_sketch = sketch_to_photo, photo_to_sketch

    def forward(self, sketch: Tensor, photo: Tensor) -> Circle:
        """Around the circle from both ends; normalisation is by image, so batches can be joined."""
        count = len(sketch)
        painted, paint_cam = _translate(self.sketch_to_photo, torch.cat([sketch, photo]))
        fake_photo, same_photo = painted[:count], painted[count:]
        drawn, draw_cam = _translate(self.photo_to_sketch, torch.cat([photo, sketch, fake_photo]))
        fake_sketch, same_sketch, sketch_again = drawn[:count], drawn[count : 2 * count], drawn[2 * count :]
        photo_again, _ = _translate(self.sketch_to_photo, fake_sketch)
        cams = None
        if paint_cam is not None and draw_cam is not None:
            cams = (paint_cam[:count], paint_cam[count:]), (draw_cam[:count], draw_cam[count : 2 * count])
        return Circle(fake_photo, fake_sketch, sketch_again, photo_again, same_photo, same_sketch, cams)


def _translate(translator: nn.Module, images: Tensor) -> tuple[Tensor, Tensor | None]:
    if isinstance(translator, AttentionTranslator):
        result = translator.translate(images)
        return result.photo, result.cam_logit
    return translator(images), None


class Judges(nn.Module):
    """The discriminators of both domains: a list of verdict maps for each."""

    def __init__(self, photo: Sequence[nn.Module], sketch: Sequence[nn.Module]) -> None:
        super().__init__()
        self.photo, self.sketch = nn.ModuleList(photo), nn.ModuleList(sketch)

    def forward(self, photo: Tensor, sketch: Tensor) -> list[Tensor]:
        """Verdicts (B, ...) of all judges, photos' first."""
        verdicts: list[Tensor] = []
        for judges, images in ((self.photo, photo), (self.sketch, sketch)):
            for judge in judges:
                verdicts += judge(images)
        return verdicts
