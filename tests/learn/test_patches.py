"""Patches: stitch∘split is the identity, adjoints by inner products, windows against a plain twin, bad input."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.learn import Patches
from tensorpde.learn.patches import extension

CASES = [
    ((12,), 1, 0, "periodic"),
    ((16,), 2, 3, "zero"),
    ((12, 8), 1, (2, 1), ("periodic", "reflect")),
    ((16, 12), 2, 5, "reflect"),
    ((8, 4, 6), 1, 1, ("zero", "periodic", "reflect")),
]


def field(shape: tuple[int, ...], batch: int = 2, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal((batch, channels, *shape))


@pytest.mark.parametrize(("shape", "levels", "padding", "beyond"), CASES)
def test_stitching_what_was_split_is_the_identity(shape, levels, padding, beyond) -> None:
    patches, x = Patches(levels, padding, beyond), field(shape)
    windows = patches.split(x)
    assert windows.shape == (2 * 2 ** (levels * len(shape)), 3 * (levels + 1), *patches.window(shape))
    np.testing.assert_array_equal(patches.stitch(windows[:, :3], shape), x)
    some = patches.split(x, [1, 0])
    np.testing.assert_array_equal(some, np.concatenate([windows[2:4], windows[:2]]))


@pytest.mark.parametrize(("shape", "levels", "padding", "beyond"), CASES)
def test_adjoints(shape, levels, padding, beyond) -> None:
    patches, x = Patches(levels, padding, beyond), field(shape)
    y = patches.split(x)
    dy = np.random.default_rng(9).standard_normal(y.shape)
    np.testing.assert_allclose(np.vdot(dy, y), np.vdot(patches.split_adjoint(dy, shape), x), rtol=1e-12)
    out = patches.stitch(dy[:, :3], shape)
    np.testing.assert_allclose(np.vdot(out, x), np.vdot(dy[:, :3], patches.stitch_adjoint(x)), rtol=1e-12)
    two = [0, patches.count(len(shape)) - 1]
    part = patches.split(x, two)
    dpart = np.random.default_rng(8).standard_normal(part.shape)
    np.testing.assert_allclose(np.vdot(dpart, part), np.vdot(patches.split_adjoint(dpart, shape, two), x), rtol=1e-12)


PAD = {"periodic": {"mode": "wrap"}, "reflect": {"mode": "reflect"}, "zero": {"mode": "constant"}}


@pytest.mark.parametrize("beyond", ["periodic", "reflect", "zero"])
@pytest.mark.parametrize(("levels", "padding"), [(1, 0), (1, 2), (2, 1)])
def test_windows_are_those_of_a_padded_field(beyond, levels, padding) -> None:
    """Twin: pad far enough, then slice with the stride of the level about the centre of the patch."""
    n, patches = 16, Patches(levels, padding, beyond)
    x = field((n, n), 1, 1)
    size, points, margin = n >> levels, (n >> levels) + 2 * padding, 3 * n
    wide = np.pad(x[0, 0], margin, **PAD[beyond])
    windows = patches.split(x).reshape(2**levels, 2**levels, levels + 1, points, points)
    for i, j, level in np.ndindex(*windows.shape[:3]):
        stride = 2**level
        at = [margin + k * size - (stride - 1) * size // 2 - padding * stride for k in (i, j)]
        twin = wide[tuple(slice(a, a + stride * points, stride) for a in at)]
        np.testing.assert_array_equal(windows[i, j, level], twin)


def test_the_last_level_spans_the_domain() -> None:
    x = np.arange(16.0).reshape(1, 1, 16)
    windows = Patches(2, 0, "periodic").split(x)
    np.testing.assert_array_equal(windows[1, 2], [14, 2, 6, 10])  # patch 1 is 4 … 7, in the middle of 14 … 14 + 12


def test_complex_and_single_precision_stay_what_they_are() -> None:
    for dtype in ("float32", "complex128"):
        x = field((8, 8)).astype(dtype)
        patches = Patches(1, 1, "zero")
        assert patches.split(x).dtype == dtype and patches.stitch_adjoint(x).dtype == dtype


def test_what_lies_beyond_an_axis() -> None:
    ends = [tp.Periodic(), tp.Dirichlet(), tp.Neumann(), (tp.Neumann(), tp.Dirichlet())]
    found = [extension(tp.Axis(8, 0.0, 1.0, bc=bc)) for bc in ends]
    assert found == ["periodic", "zero", "reflect", "zero"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Patches(1).split(field((7, 8))), "2 patches per axis do not divide a grid of 7×8 points"),
        (lambda: Patches(-1), "levels must be at least 0, not -1"),
        (lambda: Patches(1, 0, "mirror"), "mirror"),
        (lambda: Patches(1, (1, 1)).split(field((8,))), "is for 2 axes, the field has 1"),
        (lambda: Patches(1, 1, ("zero",)).split(field((8, 8))), "is for 1 axes, the field has 2"),
    ],
)
def test_bad_patches_are_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
