"""Perceptual distance by a network that the user brings: the slot for LPIPS (Zhang et al. 2018).

Its weights come with packages that need torchvision, so none is shipped. Where lpips is installed,
``torch.jit.trace(lpips.LPIPS(net="alex").eval(), (x, x)).save("lpips_alex.pt")`` makes the file. It is TorchScript,
so it runs only as `eval.torchscript` says.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from core.images import photo_to_tensor
from eval.torchscript import IsolatedNetwork, read_allowed

Photo = NDArray[np.uint8]


def load_lpips(path: str | Path, *, size: int = 64) -> Callable[[Photo, Photo], float]:
    """A distance of two photos from a TorchScript file.

    Parameters
    ----------
    path
        Takes two tensors (1, 3, H, W) float32 in [-1, 1] and gives one number, 0 for equal ones.
    size
        Side of the noise that it is tried on.

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
    noise = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1
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
        if output.shape != true.shape:
            raise ValueError(f"expected two photos of one shape, got {output.shape} and {true.shape}.")
        with torch.no_grad():
            return float(network(photo_to_tensor(output), photo_to_tensor(true)))

    return lpips
