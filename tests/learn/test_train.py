"""Training: the same on every grid of ranks, bitwise continuation, other rank counts, what is not finite."""

from __future__ import annotations

import json
import shutil
from itertools import product
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi import run_ranks
from tiny_operator import Tiny, write

import tensorpde as tp
from tensorpde import learn
from tensorpde.learn import (
    TFNO,
    MultiGrid,
    Normaliser,
    Pairs,
    Patches,
    checkpoint,
    evaluate,
    losses,
    optim,
    start,
    train,
)
from tensorpde.learn.train import GO_ON, SAVE, STOP, add_gradients
from tensorpde.parallel import alone
from tensorpde.parallel.buckets import Buckets
from tensorpde.parallel.rank_grid import RankGrid

HERE = "learn/test_train.py"


def small(patched: bool = False) -> TFNO:
    """A whole operator, its weights shared by the layers where there are patches."""
    return TFNO((4, 5), 4 if patched else 2, 1, 4, n_layers=2, rank=0.5, joint=patched, norm="layer", dtype="float64")


def setting(path, shape=(1, 1, 1), patched: bool = False, comm=None, make=Tiny, kind: str = "h1"):
    """Model, data and loss on a rank grid; a patched model sees two levels of two channels."""
    ranks = RankGrid(alone() if shape == (1, 1, 1) and comm is None else comm, *shape)
    model = make(patched) if make is small else make(4 if patched else 2)
    model, dtype = MultiGrid(model, Patches(1, 1), ranks) if patched else model, "float64"
    pairs = Pairs(path, "train/x", "train/y", ranks, ndim=2, dtype=dtype, whole=patched)
    loss = losses.relative_h1(pairs.space) if kind == "h1" else losses.relative_l2()
    return model, pairs, loss


def run(path, shape=(1, 1, 1), patched=False, comm=None, epochs=3, state=None, optimizer=None, make=Tiny, **options):
    model, pairs, loss = setting(path, shape, patched, comm, make)
    optimizer = optimizer or optim.AdamW()
    state = state or start(model, optimizer, seed=1)
    schedule = optim.Cosine(0.1, 3 * epochs)
    normal = pairs.normalisers()
    state = train(model, state, pairs, loss, optimizer, schedule, epochs, 4, normal, seed=3, **options)
    return state, evaluate(model, state.params, pairs, {"h1": loss, "l2": losses.relative_l2()}, normal, 3)


def numbers(state, errors) -> dict:
    return {name: [w.real.tolist(), w.imag.tolist()] for name, w in state.params.items()} | errors


def grid_run(path, shape=(1, 1, 1), patched=False, comm=None):
    """Few updates: Adam divides small gradients by their size, which makes much of round-off."""
    optimizer = optim.SGD(momentum=0.9)
    pieces = 1 + shape[0] // 2
    return run(path, shape, patched, comm, 2, optimizer=optimizer, make=small, pieces=pieces)


def gradient(path, shape=(1, 1, 1), patched=False, comm=None) -> dict:
    """Loss and gradient of a batch of five samples, which three or four ranks cannot share evenly."""
    model, pairs, loss = setting(path, shape, patched, comm, small)
    params = model.init(seed=1)
    sums = Buckets(pairs.ranks.comm, {**params, "loss": np.empty(())})
    add_gradients(model, params, pairs, np.arange(5), 5, loss, pairs.normalisers(), sums)
    return {f"d {name}": [g.real.tolist(), g.imag.tolist()] for name, g in sums.finish().items()}


def all_grids(path: str, out: str) -> None:
    from tensorpde.parallel import world

    found = {}
    for size in (2, 3, 4):
        comm = world().Split(world().rank < size, world().rank)
        for shape in product(range(1, size + 1), repeat=3) if comm.size == size and world().rank < size else ():
            if np.prod(shape) == size:
                for patched in (False, True)[shape[1] > 1 :]:
                    found[f"{shape} {patched}"] = numbers(*grid_run(path, shape, patched, comm)) | gradient(
                        path, shape, patched, comm
                    )
    if world().rank == 0:
        Path(out).write_text(json.dumps(found))


