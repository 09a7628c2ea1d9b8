"""The leading left singular vectors of a wide matrix whose columns are spread over ranks.

By its Gram matrix A Aᴴ, one GEMM and one Allreduce, or by the triangle of a QR factorization of Aᴴ (TSQR). The squares
in a Gram matrix lose singular values below about 1e-8 of the largest one to round-off, so the tolerance chooses.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde import backend
from tensorpde.parallel.blocks import same, triangle
from tensorpde.parallel.reduce import total

GRAM_RESOLVES = 1e-6  # relative tolerances above which Gram matrices are enough: √(n ε) with a margin of ten


def tail_rank(sigma: np.ndarray, allowed: float, most: int | None = None) -> int:
    """The smallest r ≥ 1 with Σ_{i ≥ r} σ_i² ≤ allowed², and at most `most`."""
    tails = np.sqrt(np.cumsum(sigma[::-1] ** 2))[::-1]
    needed = max(1, int(np.count_nonzero(tails > allowed)))
    return needed if most is None else min(needed, max(1, most))


def left_basis(
    block: Any, allowed: float, comm: Any = None, by_gram: bool = True, most: int | None = None
) -> np.ndarray:
    """Orthonormal columns U, with ‖A − U Uᴴ A‖ ≤ allowed (Frobenius) or as many as `most`. Collective with a comm.

    Parameters
    ----------
    block
        A, an array of any backend: this rank's columns of it, (before, n, after). Only n × n values of it come to the
        host.
    allowed
        Absolute.
    comm
        The ranks that share the columns; None where this one has all.
    by_gram
        Whether to use the Gram matrix; else QR.
    most
        Largest number of columns.

    Returns
    -------
    numpy.ndarray
        Shape (n, r), the same on every rank.
    """
    kernels = backend.of(block)
    if by_gram:
        gram = kernels.to_host(kernels.products.gram(block))
        return basis_of_gram(gram if comm is None else total(comm, gram), allowed, comm, most)
    r = kernels.to_host(kernels.products.triangle(block)).conj()
    return basis_of_triangle(r if comm is None else triangle(comm, r), allowed, comm, most)


def basis_of_gram(gram: np.ndarray, allowed: float, comm: Any = None, most: int | None = None) -> np.ndarray:
    """The same from A Aᴴ."""
    values, vectors = np.linalg.eigh(gram)
    if comm is not None:
        values, vectors = same(comm, values), same(comm, vectors)
    sigma = np.sqrt(np.maximum(values[::-1], 0.0))
    return np.ascontiguousarray(vectors[:, ::-1][:, : tail_rank(sigma, allowed, most)])


def basis_of_triangle(r: np.ndarray, allowed: float, comm: Any = None, most: int | None = None) -> np.ndarray:
    """The same from R with RᴴR = A Aᴴ."""
    _, sigma, vectors = np.linalg.svd(r, full_matrices=False)
    if comm is not None:
        sigma, vectors = same(comm, sigma), same(comm, vectors)
    return np.ascontiguousarray(vectors.conj().T[:, : tail_rank(sigma, allowed, most)])
