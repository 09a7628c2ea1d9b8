"""The steady state takes no new memory of the device: CuPy's pool stays as large as after the second step."""

import gc

import numpy as np
import pytest
import standin

with standin.present():
    import tensorpde as tp
    from tensorpde import learn
    from tensorpde.backend import cupy as gpu

PERIODIC, WALLS = tp.Periodic(), (tp.Dirichlet(1.0), tp.Neumann(0.5))


def space(*axes):
    return tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 2 * np.pi, bc=bc) for n, bc in axes]), backend="cupy")


def taylor_green():
    where = space(*[(6, PERIODIC)] * 2)
    flow = tp.pde.NavierStokes(where, nu=0.01)
    v = where.field(lambda x, y: [np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y)], lead=(2,))
    return lambda: flow.step(v, 1e-2)


def heat_by_adi():
    where = space((6, PERIODIC), (7, WALLS))
    step = tp.DouglasGunn(0.3 * tp.laplacian(where, tp.schemes.lele1992.second_derivative), dt=1e-2)
    u = where.field(lambda x, y: np.sin(x) * y)
    return lambda: step(u)


def fast_diagonal():
    where = space((6, PERIODIC), (5, WALLS), (7, PERIODIC))
    solver, f = tp.FastDiagonal(tp.laplacian(where), shift=1.0), where.field(lambda x, y, z: np.sin(x) * np.cos(z) + y)
    u = where.empty()
    return lambda: solver.solve(f, out=u)


def training():
    model = learn.TFNO((4, 4), 1, 1, 4, n_layers=2, rank=0.5)
    x, target = (gpu.asarray(np.random.default_rng(k).standard_normal((2, 1, 8, 6)), "float32") for k in range(2))
    loss, optimizer = learn.losses.relative_l2(), learn.optim.AdamW(1e-4)
    state = learn.start(model, optimizer, 0, "cupy")

    def step():
        y, saved = model.forward(state.params, x)
        _, dy = loss(y, target)
        grads = model.backward(state.params, saved, dy)[1]
        state.params, state.optimizer = optimizer.update(grads, state.optimizer, state.params, 1e-3)

    return step


def used_in_steps(step):
    """What the pool has lent, and has in all, after each of four steps."""
    pool, sizes = gpu.cupy.get_default_memory_pool(), []
    gc.collect()
    gc.disable()  # nothing may hang on what only a collection of cycles finds
    try:
        for _ in range(4):
            step()
            sizes.append((pool.used_bytes(), pool.total_bytes()))
    finally:
        gc.enable()
    return sizes


def test_what_is_kept_is_seen():
    kept = []
    sizes = used_in_steps(lambda: kept.append(gpu.zeros(100)))
    assert sizes[3][0] - sizes[2][0] == 1024


@pytest.mark.parametrize("make", [taylor_green, heat_by_adi, fast_diagonal, training], ids=lambda f: f.__name__)
def test_the_pool_stays_as_it_is(make):
    sizes = used_in_steps(make())
    assert sizes[1] == sizes[2] == sizes[3]
