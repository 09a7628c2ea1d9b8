"""Pointwise kernels, transforms, sums, modal and banded divisions, transport of the GPU backend: as on the CPU."""

import numpy as np
import pytest
import standin

with standin.present():
    from tensorpde import backend
    from tensorpde.backend import cupy as gpu
    from tensorpde.line import RowBand
    from tensorpde.line.factor import sweeps
    from tensorpde.solve.mixed import bordered

cpu = backend.get("numpy")
rng = np.random.default_rng(5)


def values(shape, dtype="float64"):
    found = rng.standard_normal(shape)
    return (found + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else found).astype(dtype)


def same(found, expected, limit=1e-13):
    found = backend.of(found).to_host(found)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    assert np.abs(found - expected).max() <= limit * max(1.0, np.abs(expected).max())


def both(function, arrays, limit=1e-13):
    """Call function(backend, arrays of it…), which changes some of them, on either backend and compare them all."""
    ours, theirs = [gpu.asarray(a) for a in arrays], [a.copy() for a in arrays]
    results = function(gpu, *ours), function(cpu, *theirs)
    for found, expected in zip(ours, theirs, strict=True):
        same(found, expected, limit)
    return results


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_updates_in_one_pass(dtype):
    limit = 1e-6 if dtype == "float32" else 1e-14
    x, y = values((3, 4), dtype), values((3, 4), dtype)
    for alpha, beta in ((1.0, 0.0), (2.5, 0.0), (0.5, -1.5)):
        both(lambda b, x, y, p=alpha, q=beta: b.pointwise.axpby(p, x, q, y), [x, y], limit)
    for a in (0.0, -0.7):
        both(lambda b, u, q, f, a=a: b.pointwise.two_register_update(u, q, f, a, 0.4, 0.1), [x, y, x + y], limit)
    both(lambda b, x, y: b.pointwise.copy(x, y), [x, y])
    both(lambda b, x, y: b.blocks.copy_block(x[1:, ::2], y[1:, ::2]), [x, y])


def test_what_is_not_read_may_be_anything():
    y = gpu.asarray(np.full(5, np.nan))
    gpu.pointwise.axpby(2.0, gpu.asarray(np.ones(5)), 0.0, y)
    same(y, np.full(5, 2.0))
    u, q = gpu.asarray(np.ones(5)), gpu.asarray(np.full(5, np.nan))
    gpu.pointwise.two_register_update(u, q, gpu.asarray(np.ones(5)), 0.0, 2.0, 0.5)
    same(u, np.full(5, 2.0))


@pytest.mark.parametrize("dtypes", [("float64", "float64"), ("float64", "complex128"), ("complex128", "complex128")])
def test_dense_products_along_every_axis(dtypes):
    matrix, u = values((3, 5), dtypes[0]), values((5, 5, 5), dtypes[1])
    for axis in range(3):
        shape = [5, 5, 5]
        shape[axis] = 3
        for alpha, beta in ((1.0, 0.0), (0.5, 2.0)):
            both(
                lambda b, m, u, out, k=axis, p=alpha, q=beta: b.pointwise.matmul(m, u, k, out, p, q),
                [matrix, u, values(shape, dtypes[1])],
            )


def test_courant_number():
    velocity = values((3, 4, 3, 5))
    scales = [2.0, np.arange(3.0), np.linspace(1, 2, 5)]
    assert np.isclose(gpu.pointwise.courant(gpu.asarray(velocity), scales), cpu.pointwise.courant(velocity, scales))
    velocity[1, 2, 1, 3] = np.nan
    assert np.isnan(gpu.pointwise.courant(gpu.asarray(velocity), scales))
    assert gpu.pointwise.courant(gpu.empty((3, 0, 2, 2)), [1.0] * 3) == 0.0


