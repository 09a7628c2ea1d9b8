"""Steps that are recorded and repeated: the same bits, recorded anew when something changes, refused by name."""

import numpy as np
import pytest
import standin

with standin.present():
    import tensorpde as tp
    from tensorpde.backend import cupy as gpu

PERIODIC = tp.Periodic()


@pytest.fixture
def launches(monkeypatch):
    """Recordings are asked for; how often kernels were started and graphs launched."""
    counts, start, launch = {"kernels": 0, "graphs": 0}, gpu.compiled.start, standin.Graph.launch

    def counted(what, call):
        def one(*args, **options):
            counts[what] += 1
            return call(*args, **options)

        return one

    monkeypatch.setattr(gpu.graphs, "ASKED", True)
    monkeypatch.setattr(standin.Graph, "launch", counted("graphs", launch))
    for module in (gpu.compiled, gpu.lines, gpu.transport):
        monkeypatch.setattr(module, "start", counted("kernels", start))
    return counts


def space(n, ndim):
    return tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 2 * np.pi, bc=PERIODIC)] * ndim), backend="cupy")


def taylor_green():
    where = space(4, 2)
    flow = tp.pde.NavierStokes(where, nu=0.01)
    v = where.field(lambda x, y: [np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y + 0.3)], lead=(2,))
    return flow, v


def vorticity():
    where = space(6, 2)
    flow = tp.pde.Vorticity(where, 0.01, force=where.field(lambda x, y: np.sin(x) + 0 * y))
    return flow, flow.start(where.field(lambda x, y: np.sin(x) * np.cos(2 * y) + np.cos(2 * x + y)))


@pytest.mark.parametrize("make", [taylor_green, vorticity], ids=lambda f: f.__name__)
def test_repeated_steps_have_the_same_bits_and_start_nothing_else(make, launches, monkeypatch):
    fields, kernels = [], []
    for asked in (True, False):
        monkeypatch.setattr(gpu.graphs, "ASKED", asked)
        flow, v = make()
        for dt in (1e-2,) * 4 + (2e-2,) * 3:
            before = launches["kernels"]
            flow.step(v, dt)
            kernels.append(launches["kernels"] - before)
            if asked and dt == 2e-2:  # what diagnostics take and give back is no memory of the graph
                flow.diagnostics(v)
        fields.append(v.gather())
    assert np.array_equal(*fields)
    assert launches["graphs"] == 2 + 1
    once = kernels[-1]
    assert once and kernels == [once, once, once, 0, once, once, once, *[once] * 7]


def test_another_array_is_another_recording(launches):
    flow, v = vorticity()
    w = v.copy()
    for u in (v, v, v, w, w, w):
        flow.step(u, 1e-2)
    assert launches["graphs"] == 2
    assert np.array_equal(v.gather(), w.gather())


def test_forces_that_depend_on_time_are_not_recorded(launches):
    where = space(4, 2)
    flow = tp.pde.NavierStokes(where, nu=0.01, force=(lambda x, y, t: t * np.sin(y), 0.0))
    v = where.zeros(lead=(2,))
    for step in range(3):
        flow.step(v, 1e-2, 1e-2 * step)
    assert launches["graphs"] == 0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda u: gpu.asarray(np.ones(3)), "copies values from the host"),
        (lambda u: u.get(), "a copy to the host"),
        (lambda u: float(u.sum()), "host waits"),
        (lambda u: gpu.cupy.matmul(u[:, None], u[None]), "cuBLAS"),
        (lambda u: gpu.blocks.wait(), "host waits"),
    ],
)
def test_what_cannot_be_recorded_is_one_sentence(call, words, launches):
    u, recording = gpu.asarray(np.arange(3.0)), gpu.graphs.Recording()

    def step():
        u[...] += 1.0
        call(u)

    for _ in range(2):
        recording(step, [u], 0.1, list)
    with pytest.raises(RuntimeError, match=f"TENSORPDE_GRAPH=1, but this step cannot be recorded: .*{words}"):
        recording(step, [u], 0.1, list)
    assert np.array_equal(u.get(), np.arange(3.0) + 2.0)  # nothing of what failed was done


def test_memory_from_the_driver_is_refused_while_recording(launches):
    u, recording, kept = gpu.asarray(np.arange(3.0)), gpu.graphs.Recording(), []
    for _ in range(2):
        recording(lambda: kept.append(u + 1.0), [u], 0.1, list)
    with pytest.raises(RuntimeError, match="memory from the driver"):
        recording(lambda: kept.append(u + 1.0), [u], 0.1, list)
