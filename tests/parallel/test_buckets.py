"""Rank grids and what training exchanges: sums in buckets, shares, parts put together."""

from __future__ import annotations

import numpy as np
import pytest
from mpi import run_ranks

from tensorpde.parallel import alone
from tensorpde.parallel.blocks import collected, share
from tensorpde.parallel.buckets import Buckets
from tensorpde.parallel.rank_grid import RankGrid

HERE = "parallel/test_buckets.py"
LIKE = {
    "a": np.empty((3, 4)),
    "b": np.empty(5, "complex64"),
    "c": np.empty(()),
    "d": np.empty((200,)),
    "e": np.empty(7),
}


def part(name: str, rank: int) -> np.ndarray:
    like = LIKE[name]
    values = (np.arange(like.size).reshape(like.shape) + 1) * (rank + 1.5) * (1 + ord(name))
    return (values * (1 + 2j) if like.dtype.kind == "c" else values).astype(like.dtype)


def sums_of_parts() -> None:
    from tensorpde.parallel import world

    comm = world()
    for nbytes in (1, 300, 1 << 22):
        buckets = Buckets(comm, LIKE, nbytes, rounds=2)
        for turn in range(3):
            names = list(LIKE)
            for _ in range(2):
                np.random.default_rng((comm.rank, turn)).shuffle(names)  # each rank in an order of its own
                for name in names:
                    buckets.add(name, part(name, comm.rank))
            for name, found in buckets.finish().items():
                expected = 2 * sum(part(name, rank).astype(complex) for rank in range(comm.size))
                np.testing.assert_allclose(found, expected, rtol=1e-5)
                assert found.dtype == LIKE[name].dtype


@pytest.mark.parametrize("ranks", [1, 3])
def test_sums_over_ranks_in_any_order(ranks: int) -> None:
    run_ranks(ranks, f"{HERE}::sums_of_parts")


def test_what_is_missing_or_too_much_is_an_error() -> None:
    buckets = Buckets(alone(), LIKE)
    buckets.add("a", 0.0)
    with pytest.raises(ValueError, match="a has been added 1 times already"):
        buckets.add("a", 0.0)
    with pytest.raises(ValueError, match="4 of 5 arrays have not been added: e, d, c, b"):
        buckets.finish()


def grids() -> None:
    ranks = RankGrid(patches=2)
    assert ranks.shape == (2, 2, 1) and [c.size for c in (ranks.samples, ranks.patches, ranks.pencils)] == [2, 2, 1]
    assert ranks.comm.rank == 2 * ranks.samples.rank + ranks.patches.rank
    own = np.arange(7.0)[share(ranks.comm, 7)]
    np.testing.assert_array_equal(collected(ranks.comm, own[:, None] * [1, 2]), np.arange(7.0)[:, None] * [1, 2])
    with pytest.raises(ValueError, match=r"1 .* × 3 .* × 1 .* needs 3 ranks, there are 4"):
        RankGrid(samples=1, patches=3)


def test_a_rank_grid() -> None:
    run_ranks(4, f"{HERE}::grids")
