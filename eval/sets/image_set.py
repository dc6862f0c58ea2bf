"""Sets of images to compare: what is in a folder or zip, each file used or listed with the reason why not.

Opening a set reads every file once, for its hash and its header; what a file that has not changed since held
is remembered (`eval.sets.seen_files`), so that the second time only their dates are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eval.sets.contents import ImageSet, Item, Kind, LeftOut
from eval.sets.folders import open_folder
from eval.sets.labels import Listed, with_labels
from eval.sets.seen_files import SeenFiles
from eval.sets.zips import open_zip

__all__ = ["ImageSet", "Item", "LeftOut", "open_set"]

PHOTOS = "photos"
MANIFEST = "manifest.jsonl"


def open_set(
    path: Path,
    *,
    name: str | None = None,
    seen: SeenFiles | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImageSet:
    """Open a folder, a zip file, or a Hugging Face ImageFolder (either with a ``metadata.csv`` or ``.jsonl``).

    Folders are searched to any depth. Of pairs that ``python -m curation.run`` or ``curation.export`` wrote
    the photos are meant.

    Parameters
    ----------
    name
        For people; default the file's or folder's name.
    seen
        Remembers what unchanged files held; see `eval.feature_cache.FeatureCache.open_set`.
    progress
        Called with files looked at and files in all.

    Raises
    ------
    FileNotFoundError
        If there is nothing at ``path``.
    ValueError
        If it is neither folder nor zip, the zip is damaged or a bomb, or no file in it is a picture.
    """
    path = Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist. Name a folder of pictures or a zip file.")
    memory = seen or SeenFiles(None)
    kind: Kind
    if path.is_dir():
        kind, root = "folder", _photos_of(path)
        listed = open_folder(root, memory, progress)
    else:
        kind, root = "zip", None
        listed = open_zip(path, memory, progress)
    return _make(listed, name or path.stem or path.resolve().name, kind, path, root)


def _make(listed: Listed, name: str, kind: Kind, path: Path, root: Path | None) -> ImageSet:
    items, left_out, has_metadata = with_labels(listed)
    if not items:
        first = f" The first: {left_out[0].name}: {left_out[0].reason}" if left_out else ""
        raise ValueError(
            f"{path} holds no picture that can be used; {len(left_out)} files were left out.{first} "
            "Name a folder or zip of PNG, JPEG, WebP, BMP, GIF, TIFF or AVIF files."
        )
    if has_metadata and kind == "folder":
        kind = "imagefolder"
    source = {"folder": "folder", "zip": "zip file", "imagefolder": "ImageFolder"}[kind]
    return ImageSet(name, kind, f"{source} {path.name or path.resolve().name}", items, left_out, root)


def _photos_of(path: Path) -> Path:
    """The photos of a folder of pairs, any other folder itself."""
    is_pairs = (path / MANIFEST).is_file() and (path / PHOTOS).is_dir() and (path / "sketches").is_dir()
    return path / PHOTOS if is_pairs else path
