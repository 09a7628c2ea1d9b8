"""Functions of several variables as Tucker tensors of Chebyshev coefficients: known everywhere, bound to no grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any

import numpy as np
import scipy

from tensorpde.field import Field, Space
from tensorpde.parallel import agree, world
from tensorpde.tucker import series
from tensorpde.tucker.canonical import Canonical
from tensorpde.tucker.sampling import Domain, sampled
from tensorpde.tucker.tucker import Tucker, total

SPLINE = 7  # degree of the splines through samples on a uniform grid
SMALLEST = 1e-14  # tolerance under which round-off hides where coefficients end


class ChebTuck:
    """f(x, y, …) = Σ C[i, j, …] T_i(x̂) T_j(ŷ) …, x̂ = 2 (x − lo) / (hi − lo) − 1, with C a Tucker tensor. Immutable.

    Parameters
    ----------
    coefficients
        C, of shape degrees + 1.
    domain
        (lo, hi) of each axis.

    Notes
    -----
    Storage: that of C. Source: P. Benner, B. N. Khoromskij, V. Khoromskaia, B. Sun, A mesh-free hybrid
    Chebyshev–Tucker tensor format with applications to multi-particle modelling, arXiv:2503.01696 (2025).
    """

    def __init__(self, coefficients: Tucker, domain: Domain) -> None:
        self.coefficients = coefficients
        self.domain = tuple((float(lo), float(hi)) for lo, hi in domain)
        if len(self.domain) != coefficients.ndim:
            raise ValueError(f"a domain of {len(self.domain)} axes for coefficients of {coefficients.ndim}")

    @property
    def ndim(self) -> int:
        """Number of variables."""
        return self.coefficients.ndim

    @property
    def degree(self) -> tuple[int, ...]:
        """Of the polynomial in each variable."""
        return tuple(n - 1 for n in self.coefficients.shape)

    @property
    def rank(self) -> tuple[int, ...]:
        """The multilinear rank."""
        return self.coefficients.rank

    def __repr__(self) -> str:
        return f"ChebTuck(degree {self.degree}, rank {self.rank}, domain {self.domain})"

    def __call__(self, points: Any) -> np.ndarray:
        """Values at points (m, d) of the domain. Not collective: each rank its own points.

        O(m (Σ n_k r_k + Π r_k)).

        Raises
        ------
        ValueError
            If the points have another shape or leave the domain.
        """
        return self._at(points, self.coefficients.factors)

    def gradient_at(self, points: Any) -> np.ndarray:
        """∂f/∂x_k at points (m, d), shape (m, d): d times the cost of values. Not collective."""
        columns = []
        for axis in range(self.ndim):
            factors = list(self.coefficients.factors)
            factors[axis] = self._slope(axis) @ factors[axis]
            columns.append(self._at(points, factors))
        return np.stack(columns, axis=1)

    def values_and_gradients(self, points: Any) -> np.ndarray:
        """Values and first derivatives at points (m, d), shape (m, 1 + d). Not collective."""
        return np.column_stack([self(points), self.gradient_at(points)])

    def _at(self, points: Any, factors: Sequence[np.ndarray]) -> np.ndarray:
        x = np.asarray(points, float)
        if x.ndim != 2 or x.shape[1] != self.ndim:
            raise ValueError(f"points of shape {x.shape} given, (m, {self.ndim}) needed")
        rows = [self._lines(k, x[:, k]) @ u for k, u in enumerate(factors)]
        return self.coefficients.contracted(rows)

    def on_grid(self, points: int | Sequence[int] | Sequence[np.ndarray]) -> Tucker:
        """Values on a tensor grid as a Tucker tensor, factors only: O(Σ n_k r_k) memory.

        Parameters
        ----------
        points
            The number of cells along all axes or each, whose centres lo + (hi − lo)(j + ½)/n are meant; or one array
            of coordinates per axis.
        """
        given: Sequence[Any] = [points] * self.ndim if np.isscalar(points) else list(points)  # type: ignore[arg-type]
        if len(given) != self.ndim:
            raise ValueError(f"{len(given)} axes of points for a function of {self.ndim} variables")
        return self.coefficients.mapped([self._lines(k, self._coordinates(k, p)) for k, p in enumerate(given)])

    def field(self, space: Space) -> Field:
        """The Field of values at the points of a Space inside the domain. Collective."""
        return self.on_grid([axis.x for axis in space.axes]).field(space)

    def derivative(self, axis: int, order: int = 1) -> ChebTuck:
        """∂ᵐf/∂x_axisᵐ, exactly; the rank stays."""
        matrices: list[np.ndarray | None] = [None] * self.ndim
        matrices[axis] = self._slope(axis, order)
        return ChebTuck(self.coefficients.mapped(matrices), self.domain)

    def gradient(self) -> tuple[ChebTuck, ...]:
        """All first derivatives."""
        return tuple(self.derivative(axis) for axis in range(self.ndim))

    def laplacian(self) -> ChebTuck:
        """Σ ∂²f/∂x_k², its rank reduced to what round-off leaves."""
        return ChebTuck(total([self.derivative(k, 2).coefficients for k in range(self.ndim)]), self.domain)

    def integrate(self) -> float | complex:
        """∫ f over the domain, exactly for the polynomial: O(Σ n_k r_k + Π r_k)."""
        rows = [(series.integrals(n) * self._half(k))[None] for k, n in enumerate(self.degree)]
        return self.coefficients.mapped(rows).full().item()

    def inner(self, other: ChebTuck) -> float | complex:
        """∫ conj(f) g over the domain, exactly for the polynomials."""
        self._check(other)
        degree = np.maximum(self.degree, other.degree).tolist()
        masses = [series.mass(n) * self._half(k) for k, n in enumerate(degree)]
        return self._raised(degree).dot(other._raised(degree).mapped(masses))

    def norm(self) -> float:
        """√∫ |f|²."""
        return float(np.sqrt(np.real(self.inner(self))))

    def times(self, functions: Sequence[Callable | None], tol: float = 1e-12) -> ChebTuck:
        """f times a smooth separable function u(x) v(y) …, None for 1. The rank stays, degrees grow as needed."""
        factors = []
        for k, (u, g) in enumerate(zip(self.coefficients.factors, functions, strict=True)):
            factors.append(u if g is None else self._product(k, u, g, tol))
        return ChebTuck(Tucker(self.coefficients.core, factors), self.domain)

    def _product(self, axis: int, factor: np.ndarray, g: Callable, tol: float) -> np.ndarray:
        lo, half = self.domain[axis][0], self._half(axis)
        return series.interpolated(
            lambda t: (series.synthesis(t, len(factor) - 1) @ factor) * np.reshape(g(lo + half * (t + 1)), (-1, 1)),
            None, tol, series.LARGEST_DEGREE,
        )  # fmt: skip

    def truncated(self, tol: float) -> ChebTuck:
        """The rank reduced, coefficients changed by at most tol relative to their norm."""
        return ChebTuck(self.coefficients.truncated(tol), self.domain)

    def __add__(self, other: ChebTuck) -> ChebTuck:
        if not isinstance(other, ChebTuck):
            return NotImplemented
        self._check(other)
        degree = np.maximum(self.degree, other.degree).tolist()
        return ChebTuck(self._raised(degree) + other._raised(degree), self.domain)

    def __mul__(self, factor: complex) -> ChebTuck:
        return ChebTuck(self.coefficients * factor, self.domain) if np.isscalar(factor) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> ChebTuck:
        return self * -1.0

    def __sub__(self, other: ChebTuck) -> ChebTuck:
        return self + -other if isinstance(other, ChebTuck) else NotImplemented

    def _check(self, other: ChebTuck) -> None:
        if other.domain != self.domain:
            raise ValueError(f"functions on different domains: {self.domain} and {other.domain}")

    def _raised(self, degree: Sequence[int]) -> Tucker:
        return self.coefficients.mapped([np.eye(n + 1, m + 1) for n, m in zip(degree, self.degree, strict=True)])

    def _half(self, axis: int) -> float:
        lo, hi = self.domain[axis]
        return (hi - lo) / 2

    def _slope(self, axis: int, order: int = 1) -> np.ndarray:
        return series.derivative(self.degree[axis], order) / self._half(axis) ** order

    def _coordinates(self, axis: int, points: Any) -> np.ndarray:
        if np.ndim(points) == 1:
            return np.asarray(points, float)
        if not isinstance(points, (int, np.integer)) or points < 1:
            raise ValueError(f"{points} points along axis {axis}: a number of cells of at least 1, or a line of them")
        lo, hi = self.domain[axis]
        return lo + (hi - lo) * (np.arange(points) + 0.5) / points

    def _lines(self, axis: int, x: np.ndarray) -> np.ndarray:
        """T_i at coordinates along one axis; a few units of round-off beyond an end count as the end."""
        t = (x - self.domain[axis][0]) / self._half(axis) - 1
        if t.size and not np.abs(t).max() <= 1 + 1e-12:
            raise ValueError(f"points from {x.min()} to {x.max()} leave the domain {self.domain[axis]} of axis {axis}")
        return series.synthesis(np.clip(t, -1, 1), self.degree[axis])


Given = Callable | Tucker | Canonical | Sequence


def chebtuck(
    f: Given,
    degree: int | Sequence[int | None] | None = None,
    tol: float = 1e-7,
    domain: Domain | None = None,
    comm: Any = None,
) -> ChebTuck:
    """A function in the Chebyshev–Tucker format. Collective.

    Parameters
    ----------
    f
        A function of d broadcastable coordinates; or a separable sum, a list of (weight, u, v, …) with one-dimensional
        functions, or with vectors of values at the cell centres of a uniform grid of the domain; or a `Tucker` or
        `Canonical` tensor of values at such centres.
    degree
        Of the polynomials, for all axes or each; None doubles from 16 until coefficients fall under tol.
    tol
        Relative, in the Frobenius norm of the coefficients.
    domain
        (lo, hi) of each axis; default [−1, 1]³, or as many axes as f shows.
    comm
        The ranks that share the work; None for all of the job. Every rank gets the result.

    Raises
    ------
    ValueError
        If f, degree, tol and domain do not fit, f is not finite, or f needs a higher degree than 8192 (that of the
        grid, for vectors).

    Notes
    -----
    A function is sampled at the nodes of the ranks' blocks and compressed without gathering; from 2²⁵ nodes per rank
    on, along fibres only. Vectors on a uniform grid become splines of degree 7, exact at the centres, which are
    sampled at the nodes: O(R n) and the reduction of a canonical sum.
    """
    comm = world(comm)
    with agree(comm, "reading what chebtuck is to represent"):
        given = f if callable(f) else _tensor(f)
        axes = _axes(given, domain)
        degrees = _degrees(degree, len(axes))
        if not (SMALLEST if None in degrees else 0.0) <= tol < 1:
            raise ValueError(f"tol={tol} is not between 0 and 1, or without a degree not between {SMALLEST} and 1")
    if callable(given):
        return ChebTuck(sampled(given, degrees, tol, axes, comm), axes)
    if isinstance(given, tuple):
        lines, most = _lines_of_functions(given[1], axes), [series.LARGEST_DEGREE] * len(axes)
    else:
        with agree(comm, "reading what chebtuck is to represent"):
            lines, most = [_spline(v) for v in given.factors], list(given.shape)
    with agree(comm, "sampling one-dimensional functions"):
        made = [series.interpolated(s, n, 0.1 * tol, m) for s, n, m in zip(lines, degrees, most, strict=True)]
    if isinstance(given, Tucker):
        return ChebTuck(Tucker(given.core, made).truncated(tol), axes)
    weights = given[0] if isinstance(given, tuple) else given.weights
    return ChebTuck(Canonical(weights, made).compressed(tol, comm), axes)


def _axes(given: Any, domain: Domain | None) -> list[tuple[float, float]]:
    """The domain, [−1, 1] along each axis by default, checked against what is given."""
    count = None if callable(given) else len(given[1] if isinstance(given, tuple) else given.factors)
    ends = np.array([(-1.0, 1.0)] * (count or 3) if domain is None else domain, float)
    if ends.ndim != 2 or ends.shape[1] != 2 or not np.isfinite(ends).all() or not (ends[:, 0] < ends[:, 1]).all():
        raise ValueError(f"a domain is a pair lo < hi for each axis, not {domain}")
    if count not in (None, len(ends)):
        raise ValueError(f"a domain of {len(ends)} axes for a tensor of {count}")
    return [(float(lo), float(hi)) for lo, hi in ends]


def _degrees(degree: Any, count: int) -> list[int | None]:
    given: list[Any] = [degree] * count if degree is None or np.isscalar(degree) else list(degree)
    if len(given) != count or any(n is not None and not (isinstance(n, (int, np.integer)) and n >= 0) for n in given):
        raise ValueError(f"degree {degree!r} is not None or a number of at least 0, for all of {count} axes or each")
    return given


def _tensor(f: Any) -> Any:
    """A Tucker or Canonical tensor as it is; of a list of terms a Canonical, or (weights, functions by axis)."""
    if isinstance(f, (Tucker, Canonical)):
        return f
    terms = list(f)
    if not terms or len({len(term) for term in terms}) != 1 or len(terms[0]) < 2:
        raise ValueError(f"a separable sum is a list of (weight, u, v, …) of one length, not {len(terms)} of others")
    weights, columns = [term[0] for term in terms], list(zip(*[term[1:] for term in terms], strict=True))
    if any(not isinstance(w, Real) for w in weights):
        raise ValueError(f"a term begins with its weight, a real number, not with {weights[0]!r}")
    functions = [callable(u) for column in columns for u in column]
    if all(functions):
        return np.asarray(weights, float), columns
    lengths = [{np.shape(u) for u in column} for column in columns]
    if any(functions) or any(len(found) != 1 or len(min(found)) != 1 for found in lengths):
        raise ValueError(f"terms are all functions, or vectors of one length along each axis, not of shapes {lengths}")
    return Canonical(weights, [np.stack(column, axis=1) for column in columns])


def _lines_of_functions(columns: Sequence[Sequence[Callable]], domain: Domain) -> list[Callable]:
    def sampler(column: Sequence[Callable], lo: float, hi: float) -> Callable:
        def sample(t: np.ndarray) -> np.ndarray:
            x = lo + (hi - lo) * (t + 1) / 2
            return np.stack([np.broadcast_to(np.asarray(u(x), float), x.shape) for u in column], axis=1)

        return sample

    return [sampler(column, lo, hi) for column, (lo, hi) in zip(columns, domain, strict=True)]


def _spline(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The splines through columns of values at cell centres of [−1, 1], continued by half a cell to the ends."""
    n = len(values)
    if not np.isfinite(values).all():
        raise ValueError(f"values at centres are not finite, first at {np.argwhere(~np.isfinite(values))[0][0]} of {n}")
    centres = -1 + 2 * (np.arange(n) + 0.5) / n
    return scipy.interpolate.make_interp_spline(centres, values, k=max(0, min(SPLINE, n // 2 * 2 - 1)))
