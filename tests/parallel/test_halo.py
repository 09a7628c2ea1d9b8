"""Halos from any home pencil: every rank gets exactly the values it asks for."""

import mpi
import numpy as np
import pytest

import tensorpde as tp
from tensorpde import backend
from tensorpde.parallel.halo import Halo

# global shape, process grid by number of ranks, layers, periodic axes
CASES = [
    ((7,), {}, (2,), (False,)),
    ((9, 4), {}, (2, 2), (False, False)),
    ((9, 4), {}, (2, 2), (True, True)),
    ((5, 3), {}, (4, 1), (True, False)),  # blocks smaller than the halo, which goes round
    ((2, 6), {}, (1, 1), (False, True)),  # more ranks than planes
    ((6, 7, 5), {4: (2, 2), 3: (1, 3), 2: (1, 2)}, (1, 3, 2), (False, True, False)),
    ((3, 3, 4), {4: (2, 2)}, (3, 3, 0), (True, True, True)),
]


def with_layers(own, n, width, periodic):
    """Numbers of a block and its halo along an axis; of an empty block none."""
    numbers = {i + step for i in range(own.start, own.stop) for step in range(-width, width + 1)}
    return np.array(sorted({i % n for i in numbers} if periodic else {i for i in numbers if 0 <= i < n}), dtype=int)


def exchange():
    for shape, grids, widths, periodic in CASES:
        axes = [tp.Axis(n, 0.0, 1.0, bc=tp.Periodic()) for n in shape]
        comm = tp.parallel.world()
        space = tp.Space(tp.Grid(*axes), process_grid=grids.get(comm.size))

        def wanted(rank, space=space, widths=widths, periodic=periodic):
            blocks = space.pencil.slices_of(rank)
            return [with_layers(*line) for line in zip(blocks, space.shape, widths, periodic)]

        halo = Halo(space.pencil, wanted)
        for lead, dtype in (((), "float64"), ((2,), "complex64"), ((0,), "float32")):
            whole = np.random.default_rng(1).standard_normal((*lead, *shape)).astype(dtype)
            typed = space.like(dtype=dtype)
            for sign in (1, -1):
                part = halo.fill(typed.field(sign * whole).local, space.backend)
                np.testing.assert_array_equal(part, sign * whole[(..., *np.ix_(*wanted(comm.rank)))])
            assert halo.fill(typed.field(whole).local, space.backend) is part  # no new memory


def scattered():
    """Every rank wants every third plane, a rank that owns nothing too."""
    space = tp.Space(tp.Grid(tp.Axis(3, 0.0, 1.0), tp.Axis(8, 0.0, 1.0)), process_grid=(3,))
    whole = np.arange(24.0).reshape(3, 8)
    part = Halo(space.pencil, lambda rank: (np.array([0, 2]), np.arange(rank, 8, 3))).fill(
        space.field(whole).local, space.backend
    )
    np.testing.assert_array_equal(part, whole[::2, space.comm.rank :: 3])


def test_any_set_of_numbers():
    mpi.run_ranks(4, "parallel/test_halo.py::scattered")


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_every_rank_gets_its_part(ranks):
    mpi.run_ranks(ranks, "parallel/test_halo.py::exchange")


def test_a_block_of_another_shape_is_named():
    space = tp.Space(tp.Grid(tp.Axis(6, 0.0, 1.0), tp.Axis(4, 0.0, 1.0)))
    halo = Halo(space.pencil, lambda rank: (np.arange(6), np.arange(4)))
    with pytest.raises(ValueError, match=r"\(5, 4\).*\(6, 4\)"):
        halo.fill(np.zeros((5, 4)), backend.get("numpy"))
