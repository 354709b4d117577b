"""The covariance of a Gaussian process as a function of the squared, scaled distance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from barrido.samplers.gp.encoding import Array

_ROOT5 = np.sqrt(5.0)


def matern52(
    r2: Array,  # squared distances, any shape
) -> tuple[Array, Array]:
    """Matérn's kernel with ν = 5/2 and its derivative by ``r2``.

    Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), equation 4.17:
    k = (1 + √5 r + 5 r²/3) exp(-√5 r). By r² the derivative is -5/6 (1 + √5 r) exp(-√5 r), which has no
    singularity at 0.
    """
    root = _ROOT5 * np.sqrt(r2)
    decay = np.exp(-root)
    slope = (1.0 + root) * decay
    value = slope + (5.0 / 3.0) * r2 * decay
    slope *= -5.0 / 6.0
    return value, slope


def squared_distances(
    a: Array,  # (n, f) scaled features
    b: Array,  # (m, f)
) -> Array:
    """|a_i - b_j|², (n, m)."""
    r2: Array = np.einsum("if,if->i", a, a)[:, None] + np.einsum("jf,jf->j", b, b) - 2.0 * (a @ b.T)
    return np.maximum(r2, 0.0, out=r2)


def column_distances(
    features: Array,  # (n, f)
    owner: NDArray[np.int64],  # (f,)
    columns: int,
) -> Array:
    """Squared distances of the pairs below the diagonal by column, (columns, n (n - 1) / 2).

    What a length scale divides; pairs are in the order of ``numpy.tril_indices(n, -1)``.
    """
    pairs = np.tril_indices(len(features), -1)
    distances = np.empty((columns, len(pairs[0])))
    for column in range(columns):
        block = features[:, owner == column]
        if block.shape[1] == 1:
            np.square(block[pairs[0], 0] - block[pairs[1], 0], out=distances[column])
        else:
            distances[column] = squared_distances(block, block)[pairs]
    return distances
