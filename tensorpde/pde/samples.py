"""Makers of samples for operator learning by the suite's own solvers: each a function of a range of sample numbers.

What a sample is depends on the seed and its number alone (`RandomField`), and everything runs on one rank, as
:func:`tensorpde.io.make_dataset` wants it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tensorpde.boundary import Dirichlet, Neumann
from tensorpde.field import Space
from tensorpde.flux import diffusion
from tensorpde.grid import Axis, Grid
from tensorpde.operators import laplacian
from tensorpde.parallel import alone
from tensorpde.pde.burgers import Burgers
from tensorpde.pde.heat import Heat
from tensorpde.pde.random_field import RandomField
from tensorpde.schemes import central
from tensorpde.solve import FastDiagonal, SymmetricScaling, krylov

Arrays = dict[str, np.ndarray]


def gaussian(points: int, length: float, ndim: int, tau: float, power: float) -> RandomField:
    """Periodic Gaussian fields of variance 1 and mean 0 with covariance ∝ (−Δ + τ²)^−power."""
    space = Space(Grid(*[Axis(points, 0.0, length)] * ndim), alone())
    wave = 2 * np.pi / length
    numbers = np.meshgrid(*[np.arange(-(points // 2) + 1, (points + 1) // 2)] * ndim, sparse=True)
    squares = np.asarray(wave**2 * sum(m.astype(float) ** 2 for m in numbers))
    total = np.sum((squares[squares > 0] + tau**2) ** -power)
    return RandomField(space, lambda k: np.where(k > 0, (k**2 + tau**2 + (k == 0)) ** -power / total, 0.0))


class DarcySamples:
    """−∇·(a ∇u) = 1 on the unit box, u = 0 on its walls; a is `high` where a Gaussian field is positive, else `low`.

    Parameters
    ----------
    n, ndim
        Unknowns per axis, and dimensions (1 to 4): points (j+1)/(n+1).
    seed
        Of all samples.
    low, high
        The two values of a.
    tau, power
        Of the Gaussian field, of period 2: its covariance ∝ (−Δ + τ²)^−power.
    rtol
        Of the residual.
    backend
        Where the equation is solved.

    Notes
    -----
    Fluxes are of order 2 with a midway between the points, where it is evaluated; conjugate gradients between fast
    direct solves. The setting is that of Z. Li et al., Fourier neural operator for parametric partial differential
    equations, arXiv:2010.08895 (2020), section 5.2, but for the periodic field.
    """

    names = ("coefficient", "solution")

    def __init__(
        self, n: int, ndim: int = 2, seed: int = 0, low: float = 3.0, high: float = 12.0, tau: float = 3.0,
        power: float = 2.0, rtol: float = 1e-8, backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.space = Space(Grid(*[Axis(n, 0.0, 1.0, bc=Dirichlet())] * ndim), alone(), backend)
        self.seed, self.low, self.high, self.rtol = seed, low, high, rtol
        self._field = gaussian(4 * (n + 1), 2.0, ndim, tau, power)  # its points are all nodes and midpoints
        self._fast = FastDiagonal(-1.0 * laplacian(self.space))
        self._one = self.space.field(1.0)

    def coefficient(self, sample: int) -> Callable[..., np.ndarray]:
        """a of one sample, a function of coordinates at points of the grid and midway between them."""
        fine = np.where(self._field(self.seed, sample).local > 0, self.high, self.low)
        spacing = self._field.space.axes[0].x[1]
        return lambda *x: fine[tuple(np.rint(c / spacing).astype(int) for c in x)]

    def __call__(self, samples: range) -> Arrays:
        """Coefficients and solutions of these samples."""
        found: dict[str, list] = {name: [] for name in self.names}
        for sample in samples:
            kappa = self.coefficient(sample)
            preconditioner = SymmetricScaling(self._fast, kappa)
            u, _ = krylov(-1.0 * diffusion(self.space, kappa), self._one, preconditioner, "cg", self.rtol)
            found["coefficient"].append(kappa(*self.space.coordinates()))
            found["solution"].append(u.gather())
        return {name: np.stack(values).astype(np.float32) for name, values in found.items()}


class BurgersSamples:
    """∂u/∂t + u ∂u/∂x = ν ∂²u/∂x² on the circle (0, 1): a Gaussian start → u(T).

    Parameters
    ----------
    n, seed
        Points; of all samples.
    nu, t_end
        ν and T.
    tau, power
        Of the start, of mean 0 and variance 1.
    backend
        Where the equation is solved.

    Notes
    -----
    As in Z. Li et al., arXiv:2010.08895 (2020), section 5.1, but for the variance of the start.
    """

    names = ("start", "end")

    def __init__(
        self, n: int, seed: int = 0, nu: float = 0.01, t_end: float = 1.0, tau: float = 5.0, power: float = 2.0,
        backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.space = Space(Grid(Axis(n, 0.0, 1.0)), alone(), backend)
        self.seed, self.t_end = seed, t_end
        self._field = gaussian(n, 1.0, 1, tau, power)
        self._burgers = Burgers(self.space, nu)

    def __call__(self, samples: range) -> Arrays:
        """Starts and ends of these samples."""
        start = self._field(self.seed, samples).local
        end = np.empty_like(start)
        for k, values in enumerate(start):
            u, t = self.space.field(values[None], lead=(1,)), 0.0
            while t < self.t_end:
                dt = min(self._burgers.dt(u), self.t_end - t)
                u, t = self._burgers.step(u, dt, t), t + dt
            end[k] = u.gather()[0]
        return {"start": start.astype(np.float32), "end": end.astype(np.float32)}


class HeatSamples:
    """∂u/∂t = ∇²u + s on the insulated unit box from 0: a Gaussian source s, constant in time → u(T).

    Parameters
    ----------
    n, ndim, seed
        Cells per axis; dimensions; of all samples.
    t_end, steps
        T, and the steps to it, by Douglas and Gunn's splitting.
    tau, power
        Of the source, of period 2, mean 0 and variance 1.
    backend
        Where the equation is solved.
    """

    names = ("source", "temperature")

    def __init__(
        self, n: int, ndim: int = 3, seed: int = 0, t_end: float = 0.02, steps: int = 20, tau: float = 5.0,
        power: float = 3.0, backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.space = Space(Grid(*[Axis(n, 0.0, 1.0, bc=Neumann(), location="cells")] * ndim), alone(), backend)
        self.seed, self.steps, self.dt = seed, steps, t_end / steps
        self._field = gaussian(2 * n, 2.0, ndim, tau, power)
        self._heat = Heat(self.space, 1.0, self.dt, central.second_derivative)  # which keeps the mean

    def __call__(self, samples: range) -> Arrays:
        """Sources and temperatures of these samples."""
        part = (slice(self.space.shape[0]),) * self.space.ndim
        found: dict[str, list] = {name: [] for name in self.names}
        for sample in samples:
            source = np.ascontiguousarray(self._field(self.seed, sample).local[part])
            u = self.space.zeros()
            self._heat.source = lambda *x, source=source: source
            for step in range(self.steps):
                u = self._heat.step(u, step * self.dt)
            found["source"].append(source)
            found["temperature"].append(u.gather())
        return {name: np.stack(values).astype(np.float32) for name, values in found.items()}