@pytest.mark.parametrize(
    "dtypes", [("float64", "float64"), ("float32", None), ("complex128", "complex128"), ("complex64", None)]
)
def test_line_sums(dtypes):
    a, weights = values((3, 2, 7), dtypes[0]), rng.random(7)
    b = None if dtypes[1] is None else values((3, 2, 7), dtypes[1])
    for w in (None, weights):
        ours = gpu.reductions.line_sums(gpu.asarray(a), None if b is None else gpu.asarray(b), w)
        same(
            ours,
            cpu.reductions.line_sums(a, b, w),
            1e-6 if "64" not in dtypes[0][-3:] or dtypes[0] == "complex64" else 1e-13,
        )
    part = gpu.reductions.line_sums(gpu.asarray(a[1:2]), None if b is None else gpu.asarray(b[1:2]))
    whole = gpu.reductions.line_sums(gpu.asarray(a), None if b is None else gpu.asarray(b))
    assert np.array_equal(part.get(), whole.get()[1:2])
    assert gpu.reductions.line_sums(gpu.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("kind", gpu.transforms.KINDS)
def test_transforms_and_their_solves(kind):
    n = 6
    complex_values = kind == "fft"
    u = values((2, n, 3), "complex128" if complex_values else "float64")
    plans = [b.transforms.Plan(kind, n) for b in (gpu, cpu)]
    modes = plans[1].forward(u, 1)
    same(plans[0].forward(gpu.asarray(u), 1), modes, 1e-14)
    same(plans[0].inverse(gpu.asarray(modes), 1), u, 1e-14)
    factor = rng.random(plans[0].modes)
    same(plans[0].solve(gpu.asarray(u), 1, factor), plans[1].solve(u, 1, factor), 1e-14)
    eigenvalues = [rng.random(2), rng.random(plans[0].modes), rng.random(3)]
    for shift in (0.5, 0.5 + 1j):
        by = [b.transforms.separable(eigenvalues, 1, shift) for b in (gpu, cpu)]
        same(plans[0].solve(gpu.asarray(u), 1, by[0]), plans[1].solve(u, 1, by[1]), 1e-13) if shift == 0.5 or (
            complex_values
        ) else None
    out = gpu.asarray(u)
    same(plans[0].solve(out, 1, factor, out), plans[1].solve(u, 1, factor), 1e-14)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "float64", "complex128"])
@pytest.mark.parametrize(("shape", "axis"), [((5, 3, 2), 0), ((2, 6, 3), 1), ((9, 5, 2), 1), ((3, 4), -1), ((4, 1), 0)])
def test_fourier_transforms_along_every_axis(shape, axis, dtype, monkeypatch):
    """By strides along the first axes, also to an array that is given; of lines along the others."""
    u, limit = values(shape, dtype), 1e-14 if dtype in ("float64", "complex128") else 2e-6
    kind = "fft" if "complex" in dtype else "rfft"
    ours, theirs = (b.transforms.Plan(kind, shape[axis], dtype) for b in (gpu, cpu))
    modes = theirs.forward(u, axis)
    same(ours.forward(gpu.asarray(u), axis), modes, limit)
    out, given = gpu.asarray(np.zeros_like(modes)), gpu.asarray(modes)
    assert ours.forward(gpu.asarray(u), axis, out) is out
    same(out, modes, limit)
    same(ours.inverse(given, axis), u, limit)
    same(given, modes, 0.0)  # what is given stays
    if kind == "fft":
        ours.inverse(out, axis, out)
        same(out, u, limit)