def test_every_grid_of_ranks_trains_alike(tmp_path: Path) -> None:
    path = write(tmp_path / "data.h5")
    run_ranks(4, f"{HERE}::all_grids", str(path), str(tmp_path / "found"), timeout=250)
    found = json.loads((tmp_path / "found").read_text())
    assert len(found) == 3 + 2 + 3 + 2 + 6 + 3  # grids of 2, 3, 4 ranks; and those without patches once more unpatched
    for name, values in found.items():
        patched = name.endswith("True")
        expected = numbers(*grid_run(path, patched=patched))
        slopes = gradient(path, patched=patched)
        assert list(values) == [*expected, *slopes]
        largest = max(abs(np.array(slope)).max() for slope in slopes.values())
        for key, slope in slopes.items():  # loss and gradient, before any step makes more of round-off
            scale = largest if key != "d loss" else slope[0]
            np.testing.assert_allclose(values[key], slope, rtol=0, atol=1e-12 * scale, err_msg=f"{name} {key}")
        for key in expected:
            np.testing.assert_allclose(values[key], expected[key], rtol=1e-11, atol=1e-12, err_msg=f"{name} {key}")


def test_training_learns_what_the_model_can_say(tmp_path: Path) -> None:
    path, seen = write(tmp_path / "data.h5"), []
    state, errors = run(path, epochs=60, after_epoch=lambda state, mean: seen.append((state.epoch, mean)), clip=10.0)
    assert [epoch for epoch, _ in seen] == list(range(1, 61)) and seen[0][1] > 3 * seen[-1][1]
    assert errors["l2"] < 0.1 and state.update == 180


def test_pieces_of_a_batch_add_up(tmp_path: Path) -> None:
    path = write(tmp_path / "data.h5")
    one, other = numbers(*run(path)), numbers(*run(path, pieces=3))
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-11)


def stopping(path: str, folder: str, first: int, second: int) -> None:
    """Save after `first` updates and stop after `second`; or, with a checkpoint there, go on to the end."""
    from tensorpde.parallel import world

    comm = world()
    optimizer, answers = optim.AdamW(), {first: SAVE, second: STOP}
    model = Tiny()
    state = start(model, optimizer, seed=7)
    if Path(folder).exists():
        spaces = {name: f.space for name, f in checkpoint.pack(state, comm)[0].items()}
        attributes: dict = {}
        fields, step, _ = tp.io.load_checkpoint(folder, spaces, attributes)
        state = checkpoint.unpack(fields, attributes, state)
        assert step == state.update
        answers = {}

    def save(state) -> None:
        fields, attributes = checkpoint.pack(state, comm)
        tp.io.save_checkpoint(folder, fields, state.update, state.epoch, attributes)

    at = iter(range(state.update + 1, 1000))
    run(path, (comm.size, 1, 1), comm=comm, state=state, optimizer=optimizer, checkpoint=save,
        stop=lambda: answers.get(next(at), GO_ON))  # fmt: skip


def values_of(folder: Path) -> dict[str, np.ndarray]:
    with h5py.File(sorted(folder.glob("*.h5"))[-1]) as file:
        return {name: file[name][...] for name in file}


def test_a_stopped_run_goes_on_bit_for_bit_and_on_other_ranks(tmp_path: Path) -> None:
    path = str(write(tmp_path / "data.h5"))
    whole, parts, moved = (tmp_path / name for name in ("whole", "parts", "moved"))
    run_ranks(2, f"{HERE}::stopping", path, str(whole), 2, 1000)
    run_ranks(2, f"{HERE}::stopping", path, str(parts), 2, 5)  # in the middle of the second epoch
    assert [file.name for file in sorted(parts.glob("*.h5"))] == ["checkpoint_00000002.h5", "checkpoint_00000005.h5"]
    shutil.copytree(parts, moved)
    run_ranks(2, f"{HERE}::stopping", path, str(parts), 0, 0)
    run_ranks(3, f"{HERE}::stopping", path, str(moved), 0, 0)
    one, other, third = values_of(whole), values_of(parts), values_of(moved)
    assert list(one) == list(other) == list(third) and len(one) == 6
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])
        np.testing.assert_allclose(one[name], third[name], rtol=1e-10)


