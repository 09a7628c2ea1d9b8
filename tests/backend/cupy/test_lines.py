"""Line kernels of the GPU backend, in numba's simulator without a device: against those of the CPU."""

import numpy as np
import pytest
import standin

with standin.present():
    import tensorpde as tp
    from tensorpde import backend
    from tensorpde.backend import cupy as gpu
    from tensorpde.line import Banded, BandedSolve, Compact, RowBand

cpu = backend.get("numpy")
rng = np.random.default_rng(3)


def band(m, below, above, periodic=False, dtype="float64", diagonal=4.0):
    """A diagonally dominant band."""
    rows = np.arange(m)
    coef = rng.standard_normal((m, below + 1 + above)).astype(dtype)
    if np.dtype(dtype).kind == "c":
        coef = coef + 1j * rng.standard_normal(coef.shape)
    coef[:, below] += diagonal * (below + above + 1)
    if periodic:
        return RowBand(rows - below, coef, m, True)
    full = np.zeros((m, m), coef.dtype)
    for i in rows:
        for k in range(below + 1 + above):
            if 0 <= i - below + k < m:
                full[i, i - below + k] = coef[i, k]
    return RowBand.from_matrix(full)


OPERATORS = {
    "tridiagonal": lambda: BandedSolve(band(13, 1, 1)),
    "pentadiagonal": lambda: BandedSolve(band(13, 2, 2)),
    "general": lambda: BandedSolve(band(14, 3, 1)),
    "lower": lambda: BandedSolve(band(10, 2, 0)),
    "cyclic": lambda: BandedSolve(band(12, 1, 1, True)),
    "cyclic wide": lambda: BandedSolve(band(13, 2, 3, True)),
    "cyclic short": lambda: BandedSolve(band(4, 1, 1, True)),
    "one chunk": lambda: BandedSolve(band(4, 1, 2)),
    "one row": lambda: BandedSolve(band(1, 0, 0)),
    "apply": lambda: Banded(band(11, 3, 2)),
    "apply cyclic": lambda: Banded(band(11, 3, 2, True)),
    "rectangular": lambda: Banded(RowBand(np.arange(9), rng.standard_normal((9, 5)), 13)),
    "backwards": lambda: Banded(RowBand(np.arange(9)[::-1].copy(), rng.standard_normal((9, 5)), 13)),
    "compact": lambda: compact("P"),
    "compact walls": lambda: compact("D"),
    "complex": lambda: Compact(band(12, 1, 1, dtype="complex128"), band(12, 1, 1, dtype="complex128")),
    "complex cyclic": lambda: Compact(band(12, 1, 1, True, "complex128"), band(12, 1, 1, True)),
}


def compact(kind):
    bc = tp.Periodic() if kind == "P" else (tp.Dirichlet(), tp.Neumann())
    axis = tp.Axis(14, 0.0, 1.0, bc=bc)
    scheme = tp.schemes.lele1992.first_derivative if kind == "P" else tp.schemes.lele1992.second_derivative
    parts = tp.schemes.assemble(scheme, axis)
    return Compact(parts.lhs, parts.rhs)


def values(shape, dtype):
    found = rng.standard_normal(shape)
    return (found + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else found).astype(dtype)


@pytest.fixture(params=["tiles", "chunks"])
def form(request, monkeypatch):
    """Lines in tiles, and lines that are too long for one."""
    monkeypatch.setattr(gpu.lines, "LANES", (3,))
    if request.param == "chunks":
        monkeypatch.setattr(gpu.lines, "SHARED_BYTES", 0)
    return request.param


@pytest.mark.parametrize("name", OPERATORS)
def test_lines_are_those_of_the_cpu(name, form):
    operator = OPERATORS[name]()
    m, n = operator.shape
    kind = "complex128" if operator.dtype.kind == "c" else "float64"
    for before, after in (((), (4,)), ((4,), ()), ((2,), (2,))):
        axis = len(before)
        u, out = values((*before, n, *after), kind), values((*before, m, *after), kind)
        expected, found = out.copy(), gpu.asarray(out)
        operator.apply(u, axis, expected, beta=0.5)
        operator.apply(gpu.asarray(u), axis, found, beta=0.5)
        assert np.abs(found.get() - expected).max() < 1e-13 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_types_of_values(dtype, form):
    operator = compact("P")
    u = values((3, 14, 2), dtype)
    expected = operator.apply(u, 1)
    found = operator.apply(gpu.asarray(u), 1)
    assert found.dtype == np.dtype(dtype)
    limit = 1e-12 if dtype == "complex128" else 1e-4
    assert np.abs(found.get() - expected).max() < limit * np.abs(expected).max()


def test_in_place_and_nothing(form):
    operator = OPERATORS["cyclic"]()
    u = values((12, 5), "float64")
    found = gpu.asarray(u)
    operator.apply(found, 0, found)
    assert np.allclose(found.get(), operator.apply(u, 0), rtol=1e-13, atol=1e-14)
    assert operator.apply(gpu.empty((12, 0)), 0).shape == (12, 0)


def test_a_line_does_not_depend_on_its_neighbours(form):
    """Results are the same bits however lines are distributed."""
    operator = OPERATORS["pentadiagonal"]()
    u = values((7, 13, 5), "float64")
    whole = operator.apply(gpu.asarray(u), 1).get()
    part = operator.apply(gpu.asarray(u[2:4, :, 1:2]), 1).get()
    assert np.array_equal(whole[2:4, :, 1:2], part)
