"""Sylvester and Lyapunov equations: a matrix equation is a separable problem on a two-dimensional grid.

Source: the solve by eigenvectors is fast diagonalization; for the equation itself R. H. Bartels, G. W. Stewart,
Solution of the matrix equation AX + XB = C, Comm. ACM 15 (1972), 820–826, who take Schur forms where this takes modes.
"""

from __future__ import annotations

import numpy as np

from tensorpde.field import Space
from tensorpde.line import LineOperator
from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.eigen import WORST_CONDITION


def sylvester(space: Space, A: LineOperator | np.ndarray, B: LineOperator | np.ndarray) -> FastDiagonal:
    """The solver of A X + X Bᵀ = F, which is (A ⊗ I + I ⊗ B) x = f: `sylvester(space, A, B).solve(F)` is X. Collective.

    With B = A it is the Lyapunov equation A X + X Aᵀ = F, with B = conj(A) that of A X + X Aᴴ = F.

    Parameters
    ----------
    space
        Two-dimensional, of m×n unknowns, where X and F live.
    A, B
        m×m and n×n line operators or matrices, symmetric or not, real or complex. Complex eigenvalues of real
        matrices are no matter: X is real for real F.

    Raises
    ------
    ValueError
        If A and −B share an eigenvalue, naming it (X is not unique then, if there is one); if eigenvectors are so far
        from orthogonal that X would lose most digits, naming the condition numbers; if shapes do not fit.

    Notes
    -----
    O(m³ + n³) to set up on every rank, 4 (m + n) flops per value to solve, fewer where transforms fit. The error of X
    is about cond(A's eigenvectors) · cond(B's) · ε / min |α + β|.
    """
    if space.ndim != 2:
        raise ValueError(f"a Sylvester equation needs a Space of 2 axes, got {space.ndim}")
    solver = FastDiagonal.from_pairs(space, [(A, None), (B, None)])
    left, right = solver.modes
    if left.condition * right.condition > WORST_CONDITION:
        raise ValueError(
            f"eigenvectors of A and B have condition numbers {left.condition:.1e} and {right.condition:.1e}, whose "
            f"product exceeds {WORST_CONDITION:.0e}: X would lose most digits"
        )
    if solver.nullity:
        sums = left.a[:, None] + right.a
        i, j = np.unravel_index(np.abs(sums).argmin(), sums.shape)
        raise ValueError(
            f"A has the eigenvalue {left.a[i]:.10g} and B {right.a[j]:.10g}, whose sum vanishes: X is not determined"
        )
    return solver