@pytest.mark.parametrize("patched", [False, True])
def test_modes_are_taken_in_by_and_by_and_a_stopped_run_goes_on_with_them(patched: bool, tmp_path: Path) -> None:
    path, grow, seen = write(tmp_path / "data.h5"), learn.Growth((2, 1), alone(), explained=0.999, buffer=1), []
    options = {"make": small, "patched": patched, "epochs": 4, "grow": grow}
    start_of = lambda: start(setting(path, patched=patched, make=small)[0], optim.AdamW(), seed=1)  # noqa: E731
    whole = run(path, state=start_of(), progress=lambda state, *_: seen.append(state.active_modes), **options)[0]
    assert seen[:3] == [(2, 1)] * 3 and seen[3] == (4, 3) and seen[-1] == whole.active_modes == (4, 5)
    for end in (3, 4, 11):  # at the end of an epoch, before more modes come, and within epochs
        at = iter(range(1, 100))
        state = run(path, state=start_of(), stop=lambda at=at, end=end: STOP if next(at) == end else GO_ON, **options)[
            0
        ]
        assert state.update == end and state.active_modes == seen[end - 1]
        state = checkpoint.unpack(*checkpoint.pack(state, alone()), start_of())
        state = run(path, state=state, **options)[0]
        assert all(np.array_equal(state.params[name], w) for name, w in whole.params.items())


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path) -> None:
    optimizer = optim.Adam()
    fields, attributes = checkpoint.pack(start(Tiny(), optimizer), alone())
    with pytest.raises(ValueError, match=r"\['w', \[1, 2\]\].* the model has .*\['w', \[1, 3\]\]"):
        checkpoint.unpack(fields, attributes, start(Tiny(3), optimizer))


@pytest.mark.parametrize("what", ["loss", "gradient"])
def test_what_is_not_finite_ends_training_before_the_weights(what: str, tmp_path: Path) -> None:
    model, pairs, loss = setting(write(tmp_path / "data.h5"))
    optimizer = optim.Adam()
    state = start(model, optimizer)
    before = {name: w.copy() for name, w in state.params.items()}

    def broken(y, target):
        value, dy = loss(y, target)
        return (float("nan"), dy) if what == "loss" else (value, dy * np.inf)

    schedule, normal = optim.Constant(0.1), pairs.normalisers()
    with (
        pytest.raises(FloatingPointError, match=r"update 0, epoch 0: loss .*, gradient"),
        np.errstate(invalid="ignore"),
    ):
        train(model, state, pairs, broken, optimizer, schedule, 1, 4, normal)
    for name, w in before.items():
        np.testing.assert_array_equal(state.params[name], w)


def zero_target(path: str, out: str) -> None:
    """Train and evaluate on samples of which number 7 has no target; one line for each, from every rank."""
    from tensorpde.parallel import world

    model, pairs, loss = setting(path, (world().size, 1, 1), comm=world())
    optimizer, normal = optim.Adam(), pairs.normalisers()
    state, found = start(model, optimizer), []
    for call in (
        lambda: train(model, state, pairs, loss, optimizer, optim.Constant(0.1), 1, 4, normal),
        lambda: evaluate(model, state.params, pairs, {"l2": losses.relative_l2()}, normal),
    ):
        try:
            call()
        except losses.Undefined as error:
            found.append(str(error))
    Path(f"{out}{world().rank}").write_text("\n".join(found))


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_target_of_zero_is_named_on_every_rank(ranks: int, tmp_path: Path) -> None:
    path, out = str(write(tmp_path / "data.h5")), str(tmp_path / "found")
    with h5py.File(path, "r+") as file:
        file["train/y"][7] = 0.0
    zero_target(path, out) if ranks == 1 else run_ranks(ranks, f"{HERE}::zero_target", path, out)
    for rank in range(ranks):
        one, other = Path(f"{out}{rank}").read_text().splitlines()
        ending = " loss: its target is zero everywhere"
        assert one.endswith(f"sample 7 of {path} has no value of the relative H1 (spectral){ending}")
        assert other.endswith(f"sample 7 of {path} has no value of the relative L2{ending}")