def test_transforms_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="unknown"):
        gpu.transforms.Plan("dct5", 4)
    with pytest.raises(ValueError, match="at least 2 values on a line, not 1"):
        gpu.transforms.Plan("dct1", 1)
    plan = gpu.transforms.Plan("rfft", 4)
    with pytest.raises(ValueError, match=r"\(3,\) does not have 4 values along axis 0"):
        plan.forward(gpu.zeros(3), 0)
    with pytest.raises(TypeError, match="real values, not complex128"):
        plan.forward(gpu.zeros(4, "complex128"), 0)
    with pytest.raises(ValueError, match=r"\(5,\) does not have one value for 3 modes"):
        plan.solve(gpu.zeros(4), 0, np.ones(5))


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_division_by_sums_of_eigenvalues(dtype):
    eigenvalues = [(rng.random(3), rng.random(3)), (values(4, dtype), rng.random(4)), (rng.random(2), rng.random(2))]
    for own, _ in eigenvalues:
        own[0] = 0.0
    multipliers = [b.transforms.separable(eigenvalues, 1, 0.0, 1e-12) for b in (gpu, cpu)]
    u = values((6, 4, 2), dtype)
    found, expected = gpu.asarray(u), u.copy()
    gpu.shifted.scale(found, 1, multipliers[0])
    cpu.shifted.scale(expected, 1, multipliers[1])
    same(found, expected)
    assert (expected == 0).sum() == 2


