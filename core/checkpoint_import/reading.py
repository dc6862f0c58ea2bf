"""Opening other projects' checkpoint files without running anything that they carry.

Pickles are opened in torch's weights-only mode and in no other; what that refuses is refused here, in a
sentence that says how to get a file that can be opened.
"""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

MAX_PICKLE_BYTES = 20_000_000  # of names and shapes; those of the largest reference network have 0.1 MB
MAX_BYTES = 4_000_000_000  # of weights; the largest reference network has 0.73 GB
ENDINGS = (".pth", ".pt", ".pkl", ".ckpt", ".bin", ".safetensors")

# Networks that a file with several is asked for, first come first taken: sketch to photo is A to B.
PREFERRED = (
    "genA2B", "netG_A2B", "G_A2B", "gen_A2B", "gen_AB", "netG_AB", "G_AB", "generator_AB", "netG_A", "G_A", "gen_A",
    "generator_A", "netG_ema", "G_ema", "params_ema", "ema", "netG", "G",
    "generator", "state_dict", "model",
)  # fmt: skip
_ENDINGS_OF_NAMES = re.compile(r"[_.](state_?dict|weights|params|parameters|model)$", re.IGNORECASE)
_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel and of torch.compile
_BESIDE = {
    "numpy.": "a number of numpy, such as its best score,",
    "argparse.": "the options of its command line",
    "omegaconf.": "its configuration", "easydict.": "its configuration", "yacs.": "its configuration",
    "pathlib.": "a path", "datetime.": "a date",
}  # fmt: skip
_SAVE_WEIGHTS = 'torch.save(network.state_dict(), "weights.pth")'

# What torch's reader raises on damaged files, found by flipping bits in all three formats.
_TORCH_ERRORS = (
    RuntimeError, EOFError, OSError, ValueError, LookupError, AttributeError, TypeError, ArithmeticError,
    AssertionError, MemoryError, struct.error,
)  # fmt: skip


