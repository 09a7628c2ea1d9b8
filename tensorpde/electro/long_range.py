"""The long-range part Σ_i q_i Σ_k w_k exp(−t_k² |x − x_i|²) of many charges in the Chebyshev–Tucker format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorpde.electro.newton import Gaussians
from tensorpde.parallel.blocks import exact_total, own, pieces
from tensorpde.tucker import ChebTuck, Tucker, series
from tensorpde.tucker.canonical import khatri_rao
from tensorpde.tucker.subspaces import basis_of_triangle, tail_rank

BLOCK = 512  # particles per block of work, whatever the number of ranks
FLOOR = 1e-16  # of the largest eigenvalue of a Gram matrix: what is below is taken to be there

Box = Sequence[tuple[float, float]]


def long_range(
    positions: np.ndarray, charges: np.ndarray, gaussians: Gaussians, box: Box, allowed: float, comm: Any
) -> ChebTuck:
    """The potential of Gaussian charges in a box, to about `allowed` in absolute value. Collective.

    Parameters
    ----------
    positions, charges
        All particles, inside the box, the same on all ranks, which share the work.
    gaussians
        The R terms.
    box
        (lo, hi) of each axis: the domain of the result.
    allowed
        Error wanted.

    Notes
    -----
    It is a canonical sum of R N terms. On an axis the coefficients of a Gaussian around x_i are K_k τ(x_i), with τ(x)
    the Chebyshev polynomials at x and K_k a symmetric matrix for each exponent. So all R N side vectors have the Gram
    matrix Σ_k w_k² K_k G K_kᵀ with one G = Σ_i q_i² τ(x_i) τ(x_i)ᵀ: the RHOSVD bases cost O(N m²) instead of O(R N m²),
    and the squares are taken of a well-conditioned G, not of what the Gaussians damp. The core is Σ_k Σ_i of outer
    products, a Khatri–Rao GEMM per block of particles with only the r_k directions that the k-th Gaussian has:
    O(N Σ_k Π r_k). Three m × m matrices and one core travel; the same bits on any number of ranks.
    Memory: m² per Gaussian, a block of particles times r², the core.
    Source: P. Benner, V. Khoromskaia, B. N. Khoromskij, SIAM J. Sci. Comput. 40 (2018) A1034–A1062.
    """
    lines = [_Line(positions[:, k], *box[k], gaussians, allowed / _size(charges, gaussians)) for k in range(3)]
    blocks = pieces(len(charges), BLOCK)
    mine = [blocks[number] for number in own(comm, len(blocks))]
    for line in lines:
        sides = ((line.polynomials(part) * charges[part, None]) for part in mine)
        grams = (side.T @ side for side in sides)
        line.prepare(exact_total(comm, grams, (line.most + 1,) * 2, float(charges @ charges)), allowed, comm)
    shape = tuple(line.basis.shape[1] for line in lines)
    core = np.zeros(shape)
    for k, weight in enumerate(gaussians.weights):
        chosen = [line.parts[k] for line in lines]
        small = tuple(rows.shape[0] for _, rows in chosen)
        bound = float(np.abs(charges).sum() * np.prod([line.bounds[k] for line in lines]))

        def outer(part: slice, chosen: list = chosen, small: tuple = small) -> np.ndarray:
            inner = [rows @ line.polynomials(part, rows.shape[1]).T for line, (_, rows) in zip(lines, chosen)]
            return ((inner[0] * charges[part]) @ khatri_rao(inner[1:]).T).reshape(small)

        total = exact_total(comm, map(outer, mine), small, bound)
        core += weight * Tucker(total, [directions for directions, _ in chosen]).full()
    whole = Tucker(core, [line.basis for line in lines])
    size = float(np.linalg.norm(core))
    return ChebTuck(whole.truncated(allowed / size) if size > 0 else whole, box)


def _size(charges: np.ndarray, gaussians: Gaussians) -> float:
    return float(np.linalg.norm(charges) * gaussians.weights.sum()) or 1.0


class _Line:
    """One axis: the matrices K_k, the basis of all side vectors, and what each Gaussian has in it."""

    def __init__(self, x: np.ndarray, lo: float, hi: float, gaussians: Gaussians, tail: float) -> None:
        self.t = np.clip((x - lo) / (hi - lo) * 2 - 1, -1, 1)
        self.gaussians = gaussians
        exponents = gaussians.exponents * (hi - lo) / 2
        self.matrices = [_coefficients(exponent, tail) for exponent in exponents]
        self.most = max(len(matrix) for matrix in self.matrices) - 1
        self._block: tuple[slice, np.ndarray] | None = None

    def polynomials(self, part: slice, count: int | None = None) -> np.ndarray:
        """τ of some particles, shape (particles, count)."""
        if self._block is None or self._block[0] != part:
            self._block = part, series.synthesis(self.t[part], self.most)
        return self._block[1][:, :count]

    def prepare(self, gram: np.ndarray, allowed: float, comm: Any) -> None:
        """The basis from G, and for each Gaussian an r × r_k and an r_k × m_k factor of Uᵀ K_k."""
        values, vectors = np.linalg.eigh(gram)
        values = np.maximum(values, FLOOR * values[-1])
        root = vectors * np.sqrt(values)
        sides = [matrix @ root[: len(matrix)] for matrix in self.matrices]
        lengths = [float(np.linalg.norm(matrix, 2)) for matrix in self.matrices]
        stack = np.zeros((self.most + 1, sum(side.shape[1] for side in sides)))
        column = 0
        for side, weight, length in zip(sides, self.gaussians.weights, lengths, strict=True):
            stack[: len(side), column : column + side.shape[1]] = weight * length**2 * side
            column += side.shape[1]
        self.basis = basis_of_triangle(stack.T, allowed / np.sqrt(3), comm)
        self.parts, self.bounds = [], []
        for matrix, side, weight, length in zip(self.matrices, sides, self.gaussians.weights, lengths, strict=True):
            inside = self.basis[: len(matrix)].T
            u, sigma, _ = np.linalg.svd(inside @ side, full_matrices=False)
            u = u[:, : tail_rank(sigma, allowed / (weight * length**2 * np.sqrt(3 * len(self.matrices))))]
            rows = u.T @ inside @ matrix
            self.parts.append((u, rows))
            self.bounds.append(float(np.abs(rows).sum(axis=1).max()))


def _coefficients(exponent: float, tail: float) -> np.ndarray:
    """K: the coefficients of exp(−t² (x − y)²) on [−1, 1]² in T_i(x) T_j(y), of the degree at which they fall to tail.

    The degree is about 2 t √ln(1/tail).
    """
    degree = 8
    while True:
        x = series.nodes(degree)
        to = series.analysis(degree)
        matrix = to @ np.exp(-((exponent * np.subtract.outer(x, x)) ** 2)) @ to.T
        sizes = np.abs(matrix).max(axis=1)
        if (sizes[-series.TAIL :] <= max(tail, 1e-15)).all():
            kept = int(np.flatnonzero(sizes > 0.1 * max(tail, 1e-15)).max(initial=0)) + 1
            return matrix[:kept, :kept]
        degree = int(1.5 * degree)