@pytest.mark.parametrize("patched", [False, True])
def test_gradients_are_handed_out_when_they_are_final(patched: bool) -> None:
    model = small(patched)
    params = model.init(seed=0)
    x, dy = np.random.default_rng(0).standard_normal((2, model.in_channels, 6, 7)), np.ones((2, 1, 6, 7))
    told: dict = {}
    _, saved = model.forward(params, x)
    _, grads = model.backward(params, saved, dy, ready=lambda name, grad: told.update({name: grad.copy()}))
    _, expected = model.backward(params, model.forward(params, x)[1], dy)
    order = list(told)
    assert set(told) == set(params) and order[0].startswith("projection") and order[-1].startswith("lifting")
    for name, grad in expected.items():
        np.testing.assert_array_equal(told[name], grad)
        np.testing.assert_array_equal(grads[name], grad)


def test_what_belongs_to_a_model_is_kept_with_it(tmp_path: Path) -> None:
    model, about = small(), {"normalisers": [{"mean": [0.1, 2.0]}]}
    params = model.init(seed=3)
    learn.save(tmp_path / "model.h5", model, params, alone(), about)
    assert learn.about(tmp_path / "model.h5", alone()) == about
    assert learn.load(tmp_path / "model.h5", alone())[0] == model


@pytest.mark.parametrize("patched", [False, True])
def test_a_trained_operator_takes_and_gives_fields_in_their_own_units(patched: bool, tmp_path: Path) -> None:
    net, patches = small(patched), Patches(1, 1, "reflect") if patched else Patches(0)
    model = MultiGrid(net, patches) if patched else net
    normal = Normaliser((0.5, -1.0), (2.0, 3.0)), Normaliser((4.0,), (0.25,))
    params = net.init(seed=3)
    one = learn.Trained(net, params, normal, patches, 2, walls=True, symmetric=not patched, parameters="a = 1\n")
    x = np.random.default_rng(2).standard_normal((2, 2, 8, 8))
    plain = lambda values: 0.25 * model(params, (values - [[[[0.5]], [[-1.0]]]]) / [[[[2.0]], [[3.0]]]]) + 4.0  # noqa: E731
    if patched:
        expected = plain(x)
    else:
        s = one.symmetries
        expected = np.mean([s.back(plain(s.turn(x, k)), k) for k in range(len(s.all))], axis=0)
    np.testing.assert_allclose(one(x), expected, rtol=1e-12)
    other = learn.Trained.load(one.save(tmp_path / "model.h5", alone()), alone())
    np.testing.assert_array_equal(other(x), one(x))
    assert other.patches == patches and isinstance(other.bc, tp.Neumann) and other.parameters == "a = 1\n"


def test_a_model_alone_is_not_a_trained_operator(tmp_path: Path) -> None:
    learn.save(tmp_path / "model.h5", small(), small().init(seed=3), alone())
    with pytest.raises(tp.io.Unreadable, match="not how it was trained"):
        learn.Trained.load(tmp_path / "model.h5", alone())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: small(True), "2 channels|4 channels|in_channels"),
        (lambda: TFNO((9, 4), 2, 1, 4, dtype="float64"), "9 modes along axis 0 of a grid of 8 points"),
        (lambda: TFNO((4, 4), 2, 3, 4, dtype="float64"), "gives 3 channels, .* has 1"),
        (lambda: MultiGrid(small(True), Patches(3, 1)), "8 patches per axis do not divide a grid of 8×12"),
    ],
)
def test_what_does_not_fit_is_found_before_training(model, words: str, tmp_path: Path) -> None:
    _, pairs, _ = setting(write(tmp_path / "data.h5", 2))
    model = model()
    with pytest.raises(ValueError, match=words):
        learn.check(model, model.init(seed=0), pairs)


def test_patches_that_cannot_be_shared() -> None:
    ranks = type("Ranks", (), {"patches": type("Comm", (), {"size": 3}), "pencils": alone()})
    with pytest.raises(ValueError, match="2 patches cannot be shared by 3 ranks"):
        MultiGrid(Tiny(4), Patches(1), ranks).forward({}, np.zeros((1, 2, 8)))
