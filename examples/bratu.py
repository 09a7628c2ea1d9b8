"""Bratu's problem, −∇²u = λ e^u: Newton's method without a matrix, up to the fold beyond which there is no solution.

mpirun -n 4 python examples/bratu.py --n 64 --strength 6 --out out/bratu -snes_monitor
"""

from typing import ClassVar

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class Bratu(Parameters):
    """−∇²u = λ e^u on the unit box, u = 0 on its walls; in two dimensions the fold is at λ = 6.808."""

    petsc_options: ClassVar[bool] = True
    n: int = parameter(64, "unknowns per axis", ge=4)
    ndim: int = parameter(2, "dimensions", ge=1, le=3)
    strength: float = parameter(6.0, "λ")
    by_hand: bool = parameter(True, "the Jacobian's action −∇²v − λ e^u v; else PETSc's differences")

    def host_only(self) -> str:
        return "PETSc's Newton method works"


run = begin(Bratu)
p = run.parameters
space = tp.Space(tp.Grid(*[tp.Axis(p.n, 0.0, 1.0, bc=tp.Dirichlet())] * p.ndim), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(steps=1))]
run.plan(space, 45, state={"u": 1}, streams=streams)
L = -1.0 * tp.laplacian(space)


def residual(u, out):
    """F(u) = −∇²u − λ e^u."""
    out.local[...] = -p.strength * np.exp(u.local)
    L.apply(u, out, 1.0)


def jacobian(u):
    """F'(u) = −∇² − λ e^u."""
    return L + tp.Multiplication(tp.Field(space, -p.strength * np.exp(u.local), u.pencil))


u, history = tp.solve.newton(residual, space.zeros(), jacobian if p.by_hand else None, tp.FastDiagonal(L))
with run.output(space) as out:
    out.write(0, 0.0, u=u)
largest = u.max()


def report(done):
    """How Newton's method went, and the solution."""
    done.newton(history, "newton.png", "Bratu")
    print(f"largest u {largest:.8f}")
    if p.ndim > 1:
        done.draw("solution.png")


run.finish(report)
