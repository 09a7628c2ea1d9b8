"""From a function of d coordinates to a Tucker tensor of Chebyshev coefficients: whole node grids, or fibres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import scipy

from tensorpde.field import Field, Space
from tensorpde.parallel import agree
from tensorpde.parallel.blocks import collected, own
from tensorpde.tucker import series
from tensorpde.tucker.compress import compress
from tensorpde.tucker.subspaces import tail_rank
from tensorpde.tucker.tucker import Tucker, index_grid

Function = Callable[..., Any]
Domain = Sequence[tuple[float, float]]

GRID_LIMIT = 1 << 25  # values of a node grid per rank; larger ones are known by fibres
FIBRE_LIMIT = 1 << 26  # values of the fibres along one axis
CHECKS = 100  # points at which fibres are verified
PASSES = 12


def sampled(f: Function, degree: Sequence[int | None], tol: float, domain: Domain, comm: Any) -> Tucker:
    """Coefficients of f, from values at Chebyshev nodes that the ranks share. Collective.

    Where a degree is None it doubles from 16 until the tail of coefficients along the axis is under tol. A grid of more
    than 2²⁵ nodes per rank is not made: see `by_fibres`.
    """
    now = [series.FIRST_DEGREE if n is None else n for n in degree]
    while True:
        whole = prod(n + 1 for n in now) <= GRID_LIMIT * comm.size
        values = (_whole if whole else by_fibres)(f, now, tol, domain, comm)
        tensor = Tucker(values.core, [series.coefficients(u) for u in values.factors])
        kept = [_kept(tensor, k, tol) if n is None else now[k] + 1 for k, n in enumerate(degree)]
        if None not in kept:
            return Tucker(tensor.core, [u[:n] for u, n in zip(tensor.factors, kept, strict=True)])
        for k, n in enumerate(kept):
            if n is None:
                now[k] *= 2
                if now[k] > series.LARGEST_DEGREE:
                    raise ValueError(f"degree {now[k] // 2} along axis {k} leaves coefficients above tol={tol}")


def _kept(tensor: Tucker, axis: int, tol: float) -> int | None:
    unfolded = np.moveaxis(tensor.core, axis, 0).reshape(tensor.rank[axis], -1)
    sizes = np.linalg.norm(tensor.factors[axis] @ unfolded, axis=1)
    return series.resolved(sizes, tol)


def _whole(f: Function, degree: Sequence[int], tol: float, domain: Domain, comm: Any) -> Tucker:
    """All values at the nodes, as a Field, compressed."""
    points = _nodes(degree, domain)
    space = Space(index_grid([len(x) for x in points]), comm)
    with agree(comm, "evaluating the function"):
        block = _values(f, [x[part] for x, part in zip(points, space.pencil.slices, strict=True)])
    return compress(Field(space, block), 0.1 * tol)


def _nodes(degree: Sequence[int], domain: Domain) -> list[np.ndarray]:
    return [lo + (hi - lo) * (series.nodes(n) + 1) / 2 for n, (lo, hi) in zip(degree, domain, strict=True)]


def _values(f: Function, x: Sequence[np.ndarray]) -> np.ndarray:
    """f at all combinations of coordinates.

    Raises
    ------
    TypeError, ValueError
        If f does not take arrays, or gives something else than one real, finite number for each point.
    """
    shape = tuple(map(len, x))
    if 0 in shape:
        return np.zeros(shape)
    try:
        given = np.asarray(f(*np.ix_(*x)))
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"f does not take {len(x)} arrays that broadcast together: {error}") from error
    if given.dtype.kind not in "fiub":
        raise TypeError(f"f gives {given.dtype}, real numbers are needed")
    try:
        values = np.array(np.broadcast_to(given, shape), float)
    except ValueError:
        raise ValueError(f"f gives an array of shape {given.shape} for points of shape {shape}") from None
    if not np.isfinite(values).all():
        at = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"f is {values[tuple(at)]} at {tuple(float(line[i]) for line, i in zip(x, at, strict=True))}")
    return values


def by_fibres(f: Function, degree: Sequence[int], tol: float, domain: Domain, comm: Any) -> Tucker:
    """Values at the nodes as a Tucker tensor from fibres alone: the whole grid is never evaluated. Collective.

    Each axis has a set of chosen nodes. The fibres along axis k through all combinations of chosen nodes of the others
    span its basis; QR with pivoting of the basis chooses the nodes that it is best known from. Repeated, with a few
    nodes at random besides, until f at random nodes agrees with the tensor.

    Raises
    ------
    ValueError
        If it does not agree within tol after 12 passes, or takes too many fibres: then f is not of low rank.

    Notes
    -----
    Σ n_k Π_{l≠k} (r_l + 2) values per pass, shared by the ranks. Sources: B. Hashemi, L. N. Trefethen, SIAM J. Sci.
    Comput. 39 (2017) C341–C363; S. Chaturantabut, D. C. Sorensen, SIAM J. Sci. Comput. 32 (2010) 2737–2764.
    """
    random = np.random.default_rng(0)  # the same on all ranks
    points = _nodes(degree, domain)
    d = len(points)
    chosen = [random.choice(len(x), min(len(x), 4), replace=False) for x in points]
    probes = np.stack([random.integers(len(x), size=CHECKS) for x in points])
    with agree(comm, "evaluating the function"):
        wanted = np.array([_values(f, [x[[i]] for x, i in zip(points, at)]).item() for at in probes.T])
    for _ in range(PASSES):
        bases: list[np.ndarray] = []
        for k in range(d):
            extra = [
                np.union1d(s, random.choice(len(x), min(len(x), 2), replace=False)) for s, x in zip(chosen, points)
            ]
            needed = len(points[k]) * prod(len(s) for s in (*extra[:k], *extra[k + 1 :]))
            if needed > FIBRE_LIMIT:
                raise ValueError(f"{needed} values of fibres along axis {k} are needed: f is not of low rank")
            fibres = _fibres(f, points, [*extra[:k], np.arange(len(points[k])), *extra[k + 1 :]], k, comm)
            u, sigma, _ = np.linalg.svd(fibres, full_matrices=False)
            u = u[:, : tail_rank(sigma, 0.05 * tol * float(np.linalg.norm(sigma)))]
            _, _, pivots = scipy.linalg.qr(u.T, pivoting=True, mode="economic")
            chosen[k] = np.sort(pivots[: u.shape[1]])
            bases.append(np.linalg.solve(u[chosen[k]].T, u.T).T)
        core = _fibres(f, points, chosen, 0, comm).reshape([len(s) for s in chosen])
        tensor = Tucker(core, bases)
        found = tensor.contracted([u[at] for u, at in zip(tensor.factors, probes, strict=True)])
        scale = max(float(np.abs(wanted).max()), float(np.abs(core).max()))
        error = float(np.abs(found - wanted).max())
        if error <= tol * scale:
            return tensor.truncated(0.1 * tol)
    raise ValueError(f"fibres of rank {tensor.rank} leave an error of {error:.1e}, tol is {tol}: not of low rank")


def _fibres(f: Function, points: Sequence[np.ndarray], at: Sequence[np.ndarray], axis: int, comm: Any) -> np.ndarray:
    """Values at all combinations of the nodes `at`, unfolded along `axis`, shape (n_axis, …). Collective."""
    mine = own(comm, len(at[axis]))
    x = [p[i] for p, i in zip(points, at, strict=True)]
    x[axis] = x[axis][mine.start : mine.stop]
    with agree(comm, "evaluating the function"):
        values = _values(f, x)
    return collected(comm, np.moveaxis(values, axis, 0).reshape(len(mine), -1))
