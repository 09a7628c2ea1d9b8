"""A solution with all that costs splittings their order: data on walls, edges and corners that change in time."""

from __future__ import annotations

import numpy as np

import tensorpde as tp

SLOPE_STEP = 1e-5


def exact(*x_and_t):
    *x, t = x_and_t
    waves = [np.cos((1 + 0.3 * k) * c + 0.2 * k + 0.5 * t) for k, c in enumerate(x)]
    return np.exp(np.sin(3 * t)) * np.prod(np.broadcast_arrays(*waves), axis=0)


def condition(kind, axis, side, data=exact):
    """Dirichlet or Neumann data of `data` at the left (0) or right (1) wall of an axis of the unit box."""

    def value(*others_and_t, wall=float(side)):
        coordinates = list(others_and_t)
        coordinates.insert(axis, wall)
        return data(*coordinates)

    def slope(*others_and_t):
        ahead, behind = (value(*others_and_t, wall=side + s * SLOPE_STEP) for s in (1, -1))
        return (2 * side - 1) * (ahead - behind) / (2 * SLOPE_STEP)

    return tp.Dirichlet(value) if kind == "d" else tp.Neumann(slope)


def box(n, kinds, **options):
    """A Space on the unit box: kinds holds two letters per axis, d or n, or p for a periodic one."""
    axes = []
    for k, pair in enumerate(kinds):
        bc = tp.Periodic() if pair == "p" else tuple(condition(kind, k, side) for side, kind in enumerate(pair))
        axes.append(tp.Axis(n + k, 0.0, 1.0, bc=bc))
    return tp.Space(tp.Grid(*axes), **options)


def source_for(L, explicit=None):
    """The source with which `exact` at the points obeys u' = L(u, t) + source without an error of space."""
    space = L.range

    def source(*x_and_t):
        *x, t = x_and_t
        h = 1e-4
        slope = (8 * (exact(*x, t + h) - exact(*x, t - h)) - exact(*x, t + 2 * h) + exact(*x, t - 2 * h)) / (12 * h)
        u = space.field(lambda *c: exact(*c, t))
        return slope - L(u, t).local - (0.0 if explicit is None else explicit(u, t).local)

    return source


def error_in_time(make, space, L, steps, t_end=0.5, explicit=None):
    """Largest deviation at t_end of a run with so many steps; make(L, dt) gives the stepper."""
    step, dt = make(L, t_end / steps), t_end / steps
    u, source = space.field(lambda *x: exact(*x, 0.0)), source_for(L, explicit)
    for k in range(steps):
        u = step(u, k * dt, source)
    return np.abs((u - space.field(lambda *x: exact(*x, t_end))).gather()).max()
