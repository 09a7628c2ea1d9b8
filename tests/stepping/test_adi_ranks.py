"""Alternating directions on any number of ranks: the same bits, and drawn problems against dense matrices."""

from __future__ import annotations

import hashlib
from functools import reduce

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manufactured import box, exact
from mpi import run_ranks

import tensorpde as tp
from tensorpde.schemes import central, lele1992
from tensorpde.stepping import DouglasGunn, HundsdorferVerwer, ImplicitVerlet, ModifiedCraigSneyd, PeacemanRachford

SCHEMES = [central.second(2), central.second(4), lele1992.second(4), lele1992.second(6)]


def digests():
    """Of fields after some steps of every method, with data that change in time, from every alignment."""
    space = box(5, ["dd", "dn", "nd"])
    L = 0.5 * tp.laplacian(space, lele1992.second(4))
    mixed = L + 0.1 * tp.mixed_derivative(space, (0, 2))
    flat = tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0) for n in (7, 6, 5))), dtype="complex128")
    steppers = {
        "DouglasGunn": DouglasGunn(L, 0.02),
        "ModifiedCraigSneyd": ModifiedCraigSneyd(mixed, 0.02, explicit=lambda u, t: u - u**3),
        "HundsdorferVerwer": HundsdorferVerwer(mixed, 0.02, explicit=lambda u, t: u - u**3),
        "PeacemanRachford": PeacemanRachford(1j * tp.laplacian(flat, SCHEMES[3]), 0.02),
        "ImplicitVerlet": ImplicitVerlet(L, 0.02),
    }
    found = []
    for name, step in steppers.items():
        here, lead = flat if name == "PeacemanRachford" else space, (2,) if name == "ImplicitVerlet" else ()
        for axis in range(3):
            start = here.field(lambda *x: exact(*x, 0.0))
            u = here.zeros(lead)
            u.local[...] = start.local
            u = u.align(axis)
            for k in range(3):
                step(u, 0.02 * k, lambda x, y, z, t: x * y + np.sin(z + t))
            found.append(hashlib.sha256(u.gather().tobytes()).hexdigest())
    return found


CONDITIONS = st.one_of(
    st.just(tp.Periodic()),
    st.tuples(*[st.sampled_from([tp.Dirichlet(1.5), tp.Neumann(-0.5), tp.Robin(1.0, 0.7, 2.0), tp.Even()])] * 2),
)


@st.composite
def lines(draw):
    """An axis of any kind: differences, stretched ones, cells, Chebyshev or spline collocation."""
    bc = draw(CONDITIONS)
    kinds = [{}, {"location": "cells"}, {"basis": tp.Greville(draw(st.integers(2, 5)))}]
    if not isinstance(bc, tp.Periodic):
        kinds += [{"mapping": tp.Tanh(1.2)}] + [{"basis": tp.Chebyshev()}] * (tp.Even() not in bc)
    return tp.Axis(draw(st.integers(7, 10)), 0.0, draw(st.sampled_from([1.0, 2.5])), bc, **draw(st.sampled_from(kinds)))


@st.composite
def problems(draw):
    """A Space of up to three axes of any kind with any mix of conditions, an operator, a step."""
    ndim = draw(st.integers(1, 3))
    axes = [draw(lines()) for _ in range(ndim)]
    dtype = draw(st.sampled_from(["float64", "complex128"]))
    space = tp.Space(tp.Grid(*axes), dtype=dtype)
    factor = draw(st.sampled_from([0.3, 1.0])) * (1.0 if dtype == "float64" else 1.0 + 2.0j)
    L = factor * tp.laplacian(space, draw(st.sampled_from(SCHEMES)))
    if draw(st.booleans()):
        L = L + 0.4 * tp.kron.Kron(space, {})
    return space, L, draw(st.sampled_from([0.001, 0.05])), draw(st.integers(0, 2**32 - 1))


@settings(max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def drawn_steps_equal_dense_ones(problem):
    """One step of each method: Π(I − ½dt A_k) δ = dt (A u + data + source), to which all with θ = ½ come here."""
    space, L, dt, seed = problem
    step = DouglasGunn(L, dt)
    lines = [step._parts.lines[axis].matrix() for axis in range(space.ndim)]
    eyes = [np.eye(n) for n in space.shape]
    left = reduce(np.kron, [eye - 0.5 * dt * line for eye, line in zip(eyes, lines, strict=True)])
    whole = sum(reduce(np.kron, [*eyes[:k], line, *eyes[k + 1 :]]) for k, line in enumerate(lines))
    u = space.field(np.random.default_rng(seed).standard_normal(space.shape).astype(space.dtype))
    data = L.lifting(0.0).gather().ravel() + 2.0
    values = u.gather().ravel()
    wanted = values + np.linalg.solve(left, dt * (whole @ values + data))
    tolerance = 1e-11 * np.abs(wanted).max()
    steps = [step, ModifiedCraigSneyd(L, dt, theta=0.5)]
    if space.ndim < 3:
        steps.append(PeacemanRachford(L, dt))
    for method in steps:
        found = method(u.copy(), 0.0, lambda *x: 2.0).gather().ravel()
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance, err_msg=type(method).__name__)
    first = np.linalg.solve(left, dt * (whole @ values + data))
    second = dt * (whole @ (values + 0.5 * first) + data) - first
    found = HundsdorferVerwer(L, dt, theta=0.5)(u.copy(), 0.0, lambda *x: 2.0).gather().ravel()
    wanted = values + first + np.linalg.solve(left, second)
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())
    state = space.zeros((2,))
    state[0], state[1] = u, 0.5 * u
    moved = ImplicitVerlet(L, np.sqrt(2 * dt))(state, 0.0, lambda *x: 2.0).gather()
    place = values * (1 + 0.25 * np.sqrt(2 * dt))
    speed = 0.5 * values + np.linalg.solve(left, np.sqrt(2 * dt) * (whole @ place + data))
    np.testing.assert_allclose(moved[1].ravel(), speed, rtol=0, atol=1e-11 * np.abs(speed).max())
    place = place + np.sqrt(dt / 2) * speed
    np.testing.assert_allclose(moved[0].ravel(), place, rtol=0, atol=1e-11 * np.abs(place).max())


def test_drawn_steps_equal_dense_ones():
    drawn_steps_equal_dense_ones()


def check_ranks():
    """Prints the digests; every rank draws the same problems, as the draws depend on nothing but the code."""
    found = digests()
    for k in range(0, len(found), 3):
        assert found[k] == found[k + 1] == found[k + 2]
    drawn_steps_equal_dense_ones()
    if tp.parallel.world().rank == 0:
        print("digests", *found)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_bits_and_drawn_steps_on_ranks(ranks):
    out = run_ranks(ranks, "stepping/test_adi_ranks.py::check_ranks", timeout=240).stdout
    line = next(line for line in out.splitlines() if line.startswith("digests"))
    assert line.split()[1:] == digests()
