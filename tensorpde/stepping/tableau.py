"""Runge–Kutta methods as data: explicit ones, and one that is implicit in a linear part.

Explicit ones are kept in two-register form where the method has one: with q₀ = 0,

    q ← a_s q + Δt f(u, t + c_s Δt),   u ← u + b_s q,   s = 1…S,

(Williamson), and in Butcher's form otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction as F


@dataclass(frozen=True, kw_only=True)
class Tableau:
    """What every method has.

    Attributes
    ----------
    name, order, citation : what it is.
    c : when each stage starts, in parts of the step.
    imaginary, real : how far the region of stability (of the explicit part) reaches along the imaginary and negative
        real axis.
    """

    name: str
    order: int
    c: tuple[float, ...]
    imaginary: float
    real: float
    citation: str

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.c)


@dataclass(frozen=True, kw_only=True)
class LowStorage(Tableau):
    """A method that needs u and one more register; a and b have one value per stage, a[0] = 0."""

    a: tuple[float, ...]
    b: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Butcher(Tableau):
    """A Butcher tableau: u_s = u + Δt Σ_j a[s][j] k_j, k_s = f(u_s, t + c_s Δt), u⁺ = u + Δt Σ b_s k_s."""

    a: tuple[tuple[float, ...], ...]
    b: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Additive(Tableau):
    """A method for u' = f(u, t) + L u that is implicit in L: two registers, one solve per stage; with f₋₁ = 0,

    (I − β_s Δt L)(u_s − u_{s−1}) = Δt [γ_s f(u_{s−1}, t + c_s Δt) + ζ_s f(u_{s−2}) + (γ_s + ζ_s) L u_{s−1}].

    In the usual notation L counts α_s u_{s−1} + β_s u_s, with α_s + β_s = γ_s + ζ_s. zeta[0] = 0.
    """

    gamma: tuple[float, ...]
    zeta: tuple[float, ...]
    beta: tuple[float, ...]


def _floats(*values: F | int) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


WILLIAMSON_RK3 = LowStorage(
    name="Williamson RK3",
    order=3,
    a=_floats(0, F(-5, 9), F(-153, 128)),
    b=_floats(F(1, 3), F(15, 16), F(8, 15)),
    c=_floats(0, F(1, 3), F(3, 4)),
    imaginary=1.7320508,
    real=2.5127,
    citation="J. H. Williamson, Low-storage Runge-Kutta schemes, J. Comput. Phys. 35 (1980) 48-56, case 7",
)

CARPENTER_KENNEDY_RK4 = LowStorage(
    name="Carpenter-Kennedy RK4(3)5",
    order=4,
    a=_floats(
        0,
        F(-567301805773, 1357537059087),
        F(-2404267990393, 2016746695238),
        F(-3550918686646, 2091501179385),
        F(-1275806237668, 842570457699),
    ),
    b=_floats(
        F(1432997174477, 9575080441755),
        F(5161836677717, 13612068292357),
        F(1720146321549, 2090206949498),
        F(3134564353537, 4481467310338),
        F(2277821191437, 14882151754819),
    ),
    c=_floats(
        0,
        F(1432997174477, 9575080441755),
        F(2526269341429, 6820363962896),
        F(2006345519317, 3224310063776),
        F(2802321613138, 2924317926251),
    ),
    imaginary=3.34,
    real=4.65,
    citation="M. H. Carpenter, C. A. Kennedy, Fourth-order 2N-storage Runge-Kutta schemes, NASA TM-109112 (1994)",
)

SSP_RK3 = Butcher(
    name="SSP RK3",
    order=3,
    a=((), _floats(1), _floats(F(1, 4), F(1, 4))),
    b=_floats(F(1, 6), F(1, 6), F(2, 3)),
    c=_floats(0, 1, F(1, 2)),
    imaginary=1.7320508,
    real=2.5127,
    citation="C.-W. Shu, S. Osher, Efficient implementation of essentially non-oscillatory shock-capturing schemes, "
    "J. Comput. Phys. 77 (1988) 439-471",
)

RK4 = Butcher(
    name="RK4",
    order=4,
    a=((), _floats(F(1, 2)), _floats(0, F(1, 2)), _floats(0, 0, 1)),
    b=_floats(F(1, 6), F(1, 3), F(1, 3), F(1, 6)),
    c=_floats(0, F(1, 2), F(1, 2), 1),
    imaginary=2.8284271,
    real=2.7853,
    citation="W. Kutta, Z. Math. Phys. 46 (1901) 435-453",
)

SPALART_MOSER_ROGERS = Additive(
    name="Spalart-Moser-Rogers RK3",
    order=2,
    gamma=_floats(F(8, 15), F(5, 12), F(3, 4)),
    zeta=_floats(0, F(-17, 60), F(-5, 12)),
    beta=_floats(F(37, 160), F(5, 24), F(1, 6)),
    c=_floats(0, F(8, 15), F(2, 3)),
    imaginary=1.7320508,
    real=2.5127,
    citation="P. R. Spalart, R. D. Moser, M. M. Rogers, Spectral methods for the Navier-Stokes equations with one "
    "infinite and two periodic directions, J. Comput. Phys. 96 (1991) 297-324, appendix A: of third order in f",
)