@pytest.mark.parametrize("case", ["open", "compact", "periodic", "complex", "complex values"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_bands_that_differ_from_line_to_line(case, axis, monkeypatch):
    monkeypatch.setattr(gpu.shifted, "WORK_BYTES", 2000)
    n = 7
    a = np.diag(np.full(n, 4.0)) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1)
    b = np.eye(n) + np.diag(rng.random(n - 2), 2)
    if case == "periodic":
        a[0, -1] = a[-1, 0] = -1.0
        b = np.eye(n)
    left = None
    if case == "compact":
        left = RowBand(np.arange(n) - 1, np.tile([0.2, 1.0, 0.2], (n, 1)), n, True)
    shift = -1.0 + (1j if case == "complex" else 0)
    data = "complex128" if "complex" in case else "float64"
    plan = bordered(a, b, left)
    eigenvalues = [(rng.random(k), 1 + rng.random(k)) for k in (2, 3, 2)]
    eigenvalues[axis] = (np.zeros(1), np.ones(1))
    shape = [2, 3, 2]
    shape[axis] = n
    u = values(shape, data)
    kind = "complex128" if case == "complex" else "float64"

    def solve(b, u):
        lanes = b.transforms.separable(eigenvalues, axis, shift, 1e-12)
        return b.shifted.solve(b.shifted.prepare(plan, kind), u, axis, lanes, False, u)

    growths = both(solve, [u], 1e-12)
    assert np.isclose(*growths)


def test_bands_without_an_inverse():
    n = 5
    a = 2 * np.eye(n) - np.roll(np.eye(n), 1, 0) - np.roll(np.eye(n), -1, 0)
    plan = bordered(a, np.eye(n), None)
    eigenvalues = [(np.arange(3.0), np.ones(3)), (np.zeros(1), np.ones(1))]

    def solve(b, u):
        lanes = b.transforms.separable(eigenvalues, 1, 0.0, 1e-12)
        return b.shifted.solve(b.shifted.prepare(plan, "float64"), u, 1, lanes, True, u)

    found = gpu.asarray(np.ones((3, n)))
    both(solve, [np.ones((3, n))])
    solve(gpu, found)
    assert not found.get()[0].any() and found.get()[1:].all()


def operators(n, walls):
    """Three compact line operators, wall columns at either end if asked."""
    beyond = 1 if walls else 0
    made = []
    for reach in (1, 2, 1):
        start = (
            np.clip(np.arange(n) - reach, -beyond, n + beyond - 2 * reach - 1) + beyond
            if walls
            else np.arange(n) - reach
        )
        rhs = RowBand(start, rng.standard_normal((n, 2 * reach + 1)), n + 2 * beyond, not walls)
        left = RowBand(np.arange(n) - 1, np.tile([0.25, 1.0, 0.2], (n, 1)), n, True)
        if walls:
            matrix = np.eye(n) + 0.25 * np.eye(n, k=1) + 0.2 * np.eye(n, k=-1)
            left = RowBand.from_matrix(matrix)
        made.append(sweeps(left, rhs))
    return made


@pytest.mark.parametrize("walls", [False, True])
@pytest.mark.parametrize("form", ["tiles", "arrays"])
def test_transport(walls, form, monkeypatch):
    if form == "arrays":
        monkeypatch.setattr(gpu.lines, "SHARED_BYTES", 0)
    n, made = 7, operators(7, walls)
    for axis in range(3):
        shape = [2, 2, 3]
        shape[axis] = n
        lines = int(np.prod(shape)) // n
        edges = [values((2, lines)), values((2, lines))]

        def run(b, a, phi, out, one, two, beta=0.5, axis=axis):
            plan = b.transport.prepare(made, "float64", walls)
            b.transport.transport(plan, a, phi, out, axis, beta, (one, two) if walls else None)

        both(run, [values(shape), values(shape), values(shape), *edges], 1e-12)
        empty = np.full(shape, np.nan)
        a, phi = values(shape), values(shape)
        found, expected = gpu.asarray(empty), empty.copy()
        run(gpu, gpu.asarray(a), gpu.asarray(phi), found, *map(gpu.asarray, edges), beta=0.0)
        run(cpu, a, phi, expected, *edges, beta=0.0)
        same(found, expected, 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activations(dtype):
    limit = 2e-6 if dtype == "float32" else 1e-14
    v, addend, y = (values((2, 3, 5), dtype) for _ in "123")
    alpha, beta, gamma = (values((2, 3), dtype) for _ in "123")

    def full(b, v, addend, y, alpha, beta, gamma):
        b.activations.combine(v, beta, addend, gamma, alpha, y)

    both(full, [v, addend, y, alpha, beta, gamma], limit)
    both(lambda b, v, beta: b.activations.combine(v, beta), [v, beta], limit)
    both(lambda b, v, beta: b.activations.combine(v, beta, active=False), [v, beta], limit)
    both(lambda b, v, d, y: b.activations.gelu_backward(v, d, y), [v, addend, y], limit)
    both(lambda b, v, d: b.activations.gelu_backward(v, d), [v, addend], limit)


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_weights(dtype):
    limit = 1e-5 if dtype == "float32" else 1e-13
    w, g, m = (values((3, 4), dtype) for _ in "123")
    v = (np.abs(w) * (1 + 1j if dtype == "complex128" else 1)).astype(dtype)
    numbers = (1e-2, 0.99, 1e-3, 0.9, 0.999, 1.1, 1e-8)
    both(lambda b, w, g, m, v: b.updates.adam(w, g, m, v, numbers), [w, g, m, v], limit)
    for nesterov in (False, True):
        both(lambda b, w, g, m, k=nesterov: b.updates.momentum(w, g, m, numbers[:4], k), [w, g, m], limit)
    assert np.isclose(gpu.updates.sum_of_squares(gpu.asarray(w)), cpu.updates.sum_of_squares(w), rtol=1e-12)


def test_products():
    a, b = values((2, 3, 4)), values((2, 4, 5))
    same(gpu.products.matmul(gpu.asarray(a), gpu.asarray(b)), a @ b)
    same(gpu.products.row_sums(gpu.asarray(a)), a.sum(axis=-1))
    same(gpu.products.row_dots(gpu.asarray(a), gpu.asarray(2 * a)), 2 * (a * a).sum(axis=-1))
    assert gpu.recycling.empty((2, 3), "float32").shape == (2, 3)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shape", [(1, 4, 30), (30, 4, 1), (5, 4, 6), (2, 4, 1), (0, 4, 3)])
def test_products_of_a_tensor_with_itself(shape, dtype, monkeypatch):
    """All at once and some columns at a time."""
    x = values(shape, dtype)
    for at_once in (1 << 24, 50):
        monkeypatch.setattr(gpu.products, "AT_ONCE", at_once)
        gram, r = gpu.products.gram(gpu.asarray(x)), gpu.products.triangle(gpu.asarray(x)).get()
        same(gram, cpu.products.gram(x))
        np.testing.assert_allclose(r.conj().T @ r, gram.get().conj(), atol=1e-13)
        assert len(r) <= 4 and cpu.products.triangle(x).shape == r.shape
