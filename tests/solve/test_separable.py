"""What FastDiagonal solves besides Poisson: Helmholtz, diffusion that differs from axis to axis, stretched grids."""

import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.sparse.linalg
from mpi import run_ranks
from twins import box, random, sparse

import tensorpde as tp
from tensorpde.kron import Kron, KronSum
from tensorpde.line import Banded
from tensorpde.schemes import central, lele1992

PAIRS = ["".join(pair) for pair in itertools.product("DNR", repeat=2)]


class Waves:
    """u = Π sin(1.3 x + 0.4 + k), its boundary data on any box in [0, 1]^d, all times 1 + t."""

    def __init__(self, ndim):
        self.ndim = ndim

    def __call__(self, *x):
        return np.prod(np.broadcast_arrays(*(np.sin(1.3 * part + 0.4 + k) for k, part in enumerate(x))), axis=0)

    def condition(self, axis, side, letter):
        phase = 1.3 * side + 0.4 + axis
        value, slope = np.sin(phase), 1.3 * np.cos(phase) * (2 * side - 1)
        here = {"D": value, "N": slope, "R": 2 * value + 3 * slope}[letter]

        def data(*others_and_t):
            *others, t = others_and_t
            places = [k for k in range(self.ndim) if k != axis]
            return (
                (1 + t)
                * here
                * np.prod(
                    np.broadcast_arrays(1.0, *(np.sin(1.3 * x + 0.4 + k) for k, x in zip(places, others, strict=True))),
                    axis=0,
                )
            )

        return {"D": tp.Dirichlet, "N": tp.Neumann, "R": lambda g: tp.Robin(2.0, 3.0, g)}[letter](data)

    def space(self, n, names, **options):
        axes = []
        for k, name in enumerate(names):
            bc = tuple(self.condition(k, side, letter) for side, letter in enumerate(name))
            axes.append(tp.Axis(n + k, 0.0, 1.0, bc=bc, **options))
        return tp.Space(tp.Grid(*axes), dtype="float64")


MIXES = [
    *((pair,) for pair in PAIRS if pair != "NN"),  # singular: see test_diagonal.py
    *((one, other) for one, other in zip(PAIRS, PAIRS[4:] + PAIRS[:4])),
    *(PAIRS[k : k + 3] for k in (0, 3, 6)), ("NR", "DD", "RN"), ("ND", "RD", "NN"),
]  # fmt: skip


@pytest.mark.parametrize("names", MIXES, ids="-".join)
@pytest.mark.parametrize(("scheme", "order"), [(central.second(2), 2), (lele1992.second(4), 4)])
def test_poisson_on_grids_stretched_along_every_axis(scheme, order, names):
    exact, errors = Waves(len(names)), []
    for n in (14, 28):
        s = exact.space(n, names, mapping=tp.Tanh(1.1))
        f = s.field(lambda *x: -1.5 * len(x) * 1.3**2 * exact(*x))
        u = tp.FastDiagonal(tp.laplacian(s, scheme)).solve(f, t=0.5)
        errors.append(np.abs((u - 1.5 * s.field(exact)).gather()).max())
    assert np.log2(errors[0] / errors[1]) > order - 0.6, errors


def test_a_periodic_axis_may_be_stretched_too():
    errors = []
    for n in (24, 48):
        wavy = tp.UserMapping(
            lambda xi: xi + 0.08 * np.sin(2 * np.pi * xi), lambda xi: 1 + 0.16 * np.pi * np.cos(2 * np.pi * xi)
        )
        s = tp.Space(tp.Grid(tp.Axis(n, 0, 1, mapping=wavy), tp.Axis(n, 0, 1, bc=tp.Dirichlet(), mapping=tp.Tanh(1.0))))
        exact = s.field(lambda x, y: np.sin(2 * np.pi * x) * np.sin(np.pi * y))
        u = tp.FastDiagonal(tp.laplacian(s, lele1992.second(4))).solve(-5 * np.pi**2 * exact)
        errors.append(np.abs((u - exact).gather()).max())
    assert np.log2(errors[0] / errors[1]) > 3.5, errors


@pytest.mark.parametrize("shift", [-3.0, -200.0, -55 + 4j, 12j], ids=str)
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("names", [("DN",), ("P", "DD"), ("P", "RD", "NN")])
def test_helmholtz_with_real_complex_and_indefinite_shifts(names, dtype, shift):
    s = box(names, (9, 7, 8)[: len(names)], dtype=dtype)
    L = tp.laplacian(s, lele1992.second(6))
    matrix = sparse(L).toarray() - shift * np.eye(np.prod(s.shape))
    if shift == -200.0:
        values = np.linalg.eigvals(matrix).real
        assert values.min() < 0 < values.max()
    f = random(s.shape, dtype=dtype)
    wanted = np.linalg.solve(matrix, f.ravel()).reshape(s.shape)
    for banded in (None, len(names) - 1):
        u = tp.FastDiagonal(L, shift, banded_axis=banded).solve(s.field(f))
        assert u.dtype == np.result_type(np.dtype(dtype), type(shift))
        np.testing.assert_allclose(u.gather(), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())


def test_complex_waves_converge_with_their_boundary_data():
    """∇²u − s u = 0 for u = exp(i k·x) and s = −|k|²: complex data and complex unknowns."""
    k, errors = np.array([2.0, 3.0]), []
    for n in (16, 32):
        axes = []
        for own, other in ((0, 1), (1, 0)):
            bc = [
                tp.Dirichlet(lambda y, t, own=own, other=other, wall=wall: np.exp(1j * (k[own] * wall + k[other] * y)))
                for wall in (0.0, 1.0)
            ]
            axes.append(tp.Axis(n, 0.0, 1.0, bc=tuple(bc)))
        s = tp.Space(tp.Grid(*axes), dtype="complex128")
        u = tp.FastDiagonal(tp.laplacian(s, lele1992.second(6)), shift=-(k @ k)).solve(s.zeros())
        exact = s.field(lambda x, y: np.exp(1j * (k[0] * x + k[1] * y)))
        errors.append(np.abs((u - exact).gather()).max())
    assert np.log2(errors[0] / errors[1]) > 5.5, errors


