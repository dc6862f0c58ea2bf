"""Where the FID Inception weights come from: a file of the user, an upload, or a download with checksum.

91 MB under Apache-2.0; they are not in this repository and nothing fetches them unasked.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from core.assets import Asset, Download, fetch_asset
from core.atomic_files import write_atomically
from core.config import settings
from eval.inception import REFERENCE_BYTES, REFERENCE_FILE, REFERENCE_SHA256, load_inception

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
    """The weights if they are on this machine (``STUDIO_ASSETS``, or fetched or uploaded before), else None."""
    config = settings()
    places = [config.asset_cache] if config.assets is None else [config.assets, config.asset_cache]
    return next((place / REFERENCE_FILE for place in places if (place / REFERENCE_FILE).is_file()), None)


def fetch_inception() -> Path:
    """The reference weights, downloaded and verified if they are not here yet.

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
