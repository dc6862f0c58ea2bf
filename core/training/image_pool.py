"""A pool of earlier fakes for a discriminator (Shrivastava et al. 2017, arXiv 1612.07828)."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


class ImagePool:
    """Half of the fakes that a discriminator sees are older ones, so that it does not forget.

    Pixels are kept as 8 bits, which is what photos have as well. Under several processes each holds
    the same pool, fed with all fakes, so that a run does not depend on how many processes share it.

    Parameters
    ----------
    size
        Images kept; 0 switches the pool off.
    """

    def __init__(self, size: int = 50) -> None:
        self.size = size
        self._images: list[Tensor] = []

    def exchange(self, fakes: Tensor, numbers: Tensor) -> Tensor:
        """Take fresh fakes in and hand a mix of fresh and older ones out.

        Parameters
        ----------
        fakes : (B, C, H, W) float32 in [-1, 1]
            Of this process; detached from the graph.
        numbers : (B, 2) float32 uniform in [0, 1)
            Two random numbers for each fake.

        Returns
        -------
        (B, C, H, W) float32
        """
        if not self.size:
            return fakes
        everyones, first = _gathered(fakes)
        draws, _ = _gathered(numbers)
        chosen = []
        for fake, (luck, place) in zip(everyones, draws.tolist(), strict=True):
            small = ((fake.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).cpu()
            if len(self._images) < self.size:
                self._images.append(small)
                chosen.append(fake)
            elif luck < 0.5:
                row = int(place * self.size)
                chosen.append(self._images[row].to(fake.device).float() / 127.5 - 1)
                self._images[row] = small
            else:
                chosen.append(fake)
        return torch.stack(chosen[first : first + len(fakes)])

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint keeps: ``images`` (N, C, H, W) uint8, if there are any."""
        return {"images": torch.stack(self._images)} if self._images else {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`."""
        self._images = list(state["images"]) if "images" in state else []


def _gathered(rows: Tensor) -> tuple[Tensor, int]:
    """The rows of all processes in order of rank, and where this process's begin."""
    if not distributed.is_initialized():
        return rows, 0
    rows = rows.contiguous()
    parts = [torch.empty_like(rows) for _ in range(distributed.get_world_size())]
    distributed.all_gather(parts, rows)
    return torch.cat(parts), distributed.get_rank() * len(rows)
