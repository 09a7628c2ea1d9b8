"""Checkpoints: exact, independent of ranks, whole or refused."""

import os
import random
import shutil

import h5py
import numpy as np
import pytest

import tensorpde as tp
from tensorpde import io
from tensorpde.io import checkpoint, slabs


def make_space(n=(12, 7, 5), **options):
    kinds = [
        {"lo": 0.0, "hi": 2.0},
        {"lo": 0.0, "hi": 1.0, "bc": tp.Dirichlet()},
        {"lo": -1.0, "hi": 1.0, "bc": tp.Neumann()},
    ]
    return tp.Space(tp.Grid(*(tp.Axis(points, **kind) for points, kind in zip(n, kinds, strict=False))), **options)


def state(space, seed=0):
    """A vector and a scalar of full random mantissas, with the values that comparisons forget."""
    u = np.random.default_rng(seed).standard_normal((3, *space.shape))
    u.flat[:4] = [np.nan, -0.0, 5e-324, -np.inf]
    return {"u": space.field(u), "theta": space.field(u[1] * np.pi)}


def same_bits(a, b):
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


def check_state(fields, space, seed=0):
    assert list(fields) == ["u", "theta"]
    for name, expected in state(space, seed).items():
        assert same_bits(fields[name].gather(), expected.gather()), name


@pytest.fixture
def small_slabs(monkeypatch):
    monkeypatch.setattr(slabs, "SLAB", 600)


def test_round_trip_is_exact(tmp_path, small_slabs):
    space = make_space()
    path = io.save_checkpoint(
        tmp_path, state(space), 7, 0.1 + 0.2, attributes={"seed": np.int64(3), "tuned": {"fft": "ducc0"}}
    )
    extra = {}
    fields, step, time = io.load_checkpoint(tmp_path, space, attributes=extra)
    check_state(fields, space)
    assert (step, time, extra) == (7, 0.1 + 0.2, {"seed": 3, "tuned": {"fft": "ducc0"}})
    assert path.name == "checkpoint_00000007.h5" and os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("dtype", checkpoint.DTYPES)
@pytest.mark.parametrize("n", [(9,), (4, 6), (1, 5, 3)])
def test_all_types_and_dimensions(tmp_path, dtype, n):
    space = make_space(n, dtype=dtype)
    values = np.random.default_rng(1).standard_normal((2, 2, *n)) * (1 + 0.3j if space.dtype.kind == "c" else 1)
    io.save_checkpoint(tmp_path, {"core": space.field(values.astype(dtype))}, 0, 0.0)
    fields, _, _ = io.load_checkpoint(tmp_path, {"core": space})
    assert same_bits(fields["core"].gather(), values.astype(dtype))


def test_spaces_by_name_and_any_alignment(tmp_path):
    space = make_space()
    faces = space.like(axis=1, location="cells", n=8)
    u = faces.field(np.arange(12 * 8 * 5.0).reshape(12, 8, 5))
    io.save_checkpoint(tmp_path, {"u": u.align(0), "p": space.zeros()}, 1, 0.0)
    fields, _, _ = io.load_checkpoint(tmp_path, {"u": faces, "p": space})
    assert same_bits(fields["u"].gather(), u.gather())
    with pytest.raises(ValueError, match=r"'u' has axes .*8, 0.0, 1.0, 'cells'.*its Space has .*7, 0.0"):
        io.load_checkpoint(tmp_path, space)
    with pytest.raises(ValueError, match="holds u, but Spaces are given only for p"):
        io.load_checkpoint(tmp_path, {"p": space})
    with pytest.raises(ValueError, match="'u' is float64, its Space is float32"):
        io.load_checkpoint(tmp_path, {"u": faces.like(dtype="float32"), "p": space})


def test_two_are_kept_and_an_abandoned_branch_goes(tmp_path):
    space = make_space((4, 4, 4))
    for step in (10, 20, 30):
        io.save_checkpoint(tmp_path, {"u": space.zeros()}, step, 0.0)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint_00000020.h5", "checkpoint_00000030.h5"]
    (tmp_path / ".checkpoint_00000035.h5.part").write_bytes(b"left by a killed run")
    io.save_checkpoint(tmp_path, {"u": space.zeros()}, 25, 0.0)
    assert sorted(os.listdir(tmp_path)) == ["checkpoint_00000020.h5", "checkpoint_00000025.h5"]


