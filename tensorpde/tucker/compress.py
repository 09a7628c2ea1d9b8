"""From arrays and distributed fields to Tucker tensors: sequentially truncated HOSVD, and HOOI sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import Kron
from tensorpde.line import Dense
from tensorpde.parallel import alone
from tensorpde.tucker.subspaces import GRAM_RESOLVES, left_basis
from tensorpde.tucker.tucker import Tucker, index_grid, index_space


def compress(
    values: np.ndarray | Field,
    tol: float = 1e-7,
    rank: Sequence[int] | int | None = None,
    sweeps: int = 0,
    method: str | None = None,
) -> Tucker:
    """The Tucker tensor B with ‖A − B‖ ≤ tol ‖A‖ (Frobenius) that ST-HOSVD finds. Collective for a Field.

    Parameters
    ----------
    values
        A whole array, on this rank alone, or a Field on pencils, which is never gathered and stays on its device.
    tol
        Relative. Each of the d axes may lose tol / √d.
    rank
        Largest rank, of each axis or of all; then the error can be larger than tol.
    sweeps
        Passes of HOOI afterwards, each improving every basis for the others: for a given rank.
    method
        "gram", "qr", or None: Gram matrices for tol ≥ 1e-6, which they resolve, else QR (TSQR over ranks).

    Returns
    -------
    Tucker
        With orthonormal factors, the same on every rank.

    Raises
    ------
    ValueError
        For an unknown method, a Field with leading dimensions, or values that are not finite.

    Notes
    -----
    O(n_k Π n) for axis k, the others already reduced where they were before it. Of a Field only n_k × n_k matrices
    travel, besides the transposes that make lines whole, and the core. Memory: one more array, shrinking by axis.
    Sources: N. Vannieuwenhoven, R. Vandebril, K. Meerbergen, SIAM J. Sci. Comput. 34 (2012) A1027–A1052; L. De
    Lathauwer, B. De Moor, J. Vandewalle, SIAM J. Matrix Anal. Appl. 21 (2000) 1324–1342 (HOOI); G. Ballard, A. Klinvex,
    T. G. Kolda, ACM Trans. Math. Softw. 46 (2020) 13 (distributed).
    """
    if method not in (None, "gram", "qr"):
        raise ValueError(f"method={method!r} is none of 'gram', 'qr', None")
    f = values if isinstance(values, Field) else _alone(np.asarray(values))
    if f.lead:
        raise ValueError(f"a field with leading dimensions {f.lead} is several tensors: compress f[i] each")
    by_gram = tol >= GRAM_RESOLVES if method is None else method == "gram"
    most = [rank] * f.space.ndim if rank is None or isinstance(rank, int) else list(rank)
    size = f.norm()
    if not np.isfinite(size):
        raise ValueError(f"the values to compress have the norm {size}: not all of them are finite")
    allowed = tol * size / np.sqrt(f.space.ndim)
    factors: list[np.ndarray] = []
    small = f
    for axis in range(f.space.ndim):
        factors.append(_basis(small, axis, allowed, by_gram, most[axis]))
        small = _projected(small, {axis: factors[axis]})
    for _ in range(sweeps):
        for axis in range(f.space.ndim):
            others = {k: u for k, u in enumerate(factors) if k != axis}
            small = _projected(f, others)
            factors[axis] = _basis(small, axis, 0.0, by_gram, factors[axis].shape[1])
        small = _projected(small, {axis: factors[axis]})
    return Tucker(small.gather(), factors)


def _alone(array: np.ndarray) -> Field:
    """An array as a Field on this rank."""
    if array.dtype.char not in "fdFD":
        array = array.astype(np.result_type(array, np.float64))
    return Space(index_grid(array.shape), alone(), dtype=array.dtype).field(array)


def _basis(f: Field, axis: int, allowed: float, by_gram: bool, most: int | None) -> np.ndarray:
    """Of the unfolding along one axis."""
    whole, shape = f.align(axis), f.space.shape
    here = whole.pencil.local_shape
    block = whole.local.reshape(prod(here[:axis]), here[axis], prod(here[axis + 1 :]))
    if here[axis] != shape[axis]:
        block = f.space.backend.empty((0, shape[axis], 1), f.dtype)  # of a rank that owns nothing
    comm: Any = f.space.comm
    return left_basis(block, allowed, comm, by_gram, most)


def _projected(f: Field, bases: dict[int, np.ndarray]) -> Field:
    """(… ⊗ Uᴴ ⊗ …) f."""
    shape = tuple(bases[k].shape[1] if k in bases else n for k, n in enumerate(f.space.shape))
    operators = {axis: Dense(u.conj().T) for axis, u in bases.items()}
    return Kron(f.space, operators, range=index_space(f.space, shape, f.dtype)) @ f
