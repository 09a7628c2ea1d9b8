"""Tucker tensors: a small core and one tall factor per axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron
from tensorpde.line import Dense
from tensorpde.parallel.blocks import pieces
from tensorpde.tucker.subspaces import tail_rank

VALUES_AT_ONCE = 1 << 22
ROUND_OFF = 1e-14


class Tucker:
    """A[i, j, …] = Σ_{a b …} core[a, b, …] U₀[i, a] U₁[j, b] …, in any dimension. Immutable.

    Parameters
    ----------
    core
        Array of shape `rank`, the multilinear rank (r₀, r₁, …).
    factors
        One matrix (n_k, r_k) per axis. Their columns need not be orthonormal.

    Raises
    ------
    ValueError
        If a factor does not fit the core, naming both.

    Notes
    -----
    Storage: Π r_k + Σ n_k r_k values. Everything here is on the host of every rank; `field` makes a distributed Field.
    Source: L. R. Tucker, Psychometrika 31 (1966) 279–311; T. G. Kolda, B. W. Bader, SIAM Review 51 (2009) 455–500.
    """

    def __init__(self, core: np.ndarray, factors: Sequence[np.ndarray]) -> None:
        self.core = np.ascontiguousarray(core)
        self.factors = tuple(np.asarray(factor) for factor in factors)
        columns = tuple(factor.shape[-1] if factor.ndim == 2 else factor.shape for factor in self.factors)
        if columns != self.core.shape or not columns:
            raise ValueError(f"factors of {columns} columns do not fit a core of shape {self.core.shape}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(n₀, n₁, …)."""
        return tuple(len(factor) for factor in self.factors)

    @property
    def rank(self) -> tuple[int, ...]:
        """The shape of the core."""
        return self.core.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.core.ndim

    @property
    def dtype(self) -> np.dtype:
        """Type of the entries."""
        return np.result_type(self.core, *self.factors)

    @property
    def nbytes(self) -> int:
        """Bytes of core and factors."""
        return self.core.nbytes + sum(factor.nbytes for factor in self.factors)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape {self.shape}, rank {self.rank}, {self.dtype})"

    def full(self) -> np.ndarray:
        """The whole array: (U₀ ⊗ U₁ ⊗ …) core. O(Π n_k · max r_k), and one array of the result besides it."""
        return multiplied(self.core.astype(self.dtype), self.factors)

    def field(self, space: Space) -> Field:
        """The Field with these values at the points of `space`, of the same shape. Collective.

        The core on one end and the grid on the other, it is the Kron of dense line operators, so that a rank works for
        its own block, and transposes move what is smallest.

        Raises
        ------
        ValueError
            If the shapes differ, naming both.
        """
        if space.shape != self.shape:
            raise ValueError(f"a tensor of shape {self.shape} does not fit the points of {space}")
        small = index_space(space, self.rank, np.result_type(space.dtype, self.core))
        operator = Kron(small, {k: Dense(factor) for k, factor in enumerate(self.factors)}, range=space)
        return operator @ small.field(self.core)

    def contracted(self, rows: Sequence[np.ndarray]) -> np.ndarray:
        """Σ core[a, b, …] rows₀[m, a] rows₁[m, b] … for every m: values at scattered points.

        rows : one (m, r_k) per axis. O(m Π r_k).
        """
        count = len(rows[0])
        result = np.empty(count, np.result_type(self.core, *rows))
        first = self.core.reshape(self.rank[0], -1)
        for part in pieces(count, max(1, VALUES_AT_ONCE // first.shape[1])):
            values = rows[0][part] @ first
            for row, r in zip(rows[1:], self.rank[1:], strict=True):
                values = np.matmul(row[part, None, :], values.reshape(len(values), r, -1))[:, 0]
            result[part] = values[:, 0]
        return result

    def mapped(self, matrices: Sequence[np.ndarray | None]) -> Tucker:
        """(M₀ ⊗ M₁ ⊗ …) A: every factor multiplied from the left, None leaving it."""
        factors = (u if m is None else m @ u for m, u in zip(matrices, self.factors, strict=True))
        return Tucker(self.core, tuple(factors))

    def times(self, vectors: Sequence[np.ndarray | None]) -> Tucker:
        """The pointwise (Hadamard) product with v₀[i] v₁[j] …, None for ones; the rank stays."""
        factors = (u if v is None else np.asarray(v)[:, None] * u for v, u in zip(vectors, self.factors, strict=True))
        return Tucker(self.core, tuple(factors))

    def orthogonal(self) -> Tucker:
        """The same tensor with orthonormal columns in every factor (QR). O(Σ n_k r_k² + Π r_k Σ r_k)."""
        made = [np.linalg.qr(factor) for factor in self.factors]
        return Tucker(multiplied(self.core.astype(self.dtype), [r for _, r in made]), [q for q, _ in made])

    def truncated(self, tol: float, rank: Sequence[int] | None = None) -> Tucker:
        """The tensor of smallest rank that HOSVD finds within ‖A − B‖ ≤ tol ‖A‖ (Frobenius), no rank above `rank`.

        Notes
        -----
        Sequentially truncated: each axis drops singular values with Σσ² ≤ tol² ‖A‖² / d; factors come out orthonormal.
        Source: N. Vannieuwenhoven, R. Vandebril, K. Meerbergen, SIAM J. Sci. Comput. 34 (2012) A1027–A1052.
        """
        whole = self.orthogonal()
        core, factors = whole.core, list(whole.factors)
        allowed = tol * float(np.linalg.norm(core)) / np.sqrt(self.ndim)
        for axis in range(self.ndim):
            unfolded = np.moveaxis(core, axis, 0).reshape(core.shape[axis], -1)
            u, sigma, _ = np.linalg.svd(unfolded, full_matrices=False)
            u = u[:, : tail_rank(sigma, allowed, None if rank is None else rank[axis])]
            core = Dense(u.conj().T).apply(np.ascontiguousarray(core), axis)
            factors[axis] = factors[axis] @ u
        return Tucker(core, factors)

    def singular_values(self) -> tuple[np.ndarray, ...]:
        """Those of the unfoldings along each axis, in falling order."""
        core = self.orthogonal().core
        unfoldings = (np.moveaxis(core, k, 0).reshape(core.shape[k], -1) for k in range(self.ndim))
        return tuple(np.linalg.svd(unfolded, compute_uv=False) for unfolded in unfoldings)

    def dot(self, other: Tucker) -> complex | float:
        """Σ conj(A) B over all entries, from cores and r × r matrices. O(Σ n_k r_k² + Π r_k Σ r_k)."""
        if other.shape != self.shape:
            raise ValueError(f"dot of tensors of shapes {self.shape} and {other.shape}")
        between = [u.conj().T @ v for u, v in zip(self.factors, other.factors, strict=True)]
        value = np.vdot(self.core, multiplied(other.core.astype(np.result_type(other.core, *between)), between))
        return value.item()

    def norm(self) -> float:
        """The Frobenius norm, from orthonormal factors: with full accuracy after cancellation too."""
        return float(np.linalg.norm(self.orthogonal().core))

    def __mul__(self, factor: complex) -> Tucker:
        return Tucker(self.core * factor, self.factors) if np.isscalar(factor) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Tucker:
        return self * -1.0

    def __add__(self, other: Tucker) -> Tucker:
        """The sum, its rank reduced to what round-off leaves."""
        return total((self, other)) if isinstance(other, Tucker) else NotImplemented

    def __sub__(self, other: Tucker) -> Tucker:
        return total((self, -other)) if isinstance(other, Tucker) else NotImplemented


def total(tensors: Sequence[Tucker], tol: float = ROUND_OFF) -> Tucker:
    """The sum of tensors of one shape, truncated to `tol` relative to it.

    Raises
    ------
    ValueError
        If their shapes differ, naming both.

    Notes
    -----
    Factors side by side are orthonormalized before the cores are added, so that no block-diagonal core is stored:
    O(Σ_k n_k (Σ r_k)²) and a core of at most Π_k min(n_k, Σ r_k) values.
    """
    first = tensors[0]
    for other in tensors[1:]:
        if other.shape != first.shape:
            raise ValueError(f"tensors of shapes {first.shape} and {other.shape} cannot be added")
    bases = [np.linalg.qr(np.concatenate([t.factors[k] for t in tensors], axis=1))[0] for k in range(first.ndim)]
    core = np.zeros([q.shape[1] for q in bases], np.result_type(*(t.dtype for t in tensors)))
    for tensor in tensors:
        inner = [q.conj().T @ u for q, u in zip(bases, tensor.factors, strict=True)]
        core += multiplied(tensor.core.astype(core.dtype), inner)
    return Tucker(core, bases).truncated(tol)


def multiplied(array: np.ndarray, matrices: Sequence[np.ndarray]) -> np.ndarray:
    """(M₀ ⊗ M₁ ⊗ …) array on one host: mode-k products, those that shrink it first and those that grow it most last."""
    growth = [len(m) / max(m.shape[1], 1) for m in matrices]
    for axis in sorted(range(len(matrices)), key=growth.__getitem__):
        operator = Dense(matrices[axis])
        array = operator.apply(np.ascontiguousarray(array, operator.result_type(array.dtype)), axis)
    return array


def index_grid(shape: Sequence[int]) -> Grid:
    """A grid for values that are numbered and have no place."""
    return Grid(*(Axis(n, 0.0, 1.0, location="cells") for n in shape))


def index_space(space: Space, shape: Sequence[int], dtype: Any) -> Space:
    """A Space of such values on the ranks of another one."""
    return space.like(grid=index_grid(shape), dtype=dtype)
