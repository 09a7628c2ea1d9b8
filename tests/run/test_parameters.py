"""Parameters: precedence, errors that name field, value and range, and the TOML round trip."""

from typing import Literal

import pydantic
import pytest
from mpi4py import MPI

from tensorpde.run.parameters import Parameters, parameter, read_parameters


class Channel(Parameters):
    """Flow between two walls."""

    n: int = parameter(32, "points per axis", ge=8)
    t_end: float = parameter(1.0, "end of the run", unit="h/U", gt=0)
    order: Literal[2, 4, 6] = parameter(6, "order of the schemes")
    name: str = parameter("plane", "label")
    process_grid: tuple[int, int] | Literal["tune"] | None = parameter(None, "ranks along x and y")
    forced: bool = parameter(True, "drive the flow")

    @pydantic.model_validator(mode="after")
    def _even(self):
        if self.order == 2 and self.n % 2:
            raise ValueError(f"order 2 needs an even n, not {self.n}")
        return self


def read(*argv):
    return read_parameters(Channel, MPI.COMM_SELF, list(argv))


def refused(capsys, *argv):
    with pytest.raises(SystemExit) as stop:
        read(*argv)
    assert stop.value.code == 2
    return capsys.readouterr().err


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return str(path)

    return write


def test_defaults_then_toml_then_flags(toml):
    path = toml('n = 48\nt-end = 3\nname = "64"\n')
    p = read("--config", path, "--n", "64")
    assert (p.n, p.t_end, p.name, p.order, p.out) == (64, 3.0, "64", 6, "out")
    assert read().n == 32


def test_flags_of_every_kind():
    p = read("--t-end", "2e1", "--order", "4", "--process-grid", "2,3", "--no-forced", "--name", "12", "--resume")
    assert (p.t_end, p.order, p.process_grid, p.forced, p.name, p.resume) == (20.0, 4, (2, 3), False, "12", True)
    assert read("--process-grid", "none", "--wall-limit", "none").process_grid is None
    assert read("--process-grid", "tune").process_grid == "tune"


def test_toml_round_trip(toml):
    p = read("--process-grid", "2,3", "--name", 'a "b" \\ µ', "--t-end", "0.1", "--no-forced", "--dry-run")
    text = p.to_toml()
    assert "t_end = 0.1  # end of the run [h/U]" in text
    assert "dry_run" not in text
    again = read("--config", toml(text), "--dry-run")
    assert again == p
    assert read("--config", toml(read().to_toml())) == read()


@pytest.mark.parametrize(
    "argv, words",
    [
        (["--n", "4"], ["--n = 4", "int ≥ 8"]),
        (["--n", "many"], ["--n = many", "int ≥ 8"]),
        (["--t-end", "-1"], ["--t-end = -1", "float > 0"]),
        (["--order", "5"], ["--order = 5", "one of 2, 4, 6"]),
        (["--process-grid", "2,x"], ["--process-grid = x", "a list of int, int or one of 'tune' or none"]),
        (["--t-ned", "3"], ["unknown parameter --t-ned in the command line", "nearest is --t-end"]),
        (["--zzzzzz=3"], ["--zzzzzz", "valid ones are --out,"]),
        (["stray"], ["'stray'", "--name value"]),
        (["--n"], ["--n", "expected one argument"]),
        (["--order", "2", "--n", "9"], ["order 2 needs an even n, not 9"]),
        (["--config", "no-such.toml"], ["no-such.toml", "No such file"]),
    ],
)
def test_errors_name_field_value_and_range(capsys, argv, words):
    message = refused(capsys, *argv)
    assert all(word in message for word in words), message


def test_errors_in_the_file_name_the_file(capsys, toml):
    path = toml("n = 4\norder = 7")
    message = refused(capsys, "--config", path)
    assert f"n in {path} = 4: must be int ≥ 8" in message
    assert f"order in {path} = 7: must be one of 2, 4, 6" in message
    message = refused(capsys, "--config", toml("nn = 4\nprocess_grit = [1, 1]"))
    assert "unknown parameter nn" in message
    assert "nearest is process_grid" in message
    assert "cannot read" in refused(capsys, "--config", toml("n = = 4"))


def test_help_ends_with_zero_and_lists_every_parameter(capsys):
    with pytest.raises(SystemExit) as stop:
        read("--help")
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert all(f"--{name.replace('_', '-')}" in text for name in Channel.model_fields)
    assert "points per axis (int ≥ 8; default 32)" in " ".join(text.split())


def test_parameters_are_immutable():
    with pytest.raises(pydantic.ValidationError):
        read().n = 3
