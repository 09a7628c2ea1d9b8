"""Symmetries of a box: a group, undone by `back`; turned samples; averaged models have the symmetry."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_operator import write

from tensorpde.learn import Averaged, Pairs, Symmetries, Turned


@pytest.mark.parametrize("cells", [False, True])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_positions_are_a_group_and_undone(ndim: int, cells: bool) -> None:
    symmetries = Symmetries(ndim, cells)
    x = np.random.default_rng(0).standard_normal((2, 3, *(4,) * ndim))
    seen = [symmetries.turn(x, number) for number in range(len(symmetries.all))]
    assert len(seen) == [2, 8, 48][ndim - 1] == len({values.tobytes() for values in seen})
    np.testing.assert_array_equal(seen[0], x)
    for number, values in enumerate(seen):
        np.testing.assert_array_equal(symmetries.back(values, number), x)
        assert symmetries.turn(values, 1).tobytes() in {other.tobytes() for other in seen}


def test_flips_keep_the_points_where_they_are() -> None:
    np.testing.assert_array_equal(Symmetries(1).turn(np.arange(4), 1), [0, 3, 2, 1])
    np.testing.assert_array_equal(Symmetries(1, cells=True).turn(np.arange(4), 1), [3, 2, 1, 0])


def test_samples_are_turned_anew_every_epoch(tmp_path: Path) -> None:
    pairs, symmetries = Pairs(write(tmp_path / "d.h5", 6, (8, 8)), "train/x", "train/y", ndim=2), Symmetries(2)
    turned = Turned(pairs, symmetries)
    x, y = pairs.batch([4, 1])
    np.testing.assert_array_equal(turned.batch([4, 1])[0], x)
    found = []
    for epoch in (0, 1, 0):
        assert np.array_equal(turned.order(3, epoch), pairs.order(3, epoch))
        found.append(turned.batch(np.array([4, 1])))
        for k in range(2):
            (number,) = [g for g in range(8) if np.array_equal(found[-1][0][k], symmetries.turn(x[k], g))]
            np.testing.assert_array_equal(found[-1][1][k], symmetries.turn(y[k], number))
    assert not np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][0], found[2][0])
    with pytest.raises(ValueError, match=r"equal axes, not \(8, 12\)"):
        Turned(Pairs(write(tmp_path / "e.h5"), "train/x", "train/y", ndim=2), symmetries)


def test_an_averaged_model_has_the_symmetry() -> None:
    kernel, symmetries = np.random.default_rng(1).standard_normal((5, 5)), Symmetries(2)
    model = Averaged(lambda params, x: x * kernel + np.roll(x, 1, -1), symmetries)
    x = np.random.default_rng(2).standard_normal((1, 1, 5, 5))
    for number in range(8):
        turned = model({}, symmetries.turn(x, number))
        np.testing.assert_allclose(turned, symmetries.turn(model({}, x), number), atol=1e-14)
