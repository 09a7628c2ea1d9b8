"""Poisson's equation with a coefficient that varies, −∇·(κ ∇u) = f, by conjugate gradients between fast direct solves.

mpirun -n 4 python examples/variable_poisson.py --n 128 --contrast 1e4 --out out/variable_poisson -ksp_monitor
"""

from typing import ClassVar, Literal

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class VariablePoisson(Parameters):
    """−∇·(κ ∇u) = 1 on the unit box, u = 0 on its walls; ln κ is a wave between 0 and the logarithm of the contrast."""

    petsc_options: ClassVar[bool] = True
    n: int = parameter(64, "unknowns per axis", ge=4)
    ndim: int = parameter(2, "dimensions", ge=1, le=3)
    contrast: float = parameter(100.0, "largest κ over smallest κ", ge=1)
    form: Literal["flux", "elements"] = parameter("flux", "flux: differences; elements: sum-factorized stiffness")
    degree: int = parameter(2, "degree of the elements", ge=1, le=10)
    method: str = parameter("cg", "Krylov method, by PETSc's name")
    rtol: float = parameter(1e-8, "wanted residual, relative to that of u = 0", gt=0, lt=1)

    def host_only(self) -> str:
        return "" if self.method in ("cg", "gmres") else f"PETSc's method {self.method!r} works"


run = begin(VariablePoisson)
p = run.parameters


def kappa(*x):
    """The coefficient."""
    wave = np.prod(np.broadcast_arrays(*(np.sin(2 * np.pi * c) for c in x)), axis=0)
    return p.contrast ** (0.5 + 0.5 * wave)


if p.form == "flux":
    space = tp.Space(tp.Grid(*[tp.Axis(p.n, 0.0, 1.0, bc=tp.Dirichlet())] * p.ndim), run.comm, p.backend)
else:
    cut = p.degree * round((p.n + 1) / p.degree) - 1  # whole elements
    axis = tp.Axis(cut, 0.0, 1.0, bc=tp.Dirichlet(), basis=tp.Lagrange(p.degree))
    space = tp.Space(tp.Grid(*[axis] * p.ndim), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(steps=1))]
run.plan(space, 12, state={"u": 1}, streams=streams)
if p.form == "flux":
    A, plain, b = -1.0 * tp.diffusion(space, kappa), -1.0 * tp.laplacian(space), space.field(1.0)
else:
    A, plain, b = tp.stiffness(space, kappa), tp.stiffness(space), tp.load(space, 1.0)
fast = tp.FastDiagonal(plain)
curves = {}
run.say(f"{'preconditioner':<20} {'iterations':>10}  {'residual':>9}  reason")
for name, P in (("mean coefficient", fast), ("symmetric scaling", tp.solve.SymmetricScaling(fast, kappa))):
    u, history = tp.solve.krylov(A, b, P, p.method, p.rtol)
    size = history.residuals / history.residuals[0]
    curves[name] = np.arange(len(size)), size
    run.say(f"{name:<20} {history.iterations:>10}  {size[-1]:>9.2e}  {history.reason} ({history.library})")
with run.output(space) as out:
    out.write(0, 0.0, u=u)
largest = u.max()


def report(done):
    """Residuals of both preconditioners, and the solution."""
    print(f"largest u {largest:.8f}")
    plot.lines(curves, "iteration", done.out / "residuals.png", "‖b − A u‖ / ‖b‖")
    if p.ndim > 1:
        done.draw("solution.png")


run.finish(report)
