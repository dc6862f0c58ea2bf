"""Build the Inception network that FID is defined on, in plain torch, and find its weights.

It is Inception v3 as TensorFlow's ``inception-2015-12-05`` graph has it, not as torchvision has it: 1008
classes, average pools that do not count padding, and a max pool in the last block (Heusel et al. 2017;
ported to torch by M. Seitzer, pytorch-fid). Parameter names are those of
``pt_inception-2015-12-05-6726825d.pth``, so that file loads as it is.

The weights, 91 MB under Apache-2.0, are not in this repository: a file of the user, an upload, or a download with
checksum, which nothing begins unasked.
"""

from __future__ import annotations

import hashlib
import pickle
import tempfile
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile, is_zipfile

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.assets import Asset, Download, fetch_asset
from core.atomic_files import write_atomically
from core.checkpoint_import.reading import check_archive
from core.config import settings

FEATURES = 2048
CLASSES = 1008
TENSORS = 566
REFERENCE_FILE = "pt_inception-2015-12-05-6726825d.pth"
REFERENCE_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
REFERENCE_BYTES = 95_628_359

Kernel = int | tuple[int, int]


class BasicConv(nn.Module):
    """Convolution without bias, BatchNorm, ReLU."""

    def __init__(
        self, channels: int, out: int, kernel: Kernel, *, stride: int = 1, padding: Kernel = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride=stride, padding=padding, bias=False)
        self.bn = nn.BatchNorm2d(out, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        activation: Tensor = self.relu(self.bn(self.conv(x)))
        return activation


def _mean_pool(x: Tensor) -> Tensor:
    """As TensorFlow averages: padded zeros do not count."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _max_pool(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, stride=1, padding=1)


class BlockA(nn.Module):
    """35 x 35."""

    def __init__(self, channels: int, pool_channels: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv(channels, 64, 1)
        self.branch5x5_1 = BasicConv(channels, 48, 1)
        self.branch5x5_2 = BasicConv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = BasicConv(channels, 64, 1)
        self.branch3x3dbl_2 = BasicConv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv(96, 96, 3, padding=1)
        self.branch_pool = BasicConv(channels, pool_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_mean_pool(x))], 1)


class BlockB(nn.Module):
    """35 x 35 to 17 x 17."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv(channels, 64, 1)
        self.branch3x3dbl_2 = BasicConv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class BlockC(nn.Module):
    """17 x 17, with 7 x 7 convolutions taken apart."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        wide: tuple[tuple[int, int], tuple[int, int]] = ((1, 7), (0, 3))
        tall: tuple[tuple[int, int], tuple[int, int]] = ((7, 1), (3, 0))
        self.branch1x1 = BasicConv(channels, 192, 1)
        self.branch7x7_1 = BasicConv(channels, inner, 1)
        self.branch7x7_2 = BasicConv(inner, inner, wide[0], padding=wide[1])
        self.branch7x7_3 = BasicConv(inner, 192, tall[0], padding=tall[1])
        self.branch7x7dbl_1 = BasicConv(channels, inner, 1)
        self.branch7x7dbl_2 = BasicConv(inner, inner, tall[0], padding=tall[1])
        self.branch7x7dbl_3 = BasicConv(inner, inner, wide[0], padding=wide[1])
        self.branch7x7dbl_4 = BasicConv(inner, inner, tall[0], padding=tall[1])
        self.branch7x7dbl_5 = BasicConv(inner, 192, wide[0], padding=wide[1])
        self.branch_pool = BasicConv(channels, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_mean_pool(x))], 1)


class BlockD(nn.Module):
    """17 x 17 to 8 x 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv(channels, 192, 1)
        self.branch3x3_2 = BasicConv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv(channels, 192, 1)
        self.branch7x7x3_2 = BasicConv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = BasicConv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = BasicConv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, F.max_pool2d(x, 3, stride=2)], 1)


class BlockE(nn.Module):
    """8 x 8; the network's last block pools by maximum, the one before by mean."""

    def __init__(self, channels: int, *, is_last: bool) -> None:
        super().__init__()
        self.branch1x1 = BasicConv(channels, 320, 1)
        self.branch3x3_1 = BasicConv(channels, 384, 1)
        self.branch3x3_2a = BasicConv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = BasicConv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = BasicConv(channels, 448, 1)
        self.branch3x3dbl_2 = BasicConv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = BasicConv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = BasicConv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = BasicConv(channels, 192, 1)
        self.pool = _max_pool if is_last else _mean_pool

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        split = [self.branch3x3_2a(three), self.branch3x3_2b(three)]
        split += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([self.branch1x1(x), *split, self.branch_pool(self.pool(x))], 1)


