"""The command line on real files: info, plot, bench; one line and a code for what goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

import tensorpde as tp
from tensorpde import bench
from tensorpde.io import Output, Stream, load, save_checkpoint
from tensorpde.run.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A short channel flow: a moving upper wall, a wavy stream between."""
    out = tmp_path_factory.mktemp("run")
    periodic = tp.Axis(16, 0.0, 2 * np.pi, bc=tp.Periodic())
    walls = (tp.NoSlip(), tp.NoSlip((1.0, 0.0, 0.0)))
    space = tp.Space(tp.Grid(periodic, tp.Axis(9, -1.0, 1.0, bc=walls), periodic), MPI.COMM_SELF)
    streams = Stream(), Stream("line", slices={"x": 1.0, "z": 2.0}), Stream("probes", probes=[(1, 0, 1), (2, 0.5, 2)])
    u = space.field(lambda x, y, z: [(1 + y) / 2, np.sin(x) * (1 - y**2), 0.0], lead=(3,))
    with Output(out, space, *streams, parameters="re = 100.0  # Reynolds number\n") as output:
        for step in range(4):
            output.write(step, 0.5 * step, u=u)
            output.diagnostics(step, 0.5 * step, energy=0.5**step, divergence=1e-15)
    save_checkpoint(out, {"u": u}, 3, 1.5, {"parameters": "re = 100.0\n"})
    return out


def lines(capsys, *argv):
    assert main([str(word) for word in argv]) == 0
    return capsys.readouterr().out.splitlines()


def test_info_of_a_snapshot(capsys, files):
    text = lines(capsys, "info", files / "fields_00000003.h5")
    assert text[0] == "fields_00000003.h5   step 3, time 1.5"
    assert text[1].startswith("snapshot, written by tensorpde ")
    rows = [line.split() for line in text]
    assert ["y", "9", "-0.8", "0.8", "on", "[-1,", "1],", "nodes,", "Uniform()"] in rows
    assert ["u_x", "16", "×", "9", "×", "16", "float64", "0.1", "0.9", "0.5", "1"] in rows
    assert text[-2:] == ["parameters", "  re = 100.0  # Reynolds number"]


def test_info_of_a_series_and_of_a_checkpoint(capsys, files):
    text = lines(capsys, "info", files / "diagnostics.h5", files / "checkpoint_00000003.h5")
    rows = [line.split() for line in text]
    assert text[0] == "diagnostics.h5   up to step 3, time 1.5"
    assert ["energy", "4", "float64", "0.125", "1", "0.125", "1"] in rows
    assert "checkpoint_00000003.h5   step 3, time 1.5" in text
    assert any(row[:7] == ["u", "3", "×", "16", "×", "9", "×"] for row in rows)
    assert text[-1] == "  re = 100.0"


@pytest.mark.parametrize(
    "name, flags",
    [
        ("fields_00000003", []),
        ("fields_00000003", ["--field", "u_y", "--at", "z=0.3", "--at", "y=0"]),
        ("fields_00000003", ["--spectrum"]),
        ("line_00000003", []),
        ("diagnostics", ["--field", "energy"]),
        ("probes", []),
    ],
)
def test_plot_writes_a_picture(capsys, files, tmp_path, name, flags):
    out = tmp_path / "made" / "a.png"
    assert lines(capsys, "plot", files / f"{name}.h5", "-o", out, *flags) == [str(out)]
    assert out.read_bytes().startswith(b"\x89PNG")
    assert out.stat().st_size > 10_000


def test_pictures_reach_the_walls(files, monkeypatch):
    from tensorpde.run import pictures, plot

    drawn = []
    monkeypatch.setattr(plot, "planes", lambda rows, *rest: drawn.extend(rows))
    pictures.draw(files / "fields_00000000.h5", "unused.png", ["u_x"], {"z": 0.0})
    ((plane,),) = drawn
    assert (plane.x_label, plane.y_label, plane.title) == ("x", "y", "u_x at z = 0")
    assert np.allclose(plane.values[:, [0, -1]], [[0.0, 1.0]])  # the wall values of the two NoSlip conditions
    assert np.allclose(plane.x[[0, -1]], [0.0, 2 * np.pi])
    assert np.array_equal(plane.y[[0, -1]], [-1.0, 1.0])
    assert np.allclose(plane.values, (1 + plane.y) / 2)
    inside = load(files / "fields_00000000.h5", "u_x").values
    assert np.array_equal(plane.values[:-1, 1:-1], inside[:, :, 0])


@pytest.mark.parametrize(
    "argv, words",
    [
        (["info", "nowhere.h5"], "nowhere.h5 does not exist"),
        (["info", __file__], "test_cli.py is "),
        (["plot", "fields_00000000.h5", "-o", "a.png", "--field", "w"], "no field w"),
        (["plot", "fields_00000000.h5", "-o", "a.png", "--at", "q=1"], "axes x, y, z, not q"),
        (["plot", "fields_00000000.h5", "-o", "a.nonsense"], "nonsense"),
        (["plot", "checkpoint_00000003.h5", "-o", "a.png"], "draw a snapshot"),
        (["plot", "line_00000003.h5", "-o", "a.png", "--spectrum"], "periodic axis"),
    ],
)
def test_an_error_is_one_line(capsys, files, monkeypatch, argv, words):
    monkeypatch.chdir(files)
    assert main(argv) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_new_file_is_a_new_benchmark(capsys, tmp_path, monkeypatch):
    (tmp_path / "nap.py").write_text(
        '"""Time a nap."""\n'
        "from tensorpde.bench.table import row\n"
        "def add_arguments(parser): parser.add_argument('--n', type=int, default=1)\n"
        "def run(args): return [row(f'{args.n} naps', 0.001 * args.n, others=0.002)]\n"
    )
    monkeypatch.setattr(bench, "__path__", [*bench.__path__, str(tmp_path)])
    assert lines(capsys, "bench", "nap", "--n", 2)[2].split() == [
        "2",
        "naps",
        "2.00",
        "ms",
        "2.00",
        "ms",
        "(1.00",
        "×)",
    ]
    assert json.loads("\n".join(lines(capsys, "bench", "nap", "--json")))[0]["seconds"] == 0.001
    with pytest.raises(SystemExit) as stop:
        main(["bench", "table"])
    assert stop.value.code == 2


def test_the_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0 and capsys.readouterr().out.startswith("tensorpde ")


def test_as_a_module_without_a_display(files, tmp_path):
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"} | {"PYTHONPATH": str(ROOT)}
    out = tmp_path / "a.pdf"
    command = [sys.executable, "-m", "tensorpde", "plot", files / "diagnostics.h5", "-o", out]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, str(out), "")
    assert out.read_bytes().startswith(b"%PDF")


def test_postprocessing_with_xarray_alone(files, tmp_path):
    pytest.importorskip("h5netcdf")
    command = [sys.executable, str(ROOT / "examples" / "postprocess.py"), str(files)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert "parameters: {'re': 100.0}" in done.stdout
    assert "step 3, time 1.5, 4 snapshots" in done.stdout
    assert (files / "postprocess_planes.png").exists()
