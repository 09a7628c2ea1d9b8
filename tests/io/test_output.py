"""Snapshots, slices, probes, diagnostics: what is in the files and when they are written."""

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde import io
from tensorpde.io import output, slabs

HERE = "io/test_output.py"


def make_space(comm=None, **options):
    x = tp.Axis(16, 0.0, 2 * np.pi)
    y = tp.Axis(9, -1.0, 1.0, bc=(tp.Dirichlet(1.0), tp.Dirichlet(lambda x, z, t: t)), mapping=tp.Tanh(2.0))
    z = tp.Axis(8, 0.0, 1.0, bc=tp.Neumann(), location="cells")
    return tp.Space(tp.Grid(x, y, z), comm, **options)


def wave(x, y, z):
    return np.sin(x) + y + z**2


def vector(space):
    return space.field(lambda x, y, z: [np.sin(x) + 0 * y + 0 * z, wave(x, y, z), x * y * z], lead=(3,))


def test_a_snapshot_opens_in_xarray(tmp_path, monkeypatch):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    monkeypatch.setattr(slabs, "SLAB", 3000)
    space = make_space()
    u, p = vector(space), space.field(wave)
    with io.Output(
        tmp_path, space, parameters="n = 16\n", attributes={"p": {"units": "Pa", "long_name": "pressure"}}
    ) as out:
        assert out.write(step=10, time=0.05, u=u, p=p.align(0)) == [tmp_path / "fields_00000010.h5"]
    with xarray.open_dataset(tmp_path / "fields_00000010.h5", engine="h5netcdf") as data:
        assert sorted(data.data_vars) == ["p", "u_x", "u_y", "u_z"]
        assert sorted(data.coords) == ["step", "time", "x", "y", "z"]
        assert data.p.dims == ("x", "y", "z") and (data.time, data.step) == (0.05, 10)
        for name, axis in zip("xyz", space.axes, strict=True):
            assert np.array_equal(data[name], axis.x)
        assert np.array_equal(data.p, p.gather()) and np.array_equal(data.u_y, u[1].gather())
        assert data.p.attrs["units"] == "Pa" and data.p.attrs["long_name"] == "pressure"
        assert data.p.attrs["y_left"] == "Dirichlet(value=1.0)" and data.p.attrs["y_left_value"] == 1.0
        assert data.p.attrs["y_right"] == "Dirichlet(value=function)" and "y_right_value" not in data.p.attrs
        assert data.attrs["parameters"] == "n = 16\n" and data.attrs["format"] == "tensorpde snapshot"
        assert data.y.attrs["mapping"] == "Tanh(beta=2.0)" and data.y.attrs["lo"] == -1.0


def test_a_snapshot_opens_in_netcdf(tmp_path):
    netcdf = pytest.importorskip("netCDF4")
    space = make_space()
    u = vector(space)
    with io.Output(tmp_path, space) as out:
        out.write(10, 0.05, u=u)
    with netcdf.Dataset(tmp_path / "fields_00000010.h5") as data:
        assert data["u_z"].dimensions == ("x", "y", "z") and np.array_equal(data["u_z"][:], u[2].gather())


def test_kept_regions(tmp_path):
    space = make_space()
    p = space.field(wave)
    full = p.gather()
    streams = [
        io.Stream("plane", slices={"y": 0.0}, dtype="float32"),
        io.Stream("line", slices={0: 0.1, 2: 0.9}),
        io.Stream("boxed", box={"x": (1.0, 3.0), "z": (0.2, 0.7)}),
        io.Stream("coarse", stride={"x": 3, "y": 2}),
    ]
    with io.Output(tmp_path, space, *streams) as out:
        out.write(0, 0.0, p=p)
    plane = io.load(tmp_path / "plane_00000000.h5", "p")
    assert plane.dimensions == ("x", "z") and np.array_equal(plane.values, full[:, 4].astype(np.float32))
    assert io.describe(tmp_path / "plane_00000000.h5")["coordinates"]["y"]["shape"] == []
    assert np.array_equal(io.load(tmp_path / "line_00000000.h5", "p").values, full[0, :, 7])
    boxed = io.load(tmp_path / "boxed_00000000.h5", "p")
    assert np.array_equal(boxed.values, full[3:8, :, 2:6])
    assert np.array_equal(boxed.coordinates["z"], space.axes[2].x[2:6])
    assert np.array_equal(io.load(tmp_path / "coarse_00000000.h5", "p").values, full[::3, ::2])
    for bad, message in [
        ({"slices": {"y": 3.0}}, r"y = 3.0 lies outside \[-1.0, 1.0\]"),
        ({"box": {"y": (5, 6)}}, "box y in .5, 6. holds no point"),
        ({"stride": 0}, "stride 0 along x"),
        ({"slices": {"w": 0}}, "axis 'w' is neither"),
    ]:
        with pytest.raises(ValueError, match=message):
            io.Output(tmp_path, space, **bad)