def test_resonance_names_the_shift_and_the_eigenvalue():
    s = box(("DD", "DD"), (6, 7))
    L = tp.laplacian(s)
    values = [modes.a for modes in tp.FastDiagonal(L).modes]
    shift = values[0][1] + values[1][2]
    with pytest.raises(ValueError, match=rf"shift {shift:.5f}\d* is on the eigenvalue {shift:.5f}"):
        tp.FastDiagonal(L, shift).solve(s.field(lambda x, y: np.sin(2 * np.pi * x) * np.sin(3 * np.pi * y)))


def anisotropic(s, kappas, scheme):
    """Σ κ_k(x_k) ∂²/∂x_k²: a number or a function for each axis."""
    terms = []
    for axis, kappa in enumerate(kappas):
        D = tp.derivative(s, axis, scheme)
        terms.append(Kron(s, {axis: Banded.diagonal(kappa(s.axes[axis].x))}) @ D if callable(kappa) else kappa * D)
    return KronSum(terms)


KAPPAS = {"numbers": (1.0, 0.01, 30.0), "functions": (lambda x: 1 + x, lambda x: np.exp(-x), 2.0)}


@pytest.mark.parametrize("kappas", KAPPAS)
@pytest.mark.parametrize("names", [("DN",), ("P", "DD"), ("RD", "P", "NN")])
@pytest.mark.parametrize("scheme", [central.second(2), lele1992.second(6)], ids=["central", "compact"])
def test_implicit_diffusion_equals_a_sparse_solve(scheme, names, kappas):
    s = box(names, (9, 7, 8)[: len(names)])
    step = Kron(s, {}) - 1e-3 * anisotropic(s, KAPPAS[kappas][: s.ndim], scheme)
    f = random(s.shape)
    wanted = scipy.sparse.linalg.spsolve(sparse(step), f.ravel()).reshape(s.shape)
    u = tp.FastDiagonal(step).solve(s.field(f))
    np.testing.assert_allclose(u.gather(), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("names", [("DR",), ("DN", "RD"), ("DD", "ND", "DR")], ids="-".join)
def test_implicit_diffusion_converges_with_boundary_data(names):
    exact, errors, tau, t = Waves(len(names)), [], 0.1, 0.5
    kappas = KAPPAS["functions"][: len(names)]
    for n in (12, 24):
        s = exact.space(n, names)
        total = sum(kappa(x) if callable(kappa) else kappa for kappa, x in zip(kappas, s.coordinates()))
        f = s.field(exact) * (1 + t)
        f *= s.field(lambda *x, total=total: 1 + tau * 1.3**2 * total)
        step = Kron(s, {}) - tau * anisotropic(s, kappas, lele1992.second(4))
        u = tp.FastDiagonal(step).solve(f, t=t)
        errors.append(np.abs((u - (1 + t) * s.field(exact)).gather()).max())
    assert np.log2(errors[0] / errors[1]) > 3.5, errors


def test_flux_form_of_a_variable_coefficient():
    """∂(κ ∂u): to the cells, times κ there, and back to the nodes; a symmetric operator."""
    s = box(("DD", "P"), (9, 8))
    terms = []
    for axis, kappa in enumerate((lambda x: 1 + x**2, lambda x: 2 + np.sin(2 * np.pi * x))):
        D = tp.derivative(s, axis, central.staggered(2))
        flux = Kron(D.range, {axis: Banded.diagonal(kappa(D.range.axes[axis].x))})
        terms.append(flux @ D)
        back = tp.derivative(D.range, axis, central.staggered(2), to=s, bc=tp.Periodic() if axis else (None, None))
        terms[-1] = back @ terms[-1]
    L = KronSum(terms)
    matrix = sparse(L).toarray()
    f = random(s.shape)
    wanted = np.linalg.solve(matrix - 0.5 * np.eye(f.size), f.ravel()).reshape(s.shape)
    np.testing.assert_allclose(tp.FastDiagonal(L, 0.5).solve(s.field(f)).gather(), wanted, rtol=0, atol=1e-12)


def test_set_up_is_one_dimensional():
    """Beside fields and the work arrays that solves share, nothing grows faster than the squares of single axes."""

    def kept(n):
        s = box(("DD", "DN", "P"), (n, n, n))
        L = tp.laplacian(s, lele1992.second(4))
        tracemalloc.start()
        solvers = [
            tp.FastDiagonal(L), tp.FastDiagonal(L, 1j), tp.FastDiagonal(L, banded_axis=1),
            tp.FastDiagonal(L, function=np.square),
        ]  # fmt: skip
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size, solvers

    kept(8)
    (small, _), (large, _) = kept(24), kept(48)
    assert large < 4.6 * small, (small, large)
    assert large < 4 * 40 * 48**2 * 8


def check():
    s = box(("P", "RD", "NN"), (8, 7, 9))
    step = Kron(s, {}) - 1e-3 * anisotropic(s, KAPPAS["functions"], lele1992.second(6))
    f = random(s.shape)
    wanted = scipy.sparse.linalg.spsolve(sparse(step), f.ravel()).reshape(s.shape)
    np.testing.assert_allclose(tp.FastDiagonal(step).solve(s.field(f)).gather(), wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize("ranks", [3, 4])
def test_on_several_ranks(ranks):
    run_ranks(ranks, "solve/test_separable.py::check")
