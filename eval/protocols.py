"""Protocols: everything that a distance between features depends on, under one name.

The name is the value on the command line, the key in the JSON and the head of the column. The four that
other tools compute at full sample count are ``fid_pytorch``, ``fid_tf1``, ``fid_torchmetrics`` and
``fid_clean``; ``fd_effnet_lite0`` works without any download; ``fd_NAME`` is a user's own network. A
reference set, a sample count and a seed are added behind: ``fid_clean_val100``, ``fid_clean_val100_seed3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True)
class EvaluationProtocol:
    """How images become features, and which images."""

    name: str  # as above; only protocols of one name and one weights hash may be compared
    extractor: str  # ``inception``, ``effnet_lite0``, or the name of a user's own network
    # decoding, resize: keys of `eval.decoding.DECODINGS` and `eval.features.RESIZES`.
    decoding: str
    resize: str
    size: int  # side in pixels that the network takes
    reference: str = ""  # name of the set that is compared with; empty for whatever is given
    samples: int | None = None  # images taken of each set; None for all
    seed: int = 0  # of their choice

    @property
    def is_fid(self) -> bool:
        """Tell whether this is FID proper; anything else is a Fréchet distance of other features."""
        return self.extractor == "inception"

    @property
    def is_own(self) -> bool:
        """Tell whether the network is a user's."""
        return self.extractor not in ("inception", "effnet_lite0")

    def column(self, metric: str) -> str:
        """Head of a metric's column: ``kid`` under ``fid_clean`` is ``kid_clean``.

        Without Inception the metrics lose the I: ``kd_effnet_lite0``.
        """
        if not self.is_fid:
            metric = {"fid": "fd", "kid": "kd"}.get(metric, metric)
        return f"{metric}_{self.name.split('_', 1)[1]}"

    def pick(self, names: Sequence[str]) -> list[int]:
        """Which images to take: positions in ``names``, ascending, the same for the same names and seed.

        Raises
        ------
        ValueError
            If there are fewer than the protocol asks for.
        """
        if self.samples is None:
            return list(range(len(names)))
        if len(names) < self.samples:
            raise ValueError(
                f"{self.name} takes {self.samples} images, but there are {len(names)}. "
                f"Add images, or use a protocol with fewer samples."
            )
        by_name = sorted(range(len(names)), key=lambda i: names[i])
        chosen = np.random.default_rng(self.seed).permutation(len(names))[: self.samples]
        return sorted(by_name[int(i)] for i in chosen)


def _fid(resize: str) -> EvaluationProtocol:
    return EvaluationProtocol(f"fid_{resize}", "inception", "tools", resize, 299)


BASES: Mapping[str, EvaluationProtocol] = MappingProxyType(
    {base.name: base for base in map(_fid, ("pytorch", "tf1", "torchmetrics", "clean"))}
    | {"fd_effnet_lite0": EvaluationProtocol("fd_effnet_lite0", "effnet_lite0", "seen", "clean", 224)}
)
DEFAULT = "fid_clean"
WITHOUT_WEIGHTS = "fd_effnet_lite0"

_SUFFIX = r"(?:_(?P<reference>[a-z]+)?(?P<samples>[1-9]\d*)?)?(?:_seed(?P<seed>\d+))?"
_BUILT_IN = re.compile(rf"(?P<base>{'|'.join(BASES)}){_SUFFIX}")
_OWN = re.compile(rf"(?P<base>fd_(?P<slot>[a-z][a-z0-9]*)){_SUFFIX}")


def protocol(name: str) -> EvaluationProtocol:
    """Look up the protocol of a name.

    Raises
    ------
    ValueError
        If the name is no protocol's.
    """
    if (match := _BUILT_IN.fullmatch(name)) is not None:
        base = BASES[match["base"]]
    elif (match := _OWN.fullmatch(name)) is not None:
        base = EvaluationProtocol(match["base"], match["slot"], "seen", "clean", 224)
    if match is None or name.endswith("_"):
        raise ValueError(
            f"protocol {name!r} is not known. Expected one of {', '.join(BASES)}, or fd_NAME for a network of "
            "your own; a reference set, a sample count and a seed may follow, as in fid_clean_val100_seed3."
        )
    if (samples := match["samples"]) is not None and int(samples) < 2:
        raise ValueError(f"protocol {name!r} takes {samples} image; a distance needs at least 2.")
    return replace(
        base,
        name=name,
        reference=match["reference"] or "",
        samples=int(samples) if samples else None,
        seed=int(match["seed"] or 0),
    )


def require_one_protocol(keys: Iterable[str]) -> str:
    """Give the one key that all sets share.

    Parameters
    ----------
    keys
        `eval.features.FeatureSet.key` of each set: protocol and weights.

    Raises
    ------
    ValueError
        If they differ: between two pipelines even identical images are far apart.
    """
    found = sorted(set(keys))
    if len(found) != 1:
        raise ValueError(
            f"features of {len(found)} protocols or weights cannot be compared: {', '.join(found) or 'none'}. "
            "Extract all sets with one protocol and one weights file."
        )
    return found[0]
