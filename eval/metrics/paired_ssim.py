"""Structural similarity of an output and its true photo, by torchmetrics with the data range fixed.

Left to itself torchmetrics takes the range from the pictures at hand, so that the same pair scores
differently in another batch. Here it is always 0 to 255. Computed in float32, as torchmetrics does by itself: equal
to float64 to about 1e-4, at a twelfth of the time.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

Photo = NDArray[np.uint8]
DATA_RANGE = 255.0
KERNEL = 11
SCALES = 5
MIN_SIDE_MS_SSIM = KERNEL * (SCALES - 1) ** 2  # 176: torchmetrics refuses less


def ssim(output: Photo, true: Photo) -> float:
    """Structural similarity (Wang et al. 2004), Gaussian window of 11 px and sigma 1.5, mean over RGB.

    Parameters
    ----------
    output, true : (H, W, 3) uint8, at least 11 x 11

    Returns
    -------
    similarity
        1 for equal photos.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    pair = _pair(output, true, smallest=KERNEL)
    found = structural_similarity_index_measure(*pair, data_range=DATA_RANGE, kernel_size=KERNEL)
    return _number(found)


def ms_ssim(output: Photo, true: Photo) -> float:
    """Multi-scale structural similarity over five scales (Wang et al. 2003).

    Parameters
    ----------
    output, true : (H, W, 3) uint8, at least 176 x 176

    Returns
    -------
    similarity
        1 for equal photos; negative terms count as 0.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    pair = _pair(output, true, smallest=MIN_SIDE_MS_SSIM)
    found = multiscale_structural_similarity_index_measure(
        *pair, data_range=DATA_RANGE, kernel_size=KERNEL, normalize="relu"
    )
    return _number(found)


def _number(found: torch.Tensor | tuple[torch.Tensor, ...]) -> float:
    """torchmetrics gives the similarity alone, or with maps that were not asked for."""
    return float(found[0] if isinstance(found, tuple) else found)


def _pair(output: Photo, true: Photo, *, smallest: int) -> tuple[torch.Tensor, torch.Tensor]:
    if output.shape != true.shape or output.dtype != np.uint8 or true.dtype != np.uint8 or output.ndim != 3:
        raise ValueError(
            f"expected two photos (H, W, 3) uint8 of one shape, got {output.shape} {output.dtype} and "
            f"{true.shape} {true.dtype}."
        )
    if min(output.shape[:2]) < smallest:
        raise ValueError(
            f"expected at least {smallest} x {smallest} pixels, got {output.shape[1]} x {output.shape[0]}."
        )
    first, second = (
        torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1))[None]).float()
        for photo in (output, true)
    )
    return first, second
