"""The fused transport kernel against the three line operators it is made of."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp
from tensorpde import backend
from tensorpde.line import Compact
from tensorpde.pde.transport import line_sweeps
from tensorpde.schemes import assemble, lele1992

N = 21
NU = 0.3
PERIODIC = tp.Axis(N, 0.0, 2.0)
WALLS = tp.Axis(N, 0.0, 2.0, bc=(tp.Dirichlet(1.0), tp.Dirichlet(-2.0)))


def twin(axis: tp.Axis, a: np.ndarray, phi: np.ndarray, along: int, walls: tuple | None) -> np.ndarray:
    """−½ (a ∂φ + ∂(a φ)) + ν ∂²φ, one array per term."""

    def apply(scheme: tp.schemes.Scheme, u: np.ndarray, data: np.ndarray) -> np.ndarray:
        parts = assemble(scheme, axis)
        lifting = np.stack([parts.left, parts.right], axis=1)
        if parts.lhs is not None:
            lifting = np.linalg.solve(parts.lhs.matrix(), lifting)
        matrix = Compact(parts.lhs, parts.rhs).matrix()
        sums = np.tensordot(matrix, u, (1, along)) + np.tensordot(lifting, data, (1, 0))
        return np.moveaxis(sums, 0, along)

    others = a.shape[:along] + a.shape[along + 1 :]
    on_a, on_phi = (np.reshape(data, (2, *others)) for data in walls or np.zeros((2, 2, *others)))
    first, second = lele1992.first_derivative, lele1992.second_derivative
    convection = a * apply(first, phi, on_phi) + apply(first, a * phi, on_a * on_phi)
    return -0.5 * convection + NU * apply(second, phi, on_phi)


@pytest.mark.parametrize("shape", [(N,), (N, 3, 50), (4, N, 33), (40, N), (3, 2, N), (65, N, 1)], ids=str)
@pytest.mark.parametrize("axis", [PERIODIC, WALLS], ids=["periodic", "walls"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_against_its_parts(shape: tuple, axis: tp.Axis, dtype: str) -> None:
    kernel = backend.get("numpy").transport
    draw = np.random.default_rng(3)
    a, phi, start = (draw.standard_normal(shape).astype(dtype) for _ in range(3))
    along = shape.index(N)
    walls = None if axis.periodic else tuple(draw.standard_normal((2, 2, a.size // N)).astype(dtype))
    schemes = ((lele1992.first_derivative, 1.0), (lele1992.first_derivative, 1.0), (lele1992.second_derivative, NU))
    sweeps = [line_sweeps(scheme, axis, axis.bc, factor) for scheme, factor in schemes]
    if walls:  # the product has other data than φ; the columns for them are the same
        assert len({s.rhs.n for s in sweeps}) == 1
    plans = kernel.prepare(sweeps, dtype, walls is not None)
    expected = twin(axis, *(x.astype(float) for x in (a, phi)), along, walls)
    out = np.full(shape, np.nan, dtype)
    kernel.transport(plans, a, phi, out, along, walls=walls)
    scale = np.abs(expected).max()
    tolerance = 1e-13 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(out, expected, atol=tolerance * scale)
    out = start.copy()
    kernel.transport(plans, a, phi, out, along, beta=-2.0, walls=walls)
    np.testing.assert_allclose(out, expected - 2.0 * start, atol=tolerance * scale)


def test_a_line_does_not_feel_its_neighbours() -> None:
    kernel = backend.get("numpy").transport
    sweeps = line_sweeps(lele1992.first_derivative, PERIODIC, PERIODIC.bc, 1.0)
    plans = kernel.prepare([sweeps] * 3, "float64", False)
    draw = np.random.default_rng(5)
    a, phi = draw.standard_normal((2, 6, N, 70))
    out = np.empty_like(a)
    kernel.transport(plans, a, phi, out, 1)
    for o, i in [(0, 0), (3, 31), (5, 69)]:
        alone = np.empty(N)
        kernel.transport(plans, np.ascontiguousarray(a[o, :, i]), np.ascontiguousarray(phi[o, :, i]), alone, 0)
        assert np.array_equal(alone, out[o, :, i])
