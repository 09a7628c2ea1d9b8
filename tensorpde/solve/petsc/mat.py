"""TensorOperators as PETSc's Mat and preconditioners as its PC, both of type python."""

from __future__ import annotations

from typing import Any

from tensorpde.kron import TensorOperator
from tensorpde.parallel import PATIENCE, agree
from tensorpde.solve.petsc.vec import Layout


class Operator:
    """What a Mat of type python calls for A; the products are A.apply on views of PETSc's vectors."""

    def __init__(self, A: Any, layout: Layout) -> None:
        self._layout = layout
        self.set(A)

    def set(self, A: Any) -> None:
        """Exchange the operator, as Newton's method does."""
        self._A = A
        self._transposed: Any = None

    def mult(self, mat: Any, x: Any, y: Any) -> None:
        """Y = A x."""
        with agree(self._layout.comm, "applying the operator in PETSc", PATIENCE):
            self._A.apply(self._layout.read(x), self._layout.write(y))

    def multTranspose(self, mat: Any, x: Any, y: Any) -> None:
        """Y = Aᵀ x."""
        with agree(self._layout.comm, "applying the transposed operator in PETSc", PATIENCE):
            if self._transposed is None:
                self._transposed = self._A.T
            self._transposed.apply(self._layout.read(x), self._layout.write(y))

    def getDiagonal(self, mat: Any, d: Any) -> None:
        """The diagonal, for `-pc_type jacobi`."""
        with agree(self._layout.comm, "taking the diagonal of the operator in PETSc", PATIENCE):
            self._layout.write(d).local[...] = self._A.diagonal().to(self._layout.pencil).local


class Inverse:
    """What a PC of type python calls for P: P.apply on views of PETSc's vectors."""

    def __init__(self, P: Any, layout: Layout) -> None:
        self._layout = layout
        self.set(P)

    def set(self, P: Any) -> None:
        """Exchange the preconditioner."""
        self._P = P

    def apply(self, pc: Any, x: Any, y: Any) -> None:
        """Y = P x."""
        with agree(self._layout.comm, "applying the preconditioner in PETSc", PATIENCE):
            self._P.apply(self._layout.read(x), self._layout.write(y))

    def applyTranspose(self, pc: Any, x: Any, y: Any) -> None:
        """Y = Pᵀ x, of a TensorOperator."""
        with agree(self._layout.comm, "applying the transposed preconditioner in PETSc", PATIENCE):
            self._P.T.apply(self._layout.read(x), self._layout.write(y))


def matrix(A: TensorOperator, layout: Layout, constants: bool = False) -> Any:
    """A as a Mat of type python. Collective.

    Parameters
    ----------
    A
        From a Space to itself.
    layout
        Of the Fields that it acts on.
    constants
        Whether constants are its null space.
    """
    PETSc = layout.PETSc
    mat = PETSc.Mat().createPython((layout.sizes, layout.sizes), Operator(A, layout), comm=layout.comm)
    mat.setUp()
    if constants:
        null = PETSc.NullSpace().create(constant=True, comm=layout.comm)
        mat.setNullSpace(null)
        null.destroy()
    return mat


def precondition(pc: Any, P: Any, layout: Layout) -> None:
    """Make P the preconditioner of a PC; None for none. Options may choose another type."""
    if P is None:
        pc.setType("none")
        return
    pc.setType("python")
    pc.setPythonContext(Inverse(P, layout))
