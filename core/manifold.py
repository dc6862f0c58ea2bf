"""Pull a drawing's latent towards the bank of training faces.

Training code that needs the weights alone takes ``core.lle``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.bank_file import BankContent, read_bank, write_bank
from core.lle import lle_weights
from core.nearest import EXACT_BANK_ROWS, EXACT_SEARCH_ROWS, CompressedRows, NearestRows

logger = logging.getLogger(__name__)

CALIBRATION_K = 10
CALIBRATION_ROWS = 4096
QUANTILES = (0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Projection:
    """Where a batch of latents lands on the manifold."""

    projected: NDArray[np.float32]  # (B, D) float32
    neighbour_ids: NDArray[np.int64]  # (B, k) int64: rows of the bank, nearest first, never -1
    weights: NDArray[np.float64]  # (B, k) float64: each row sums to one; entries may be negative
    # (B, k) float32: euclidean (not squared) distance of each neighbour from the latent.
    distances: NDArray[np.float32]
    confidence: NDArray[np.float32]  # (B,) float32: in [0, 1], see `Manifold.confidence_of`


def is_valid_t(t: object) -> bool:
    """Tell whether ``t`` is a number in [0, 1]."""
    return not isinstance(t, bool) and isinstance(t, Real) and 0.0 <= float(t) <= 1.0


def mix(latents: NDArray[np.float32], projected: NDArray[np.float32], t: float) -> NDArray[np.float32]:
    """Blend a drawing with its projection: ``t * latents + (1 - t) * projected``.

    Parameters
    ----------
    latents, projected : (B, D) float32
    t
        In [0, 1]. 1 keeps the user's lines, 0 is fully projected.

    Raises
    ------
    ValueError
        If ``t`` is outside [0, 1] or not a number, or the shapes differ.
    """
    if not is_valid_t(t):
        raise ValueError(f"t must be a number between 0 (fully projected) and 1 (keep my lines), got {t!r}.")
    if latents.shape != projected.shape:
        raise ValueError(f"latents {latents.shape} and projected {projected.shape} must have the same shape.")
    t = float(t)
    return (t * latents + (1.0 - t) * projected).astype(np.float32)


class Manifold:
    """A nearest-neighbour index over training latents with locally linear projection.

    The search is exact up to 50 000 rows and approximate above (`core.nearest.NearestRows`); what is found
    is measured exactly either way.

    Parameters
    ----------
    bank : (N, D) float32
        Latents of the clean training sketches, no augmented copies.
    names
        One name per row, for instance the photo's stem.
    sketches : (N, h, w) uint8, optional
        Thumbnails of those sketches, black on white.
    residual_quantiles : (11,) float32, optional
        The calibration of the confidence (`QUANTILES`) if it is known already; measured here otherwise.
    compressed
        The search index of a large bank if it is known already; made here otherwise.

    Raises
    ------
    ValueError
        If the bank is empty, not 2-D or not finite, or names or sketches do not fit it.
    """

    def __init__(
        self,
        bank: NDArray[np.float32],
        names: Sequence[str],
        *,
        sketches: NDArray[np.uint8] | None = None,
        residual_quantiles: NDArray[np.float32] | None = None,
        compressed: CompressedRows | None = None,
    ) -> None:
        bank = np.ascontiguousarray(bank, dtype=np.float32)
        if bank.ndim != 2 or 0 in bank.shape:
            raise ValueError(f"A bank holds at least one latent as (N, D) float32, got shape {bank.shape}.")
        if not all(np.isfinite(bank[start : start + 10_000]).all() for start in range(0, len(bank), 10_000)):
            raise ValueError("The bank holds NaN or infinite latents. Build it again from a working encoder.")
        if len(names) != len(bank):
            raise ValueError(f"{len(bank)} latents need as many names, got {len(names)}.")
        if sketches is not None and (
            sketches.ndim != 3 or len(sketches) != len(bank) or sketches.dtype != np.uint8
        ):
            raise ValueError(
                f"sketches must be ({len(bank)}, h, w) uint8, got {sketches.shape} {sketches.dtype}."
            )
        self.bank = _read_only(bank)
        self.names = tuple(names)
        self.sketches = None if sketches is None else _read_only(sketches)
        if compressed is None and len(bank) > EXACT_BANK_ROWS:
            logger.info("Building the search index of %d latents.", len(bank))
        self._nearest = NearestRows(self.bank, compressed)
        if residual_quantiles is None:
            residual_quantiles = self._leave_one_out_quantiles()
        self.residual_quantiles = np.asarray(residual_quantiles, dtype=np.float32)
        if self.residual_quantiles.shape != (len(QUANTILES),):
            raise ValueError(
                f"The calibration is {len(QUANTILES)} quantiles, got shape {self.residual_quantiles.shape}."
            )

    def __len__(self) -> int:
        return len(self.bank)

    @property
    def width(self) -> int:
        """Length D of a latent."""
        return int(self.bank.shape[1])

    @property
    def is_exact(self) -> bool:
        """Tell whether every distance is computed; otherwise the search is approximate."""
        return self._nearest.is_exact

    @property
    def compressed(self) -> CompressedRows | None:
        """Give the search index of a large bank, None where the search is exact."""
        return self._nearest.compressed

    def project(
        self,
        latents: NDArray[np.float32],
        k: int = 10,
        ridge: float = 1e-3,
        *,
        exclude: NDArray[np.integer] | None = None,
        person: int | None = None,
    ) -> Projection:
        """Rebuild each latent from its ``k`` nearest training faces (Roweis & Saul 2000).

        Parameters
        ----------
        latents : (B, D) float32
        k
            Neighbours per latent, 1 <= k <= N (less what ``exclude`` takes away).
        ridge
            Multiple of the Gram matrix's trace added to its diagonal (`core.lle.lle_weights`).
        exclude : (B,) or (B, m) int, optional
            Bank rows that may not be a latent's neighbour, -1 for none. Training leaves an image's own row
            out in this way.
        person
            Bank row, counted around the end: rebuild from this face's nearest rows, itself first among them,
            instead of each latent's own.

        Raises
        ------
        ValueError
            If ``k`` is out of range, or ``latents`` has a wrong shape or holds NaN or infinity.
        """
        latents = self._checked(latents)
        banned = self._checked_exclusion(exclude, len(latents))
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise ValueError(f"k must be a whole number, got {k!r}.")
        available = len(self.bank) - banned.shape[1]
        if not 1 <= k <= available:
            raise ValueError(f"k must be between 1 and {available} (training faces in the bank), got {k}.")

        # The confidence always looks at the same number of neighbours, so that k does not change it.
        reach = min(max(k, CALIBRATION_K), available)
        ids, distances = self._search(latents, reach, banned)
        calibration_k = min(CALIBRATION_K, reach)
        _, calibrated = self._rebuild(latents, ids[:, :calibration_k], ridge=1e-3)
        residuals = np.linalg.norm(latents - calibrated, axis=1)
        if person is not None:
            ids, distances = self._around(person % len(self.bank), latents, k)
        weights, projected = self._rebuild(latents, ids[:, :k], ridge)
        return Projection(
            projected=projected.astype(np.float32),
            neighbour_ids=ids[:, :k],
            weights=weights,
            distances=distances[:, :k].astype(np.float32),
            confidence=self.confidence_of(residuals),
        )

    def spread(self, latent: NDArray[np.float32], count: int, *, among: int) -> list[int]:
        """Choose faces that are near a latent and unlike each other: farthest points of its nearest rows.

        Parameters
        ----------
        latent : (1, D) float32
        count
            Rows wanted; fewer where the bank holds fewer.
        among
            Nearest rows to choose from, by Gonzalez' (1985) rule that the next is the farthest from all so far.

        Returns
        -------
        rows of the bank, the nearest first
        """
        near = self._nearest.search(self._checked(latent), min(among, len(self.bank)))[0]
        faces = self.bank[near].astype(np.float64)
        chosen = [0]
        away = np.linalg.norm(faces - faces[0], axis=1)
        while len(chosen) < min(count, len(near)):
            chosen.append(int(away.argmax()))
            away = np.minimum(away, np.linalg.norm(faces - faces[chosen[-1]], axis=1))
        return [int(near[place]) for place in chosen]

    def confidence_of(self, residuals: NDArray[np.floating]) -> NDArray[np.float32]:
        """How much a latent looks like a training face, from what its projection could not explain.

        The yardstick is what the bank's own rows leave over when each is rebuilt from its ten nearest others.
        ``1 / (1 + (residual / far) ** steepness)`` is 1 for a perfect fit, 0.9 for the median training face,
        0.5 for one that is stranger than 95 % of them (but at least half again the median), and falls towards
        0 beyond: smooth and strictly decreasing, where an empirical survival function would be 0 for every
        drawing outside the bank's own range.

        Parameters
        ----------
        residuals : (B,) float
            Distance between latents and their projections on ten neighbours.

        Returns
        -------
        (B,) float32
            In [0, 1].
        """
        typical, far = (float(self.residual_quantiles[QUANTILES.index(q)]) for q in (0.5, 0.95))
        if typical <= 0.0:  # a bank of one row, or of copies: any scale is a guess, take the latents' own
            typical = 0.1 * max(float(np.linalg.norm(self.bank, axis=1).mean()), 1e-6)
        far = max(far, 1.5 * typical)
        steepness = np.log(9.0) / np.log(far / typical)
        ratio = np.asarray(residuals, dtype=np.float64) / far
        return (1.0 / (1.0 + ratio**steepness)).astype(np.float32)

    def save(
        self, path: str | Path, *, provenance: dict[str, object] | None = None, licence: str = ""
    ) -> None:
        """Write bank, thumbnails, names, calibration and search index to one ``.safetensors`` file.

        Parameters
        ----------
        path
        provenance
            What the bank was made from; ``autoencoder_sha256`` lets the pipeline refuse a bank that
            belongs to another encoder.
        licence
            Licence of the data behind the bank.
        """
        content = BankContent(self.bank, self.names, self.residual_quantiles, self.sketches, self.compressed)
        write_bank(path, content, calibration_k=CALIBRATION_K, provenance=provenance or {}, licence=licence)

    @classmethod
    def load(cls, path: str | Path) -> Manifold:
        """Read what `save` wrote.

        Raises
        ------
        AssetMissing
            If there is no such file.
        ValueError
            If the file is not a bank of a format version that this code reads, or is damaged.
        """
        content = read_bank(path, calibration_k=CALIBRATION_K)
        try:
            return cls(
                content.latents,
                content.names,
                sketches=content.sketches,
                residual_quantiles=content.residual_quantiles,
                compressed=content.compressed,
            )
        except ValueError as error:
            raise ValueError(f"{Path(path).name} is damaged: {error}") from error

    def _checked(self, latents: NDArray[np.float32]) -> NDArray[np.float32]:
        latents = np.ascontiguousarray(latents, dtype=np.float32)
        if latents.ndim != 2 or latents.shape[1] != self.width:
            raise ValueError(f"latents must be (B, {self.width}) float32, got shape {latents.shape}.")
        if not np.isfinite(latents).all():
            raise ValueError("latents hold NaN or infinity: the encoder failed on this drawing.")
        return latents

    def _checked_exclusion(self, exclude: NDArray[np.integer] | None, batch: int) -> NDArray[np.int64]:
        """Bank rows to leave out as (B, m), m = 0 without any."""
        if exclude is None:
            return np.empty((batch, 0), dtype=np.int64)
        banned = np.asarray(exclude)
        if banned.ndim == 1:
            banned = banned[:, None]
        if banned.ndim != 2 or len(banned) != batch or not np.issubdtype(banned.dtype, np.integer):
            raise ValueError(
                f"exclude must be ({batch},) or ({batch}, m) bank rows, got {np.shape(exclude)}."
            )
        return banned.astype(np.int64)

    def _search(
        self, latents: NDArray[np.float32], k: int, banned: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Ids (B, k) and euclidean distances (B, k), nearest first, without each row's banned ids."""
        reach = k + banned.shape[1]
        ids = self._nearest.search(latents, reach)
        is_banned = (ids[:, :, None] == banned[:, None, :]).any(axis=2)
        keep = np.argsort(is_banned, axis=1, kind="stable")[:, :k]  # the allowed ones first, order kept
        ids = np.take_along_axis(ids, keep, axis=1)
        offsets = latents[:, None, :].astype(np.float64) - self.bank[ids]
        distances = np.linalg.norm(offsets, axis=2)
        order = np.argsort(distances, axis=1, kind="stable")
        return np.take_along_axis(ids, order, axis=1), np.take_along_axis(distances, order, axis=1)

    def _around(
        self, row: int, latents: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The rows nearest to one of them, ids and distances as `_search` gives them: nearest to each latent first."""
        rows = self._nearest.search(self.bank[row : row + 1], k)[0]
        distances = np.linalg.norm(latents[:, None, :].astype(np.float64) - self.bank[rows], axis=2)
        order = np.argsort(distances, axis=1, kind="stable")
        return rows[order], np.take_along_axis(distances, order, axis=1)

    def _rebuild(
        self, latents: NDArray[np.float32], ids: NDArray[np.int64], ridge: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights (B, k) and the blend of neighbours (B, D)."""
        neighbours = self.bank[ids].astype(np.float64)  # (B, k, D)
        weights = lle_weights(latents, neighbours, ridge)
        return weights, np.einsum("bk,bkd->bd", weights, neighbours)

    def _leave_one_out_quantiles(self) -> NDArray[np.float32]:
        """Quantiles of what the bank's rows leave over when rebuilt from others; zeros for a single row.

        A large bank is measured at 4 096 rows, spread over it.
        """
        rows = len(self.bank)
        if rows == 1:
            return np.zeros(len(QUANTILES), dtype=np.float32)
        k = min(CALIBRATION_K, rows - 1)
        sample = np.linspace(0, rows - 1, min(rows, CALIBRATION_ROWS)).astype(np.int64)
        residuals = np.empty(len(sample))
        for start in range(0, len(sample), EXACT_SEARCH_ROWS):  # (B, k, D) of many rows is gigabytes
            own = sample[start : start + EXACT_SEARCH_ROWS]
            batch = self.bank[own]
            ids, _ = self._search(batch, k, own[:, None])
            _, rebuilt = self._rebuild(batch, ids, ridge=1e-3)
            residuals[start : start + len(own)] = np.linalg.norm(batch - rebuilt, axis=1)
        return np.quantile(residuals, QUANTILES).astype(np.float32)


def _read_only(array: NDArray) -> NDArray:
    """A view that no session can write to: all of them share it."""
    view = array.view()
    view.setflags(write=False)
    return view