def test_complex_staggered_and_other_dimensions(tmp_path):
    space = make_space()
    faces = space.like(axis=2, location="nodes", n=9, bc=tp.Neumann())
    wide = space.like(axis=1, location="cells")
    with io.Output(tmp_path, space) as out:
        out.write(
            0,
            0.0,
            u=(space.field(1.0), wide.field(2.0), faces.field(3.0)),
            q=space.like(dtype="complex64").field(1 + 2j),
        )
    contents = io.describe(tmp_path / "fields_00000000.h5")["variables"]
    assert {name: entry["dimensions"] for name, entry in contents.items()} == {
        "q_real": ["x", "y", "z"], "q_imag": ["x", "y", "z"], "u_x": ["x", "y", "z"],
        "u_y": ["x", "y_cell", "z"], "u_z": ["x", "y", "z_face"],
    }  # fmt: skip
    assert contents["q_imag"]["dtype"] == "float32"
    hyper = tp.Space(tp.Grid(*(tp.Axis(3, 0.0, 1.0) for _ in range(5))))
    with io.Output(tmp_path / "5", hyper) as out:
        out.write(0, 0.0, t=hyper.field(1.0, lead=(2, 2)))
    contents = io.describe(tmp_path / "5" / "fields_00000000.h5")
    assert list(contents["variables"]) == ["t_0_0", "t_0_1", "t_1_0", "t_1_1"]
    assert contents["variables"]["t_0_0"]["dimensions"] == ["x", "y", "z", "x3", "x4"]


def test_cadences(tmp_path):
    space, calls = make_space(), []

    def derived():
        calls.append(len(calls))
        return space.zeros()

    streams = [
        io.Stream("steps", io.Every(steps=4)),
        io.Stream("times", io.Every(time=0.3), fields=("q",)),
        io.Stream("walls", io.Every(wall=1e9)),
        io.Stream("never", io.Every(steps=1000)),
    ]
    with io.Output(tmp_path, space, *streams) as out:
        for step in range(10):
            out.write(step, step * 0.1, q=derived)
        out.write(10, 1.0, force=True, q=derived)
    steps = {name: sorted(int(f[-11:-3]) for f in os.listdir(tmp_path) if f.startswith(f"{name}_")) for name in
             ("steps", "times", "walls", "never")}  # fmt: skip
    assert steps == {"steps": [0, 4, 8, 10], "times": [0, 3, 6, 9, 10], "walls": [0, 10], "never": [0, 10]}
    assert len(calls) == 7  # 0, 3, 4, 6, 8, 9, 10
    assert list(io.describe(tmp_path / "times_00000003.h5")["variables"]) == ["q"]
    with io.Output(tmp_path, space, *streams[:2], resume=6) as out:
        for step in range(7, 10):
            written = out.write(step, step * 0.1, q=derived)
            assert [path.name for path in written] == {8: ["steps_00000008.h5"], 9: ["times_00000009.h5"]}.get(step, [])
        with pytest.raises(KeyError, match="'times' keeps 'q'; given are p"):
            out.write(12, 1.2, p=space.zeros())
    with pytest.raises(ValueError, match="one or more positive"):
        io.Every(steps=0)