class FIDInception(nn.Module):
    """Photos (B, 3, 299, 299) float32 in [-1, 1] -> pooled features (B, 2048).

    How a photo comes to 299 pixels is no part of the network but of a protocol: see `eval.features`. It
    stays in eval mode, because its BatchNorm statistics are part of what FID is.
    """

    num_features = FEATURES  # what torchmetrics asks a feature module for

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = BasicConv(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv(80, 192, 3)
        self.Mixed_5b = BlockA(192, 32)
        self.Mixed_5c = BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b = BlockC(768, 128)
        self.Mixed_6c = BlockC(768, 160)
        self.Mixed_6d = BlockC(768, 160)
        self.Mixed_6e = BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b = BlockE(1280, is_last=False)
        self.Mixed_7c = BlockE(2048, is_last=True)
        self.fc = nn.Linear(FEATURES, CLASSES)  # in the file; FID does not use it
        self.eval()

    def train(self, mode: bool = True) -> FIDInception:
        return super().train(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # (B, 64, 147, 147)
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))  # (B, 192, 71, 71)
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))  # (B, 288, 35, 35)
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))  # (B, 768, 17, 17)
        x = self.Mixed_6e(self.Mixed_6d(x))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))  # (B, 2048, 8, 8)
        return x.mean((2, 3))


def load_inception(weights: str | Path) -> FIDInception:
    """Read the network from a file like ``pt_inception-2015-12-05-6726825d.pth``, without unpickling code.

    Parameters
    ----------
    weights
        A state dict written by ``torch.save``, with exactly the reference file's 566 tensors.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no state dict, or its tensors are not those of the reference file.
    """
    path = Path(weights)
    try:
        if is_zipfile(path):
            check_archive(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is missing. It is the Inception weights file {REFERENCE_FILE}."
        ) from None
    except (RuntimeError, pickle.UnpicklingError, EOFError, BadZipFile, OSError, ValueError) as error:
        raise ValueError(
            f"{path.name} cannot be read as plain weights: it is damaged, cut short, or holds code. "
            f"Expected the state dict {REFERENCE_FILE} ({REFERENCE_BYTES / 1e6:.1f} MB)."
        ) from error
    with torch.device("meta"):  # drawing random weights to overwrite them would take most of the time
        network = FIDInception()
    _check_tensors(path.name, state, network.state_dict())
    network.load_state_dict(state, strict=True, assign=True)
    return network.float().requires_grad_(False)


def _check_tensors(name: str, state: object, expected: Mapping[str, Tensor]) -> None:
    """Refuse, in one sentence, what `load_state_dict` would list in a hundred lines."""
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(
            f"{name} holds a {type(state).__name__}, expected a state dict of {TENSORS} tensors."
        )
    missing, extra = sorted(expected.keys() - state.keys()), sorted(state.keys() - expected.keys())
    if missing or extra:
        examples = ", ".join([*missing[:1], *extra[:1]])
        raise ValueError(
            f"{name} is not the FID Inception: {len(missing)} of {TENSORS} tensors are missing and {len(extra)} "
            f"are not its own (for instance {examples}). torchvision's Inception is another network; "
            f"get {REFERENCE_FILE}."
        )
    wrong = [key for key, value in expected.items() if state[key].shape != value.shape]
    if wrong:
        got, want = tuple(state[wrong[0]].shape), tuple(expected[wrong[0]].shape)
        raise ValueError(
            f"{name}: {wrong[0]} has shape {got}, expected {want} ({len(wrong)} of {TENSORS} tensors differ)."
        )
    broken = [key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise ValueError(f"{name}: {broken[0]} holds NaN or infinity; the file is damaged. Fetch it again.")


ASSET = Asset(
    name=REFERENCE_FILE,
    sha256=REFERENCE_SHA256,
    size_bytes=REFERENCE_BYTES,
    licence="Apache-2.0",
    sources=(
        Download(
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
            "pt_inception-2015-12-05-6726825d.pth"
        ),
        Download(
            "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
            "weights-inception-2015-12-05-6726825d.pth"
        ),
    ),
)
MAX_UPLOAD_BYTES = 200_000_000


def find_inception() -> Path | None:
    """Find the weights if they are on this machine (``STUDIO_ASSETS``, or fetched or uploaded before), else None."""
    config = settings()
    places = [config.asset_cache] if config.assets is None else [config.assets, config.asset_cache]
    return next((place / REFERENCE_FILE for place in places if (place / REFERENCE_FILE).is_file()), None)


def fetch_inception() -> Path:
    """Fetch the reference weights, downloaded and verified if they are not here yet.

    Raises
    ------
    AssetMissing
        If no source gives the right file, or there is no room for it.
    """
    config = settings()
    config.asset_cache.mkdir(parents=True, exist_ok=True)
    return fetch_asset(ASSET, cache=config.asset_cache, local=config.assets)


def keep_upload(data: bytes) -> Path:
    """Check weights that somebody uploaded and keep them, the reference under its name, others under their hash.

    Raises
    ------
    ValueError
        If they are not the FID Inception's, or too large.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise ValueError(
            f"the file has {len(data) / 1e6:.0f} MB, at most {MAX_UPLOAD_BYTES / 1e6:.0f} MB are taken. "
            f"Expected {REFERENCE_FILE} ({REFERENCE_BYTES / 1e6:.1f} MB)."
        )
    with tempfile.TemporaryDirectory(prefix="studio-inception-") as folder:
        candidate = Path(folder) / "the uploaded file"
        candidate.write_bytes(data)
        load_inception(candidate)
    sha256 = hashlib.sha256(data).hexdigest()
    name = REFERENCE_FILE if sha256 == REFERENCE_SHA256 else f"inception-{sha256[:12]}.pth"
    cache = settings().asset_cache
    cache.mkdir(parents=True, exist_ok=True)
    write_atomically(cache / name, data)
    return cache / name
