"""Refine a sketch part by part, with a bank of training sketches for each part, all in one file.

Rows stand for the same training faces in every bank, in one order. Thumbnails are packed with zlib:
line art shrinks to a fifth.
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from torch import Tensor, nn
from torch.nn import functional as F

from core.checkpoints import file_metadata, load_model, read_info
from core.checksum import check_checksum, replacing_with_checksum
from core.conversion.request import Neighbour, PartResult, Refined, StepClock, neighbours_of
from core.conversion.settings import ConversionSettings, Mode
from core.errors import AssetMissing
from core.face_frame import face_mask
from core.face_parts.layout import (
    FACE_PARTS,
    PAINT_ORDER,
    PART_BANKS_FILE,
    PARTS_FILE,
    REMAINDER,
    PartAutoencoders,
    cut_part,
    drawn_names,
    part_box,
    part_side,
    paste_parts,
    remainder_mask,
)
from core.images import sketch_to_tensor
from core.manifold import Manifold, mix
from core.models.folder import check_belongs
from core.refinement import Bind, Plane, blend_neighbours
from core.runtime import Compiled, one_torch_thread, release_memory
from core.sketch_input import Sketch

FAMILY = "part_banks"


def has_parts(folder: Path) -> bool:
    """Tell whether a weights folder holds the files of stage 1 by parts."""
    return (folder / PARTS_FILE).is_file() and (folder / PART_BANKS_FILE).is_file()


def save_part_banks(
    path: Path, banks: Mapping[str, Manifold], *, provenance: dict[str, object], licence: str
) -> None:
    """Write the banks of all parts atomically; latents as float16.

    Raises
    ------
    ValueError
        If a part is missing, the banks differ in their rows, or one has no thumbnails.
    """
    if set(banks) != set(PAINT_ORDER):
        raise ValueError(f"expected a bank for each of {', '.join(PAINT_ORDER)}; got {', '.join(banks)}.")
    names = banks[PAINT_ORDER[0]].names
    tensors: dict[str, np.ndarray] = {}
    sides: dict[str, int] = {}
    for name, bank in banks.items():
        if bank.names != names:
            raise ValueError(f"the bank of {name} holds other faces than that of {PAINT_ORDER[0]}.")
        if bank.sketches is None:
            raise ValueError(f"the bank of {name} has no thumbnails, which the ghost needs.")
        packed = zlib.compress(np.ascontiguousarray(bank.sketches).tobytes(), 9)
        tensors[f"{name}.latents"] = bank.bank.astype(np.float16)
        tensors[f"{name}.residual_quantiles"] = bank.residual_quantiles
        tensors[f"{name}.sketches"] = np.frombuffer(packed, np.uint8)
        sides[name] = int(bank.sketches.shape[1])
    metadata = file_metadata(FAMILY, {"names": names, "sides": sides}, provenance, licence)
    with replacing_with_checksum(path) as temporary:
        temporary.write_bytes(save(tensors, metadata=metadata))


def load_part_banks(path: Path) -> dict[str, Manifold]:
    """Read what `save_part_banks` wrote.

    Raises
    ------
    AssetMissing
        If there is no such file.
    ValueError
        If the file holds something else or is damaged.
    """
    info = read_info(path)
    if info.family != FAMILY:
        raise ValueError(f"{path.name} holds {info.family!r}, not the banks of the parts.")
    check_checksum(path)
    tensors = load_file(path)
    banks = {}
    try:
        for name in PAINT_ORDER:
            side = int(info.config["sides"][name])
            packed = zlib.decompress(tensors[f"{name}.sketches"].tobytes())
            banks[name] = Manifold(
                tensors[f"{name}.latents"].astype(np.float32),
                info.config["names"],
                sketches=np.frombuffer(packed, np.uint8).reshape(-1, side, side),
                residual_quantiles=tensors[f"{name}.residual_quantiles"],
            )
    except (KeyError, zlib.error, ValueError) as error:
        raise ValueError(f"{path.name} is damaged: {error}. Restore it from the repository.") from error
    return banks


def load_parts(folder: Path) -> tuple[PartAutoencoders, dict[str, Manifold]]:
    """Load the networks of all five parts with the banks that belong to them.

    Raises
    ------
    AssetMissing
        If a file is not there.
    ValueError
        If a file is damaged, parts are missing, or the banks belong to other networks.
    """
    if not has_parts(folder):
        missing = PARTS_FILE if not (folder / PARTS_FILE).is_file() else PART_BANKS_FILE
        raise AssetMissing(
            f"{folder / missing} is missing: stage 1 by parts needs it. Restore the file with git, train it "
            "(python -m core.training.parts), or take stage1='whole'."
        )
    networks = load_model(folder / PARTS_FILE)
    if not isinstance(networks, PartAutoencoders) or set(networks.config.parts) != set(PAINT_ORDER):
        raise ValueError(
            f"{PARTS_FILE} does not hold the autoencoders of all five parts. Publish them together."
        )
    banks = load_part_banks(folder / PART_BANKS_FILE)
    check_belongs(folder / PART_BANKS_FILE, "autoencoders_sha256", folder / PARTS_FILE)
    return networks, banks


@dataclass(frozen=True)
class PartGroup:
    """Parts whose encoders run as one network, and so do their decoders."""

    names: tuple[str, ...]
    encode: Compiled
    decode: Compiled
    widths: tuple[int, ...]
    sides: tuple[int, ...]

    @property
    def size(self) -> int:
        """Side of the drawing that is read, in pixels."""
        return self.encode.input_shape[-1]

    def read(self, drawing: Sketch) -> dict[str, NDArray[np.float32]]:
        """Latents (1, D) by part of a drawing (size, size) uint8."""
        joined = self.encode.run(sketch_to_tensor(drawing)).numpy()
        pieces = np.split(joined, np.cumsum(self.widths)[:-1], axis=1)
        return dict(zip(self.names, pieces, strict=True))

    def draw(self, latents: Mapping[str, NDArray[np.float32]]) -> dict[str, Plane]:
        """Sketches (side, side) of the parts that are given; the others cost time and are dropped."""
        joined = [
            latents.get(name, np.zeros((1, width), np.float32))
            for name, width in zip(self.names, self.widths, strict=True)
        ]
        drawn = self.decode.run(torch.from_numpy(np.concatenate(joined, axis=1))).numpy()[0]
        pieces = np.split(drawn, np.cumsum([side**2 for side in self.sides])[:-1])
        return {
            name: piece.reshape(side, side)
            for name, piece, side in zip(self.names, pieces, self.sides, strict=True)
            if name in latents
        }


class EncodeParts(nn.Module):
    """Read parts: (B, 1, S, S) in [-1, 1] -> their latents side by side, (B, sum of D)."""

    def __init__(self, networks: PartAutoencoders, names: tuple[str, ...]) -> None:
        super().__init__()
        self.size = _read_size(networks, names)
        self.encoders = nn.ModuleList([networks.autoencoder(name).encoder for name in names])
        self.boxes = [part_box(name, self.size) for name in names]
        self.has_remainder = REMAINDER in names
        self.mask: Tensor
        mask = torch.from_numpy(remainder_mask(self.size).astype(np.float32))[None, None]
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, sketch: Tensor) -> Tensor:
        if self.has_remainder:
            sketch = sketch * self.mask + (1 - self.mask)
        latents = [
            encoder(sketch[:, :, top:bottom, left:right])
            for encoder, (left, top, right, bottom) in zip(self.encoders, self.boxes, strict=True)
        ]
        return torch.cat(latents, dim=1)


class DecodeParts(nn.Module):
    """Draw parts: latents side by side -> the pixels of one part after another, (B, sum of side²) in [-1, 1].

    What was drawn finer than the whole sketch is averaged down to its size.
    """

    def __init__(self, networks: PartAutoencoders, names: tuple[str, ...]) -> None:
        super().__init__()
        self.decoders = nn.ModuleList([networks.autoencoder(name).decoder for name in names])
        self.widths = [networks.autoencoder(name).config.latent for name in names]
        self.detail = _read_size(networks, names) // networks.config.image_size

    def forward(self, latents: Tensor) -> Tensor:
        pieces = latents.split(self.widths, dim=1)
        drawn = [
            F.avg_pool2d(torch.tanh(decoder(piece) / 2), self.detail).flatten(1)
            for decoder, piece in zip(self.decoders, pieces, strict=True)
        ]
        return torch.cat(drawn, dim=1)


def compile_group(
    networks: PartAutoencoders, names: tuple[str, ...], bind: Bind, examples: Tensor
) -> PartGroup:
    """Bind the encoders of some parts as one network, and their decoders.

    Parameters
    ----------
    bind
        `core.runtime.compile_module` with this machine's settings.
    examples : (E, 1, S, S) float32
        Realistic sketches.
    """
    reader, writer = EncodeParts(networks, names).eval(), DecodeParts(networks, names).eval()
    with one_torch_thread(), torch.no_grad():
        if reader.size != examples.shape[-1]:
            examples = F.interpolate(examples, (reader.size, reader.size), mode="bilinear")
        latents = reader(examples)
    return PartGroup(
        names,
        bind(reader, examples),
        bind(writer, latents),
        tuple(networks.autoencoder(name).config.latent for name in names),
        tuple(part_side(name, networks.config.image_size) for name in names),
    )


def _read_size(networks: PartAutoencoders, names: tuple[str, ...]) -> int:
    """Side of the drawing that a group reads: the remainder is never read finer than the whole sketch."""
    return networks.config.image_size if names == (REMAINDER,) else networks.config.fine_size


Banks = Mapping[str, Manifold]
Source = Callable[[], tuple[PartAutoencoders, Banks]]
GROUPS = (
    (REMAINDER,),
    FACE_PARTS,
)  # compiled together: the remainder costs more than all others, often in vain


class PartsRefinement:
    """The five part autoencoders with their banks, loaded and compiled at the first use; safe across threads.

    Parameters
    ----------
    source
        Gives the networks (all five) and their banks; called once for each group of parts.
    bind
        `core.runtime.compile_module` with this machine's settings.
    examples : (E, 1, S, S) float32
        Realistic sketches.
    """

    def __init__(self, source: Source, bind: Bind, examples: Tensor) -> None:
        self._source, self._bind, self._examples = source, bind, examples
        self.size = int(examples.shape[-1])
        self._mask = face_mask(self.size)
        self._lock = threading.Lock()
        self._groups: dict[tuple[str, ...], PartGroup] = {}
        self._banks: dict[str, Manifold] = {}

    @property
    def bank_size(self) -> int:
        """Rows of the smallest bank; the networks of the face are loaded for it."""
        self._group(FACE_PARTS)
        return min(len(bank) for bank in self._banks.values())

    @property
    def fine_size(self) -> int:
        """Side of the drawing that the parts of the face are read from, in pixels."""
        return self._group(FACE_PARTS).size

    def refine(self, page: Sketch, fine: Sketch, wanted: ConversionSettings, *, clock: StepClock) -> Refined:
        """Refine a drawing part by part; ``wanted.mode`` is not ``none``.

        Parameters
        ----------
        page : (S, S) uint8
        fine : (F, F) uint8
            The same drawing at `fine_size`.
        """
        drawing = sketch_to_tensor(page).numpy()[0, 0]
        drawn_parts = drawn_names(page)
        names = _names_in_use(drawn_parts, wanted)
        read: dict[str, NDArray[np.float32]] = {}
        redrawn: dict[str, Plane] = {}
        results: dict[str, PartResult] = {}
        with clock.paused():
            groups = self._groups_of(names)
        for group in groups:
            of_group = [name for name in group.names if name in names]
            if drawn_parts & set(of_group):
                with clock.step("encode"):
                    read = group.read(page if group.size == self.size else fine)
            with clock.step("project"):
                latents = {}
                for name in of_group:
                    is_drawn = name in drawn_parts
                    latent, results[name] = self._place(name, read[name] if is_drawn else None, wanted)
                    if latent is not None:
                        latents[name] = latent
            if latents:
                with clock.step("decode"):
                    redrawn |= group.draw(latents)
        with clock.step("blend"):
            sketch = self._compose(drawing, redrawn, wanted.mode)
        sure = [part.confidence for part in results.values() if part.confidence is not None]
        return Refined(
            sketch,
            confidence=float(np.mean(sure)) if sure else None,
            parts=tuple(results[name] for name in PAINT_ORDER if name in results),
        )

    def ghost(self, page: Sketch, fine: Sketch, *, k: int) -> Sketch | None:
        """Give the neighbours' sketches of each part blended and put together.

        A part that is not drawn shows what it looks like in the neighbours of those that are.

        Returns
        -------
        (S, S) uint8, or None where no part is drawn
        """
        drawn_parts = drawn_names(page)
        latents: dict[str, NDArray[np.float32]] = {}
        for group in self._groups_of(PAINT_ORDER if REMAINDER in drawn_parts else FACE_PARTS):
            latents |= group.read(page if group.size == self.size else fine)
        near = {
            name: neighbours_of(self._banks[name], self._banks[name].project(latents[name], k=k))
            for name in PAINT_ORDER
            if name in drawn_parts
        }
        if not near:
            return None
        if len(near) < len(PAINT_ORDER):
            self._group((REMAINDER,))  # for its bank
        blended = {}
        for name in PAINT_ORDER:
            side = part_side(name, self.size)
            found = near.get(name) or self._same_faces(
                name, [each for some in near.values() for each in some]
            )
            picture = blend_neighbours(found, side)
            blended[name] = np.full((side, side), 255, np.float32) if picture is None else picture
        whole = paste_parts(np.full((self.size, self.size), 255, np.float32), blended)
        return (whole + 0.5).astype(np.uint8)

    def _place(
        self, name: str, latent: NDArray[np.float32] | None, wanted: ConversionSettings
    ) -> tuple[NDArray[np.float32] | None, PartResult]:
        """Where a part's latent ends up: mixed with its projection, taken from the bank, or nowhere."""
        chosen, bank = wanted.of_part(name), self._banks[name]
        if latent is not None:
            projection = bank.project(latent, k=chosen.k, person=wanted.person)
            mixed = mix(latent, projection.projected, chosen.t)
            sure = float(projection.confidence[0])
            near = neighbours_of(bank, projection)
            return mixed, PartResult(name, chosen.t, chosen.k, True, False, near, sure)
        if (seed := wanted.seed_of(name)) is None:
            return None, PartResult(name, chosen.t, chosen.k, False, False, (), None)
        row = random_row(seed, len(bank))
        thumbnail = None if bank.sketches is None else bank.sketches[row]
        own = Neighbour(bank.names[row], 1.0, 0.0, thumbnail)
        return bank.bank[row : row + 1], PartResult(name, chosen.t, chosen.k, False, True, (own,), None)

    def _compose(self, drawing: Plane, redrawn: dict[str, Plane], mode: Mode) -> Plane:
        """Drawn and filled parts over those left as they are, over the remainder."""
        base = redrawn.pop(REMAINDER, drawing)
        if mode == "hybrid":
            return paste_parts(base, redrawn, within=self._mask)
        # What is not drawn keeps its few strokes, over what the remainder has there: a blank box would show.
        darker = np.minimum(base, drawing)
        left = {name: cut_part(darker, name) for name in FACE_PARTS if name not in redrawn}
        return paste_parts(paste_parts(base, left), redrawn)

    def _same_faces(self, name: str, neighbours: Sequence[Neighbour]) -> list[Neighbour]:
        """The same training faces, each with its thumbnail of another part."""
        bank = self._banks[name]
        rows = {face: row for row, face in enumerate(bank.names)}
        return [
            Neighbour(each.name, each.weight, each.distance, bank.sketches[rows[each.name]])
            for each in neighbours
            if bank.sketches is not None and each.name in rows
        ]

    def _groups_of(self, names: Sequence[str]) -> list[PartGroup]:
        return [self._group(group) for group in GROUPS if set(group) & set(names)]

    def _group(self, names: tuple[str, ...]) -> PartGroup:
        with self._lock:
            if names not in self._groups:
                networks, banks = self._source()
                self._groups[names] = compile_group(networks, names, self._bind, self._examples)
                self._banks |= {name: banks[name] for name in PAINT_ORDER if name not in self._banks}
                del networks
                release_memory()
            return self._groups[names]


def _names_in_use(drawn_parts: set[str], wanted: ConversionSettings) -> tuple[str, ...]:
    """All parts, or without the remainder where the user's own strokes take its place."""
    is_filled = REMAINDER not in drawn_parts and wanted.seed_of(REMAINDER) is not None
    return PAINT_ORDER if wanted.mode == "whole" or is_filled else FACE_PARTS


def random_row(seed: int, rows: int) -> int:
    """Give the row that a seed stands for: the same face in every bank, so that equal seeds give one person's parts."""
    return int(np.random.default_rng(seed).integers(rows))
