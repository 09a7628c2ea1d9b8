"""The p-Laplacian, −∇·(|∇u|^(p−2) ∇u) = 1, by elements and Newton's method with an action derived by hand.

mpirun -n 4 python examples/p_laplacian.py --n 63 --p 3 --out out/p_laplacian -snes_monitor
"""

from math import prod
from typing import ClassVar

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class PLaplacian(Parameters):
    """Energy ∫ (|∇u|² + ε²)^(p/2) / p − u on the unit box, u = 0 on its walls; from the solution with p = 2."""

    petsc_options: ClassVar[bool] = True
    n: int = parameter(63, "unknowns per axis", ge=4)
    ndim: int = parameter(2, "dimensions", ge=1, le=3)
    p: float = parameter(3.0, "exponent p", gt=1)
    epsilon: float = parameter(1e-4, "ε, which keeps the coefficient regular where ∇u = 0", gt=0)

    def host_only(self) -> str:
        return "PETSc's Newton method works"


run = begin(PLaplacian)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 1.0, bc=tp.Dirichlet(), basis=tp.Lagrange(1))
space = tp.Space(tp.Grid(*[axis] * p.ndim), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(steps=1))]
run.plan(space, 40 + 6 * p.ndim * 2**p.ndim, state={"u": 1}, streams=streams)
slopes = [tp.at_points(space, axis) for axis in range(p.ndim)]  # ∂u/∂x_k at the Gauss points
points = slopes[0].range
weights = points.field(prod(np.ix_(*(axis.weights for axis in points.axes))))
load = tp.load(space, 1.0)


def coefficient(g):
    """|∇u|² + ε² and w |∇u|^(p−2) at the points."""
    square = sum(part.local**2 for part in g) + p.epsilon**2
    return square, weights.to(g[0].pencil).local * square ** (p.p / 2 - 1)


def residual(u, out):
    """F(u) = ∫ |∇u|^(p−2) ∇u·∇φ − ∫ φ."""
    g = [slope @ u for slope in slopes]
    _, kappa = coefficient(g)
    out.local[...] = -load.to(out.pencil).local
    for slope, part in zip(slopes, g, strict=True):
        part.local[...] *= kappa
        slope.T.apply(part, out, 1.0)


class Jacobian:
    """F'(u) v = ∫ |∇u|^(p−2) (∇v + (p − 2) (∇u·∇v) ∇u / |∇u|²)·∇φ."""

    def __init__(self, u):
        self.g = [slope @ u for slope in slopes]
        self.square, self.kappa = coefficient(self.g)

    def apply(self, v, out):
        """Out = F'(u) v."""
        h = [slope @ v for slope in slopes]
        along = (p.p - 2) * sum(a.local * b.local for a, b in zip(self.g, h, strict=True)) / self.square
        for number, (slope, a, b) in enumerate(zip(slopes, self.g, h, strict=True)):
            b.local[...] = self.kappa * (b.local + along * a.local)
            slope.T.apply(b, out, float(number > 0))


poisson = tp.FastDiagonal(tp.stiffness(space))
linear = tp.solve.Settings("cg", rtol=1e-4, limit=500)
u, history = tp.solve.newton(residual, poisson.solve(load), Jacobian, poisson, rtol=1e-8, linear=linear)
with run.output(space) as out:
    out.write(0, 0.0, u=u)
largest = u.max()


def report(done):
    """How Newton's method went, and the solution."""
    done.newton(history, "newton.png", f"p-Laplacian, p = {p.p:g}")
    print(f"largest u {largest:.8f}")
    if p.ndim > 1:
        done.draw("solution.png")


run.finish(report)
