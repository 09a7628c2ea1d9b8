"""Fields on several ranks whose memory MPI may not read: transposes, halos, sums and solves give the same values."""

import pytest
from mpi import run_ranks

CODE = """
import sys
import standin
standin.install()
import numpy as np
import tensorpde as tp
from tensorpde.backend import cupy as gpu
from tensorpde.parallel import Transpose
from tensorpde.parallel.halo import Halo

assert gpu.seen_by_mpi == (sys.argv[1] == "1")
comm = tp.parallel.world()
values = np.random.default_rng(1).standard_normal((2, 5, 4, 6))

def run(backend):
    conditions = tp.Periodic(), (tp.Dirichlet(), tp.Neumann()), tp.Periodic()
    axes = [tp.Axis(n, 0.0, 1.0, bc=bc) for n, bc in zip((5, 4, 6), conditions)]
    space = tp.Space(tp.Grid(*axes), backend=backend)
    f = space.field(values)
    found = [f.align(axis).to(f.pencil).gather() for axis in range(3)]
    assert all(np.array_equal(one, values) for one in found)
    empty = space.field(values[:0], lead=(0,)) if backend == "numpy" else f[:0]
    assert empty.align(0).local.size == 0
    pencil = f.pencil
    def wanted(rank):
        return [np.unique(np.clip(np.arange(s.start - 1, s.stop + 1), 0, n - 1)) if s.stop > s.start else np.arange(0)
                for s, n in zip(pencil.slices_of(rank), pencil.shape)]
    halo = Halo(pencil, wanted)
    part = f.space.backend.to_host(halo.fill(f.local, f.space.backend))
    assert np.array_equal(part, values[(slice(None), *np.ix_(*halo.numbers))])
    L = tp.laplacian(space)
    u = tp.FastDiagonal(L, shift=1.0).solve(f)
    return [(L @ f).gather(), u.gather(), f.dot(u), f.max(), f.integral()]

for found, expected in zip(run("cupy"), run("numpy")):
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-12)
if comm.size > 1:
    assert gpu.device.cupy.cuda.Device().id == comm.rank % gpu.device.count() or standin.Device.used == comm.rank % 2
"""


@pytest.mark.parametrize(("ranks", "aware", "nccl"), [(3, "0", "0"), (2, "1", "1"), (2, "0", "1"), (3, "0", "1")])
def test_values_do_not_depend_on_ranks_or_on_the_way_they_travel(ranks, aware, nccl):
    """Two ranks have devices of their own, of three two share one."""
    links = "assert (gpu.cupy.cuda.nccl.NcclCommunicator.made > 0) == (comm.size == 2 and not gpu.seen_by_mpi)"
    env = {"TENSORPDE_GPU_AWARE_MPI": aware, "STANDIN_NCCL": nccl}
    run_ranks(ranks, CODE + (links if nccl == "1" else ""), aware, env=env)


def test_a_rank_without_a_device_is_an_error_on_all_of_them():
    code = (
        CODE.split("import numpy")[0]
        + """
import tensorpde as tp
from mpi4py import MPI
rank = MPI.COMM_WORLD.rank
from tensorpde.backend import cupy as gpu
if rank == 1:
    gpu.device.cupy.cuda.runtime.getDeviceCount = lambda: 0
try:
    tp.Space(tp.Axis(4, 0.0, 1.0), backend="cupy")
except Exception as error:
    assert "sees none" in str(error) and "1" in str(error), error
else:
    raise AssertionError("a Space without a device")
"""
    )
    run_ranks(2, code)


@pytest.mark.parametrize(("name", "failing"), [("place", 1), ("key", 0)])
def test_links_that_fail_on_one_rank_are_an_error_on_all_of_them(name, failing):
    code = (
        CODE.split("import numpy")[0]
        + """
import tensorpde as tp
from tensorpde.backend import cupy as gpu
comm = tp.parallel.world()
f = tp.Space(tp.Grid(*[tp.Axis(4, 0.0, 1.0)] * 2), backend="cupy").field(1.0)
if comm.rank == int(sys.argv[2]):
    def broken(*given):
        raise RuntimeError("no link")
    setattr(gpu.messages, sys.argv[1], broken)
try:
    f.align(0 if f.pencil.is_whole(1) else 1)
except RuntimeError as error:
    assert f"rank {sys.argv[2]}, while" in str(error) and "no link" in str(error), error
else:
    raise AssertionError("devices are linked")
"""
    )
    run_ranks(2, code, name, failing, env={"STANDIN_NCCL": "1"})
