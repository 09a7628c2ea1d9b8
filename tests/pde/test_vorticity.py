"""Flow on a torus by its vorticity: exact decay, conservation, order in time, the same bits on any ranks."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
from local import local
from mpi import run_ranks

import tensorpde as tp
from tensorpde.stepping import WILLIAMSON_RK3

HERE = "pde/test_vorticity.py"


def torus(n: int = 24, m: int = 20, comm=None, **options) -> tp.Space:
    return tp.Space(tp.Grid(tp.Axis(n, 0.0, 2 * np.pi), tp.Axis(m, -1.0, 3.0)), comm, **options)


def spectrum(k: np.ndarray) -> np.ndarray:
    return k**2 / (1 + k**2) ** 3


def drawn(flow: tp.pde.Vorticity, samples=0) -> tp.Field:
    return flow.start(tp.pde.RandomField(flow.space, spectrum).modes(3, samples))


@pytest.mark.parametrize("n", [16, 15, 14])
def test_taylor_green_decays_exactly_whatever_the_step(n: int) -> None:
    """The convection of an eigenfunction of ∇² vanishes and the rest is an exponential: round-off in one long step."""
    space = tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 2 * np.pi)] * 2))
    nu, drag = 0.05, 0.1
    flow = tp.pde.Vorticity(space, nu, drag)
    omega = space.field(lambda x, y: 2 * np.cos(x) * np.cos(y))
    state = flow.start(omega)
    flow.step(state, 1.0)
    flow.step(state, 0.5, 1.0)
    assert (flow.vorticity(state) - omega * np.exp(-(2 * nu + drag) * 1.5)).norm() < 1e-13 * omega.norm()


def test_velocity_and_vorticity_fit_and_the_slope_is_that_of_derivatives() -> None:
    """On a grid that resolves all products: −u·∇ω by differences of order 6 on much finer points agrees."""
    flow = tp.pde.Vorticity(torus(), 0.0)
    state = drawn(flow)
    x, y = (axis.x for axis in flow.space.axes)
    kx, ky = 2 * np.pi * np.fft.fftfreq(24, 1 / 24) / (2 * np.pi), 2 * np.pi * np.fft.fftfreq(20, 1 / 20) / 4
    omega = flow.vorticity(state).gather()
    modes = np.fft.fft2(omega)
    square = kx[:, None] ** 2 + ky**2
    psi = np.divide(modes, square, where=square > 0, out=np.zeros_like(modes))
    u, v = (np.fft.ifft2(f).real for f in (1j * ky * psi, -1j * kx[:, None] * psi))
    np.testing.assert_allclose(flow.velocity(state).gather(), [u, v], atol=1e-13)
    along = [np.fft.ifft2(f).real for f in (1j * kx[:, None] * modes, 1j * ky * modes)]
    kept = (np.abs(kx)[:, None] < 24 / 3) & (np.abs(ky) * 4 / (2 * np.pi) < 20 / 3)
    expected = np.fft.ifft2(-np.fft.fft2(u * along[0] + v * along[1]) * kept).real
    slope = flow.fourier.values(flow.slope(state, 0.0, state.copy())).gather()
    np.testing.assert_allclose(slope, expected, atol=1e-12 * np.abs(expected).max())
    assert len(x) == 24 and len(y) == 20


@pytest.mark.parametrize("shape", [(24, 20), (15, 21)])
def test_convection_conserves_energy_and_enstrophy(shape: tuple[int, int]) -> None:
    flow = tp.pde.Vorticity(torus(*shape), 0.0)
    state = drawn(flow)
    slope = flow.slope(state, 0.0, state.copy())
    weights = flow.fourier.multiplicity[0][:, None]
    kx, ky = flow.fourier.wavenumbers()
    square = np.where(kx**2 + ky**2 > 0, kx**2 + ky**2, 1)
    for factor in (1.0, 1 / square):
        terms = weights * factor * (local(state).conj() * local(slope)).real
        assert abs(terms.sum()) < 1e-14 * np.abs(terms).sum()
    before = flow.diagnostics(state)
    for _ in range(20):
        flow.step(state, 0.02)
    after = flow.diagnostics(state)
    for name in ("energy", "enstrophy"):
        assert after[name] == pytest.approx(before[name], rel=1e-7)
    assert abs(after["palinstrophy"] / before["palinstrophy"] - 1) > 1e-3  # something happened


@pytest.mark.parametrize("tableau", [None, WILLIAMSON_RK3], ids=["RK4", "RK3"])
def test_order_in_time(tableau) -> None:
    force = tp.pde.RandomField(torus(), spectrum)(9)
    options = {} if tableau is None else {"tableau": tableau}
    flow = tp.pde.Vorticity(force.space, 0.02, 0.1, force, **options)

    def end(steps: int) -> tp.Field:
        state = drawn(flow)
        for k in range(steps):
            flow.step(state, 1 / steps, k / steps)
        return state

    ends = [end(n) for n in (10, 20, 40, 80)]
    errors = [(a - b).norm() for a, b in itertools.pairwise(ends)]
    order = 3 if tableau else 4
    assert np.log2(errors[1] / errors[2]) == pytest.approx(order, abs=0.3)


def test_budget_with_force_viscosity_and_drag() -> None:
    """A steady single mode: ω̂ → f̂ / (νk² + α), where what the force puts in is what is lost."""
    space = torus()
    force = space.field(lambda x, y: 0.3 * np.sin(2 * x) + 0 * y)
    flow = tp.pde.Vorticity(space, 0.1, 0.2, force)
    state = flow.start(space.zeros())
    for _ in range(200):
        flow.step(state, 0.25)
    np.testing.assert_allclose(local(flow.vorticity(state)), local(force) / 0.6, atol=1e-4)
    found = flow.diagnostics(state)
    assert found["energy"] == pytest.approx(0.5 * 0.5 * (0.3 / 0.6) ** 2 / 4, rel=1e-3)
    assert found["friction"] == pytest.approx(0.4 * found["energy"])
    assert found["dissipation"] == pytest.approx(0.2 * found["enstrophy"])


def test_the_stable_step_scales_with_the_flow() -> None:
    flow = tp.pde.Vorticity(torus(), 0.0, cfl=0.5)
    state = drawn(flow)
    slow = flow.dt(state)
    state *= 2.0
    assert flow.dt(state) == pytest.approx(slow / 2, rel=1e-12)
    u = np.abs(flow.velocity(state).gather())
    rate = (u[0] * 7 + u[1] * 6 * 2 * np.pi / 4).max()
    assert flow.dt(state) == pytest.approx(0.5 * flow.tableau.imaginary / rate, rel=1e-12)
    assert flow.dt(flow.start(flow.space.zeros())) == np.inf


def test_many_flows_at_once_have_the_bits_of_each() -> None:
    force = tp.pde.RandomField(torus(), spectrum)(1, range(3))
    flow = tp.pde.Vorticity(force.space, 0.01, force=force)
    states = drawn(flow, range(3))
    for _ in range(3):
        flow.step(states, 0.05)
    for k in range(3):
        flow.set_force(force[k])
        one = drawn(flow, k)
        for _ in range(3):
            flow.step(one, 0.05)
        assert np.array_equal(local(one), local(states[k]))
        assert flow.diagnostics(states)["energy"][k] == flow.diagnostics(one)["energy"]


def test_float32() -> None:
    double, single = (tp.pde.Vorticity(torus(dtype=dtype), 0.01) for dtype in ("float64", "float32"))
    ends = []
    for flow in (double, single):
        state = drawn(flow)
        for _ in range(10):
            flow.step(state, 0.05)
        ends.append(flow.vorticity(state))
    assert ends[1].dtype == np.float32
    assert np.abs(local(ends[1]) - local(ends[0])).max() < 1e-5 * np.abs(local(ends[0])).max()


def digest() -> str:
    flow = tp.pde.Vorticity(torus(18, 15), 0.01, 0.1, tp.pde.RandomField(torus(18, 15), spectrum)(5))
    state = drawn(flow)
    for k in range(3):
        flow.step(state, t=0.1 * k)
    numbers = [state.gather(), flow.vorticity(state).gather(), list(flow.diagnostics(state).values())]
    return hashlib.sha256(b"".join(np.asarray(part).tobytes() for part in numbers)).hexdigest()


def print_digest() -> None:
    print("digest", digest(), flush=True)


@pytest.mark.parametrize("ranks", [3, 4])
def test_the_same_bits_on_any_number_of_ranks(ranks: int) -> None:
    lines = run_ranks(ranks, f"{HERE}::print_digest", timeout=240).stdout.split("digest ")[1:]
    assert {line.split()[0] for line in lines} == {digest()} and len(lines) == ranks


@pytest.mark.host("it counts memory of the host: tests/backend/cupy/test_memory.py")
def test_a_steady_step_makes_no_arrays() -> None:
    import tracemalloc

    flow = tp.pde.Vorticity(torus(64, 64), 0.01)
    state = drawn(flow)
    for _ in range(2):
        flow.step(state, 0.01)
    tracemalloc.start()
    flow.step(state, 0.01)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * 64 * 64 * 8  # a stretch of products; a field of modes has 2 such


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: tp.pde.Vorticity(torus(), -1.0), "nu=-1.0"),
        (lambda: tp.pde.Vorticity(tp.Space(tp.Axis(8, 0.0, 1.0)), 1.0), "2 axes"),
        (lambda: tp.pde.Vorticity(torus(dtype="complex128"), 1.0), "real Space"),
        (
            lambda: tp.pde.Vorticity(tp.Space(tp.Grid(tp.Axis(8, 0, 1), tp.Axis(8, 0, 1, bc=tp.Neumann()))), 1.0),
            "axis 1: Fourier modes need a periodic axis",
        ),
        (lambda: tp.pde.Vorticity(torus(), 1.0).step(torus().zeros(), 0.1), "no state"),
    ],
)
def test_what_makes_no_flow_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