def test_the_xdmf_collection_names_what_is_there(tmp_path):
    space = make_space()
    u = vector(space)
    for resume, steps in [(None, (0, 5, 10)), (5, (7, 12))]:
        with io.Output(tmp_path, space, resume=resume) as out:
            for step in steps:
                out.write(step, step * 0.1, u=u, p=u[0])
    tree = ElementTree.parse(tmp_path / "fields.xdmf")
    assert [float(t.get("Value")) for t in tree.iter("Time")] == [0.0, 0.5, 7 * 0.1, 12 * 0.1]
    assert [a.get("Name") for a in tree.iter("Attribute")][:2] == ["u", "p"]
    for item in tree.iter("DataItem"):
        if item.get("Format") == "HDF":
            name, _, dataset = item.text.partition(":")
            with h5py.File(tmp_path / name) as file:
                assert file[dataset].shape == tuple(int(n) for n in item.get("Dimensions").split())
                assert file[dataset].dtype.itemsize == int(item.get("Precision"))
    topology = next(tree.iter("Topology"))
    geometry = next(tree.iter("Geometry"))
    assert topology.get("Dimensions") == "16 9 8" and [item.text[-1] for item in geometry] == ["z", "y", "x"]


def test_diagnostics_have_no_duplicates_after_a_restart(tmp_path, monkeypatch):
    space = make_space()
    with io.Output(tmp_path, space) as out:
        for step in range(0, 50, 10):
            out.diagnostics(step, step * 0.1, energy=1.0 / (1 + step))
        assert io.describe(tmp_path / "diagnostics.h5")["step"] == 0  # the others wait for the next flush
        out.flush()
        assert io.describe(tmp_path / "diagnostics.h5")["step"] == 40
    with io.Output(tmp_path, space, resume=20) as out:
        out.diagnostics(25, 2.5, energy=9.0, mass=1.0)
        out.diagnostics(35, 3.5, energy=8.0)
        out.diagnostics(35, 3.6, energy=7.0)
    energy = io.load(tmp_path / "diagnostics.h5", "energy")
    assert np.allclose(energy.values, [1, 1 / 11, 1 / 21, 9, 7], rtol=1e-15)
    assert np.array_equal(energy.coordinates["time"], [0.0, 1.0, 2.0, 2.5, 3.6])
    assert np.array_equal(io.load(tmp_path / "diagnostics.h5", "step").values, [0, 10, 20, 25, 35])
    mass = io.load(tmp_path / "diagnostics.h5", "mass").values
    assert np.isnan(mass).tolist() == [True, True, True, False, True]
    with pytest.raises(ValueError, match="'probe' cannot name a diagnostic"), io.Output(tmp_path, space) as out:
        out.diagnostics(1, 0.0, probe=1.0)


def test_an_error_in_the_block_still_saves_the_records(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "FLUSH", 1e9)
    with pytest.raises(ZeroDivisionError), io.Output(tmp_path, make_space()) as out:
        out.diagnostics(1, 0.1, energy=1.0)
        out.diagnostics(2, 0.2, energy=1.0)
        _ = 1 / 0
    assert io.describe(tmp_path / "diagnostics.h5")["step"] == 2


def test_probes_interpolate_to_sixth_order(tmp_path):
    points = [(0.1, 0.9, 0.5), (6.2, -0.99, 0.02), (3.3, 0.0, 0.98)]
    exact = np.array([np.sin(x) * np.exp(y) * np.cos(z) for x, y, z in points])
    errors = []
    for n in (16, 32):
        axes = [tp.Axis(n, 0, 2 * np.pi), tp.Axis(n, -1, 1, bc=tp.Dirichlet()), tp.Axis(n, 0, 1, bc=tp.Neumann())]
        space = tp.Space(tp.Grid(*axes))
        sampled = io.sample(space.field(lambda x, y, z: np.sin(x) * np.exp(y) * np.cos(z)), points)
        errors.append(np.abs(sampled - exact).max())
    assert errors[1] < 1e-6 and np.log2(errors[0] / errors[1]) > 5.5
    with io.Output(tmp_path, space, probes=points, every=io.Every(steps=2)) as out:
        for step in range(4):
            out.write(
                step, step * 0.1, v=space.like(dtype="complex128").field(lambda x, y, z: y * z * (1 + 1j) + 0 * x)
            )
    probe = io.load(tmp_path / "probes.h5", "v_imag")
    assert probe.dimensions == ("time", "probe") and probe.values.shape == (2, 3)
    assert np.allclose(probe.values[1], [y * z for _, y, z in points], atol=1e-13)
    assert np.array_equal(io.load(tmp_path / "probes.h5", "y").values, [y for _, y, _ in points])
    assert sorted(f for f in os.listdir(tmp_path) if f.startswith("f")) == [
        "fields.xdmf", "fields_00000000.h5", "fields_00000002.h5"]  # fmt: skip
    with pytest.raises(ValueError, match="y outside"):
        io.sample(space.zeros(), [(0, 2, 0)])


