"""Weak forms with variable coefficients on the GPU backend: as on the CPU, with arrays of elements in either memory."""

import numpy as np
import pytest
import standin

with standin.present():
    import tensorpde as tp
    from tensorpde import backend
    from tensorpde.backend.cupy import elements

D, N, P = tp.Dirichlet(), tp.Neumann(), tp.Periodic()

# Of the degrees of tests/sumfact/test_forms.py, so that no more kernels of the CPU are compiled.
BOX = [
    tp.Axis(n, 0.0, 1.2, bc=bc, basis=tp.Lagrange(2), **options)
    for n, bc, options in ((3, N, {}), (2, (N, D), {}), (4, P, {"mapping": tp.Gathered(0.3)}))
]
SPLINES = [tp.Axis(4, -0.5, 1.0, bc=D, basis=tp.BSpline(3)), tp.Axis(3, -0.5, 1.0, bc=N, basis=tp.BSpline(2))]


def kappa(*x):
    return 1.5 + sum(np.sin((k + 1) * c) for k, c in enumerate(x)) * np.cos(x[-1])


def velocity(*x):
    return [np.cos(c + k) * (1 + x[0]) for k, c in enumerate(x)]


def bent(*x):
    return [c + 0.05 * np.sin(c) * np.cos(x[-1] - k) for k, c in enumerate(x)]


def forms(axes, backend):
    """Every form, with the transpose that differs."""
    space = tp.Space(tp.Grid(*axes), backend=backend)
    advection = tp.advection(space, velocity)
    mapped = tp.stiffness(space, kappa, geometry=bent)
    return [tp.mass(space, kappa), tp.stiffness(space, kappa), mapped, advection, advection.T]


@pytest.mark.parametrize("axes", [BOX, SPLINES], ids=["elements", "splines"])
def test_forms(axes):
    for ours, theirs in zip(forms(axes, "cupy"), forms(axes, "numpy"), strict=True):
        values = np.random.default_rng(2).standard_normal(ours.domain.shape)
        found, expected = (operator @ operator.domain.field(values) for operator in (ours, theirs))
        assert backend.of(found.local).name == "cupy"
        assert np.abs(found.gather() - expected.gather()).max() <= 1e-13 * np.abs(expected.gather()).max()


def test_complex_single_precision_in_the_memory_of_the_device(monkeypatch):
    """What does not fit shared memory, part by part, twice added."""
    monkeypatch.setattr(elements, "SHARED_BYTES", 0)
    parts = np.random.default_rng(3).standard_normal((2, 1, *(axis.n for axis in SPLINES))).astype("float32")
    plain = tp.Space(tp.Grid(*SPLINES))
    expected = [(tp.stiffness(plain, kappa) @ plain.field(part[0])).gather() for part in parts]
    space = tp.Space(tp.Grid(*SPLINES), backend="cupy", dtype="complex64")
    u = space.field(parts[0] + 1j * parts[1])
    out = tp.stiffness(space, kappa) @ u
    tp.stiffness(space, kappa).apply(u, out, 1.0)
    found = out.gather()[0]
    assert out.dtype == "complex64"
    assert np.abs(found - 2 * (expected[0] + 1j * expected[1])).max() < 1e-5 * np.abs(found).max()