class CheckpointRefused(ValueError):
    """A file is no checkpoint that can be imported; the message says why and what to do.

    Attributes
    ----------
    networks
        What the file holds, where the reason is that one of several must be named.
    """

    def __init__(self, message: str, networks: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.networks = networks


@dataclass(frozen=True)
class Checkpoint:
    """One network's weights out of a file."""

    tensors: dict[str, Tensor]  # names as the network itself would give them, without wrappers
    # Which of the file's networks it is, empty where the file holds only one without a name.
    network: str = ""
    networks: tuple[str, ...] = ()  # all that the file holds
    notes: tuple[str, ...] = ()  # what was left out or renamed, in words


def read_checkpoint(path: str | Path, network: str | None = None) -> Checkpoint:
    """Read a network's weights.

    Parameters
    ----------
    path
        ``.pth`` (or any other name that torch gives) or ``.safetensors``.
    network
        Which one to take from a file that holds several, for instance ``genB2A`` of a U-GAT-IT file.

    Raises
    ------
    CheckpointRefused
        If the file is none, only part of one, or holds anything but weights.
    """
    path = Path(path)
    found = dict(_networks(_load(path)))
    if not found:
        raise CheckpointRefused(f"{path.name} holds no weights, only {_outline(_load(path))}.")
    name = _choose(path.name, found, network)
    tensors, notes = _unwrap(found[name])
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    if size > 2 * path.stat().st_size:  # twice: some share weights between two names
        raise CheckpointRefused(
            f"{path.name} claims {size / 1e9:.1f} GB of weights, more than a file of its size holds. Save it again."
        )
    if size > MAX_BYTES:
        raise CheckpointRefused(
            f"{path.name} holds {size / 1e9:.1f} GB of weights; at most {MAX_BYTES / 1e9:.0f} GB are taken."
        )
    return Checkpoint(tensors, name, tuple(found) if len(found) > 1 else (), notes)


def _choose(file: str, found: Mapping[str, Any], asked: str | None) -> str:
    if asked:
        match = [name for name in found if name == asked or name.rpartition(".")[2] == asked]
        if not match:
            raise CheckpointRefused(f"{file} holds no {asked!r}; it holds: {_names(found)}.")
        return match[0]
    if len(found) == 1:
        return next(iter(found))
    for wanted in PREFERRED:
        for name in found:
            last = name.rpartition(".")[2]
            if last == wanted or _plain(last) == _plain(wanted):
                return name
    raise CheckpointRefused(
        f"{file} holds several networks: {_names(found)}. Say which one is meant (--network NAME).",
        tuple(found),
    )


def _plain(name: str) -> str:
    """``netG_A2B_state_dict``, ``netG_A2B`` and ``G_AB`` alike, for comparing."""
    plain = _ENDINGS_OF_NAMES.sub("", name).lower().replace("_", "")
    plain = plain.removeprefix("model").removeprefix("net") or plain
    plain = re.sub(r"^(generator|gen|g)(?=$|a|b|ema)", "g", plain)
    return plain.replace("a2b", "ab").replace("b2a", "ba")


def _names(found: Mapping[str, Any]) -> str:
    return ", ".join(name or "one without a name" for name in found)


def _networks(content: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Each set of weights inside nested dictionaries, with the way to it."""
    if not isinstance(content, Mapping) or depth > 2:
        return
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    if tensors and all(isinstance(name, str) for name in tensors):
        yield from _apart(path, tensors)
    for name, value in content.items():
        if isinstance(name, str) and "optim" not in name.lower():
            yield from _networks(value, f"{path}.{name}" if path else name, depth + 1)


def _apart(path: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Networks that one flat dictionary holds side by side (``netG.model.1.weight``, ``netD. ...``)."""
    plain, _ = _unwrap(tensors)
    groups: dict[str, dict[str, Tensor]] = {}
    for name, value in plain.items():
        groups.setdefault(name.partition(".")[0], {})[name.partition(".")[2]] = value
    if not any(name in PREFERRED and name != "model" for name in groups):
        yield path, tensors
        return
    for name, group in groups.items():
        yield (f"{path}.{name}" if path else name), group


def _unwrap(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    notes: list[str] = []
    for wrapper in _WRAPPERS * 2:
        if tensors and all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): value for name, value in tensors.items()}
            notes.append(f"the prefix {wrapper} was taken off all names")
    return dict(tensors), tuple(notes)


def _outline(content: Any) -> str:
    if isinstance(content, Mapping):
        return "entries named " + ", ".join(map(str, list(content)[:5])) if content else "an empty dictionary"
    return f"a {type(content).__name__}"


def _load(path: Path) -> Any:
    """What the file holds; tensors on the CPU."""
    if not path.is_file():
        raise CheckpointRefused(f"There is no readable file {path}. Check the path.")
    with path.open("rb") as file:
        head = file.read(512)
    _refuse_what_is_no_checkpoint(path, head)
    if path.suffix.lower() == ".safetensors" or head[8:10] == b'{"':
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise CheckpointRefused(_half_file(path, str(error))) from error
    if head.startswith(b"PK"):
        check_archive(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointRefused(_refused_pickle(path, str(error))) from error
    except _TORCH_ERRORS as error:
        raise CheckpointRefused(_half_file(path, str(error))) from error


def _refuse_what_is_no_checkpoint(path: Path, head: bytes) -> None:
    if not head:
        raise CheckpointRefused(f"{path.name} is empty. Copy or download it again.")
    if head.startswith(b"version https://git-lfs"):
        raise CheckpointRefused(
            f"{path.name} is a Git LFS pointer, not the file itself. Run `git lfs pull` where it came from."
        )
    if head.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html", b"<?xml")):
        raise CheckpointRefused(
            f"{path.name} is a web page: the link gave a page instead of the file. Open it in a browser, "
            "confirm the download there, and import what it saves."
        )


def check_archive(path: Path) -> None:
    """Refuse a zip of torch that unpacks to more than it has, or holds a program, before torch opens it."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CheckpointRefused(_half_file(path, str(error))) from error
    if any("/code/" in member.filename or member.filename.endswith("constants.pkl") for member in members):
        raise CheckpointRefused(
            f"{path.name} is a TorchScript program, not weights. Where it was made, run {_SAVE_WEIGHTS} "
            "and import that file."
        )
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_BYTES:
        raise CheckpointRefused(
            f"{path.name} unpacks to more than {MAX_BYTES / 1e9:.0f} GB, which is no generator's size."
        )
    # torch stores its members as they are, one after the other: no honest file holds more than its own size.
    if unpacked > path.stat().st_size:
        raise CheckpointRefused(
            f"{path.name} is packed, or claims more bytes than it has, which torch.save never does. Save it again."
        )
    if any(m.file_size > MAX_PICKLE_BYTES for m in members if m.filename.endswith("data.pkl")):
        raise CheckpointRefused(
            f"{path.name} lists more than {MAX_PICKLE_BYTES / 1e6:.0f} MB of names, which is no network."
        )


def _half_file(path: Path, reason: str) -> str:
    first = (reason.strip().splitlines() or ["no reason given"])[0][:160].rstrip(".")
    return (
        f"{path.name} is no checkpoint, or only part of one ({path.stat().st_size:,} bytes; {first}). "
        "Copy or download it again."
    )


def _refused_pickle(path: Path, reason: str) -> str:
    match = re.search(r"GLOBAL ([\w.]+)", reason) or re.search(
        r"Unsupported (?:global|class)\W+([\w.]+)", reason
    )
    if match is None:
        return _half_file(path, reason)
    kind = next((words for start, words in _BESIDE.items() if match[1].startswith(start)), "")
    if kind:
        return (
            f"{path.name} holds {kind} ({match[1]}) beside its weights, and only weights are opened here. In the "
            f"project that made the file, load it, run {_SAVE_WEIGHTS} and import that file."
        )
    return (
        f"{path.name} holds Python objects ({match[1]}) beside its weights, as torch.save(network) writes them. "
        "Opening those can run any code, so it is not done. In the project that made the file, load the network, "
        f"run {_SAVE_WEIGHTS} and import that file."
    )