def test_wall_values_for_plots(tmp_path):
    space = make_space()
    with io.Output(tmp_path, space) as out:
        out.write(0, 0.0, p=space.field(wave))
    p = io.load(tmp_path / "fields_00000000.h5", "p", {"z": 0.3}).with_walls()
    assert p.dimensions == ("x", "y") and p.values.shape == (17, 10)  # x closes; y gains its left wall only
    assert np.all(p.values[:, 0] == 1.0) and np.array_equal(p.values[16], p.values[0])
    assert p.coordinates["y"][0] == -1.0 and p.coordinates["x"][-1] == 2 * np.pi


def write_on_ranks(directory):
    from mpi4py import MPI

    world, slabs.SLAB = MPI.COMM_WORLD, 2000
    everyone = [world.Split(0 if world.rank < size else 1) for size in (1, 2, 3)]
    for size, comm in enumerate(everyone, 1):
        if world.rank < size:
            space = make_space(comm)
            u = vector(space)
            streams = [
                io.Stream(), io.Stream("plane", slices={"x": 1.0}, stride={"z": 3}),
                io.Stream("probes", probes=[(0.1, 0.2, 0.3), (6.1, -0.9, 0.9)]),
            ]  # fmt: skip
            with io.Output(f"{directory}/{size}", space, *streams) as out:
                out.write(3, 0.5, u=u.align(size - 1), p=lambda u=u: u[1] * 2.0)
                out.diagnostics(3, 0.5, energy=1.0)
        world.Barrier()
    if world.rank == 0:
        Path(directory, "blocked").write_text("no directory")
    space = make_space()
    with pytest.raises(OSError, match="rank 0, while preparing"):
        io.Output(f"{directory}/blocked", space)
    out = io.Output(f"{directory}/unsaid", space, attributes={"p": {"units": object()}})
    with pytest.raises(TypeError, match="rank 0, while writing the header"):
        out.write(0, 0.0, p=space.field(wave))
    world.Barrier()  # rank 0 tidies up after the others have heard
    assert os.listdir(f"{directory}/unsaid") == []


def test_the_same_files_on_every_number_of_ranks(tmp_path):
    run_ranks(3, f"{HERE}::write_on_ranks", str(tmp_path), timeout=110)
    names = sorted(os.listdir(tmp_path / "1"))
    assert names == [
        "diagnostics.h5",
        "fields.xdmf",
        "fields_00000003.h5",
        "plane.xdmf",
        "plane_00000003.h5",
        "probes.h5",
    ]
    for size in "23":
        for name in names:
            assert (tmp_path / "1" / name).read_bytes() == (tmp_path / size / name).read_bytes(), (size, name)


@pytest.mark.skipif(not h5py.get_config().mpi, reason="needs an h5py that is built for MPI")
def test_all_ranks_write_the_same_values(tmp_path):
    for by_all in "01":
        env = {"TENSORPDE_PARALLEL_HDF5": by_all}
        run_ranks(3, f"{HERE}::write_on_ranks", str(tmp_path / by_all), env=env, timeout=55)
    for name in ("fields_00000003.h5", "plane_00000003.h5"):
        old, new = (tmp_path / by_all / "3" / name for by_all in "01")
        assert io.describe(old) == io.describe(new)
        for variable in io.describe(old)["variables"]:
            assert np.array_equal(io.load(old, variable).values, io.load(new, variable).values)


@pytest.mark.skipif(h5py.get_config().mpi, reason="needs an h5py that is built without MPI")
def test_a_parallel_write_that_cannot_be_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("TENSORPDE_PARALLEL_HDF5", "1")
    space = make_space()
    with io.Output(tmp_path, space) as out, pytest.raises(RuntimeError, match="h5py is built without MPI"):
        out.write(0, 0.0, p=space.zeros())
