"""Output of fields on a device: copied at once, written after the next step has begun, the same files to the byte."""

import gc
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import standin
from mpi import run_ranks

with standin.present():
    import tensorpde as tp
    from tensorpde.backend import cupy as gpu
    from tensorpde.io import Every, Output, Stream, output
    from tensorpde.run import exit_codes
    from tensorpde.run.driver import Parameters, begin

HERE = "backend/cupy/test_overlap.py"


def space(name="cupy", comm=None):
    x, z = tp.Axis(7, 0.0, 1.0, bc=tp.Periodic()), tp.Axis(5, -1.0, 1.0, bc=tp.Dirichlet())
    return tp.Space(tp.Grid(x, tp.Axis(6, 0.0, 2.0), z), comm, name)


def streams():
    return [
        Stream("fields", dtype="float32"),
        Stream("parts", Every(steps=2), box={"x": (0.2, 0.9)}, stride={"y": 2}, slices={"z": 0.0}),
        Stream("probes", Every(steps=2), ("u",), probes=[(0.3, 1.0, 0.1), (0.9, 0.2, 0.0)]),
    ]


def write_three_steps(where, directory):
    """Fields of several kinds, which each step overwrites."""
    u = where.field(lambda x, y, z: [np.sin(x + y) * z, x - y * z], lead=(2,))
    waves = where.like(dtype="complex128").field(lambda x, y, z: x + 1j * y * z)

    def square():
        return u[0] * u[0]

    with Output(directory, where, *streams()) as out:
        for step in range(3):
            out.write(step, 0.1 * step, u=u, waves=waves, square=square)
            u *= 1.5
            waves += 1.0
    return {path.name: path.read_bytes() for path in Path(directory).iterdir()}


def same_files(directory):
    with standin.present():
        ours, theirs = (write_three_steps(space(name), Path(directory) / name) for name in ("cupy", "numpy"))
    assert len(ours) == 8 and ours == theirs


def test_the_files_are_those_of_the_host(tmp_path):
    same_files(tmp_path)


def on_two_ranks(directory):
    """The same, and an Output that is forgotten with something begun, which the end of the program completes."""
    same_files(directory)
    with standin.present():
        u = space().field(2.0)
        Output(Path(directory) / "forgotten", u.space).write(0, 0.0, u=u)


def test_on_two_ranks_too(tmp_path):
    run_ranks(2, f"{HERE}::on_two_ranks", str(tmp_path))
    assert (tp.io.load(tmp_path / "forgotten" / "fields_00000000.h5", "u").values == 2.0).all()


def test_files_are_written_after_what_comes_next_has_begun(tmp_path, monkeypatch):
    u, order = space().field(1.0), []
    get, write = gpu.cupy.ndarray.get, output.snapshot.Snapshot.write
    monkeypatch.setattr(gpu.cupy.ndarray, "get", lambda self, *a, **o: order.append("copy") or get(self, *a, **o))
    monkeypatch.setattr(output.snapshot.Snapshot, "write", lambda self: order.append("write") or write(self))
    out = Output(tmp_path, u.space, Stream("fields", Every(steps=3)))
    (path,) = out.write(0, 0.0, u=u)
    order.append("step")
    u *= 2.0
    assert not path.exists()
    out.write(1, 0.1, u=u)
    assert order == ["copy", "step", "write"]
    assert (tp.io.load(path, "u").values == 1.0).all()
    out.write(3, 0.3, u=u)
    out.flush()
    assert (tp.io.load(tmp_path / "fields_00000003.h5", "u").values == 2.0).all()


def test_the_memory_is_used_again(tmp_path, monkeypatch):
    u, pinned, sizes = space().field(1.0, lead=(2,)), [], []
    allocate, pool = gpu.cupy.cuda.alloc_pinned_memory, gpu.cupy.get_default_memory_pool()
    monkeypatch.setattr(gpu.cupy.cuda, "alloc_pinned_memory", lambda size: pinned.append(size) or allocate(size))
    out = Output(tmp_path, u.space)
    gc.collect()
    for step in range(4):
        out.write(step, 0.0, u=u)
        out.complete()
        sizes.append((len(pinned), pool.used_bytes(), pool.total_bytes()))
    assert sizes[0] == sizes[1] == sizes[3] and len(pinned) == 2


def test_without_room_on_the_device_the_copy_is_made_at_once(tmp_path, monkeypatch):
    u = space().field(lambda x, y, z: x * y + z)

    def full(*given):
        raise standin.OutOfMemoryError

    monkeypatch.setattr(gpu.device.cupy.cuda.memory, "OutOfMemoryError", standin.OutOfMemoryError)
    monkeypatch.setattr(gpu.departures, "PIECE", 500)
    with Output(tmp_path, u.space) as out:
        with monkeypatch.context() as patch:
            patch.setattr(gpu.cupy, "empty", full)
            (path,) = out.write(0, 0.0, u=u)
        expected = u.gather()
        u *= 0.0
    assert np.array_equal(tp.io.load(path, "u").values, expected)


def test_an_error_loses_nothing(tmp_path):
    u = space().field(1.0)
    with pytest.raises(ZeroDivisionError), Output(tmp_path, u.space) as out:
        (path,) = out.write(0, 0.0, u=u)
        assert not path.exists()
        1 / 0  # noqa: B018
    assert path.exists()


def run_that_ends(how, directory):
    """A driver's loop of three steps; in the last one a rank fails, all leave it, or values are not finite."""
    output.GRACE = 1.0
    with standin.present():
        run = begin(Parameters, ["--backend", "cupy", "--out", directory])
        where, written = space(comm=run.comm), []
        state = run.restore({"u": where.field(1.0)})
        out = run.output(where)
        for clock in run.loop(state, 3.0, 1.0, lambda k, t: written.extend(out.write(k, t, u=state["u"]))):
            assert not written[-1].exists()
            state["u"] += np.nan if how == "not finite" and clock.step == 3 else 1.0
            if how == "fails" and clock.step == 3 and run.comm.rank == 0:
                raise ValueError("one rank")
            if how == "leaves" and clock.step == 3:
                break
        run.finish()


@pytest.mark.parametrize(("how", "error"), [("fails", ValueError), ("leaves", None), ("not finite", SystemExit)])
def test_a_run_that_ends_early_writes_what_is_begun(tmp_path, how, error):
    with pytest.raises(error) if error else nullcontext():
        run_that_ends(how, str(tmp_path))
    assert len(list(tmp_path.glob("fields_*.h5"))) == (4 if how == "not finite" else 3)


@pytest.mark.parametrize(("how", "code", "count"), [("fails", 1, 2), ("not finite", exit_codes.NOT_FINITE, 4)])
def test_on_two_ranks_if_all_are_there(tmp_path, how, code, count):
    done = run_ranks(2, f"{HERE}::run_that_ends", how, str(tmp_path), check=False)
    assert done.returncode == code, done.stderr
    assert len(list(tmp_path.glob("fields_*.h5"))) == count
    assert ("is lost: not all ranks are there to write it" in done.stderr) == (how == "fails")
