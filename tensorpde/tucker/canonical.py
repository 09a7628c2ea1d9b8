"""Canonical (CP) sums of separable terms, and their reduction to the Tucker format (RHOSVD)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tensorpde.parallel import agree, alone, world
from tensorpde.parallel.blocks import collected, exact_total, own, pieces, r_factor
from tensorpde.parallel.reduce import total
from tensorpde.tucker.subspaces import GRAM_RESOLVES, basis_of_gram, basis_of_triangle
from tensorpde.tucker.tucker import Tucker

BLOCK = 1024  # terms per block of work, whatever the number of ranks
GROUPS = 16  # of terms, whose triangles are merged at the end
ROUNDS = 4


class Canonical:
    """A[i, j, …] = Σ_r ξ_r V₀[i, r] V₁[j, r] …: R separable terms.

    Parameters
    ----------
    weights
        ξ, shape (R,), real.
    factors
        One real matrix (n_k, R) per axis.

    Raises
    ------
    ValueError
        If a factor has another number of terms than there are weights.
    """

    def __init__(self, weights: Any, factors: Sequence[Any]) -> None:
        self.weights = np.asarray(weights, float)
        self.factors = tuple(np.asarray(factor, float) for factor in factors)
        for factor in self.factors:
            if factor.ndim != 2 or factor.shape[1:] != self.weights.shape:
                raise ValueError(f"a factor of shape {factor.shape} does not fit weights of shape {self.weights.shape}")

    @property
    def shape(self) -> tuple[int, ...]:
        """(n₀, n₁, …)."""
        return tuple(len(factor) for factor in self.factors)

    @property
    def rank(self) -> int:
        """R."""
        return len(self.weights)

    def full(self) -> np.ndarray:
        """The whole array. O(R Π n_k)."""
        first = self.factors[0] * self.weights
        return (first @ khatri_rao(self.factors[1:]).T).reshape(self.shape)

    def mapped(self, matrices: Sequence[np.ndarray]) -> Canonical:
        """Every factor multiplied by a matrix from the left."""
        return Canonical(self.weights, [m @ v for m, v in zip(matrices, self.factors, strict=True)])

    def compressed(self, tol: float = 1e-7, comm: Any = None, distributed: bool = False) -> Tucker:
        """The sum as a Tucker tensor by the reduced HOSVD. Collective.

        Parameters
        ----------
        tol
            Relative to the Frobenius norm of the sum.
        comm
            The ranks that share the work; None for all of the job.
        distributed
            Whether each rank has terms of its own; else all have the same ones, and the result is the same to the last
            bit on any number of ranks.

        Returns
        -------
        Tucker
            With orthonormal factors, on every rank.

        Notes
        -----
        The columns of V_k, normalized and weighted by |ξ_r| and the norms of the term's other factors, span what the
        sum has along axis k: their leading left singular vectors are the basis U_k, from a Gram matrix or (tol < 1e-6)
        a QR factorization. The core is a Khatri–Rao product in blocks: Σ_r ξ_r (U₀ᵀ V₀)_r ⊗ ((U₁ᵀ V₁)_r ⊗ …), one GEMM
        each, and is truncated in its turn. Where terms cancel, so that the sum is smaller than they are, the bases are
        made again for the norm that was found. O(R (Σ n_k² + Π r_k)) work over all ranks; n_k × n_k matrices and the
        core travel. Errors of terms that all point the same way can add up to √R times tol; they rarely do.
        Source: B. N. Khoromskij, V. Khoromskaia, SIAM J. Sci. Comput. 31 (2009) 3002–3026.
        """
        comm = world(comm)
        if not distributed and comm.size == 1:
            comm = alone()
        with agree(comm, "reducing a canonical sum"):
            if not all(np.isfinite(values).all() for values in (self.weights, *self.factors)):
                raise ValueError(f"a canonical sum of rank {self.rank} has values that are not finite")
        terms = _Terms(self, comm, distributed)
        if terms.size == 0:
            return Tucker(np.zeros((1,) * len(self.shape)), [np.eye(n, 1) for n in self.shape])
        wanted = tol * terms.size / np.sqrt(len(self.shape))
        for _ in range(ROUNDS):
            bases = [terms.basis(k, wanted, tol >= GRAM_RESOLVES) for k in range(len(self.shape))]
            result = Tucker(terms.core(bases), bases)
            needed = tol * float(np.linalg.norm(result.core)) / np.sqrt(len(self.shape))
            if needed >= wanted or needed == 0:
                break
            wanted = needed / 2
        return result.truncated(tol)


class _Terms:
    """The normalized terms of a sum: c_r ⊗_k v_kr with ‖v_kr‖ = 1, in blocks that ranks share."""

    def __init__(self, given: Canonical, comm: Any, distributed: bool) -> None:
        lengths = [np.linalg.norm(factor, axis=0) for factor in given.factors]
        self.weights = given.weights * np.prod(lengths, axis=0)
        self.factors = [v / np.where(a > 0, a, 1.0) for v, a in zip(given.factors, lengths, strict=True)]
        self.comm, self.distributed = comm, distributed
        squares, self.bound = self._everywhere(np.array([np.sum(self.weights**2), np.sum(np.abs(self.weights))]))
        self.size = float(np.sqrt(squares))

    def _everywhere(self, values: np.ndarray) -> np.ndarray:
        return total(self.comm, values) if self.distributed else values

    def _own(self, size: int) -> Iterator[slice]:
        """This rank's blocks of terms."""
        blocks = pieces(len(self.weights), size)
        return (blocks[i] for i in (range(len(blocks)) if self.distributed else own(self.comm, len(blocks))))

    def basis(self, k: int, allowed: float, by_gram: bool) -> np.ndarray:
        v, n = self.factors[k], len(self.factors[k])
        if by_gram:
            sides = (v[:, part] * self.weights[part] for part in self._own(BLOCK))
            gram = exact_total(self.comm, (side @ side.T for side in sides), (n, n), self.size**2)
            return basis_of_gram(gram, allowed, self.comm)
        sides = ((v[:, part] * self.weights[part]).T for part in self._own(max(1, -(-len(self.weights) // GROUPS))))
        triangles = [r_factor(side) for side in sides]
        rows = collected(self.comm, np.concatenate([np.empty((0, n)), *triangles]))
        return basis_of_triangle(r_factor(rows), allowed, self.comm)

    def core(self, bases: Sequence[np.ndarray]) -> np.ndarray:
        shape = tuple(u.shape[1] for u in bases)

        def of(part: slice) -> np.ndarray:
            inner = [u.T @ v[:, part] for u, v in zip(bases, self.factors, strict=True)]
            return ((inner[0] * self.weights[part]) @ khatri_rao(inner[1:]).T).reshape(shape)

        return exact_total(self.comm, map(of, self._own(BLOCK)), shape, self.bound)


def khatri_rao(factors: Sequence[np.ndarray]) -> np.ndarray:
    """Rows (i, j, …), columns r: V₀[i, r] V₁[j, r] …."""
    product = np.ones((1, factors[0].shape[1])) if factors else np.ones((1, 1))
    for factor in factors:
        product = (product[:, None] * factor).reshape(-1, factor.shape[1])
    return product
