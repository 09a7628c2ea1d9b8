"""The Poisson–Boltzmann equation around a molecule, linear and nonlinear, on pencils."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.boundary import Dirichlet
from tensorpde.electro.newton import gaussians
from tensorpde.electro.range_separated import RangeSeparated, checked_box, particles
from tensorpde.electro.short_range import ShortRange
from tensorpde.field import Field, Space
from tensorpde.flux import diffusion
from tensorpde.grid import Axis, Grid
from tensorpde.io import sample
from tensorpde.kron import TensorOperator
from tensorpde.opaque import Multiplication
from tensorpde.operators import laplacian
from tensorpde.parallel import agree, world
from tensorpde.parallel.blocks import pieces, same
from tensorpde.solve import FastDiagonal, NotConverged
from tensorpde.solve.krylov import krylov

ACCURACY = 1e-8  # of the Gaussian sum that smooths the charges, relative to its value at their radius
NEWTON_STEPS = 60  # where ions are many, a step takes little more than 1 off β u
PAIRS_AT_ONCE = 1 << 20  # of points on walls and charges
LARGEST_PHASE = 50.0  # β u to which Newton's steps are held; a solution with more of it is refused

Potential = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Solution:
    """What was found.

    Attributes
    ----------
    reaction : Field of u − P/ε_m, P the Coulomb potential of the charges: smooth at them.
    smooth : Field of u − P_short/ε_m, finite everywhere and equal to u outside the molecule.
    iterations : of the Krylov method, for each Newton step.
    at_charges : reaction potential at the charges, (N,).
    energy : solvation energy ½ Σ q_i reaction(x_i).
    """

    reaction: Field
    smooth: Field
    iterations: tuple[int, ...]
    at_charges: np.ndarray
    energy: float


class PoissonBoltzmann:
    """−∇·(ε ∇u) + ε_s κ² sinh(β u)/β = 4π Σ q_i δ(x − x_i) in a box, or with β u for the sinh. Collective.

    ε is ε_m in the molecule, a union of balls, and ε_s outside, where alone κ counts. Gaussian-like units: the
    potential of a charge in vacuum is q/r.

    Parameters
    ----------
    positions, charges, radii
        (N, 3), (N,) and (N,), the same on all ranks.
    n
        Grid points per axis, walls included.
    box
        ((lo, hi), …).
    solute, solvent
        ε_m and ε_s.
    kappa
        Inverse Debye length.
    beta
        1/(kT) in the units of 1/(charge · potential); needed for the nonlinear equation.
    boundary
        Potential on the walls, a function of points (m, 3); default: Σ q exp(−κ r)/(ε_s r).
    comm
        The ranks; None for all of the job.
    backend
        Where the equation is solved.

    Raises
    ------
    ValueError
        If shapes do not fit, a charge is not inside the box, a radius, permittivity or beta is not positive, or n is
        less than 5.

    Notes
    -----
    No singular source comes to the grid. P = P_short + P_long with P_short = 0 farther than the smallest radius from
    its charge, so inside the molecule; the reaction potential w = u − P/ε_m satisfies

        ∇·(ε ∇w) − ε_s κ² u = ∇²P_long − ∇·(ε ∇P_long)/ε_m,    u = w + P_long/ε_m outside,

    whose right-hand side vanishes inside, discretely too. Flux form of second order; on a link between two points ε is
    the harmonic mean along it, with the exact part of it that is in the molecule: the flux through the surface is right
    in one dimension, and errors for smooth molecules fall with the square of the spacing. CG with the Laplacian's fast
    diagonalization: iterations grow like √(ε_s/ε_m), not with n. Nonlinear: Newton's method. Memory: about 25 arrays.
    Source: P. Benner, V. Khoromskaia, B. Khoromskij, C. Kweyu, M. Stein, SIAM J. Sci. Comput. 43 (2021) A497–A523.
    """

    def __init__(
        self, positions: Any, charges: Any, radii: Any, n: int | Sequence[int], box: Sequence[tuple[float, float]],
        solute: float = 2.0, solvent: float = 78.5, kappa: float = 0.0, beta: float | None = None,
        boundary: Potential | None = None, comm: Any = None, backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.comm = world(comm)
        with agree(self.comm, "reading a molecule"):
            self.positions, self.charges = particles(positions, charges)
            self.radii = np.ascontiguousarray(radii, float).reshape(-1)
            if len(self.radii) != len(self.charges) or not (self.radii > 0).all():
                raise ValueError(
                    f"{len(self.positions)} positions, {len(self.charges)} charges and {len(self.radii)} radii, "
                    f"of which the smallest is {self.radii.min(initial=np.inf)}, do not describe a molecule"
                )
            given: Any = [n] * 3 if np.isscalar(n) else n
            counts = [int(m) for m in given]
            if len(counts) != 3 or min(counts) < 5:
                raise ValueError(f"n={n} is too small: 5 points per axis are needed, walls included")
            for name, value in {"solute": solute, "solvent": solvent, "beta": beta}.items():
                if value is not None and not 0 < value < np.inf:
                    raise ValueError(f"{name}={value} must be more than 0")
            if not 0 <= kappa < np.inf:
                raise ValueError(f"kappa={kappa} must not be less than 0")
            self._inside(box)
        self.solute, self.solvent, self.kappa, self.beta = solute, solvent, kappa, beta
        self.boundary = boundary or self._screened
        rs = RangeSeparated(self.positions, self.charges, 1e-6, self.comm, box=box, backend=backend)
        axes = [Axis(m - 2, lo, hi, bc=Dirichlet()) for m, (lo, hi) in zip(counts, box, strict=True)]
        self.space = Space(Grid(*axes), self.comm, backend)
        self.coulomb = self._long(rs)
        self._right: Field
        self._A = self._operators()

    def _inside(self, box: Any) -> None:
        lo, hi = np.array(checked_box(box)).T
        out = np.flatnonzero(((self.positions <= lo) | (self.positions >= hi)).any(axis=1))
        if len(out):
            raise ValueError(f"charge {out[0]} at {self.positions[out[0]]} is not inside the box {box}")

    def solve(self, nonlinear: bool = False, rtol: float = 1e-8) -> Solution:
        """The potential. Collective.

        Parameters
        ----------
        nonlinear
            Whether the ions count by sinh(β u)/β instead of u.
        rtol
            Of the Krylov method, and of Newton's.

        Raises
        ------
        ValueError
            If the nonlinear equation is asked for without beta.
        NotConverged
            If no solution was found.
        """
        if nonlinear and self.beta is None:
            raise ValueError("the nonlinear equation needs beta, which is None")
        P = FastDiagonal(laplacian(self.space))
        ions = self._ions()
        known = self.coulomb * (1 / self.solute)
        linear = self._A - Multiplication(ions) if self.kappa else self._A
        w, history = krylov(linear, self._right + ions * known, P, rtol=rtol)
        iterations = [history.iterations]
        if nonlinear and self.kappa:
            iterations += self._newton(w, ions, known, P, rtol)
        return self._solution(w, known, tuple(iterations))

    def _newton(self, w: Field, ions: Field, known: Field, P: FastDiagonal, rtol: float) -> list[int]:
        """Improve w in place until the steps are small: w += δ with F'(w) δ = −F(w), δ = 0 on the walls."""
        assert self.beta is not None
        beta, iterations = self.beta, []
        jacobian = diffusion(self.space, self._permittivities())
        for _ in range(NEWTON_STEPS):
            phase = np.clip(beta * (w + known).local, -LARGEST_PHASE, LARGEST_PHASE)
            residual = self._right - self._A(w)
            residual.local[...] += ions.local * np.sinh(phase) / beta
            slope = Field(self.space, ions.local * np.cosh(phase))
            step, history = krylov(jacobian - Multiplication(slope), residual, P, rtol=max(rtol, 1e-6))
            w += step
            iterations.append(history.iterations)
            if step.norm() <= rtol * w.norm():
                break
        else:
            raise NotConverged(
                f"Newton's method is not done after {NEWTON_STEPS} steps: the last one was {step.norm():.1e}"
            )
        largest = Field(self.space, (w + known).local * (ions.local > 0)).norm("max")
        if beta * largest > LARGEST_PHASE:
            raise NotConverged(f"beta u = {beta * largest:.3g} among the ions, more than {LARGEST_PHASE:g} cannot be")
        return iterations

    def _solution(self, w: Field, known: Field, iterations: tuple[int, ...]) -> Solution:
        found = sample(w, self.positions) if len(self.charges) else None
        at = same(self.comm, np.zeros(len(self.charges)) if found is None else found)
        return Solution(w, w + known, iterations, at, float(0.5 * self.charges @ at))

    def _screened(self, points: np.ndarray) -> np.ndarray:
        """Debye and Hückel's potential in the solvent alone."""
        found = np.empty(len(points))
        for part in pieces(len(points), max(1, PAIRS_AT_ONCE // max(1, len(self.charges)))):
            r = np.linalg.norm(points[part, None] - self.positions, axis=-1)
            found[part] = np.exp(-self.kappa * r) / (self.solvent * r) @ self.charges
        return found

    def _direct(self, points: np.ndarray) -> np.ndarray:
        return backends.get("numpy").particles.direct(points, self.positions, self.charges)[:, 0]

    def _long(self, rs: RangeSeparated) -> Field:
        """P_long on the grid: the potential without what is left of the charges within the smallest radius."""
        field = rs.on(self.space)
        radius = float(self.radii.min(initial=np.inf))
        if len(self.charges) == 0:
            return field
        diagonal = float(np.linalg.norm([axis.length for axis in self.space.axes]))
        g = gaussians(min(radius, 0.5 * diagonal), diagonal, ACCURACY, relative=False)
        near = self.space.zeros()
        short = ShortRange(self.positions, self.charges, g, g.interval[0], ACCURACY)
        short.add_to(near.local, tuple(np.ravel(x) for x in self.space.coordinates()))
        return field - near

    def _operators(self) -> TensorOperator:
        """∇·(ε ∇) with the walls of w; and the right-hand side, of the operators with the walls of P."""
        outer = self._walled(self._direct)
        field = Field(outer, self.coulomb.local)
        right = laplacian(outer)(field) - diffusion(outer, self._permittivities())(field) * (1 / self.solute)
        self._right = Field(self.space, right.to(self.space.pencil).local)
        walls = self._walled(lambda x: self.boundary(x) - self._direct(x) / self.solute)
        return diffusion(walls, self._permittivities())

    def _walled(self, values: Potential) -> Space:
        """The Space with these values on its walls."""
        axes = []
        for k, axis in enumerate(self.space.axes):
            ends = tuple(Dirichlet(_Wall(values, k, end)) for end in (axis.lo, axis.hi))
            axes.append(axis.like(bc=ends))
        return self.space.like(grid=Grid(*axes))

    def _permittivities(self) -> list[Callable[..., np.ndarray]]:
        """ε at the middle of the links along each axis: the harmonic mean along the link."""

        def along(axis: int) -> Callable[..., np.ndarray]:
            def mean(*x: np.ndarray) -> np.ndarray:
                inside = self.covered(axis, *x)
                return 1 / (inside / self.solute + (1 - inside) / self.solvent)

            return mean

        return [along(axis) for axis in range(3)]

    def covered(self, axis: int, *x: np.ndarray) -> np.ndarray:
        """The part that is in the molecule of a piece of a line along an axis, as long as the spacing.

        At points of a tensor grid in the middle of the pieces (three arrays that broadcast together), exactly.
        """
        length = self.space.axes[axis].spacing
        lines = tuple(map(np.ravel, x))
        return backends.get("numpy").covering.covered(lines, axis, length, self.positions, self.radii)

    def inside(self, *x: np.ndarray) -> np.ndarray:
        """1 in the molecule, 0 outside, at points of a tensor grid (three arrays that broadcast together)."""
        lines = [np.ravel(c) for c in x]
        found = np.zeros(tuple(map(len, lines)))
        for place, radius in zip(self.positions, self.radii, strict=True):
            part = tuple(
                slice(np.searchsorted(c, p - radius), np.searchsorted(c, p + radius, side="right"))
                for c, p in zip(lines, place, strict=True)
            )
            apart = [(c[s] - p) ** 2 for c, s, p in zip(lines, part, place, strict=True)]
            found[part] = np.maximum(found[part], sum(np.ix_(*apart)) <= radius**2)
        return found

    def _ions(self) -> Field:
        """ε_s κ² outside the molecule: nothing at a point inside, where the potential may be that of a near charge."""
        strength = self.solvent * self.kappa**2
        return self.space.field(lambda *x: strength * (1 - self.inside(*x)))


class _Wall:
    """Values at one wall as a function of the other coordinates."""

    def __init__(self, values: Potential, axis: int, end: float) -> None:
        self.values, self.axis, self.end = values, axis, end

    def __call__(self, a: Any, b: Any, t: float = 0.0) -> np.ndarray:
        a, b = np.broadcast_arrays(a, b)
        points = [a.ravel(), b.ravel()]
        points.insert(self.axis, np.full(a.size, self.end))
        return self.values(np.stack(points, axis=1)).reshape(a.shape)
