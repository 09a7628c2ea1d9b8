"""Separable problems that hypothesis draws: sizes, axes of all kinds, conditions, schemes, shifts, ranks."""

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mpi import run_ranks
from twins import condition, random, sparse

import tensorpde as tp
from tensorpde.schemes import central, lele1992

SCHEMES = [central.second(2), central.second(4), lele1992.second(4), lele1992.second(6)]
QUIET = {"derandomize": True, "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
GRIDS = {2: [(4,), (3,), (2,), (1,)], 3: [(4,), (3,), (2, 2), (1, 3), (4, 1), (1, 1)]}


@st.composite
def axes(draw):
    n = draw(st.integers(9, 13))
    bc = draw(st.sampled_from(["P", "DD", "DN", "ND", "NN", "RD", "NR"]))
    kind = draw(st.sampled_from(["nodes", "cells", "stretched", "Chebyshev", "spline"]))
    lo, length = draw(st.sampled_from([(0.0, 1.0), (-1.0, 2.5)]))
    options = {"location": "cells"} if kind == "cells" else {}
    if kind == "stretched" and bc != "P":
        options = {"mapping": tp.Tanh(draw(st.sampled_from([0.5, 1.5])))}
    if kind == "Chebyshev" and bc != "P":
        options = {"basis": tp.Chebyshev()}
    if kind == "spline":
        options = {"basis": tp.Greville(draw(st.integers(2, 5)))}
    return tp.Axis(n, lo, lo + length, bc=condition(bc), **options)


@st.composite
def problems(draw, ranks):
    ndim = draw(st.integers(1, 3) if ranks == 1 else st.integers(2, 3))
    grid = tp.Grid(*(draw(axes()) for _ in range(ndim)))
    dtype = draw(st.sampled_from(["float64", "complex128"]))
    dims = draw(st.sampled_from(GRIDS[ndim])) if ranks > 1 else None
    scheme = draw(st.sampled_from(SCHEMES))
    shift = draw(st.sampled_from([0.7, 40.0, 3.0 - 2j]))
    function = draw(st.sampled_from([None, None, lambda s: 2.0 + s * s]))
    return tp.Space(grid, dtype=dtype, process_grid=dims), scheme, shift, function


def check(problem):
    s, scheme, shift, function = problem
    L = tp.laplacian(s, scheme)
    matrix = sparse(L)
    f = random((2, *s.shape), dtype=s.dtype)
    field = s.field(f)
    applied = (L @ field).gather()
    wanted = (matrix @ f.reshape(2, -1).T).T.reshape(f.shape)
    np.testing.assert_allclose(applied, wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())
    solver = tp.FastDiagonal(L, shift, function=function)
    u = solver.solve(field)
    back = L @ u - shift * u
    if function is not None:
        back = L @ back - shift * back + 2.0 * u
    size = np.abs(matrix).sum(axis=1).max() ** (2 if function else 1)
    residual = np.abs((back - field).gather()).max()
    assert residual <= 1e-13 * solver.condition**2 * size * np.abs(u.gather()).max(), (residual, s, shift)


@settings(max_examples=60, **QUIET)
@given(problems(1))
def test_solves_invert_what_operators_apply(problem):
    check(problem)


@settings(max_examples=25, phases=[Phase.generate], **QUIET)
@given(problems(4))
def check_on_ranks(problem):
    check(problem)


@pytest.mark.parametrize("ranks", [4])
def test_on_any_process_grid(ranks):
    """All ranks draw the same problems; the process grids among them use 1 to 4 ranks."""
    run_ranks(ranks, "solve/test_properties.py::check_on_ranks", timeout=240)