def test_a_damaged_one_is_passed_over_with_its_reason(tmp_path):
    space = make_space()
    for step in (1, 2):
        newest = io.save_checkpoint(tmp_path, state(space, step), step, step * 0.5)
    os.truncate(newest, newest.stat().st_size - 100)
    with pytest.warns(UserWarning, match=rf"passed over: {newest} .*truncated"):
        fields, step, time = io.load_checkpoint(tmp_path, space)
    check_state(fields, space, seed=1)
    assert (step, time) == (1, 0.5)
    (tmp_path / "checkpoint_00000001.h5").write_bytes(b"")
    with (
        pytest.warns(UserWarning),
        pytest.raises(io.Unreadable, match=r"no checkpoint in .* is whole: .*00000002.*00000001"),
    ):
        io.load_checkpoint(tmp_path, space)


@pytest.mark.filterwarnings("ignore:checkpoint passed over")
def test_no_flipped_bit_or_cut_is_ever_read_as_whole(tmp_path, small_slabs):
    space = make_space()
    whole = io.save_checkpoint(tmp_path, state(space), 1, 0.5).read_bytes()
    rng = random.Random(0)
    refused = 0
    for case in range(150):
        torn = bytearray(whole)
        if case % 5:
            torn[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
        else:
            del torn[rng.randrange(len(whole)) :]
        (tmp_path / "checkpoint_00000001.h5").write_bytes(torn)
        try:
            fields, step, time = io.load_checkpoint(tmp_path, space)
        except io.Unreadable:
            refused += 1
        else:
            check_state(fields, space)
            assert (step, time) == (1, 0.5)
    assert refused > 75  # the others hit unused bytes


EMPTY = {"step": 1, "time": 0.0, "attributes": {}, "fields": {}}
BROKEN = {"lead": [], "axes": [[]], "dtype": "float64"}


def test_forged_files_are_refused(tmp_path):
    space = make_space((4, 4, 4))
    path = io.save_checkpoint(tmp_path / "good", {"u": space.zeros()}, 1, 0.0)
    forgeries = {
        "'secret' is a link": lambda f: f.__setitem__("secret", h5py.ExternalLink("/etc/passwd", "/")),
        "'u' is a link": lambda f: (f.move("u", "v"), f.__setitem__("u", h5py.SoftLink("/v"))),
        "'g' is not a dataset": lambda f: f.create_group("g"),
        "format is 'tensorpde snapshot'": lambda f: f.attrs.__setitem__("format", "tensorpde snapshot"),
        "format version is 99": lambda f: f.attrs.__setitem__("format_version", 99),
        "manifest does not match": lambda f: f.attrs.__setitem__("manifest", np.bytes_(b"{}")),
        "is damaged: list index out of range": lambda f: checkpoint.seal(f, EMPTY | {"fields": {"u": BROKEN}}),
        "manifest lacks step": lambda f: checkpoint.seal(f, EMPTY | {"step": "1"}),
        "expected one of": lambda f: checkpoint.seal(f, EMPTY | {"fields": {"u": BROKEN | {"dtype": "object"}}}),
        "no dataset 'u'": lambda f: f.move("u", "w"),
        "has shape .4, 4., expected .4, 4, 4.": lambda f: (f.pop("u"), f.__setitem__("u", np.zeros((4, 4)))),
        "has element type object": lambda f: (f.pop("u"), f.create_dataset("u", (4, 4, 4), h5py.string_dtype())),
        "keeps its data in other files": lambda f: (
            f.pop("u"),
            f.create_dataset("u", (4, 4, 4), "f8", external="/etc/passwd"),
        ),
    }
    for reason, forge in forgeries.items():
        forged = tmp_path / "forged"
        shutil.rmtree(forged, ignore_errors=True)
        shutil.copytree(path.parent, forged)
        with h5py.File(forged / path.name, "r+") as file:
            forge(file)
        with pytest.warns(UserWarning, match=reason), pytest.raises(io.Unreadable, match=reason):
            io.load_checkpoint(forged, space)


def test_refuses_what_cannot_be_stored(tmp_path):
    space = make_space((4, 4, 4))
    for fields, step, extra in [
        ({}, 1, {}),
        ({"a/b": space.zeros()}, 1, {}),
        ({"u": space.zeros()}, -1, {}),
        ({"u": space.zeros()}, 1, {"f": len}),
    ]:
        with pytest.raises(ValueError):
            io.save_checkpoint(tmp_path, fields, step, 0.0, attributes=extra)
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        io.load_checkpoint(tmp_path, space)
