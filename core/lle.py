"""Weights that rebuild a latent from its neighbours (locally linear embedding).

Plain numpy: training uses it where no search library is installed, ``core.manifold`` at inference.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def lle_weights(
    queries: NDArray[np.floating], neighbours: NDArray[np.floating], ridge: float = 1e-3
) -> NDArray[np.float64]:
    """Barycentric weights of each query in terms of its neighbours (Roweis & Saul 2000).

    Minimises ``|q - sum_i w_i v_i|^2`` subject to ``sum_i w_i = 1`` by solving ``G w = 1`` with
    ``G_ij = (q - v_i).(q - v_j)``. ``ridge * trace(G)`` is added to the diagonal (scikit-learn's rule):
    without it a query that equals a neighbour is singular and near duplicates are silently wrong.

    Parameters
    ----------
    queries : (B, D) float
    neighbours : (B, k, D) float
        The rows that each query is rebuilt from.
    ridge
        Multiple of the Gram matrix's trace added to its diagonal, > 0. Taken as it is when the trace is 0,
        that is, when every neighbour equals the query (the weights are then uniform).

    Returns
    -------
    (B, k) float64
        Rows sum to one; entries may be negative.

    Raises
    ------
    ValueError
        If the shapes do not fit, k is 0, or ``ridge`` is not positive.
    """
    if queries.ndim != 2 or neighbours.ndim != 3:
        raise ValueError(
            "lle_weights takes queries (B, D) and neighbours (B, k, D); "
            f"got {queries.shape} and {neighbours.shape}."
        )
    batch, k, width = neighbours.shape
    if queries.shape != (batch, width):
        raise ValueError(
            f"Queries {queries.shape} do not fit neighbours {neighbours.shape}: want {(batch, width)}."
        )
    if k < 1:
        raise ValueError("lle_weights needs at least one neighbour per query.")
    if not (np.isfinite(ridge) and ridge > 0):
        raise ValueError(f"ridge must be a positive number, got {ridge}.")

    offsets = queries.astype(np.float64)[:, None, :] - neighbours.astype(np.float64)  # (B, k, D)
    gram = offsets @ offsets.transpose(0, 2, 1)  # (B, k, k)
    trace = np.trace(gram, axis1=1, axis2=2)  # (B,)
    diagonal = np.where(trace > 0, ridge * trace, ridge)
    gram[:, np.arange(k), np.arange(k)] += diagonal[:, None]
    # The system is positive definite now, so the sum that normalises it is positive as well.
    weights = np.linalg.solve(gram, np.ones((batch, k, 1)))[..., 0]
    return weights / weights.sum(axis=1, keepdims=True)
