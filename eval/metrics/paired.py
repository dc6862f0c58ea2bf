"""Score an output against its true photo: SSIM and MS-SSIM by torchmetrics, LPIPS by a network that the user brings.

Left to itself torchmetrics takes the range from the pictures at hand, so that the same pair scores
differently in another batch. Here it is always 0 to 255. Computed in float32, as torchmetrics does by itself: equal
to float64 to about 1e-4, at a twelfth of the time.

The weights of LPIPS (Zhang et al. 2018) come with packages that need torchvision, so none is shipped. Where lpips
is installed, ``torch.jit.trace(lpips.LPIPS(net="alex").eval(), (x, x)).save("lpips_alex.pt")`` makes the file. It is
TorchScript, so it runs only as `eval.torchscript` says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.images import photo_to_tensor, psnr_db
from eval.torchscript import IsolatedNetwork, read_allowed


def mean_absolute_error(output: NDArray[np.uint8], true: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two photos (H, W, 3) uint8, in grey levels from 0 to 255."""
    return float(np.abs(output.astype(np.float64) - true).mean())


def psnr(output: NDArray[np.uint8], true: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio of two photos (H, W, 3) uint8, in decibels; infinite for equal ones."""
    return psnr_db(output, true)


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

    found = structural_similarity_index_measure(
        _planes(output), _planes(true), data_range=DATA_RANGE, kernel_size=KERNEL
    )
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

    found = multiscale_structural_similarity_index_measure(
        _planes(output), _planes(true), data_range=DATA_RANGE, kernel_size=KERNEL, normalize="relu"
    )
    return _number(found)


def _number(found: torch.Tensor | tuple[torch.Tensor, ...]) -> float:
    """torchmetrics gives the similarity alone, or with maps that were not asked for."""
    return float(found[0] if isinstance(found, tuple) else found)


def _planes(photo: Photo) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(photo.transpose(2, 0, 1))[None]).float()


TRIED_SIDE = 64  # of the noise that a network is tried on


def load_lpips(path: str | Path) -> Callable[[Photo, Photo], float]:
    """A distance of two photos from a TorchScript file.

    Parameters
    ----------
    path
        Takes two tensors (1, 3, H, W) float32 in [-1, 1] and gives one number, 0 for equal ones.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the operator has not allowed it, it is no such network, or it does not find a picture equal to itself.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file} is missing. Name a TorchScript file of LPIPS.")
    noise = torch.rand(1, 3, TRIED_SIDE, TRIED_SIDE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    data = read_allowed(file)
    try:
        network = IsolatedNetwork(data, file.name)
        with torch.no_grad():
            itself, other = (float(network(noise, picture)) for picture in (noise, -noise))
    except (RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).strip().splitlines() or ["no message"])[-1][:200]
        raise ValueError(f"{file.name} gives no distance of two pictures (1, 3, H, W): {reason}") from error
    if abs(itself) > 1e-4 or not other > abs(itself):
        raise ValueError(
            f"{file.name} is no distance: it gives {itself:.3g} between equal pictures and {other:.3g} between "
            "opposite ones, expected 0 and more."
        )

    def lpips(output: Photo, true: Photo) -> float:
        with torch.no_grad():
            return float(network(photo_to_tensor(output), photo_to_tensor(true)))

    return lpips
