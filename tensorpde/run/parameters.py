"""One parameter object per driver: defaults, then a TOML file, then flags.

A driver declares its parameters as a class and gets flags, ranges, help and a TOML form from it::

    class Heat(Parameters):
        '''Heat in a box.'''
        n: int = parameter(64, "points per axis", ge=4)
        t_end: float = parameter(1.0, "end of the run", unit="s", gt=0)

    p = read_parameters(Heat, comm)          # --n 128 --config heat.toml
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import json
import math
import sys
import tomllib
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import pydantic

from tensorpde.run import exit_codes
from tensorpde.solve import petsc

P = TypeVar("P", bound="Parameters")


class ParameterError(ValueError):
    """A parameter is unknown or has a value that is not allowed; the text names it and what is allowed."""


def parameter(default: Any, description: str, unit: str = "", **limits: Any) -> Any:
    """Declare one parameter of a driver.

    Parameters
    ----------
    default
        The value when neither the TOML file nor a flag gives one.
    description, unit
        Shown by ``--help`` and in the TOML text; no unit means dimensionless.
    **limits
        The allowed range: ``ge``, ``gt``, ``le``, ``lt``, ``multiple_of``, ``min_length``, ``max_length``.
    """
    return pydantic.Field(default, description=description, json_schema_extra={"unit": unit}, **limits)


class Parameters(pydantic.BaseModel):
    """The parameters that every driver has; a driver subclasses this and adds its own. Immutable."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", validate_default=True)
    petsc_options: typing.ClassVar[bool] = False  # whether words with one dash, such as -ksp_monitor, go to PETSc

    out: str = parameter("out", "directory of everything that the run writes", min_length=1)
    checkpoint_every: float = parameter(600.0, "wall-clock time between checkpoints", unit="s", gt=0)
    wall_limit: float | None = parameter(None, "stop with a checkpoint after this wall-clock time", unit="s", gt=0)
    backend: typing.Literal["numpy", "cupy"] = parameter("numpy", "where fields are: on the host, or on a GPU")
    resume: bool = pydantic.Field(False, description="go on from the last checkpoint in --out, if any", exclude=True)
    dry_run: bool = pydantic.Field(False, description="print what would run and be written, then stop", exclude=True)

    def host_only(self) -> str:
        """What keeps this run on the host, as the subject of a sentence; empty where nothing does."""
        return ""

    @pydantic.model_validator(mode="after")
    def _on_device(self: P) -> P:
        if self.backend != "numpy" and (subject := self.host_only()):
            raise ValueError(f"backend = {self.backend}: {subject} on the host alone, backend must be 'numpy'")
        return self

    def to_toml(self) -> str:
        """The parameters as TOML text, one ``name = value  # description [unit]`` a line.

        Reading it back gives an equal object. ``resume`` and ``dry_run`` say how a run is started, not
        what it computes, so they are left out.
        """
        lines = []
        for name, value in self.model_dump().items():
            info = type(self).model_fields[name]
            unit = _unit(info)
            comment = f"  # {info.description}{f' [{unit}]' if unit else ''}" if info.description else ""
            lines.append(f"{name} = {_toml_value(value)}{comment}\n")
        return "".join(lines)

    @classmethod
    def from_sources(cls: type[P], toml: dict[str, Any], flags: dict[str, Any], file: str = "the TOML file") -> P:
        """Build from the values of a TOML file and of flags, which win.

        Raises
        ------
        ParameterError
            Naming every unknown name with the nearest valid one, or every value that is not allowed
            with what is.
        """
        toml = {key.replace("-", "_"): value for key, value in toml.items()}
        unknown = [_unknown(key, file, cls) for key in toml if key not in cls.model_fields]
        if unknown:
            raise ParameterError("\n".join(unknown))
        values = {key: _from_text(value, cls.model_fields[key]) for key, value in (toml | flags).items()}
        try:
            return cls(**values)
        except pydantic.ValidationError as error:
            raise ParameterError("\n".join(_explain(e, cls, flags, file) for e in error.errors())) from None


def read_parameters(cls: type[P], comm: Any, argv: Sequence[str] | None = None) -> P:
    """The parameters of this run: defaults < ``--config FILE`` < flags. Collective.

    The file and the command line are read on rank 0 and broadcast, so that all ranks agree.

    Parameters
    ----------
    cls
        The driver's parameter class.
    comm
        The communicator of the run.
    argv
        The arguments, without the program's name; default ``sys.argv[1:]``.

    Raises
    ------
    SystemExit
        On all ranks: 0 after ``--help``, 2 after an error, which rank 0 prints.
    """
    code, values = None, {}
    if comm.rank == 0:
        try:
            found = _parse(cls, sys.argv[1:] if argv is None else argv)
            values = {name: getattr(found, name) for name in cls.model_fields}
        except ParameterError as error:
            print(f"{Path(sys.argv[0]).name}: {error}\n(--help lists the parameters)", file=sys.stderr, flush=True)
            code = exit_codes.USAGE
        except SystemExit:
            code = exit_codes.FINISHED
    code, values = comm.bcast((code, values), root=0)
    if code is not None:
        raise SystemExit(code)
    return cls(**values)


def _parse(cls: type[P], argv: Sequence[str]) -> P:
    """Read flags and the TOML file of one process; SystemExit(0) after ``--help``."""
    parser = _Parser(description=cls.__doc__, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    parser.add_argument("--config", metavar="FILE.toml", help="read parameters from this TOML file; flags win")
    for name, info in cls.model_fields.items():
        flag = "--" + name.replace("_", "-")
        text = f"{info.description or ''} ({_allowed(info)}; default {_toml_value(info.default)})".replace("%", "%%")
        if info.annotation is bool:
            parser.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        elif _is_sequence(info.annotation):
            parser.add_argument(flag, metavar=_unit(info) or name.upper(), action="append", help=text + "; repeatable")
        else:
            parser.add_argument(flag, metavar=_unit(info) or name.upper(), help=text)
    options: list[str] = []
    if cls.petsc_options:
        parser.epilog = "Words with one dash, such as -ksp_type gmres -ksp_monitor, are options of PETSc."
        options, argv = _petsc_apart(argv)
    namespace, rest = parser.parse_known_args(argv)
    flags = {name: ",".join(v) if isinstance(v, list) else v for name, v in vars(namespace).items()}
    unknown = [word for word in rest if word.startswith("--")]
    if unknown:
        raise ParameterError("\n".join(_unknown(w.split("=")[0], "the command line", cls) for w in unknown))
    if rest:
        raise ParameterError(f"unexpected argument {rest[0]!r}: parameters are given as --name value")
    config = flags.pop("config", None)
    found = cls.from_sources(_read_toml(config) if config else {}, flags, config or "")
    if options and found.backend != "numpy":
        raise ParameterError(f"{options[0]} is an option of PETSc, which takes no arrays of backend {found.backend!r}")
    return found


def _petsc_apart(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """The words that are PETSc's, which need PETSc, and the others."""
    options, rest = petsc.split_arguments(argv)
    if options and importlib.util.find_spec("petsc4py") is None:
        raise ParameterError(f"{options[0]} is an option of PETSc: {petsc.MissingPetsc.advice}")
    return options, rest


class _Parser(argparse.ArgumentParser):
    """An argument parser that raises instead of ending one rank of many."""

    def error(self, message: str) -> typing.NoReturn:
        raise ParameterError(message)


def _read_toml(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ParameterError(f"cannot read --config {path}: {reason}") from None


def _unknown(key: str, where: str, cls: type[Parameters]) -> str:
    flag = key.startswith("--")
    spell = (lambda name: "--" + name.replace("_", "-")) if flag else str
    valid = [*cls.model_fields, *(["config"] if flag else [])]
    near = difflib.get_close_matches(key.lstrip("-").replace("-", "_"), valid, n=1)
    hint = f"the nearest is {spell(near[0])}" if near else "valid ones are " + ", ".join(map(spell, valid))
    return f"unknown parameter {key} in {where}: {hint}"


def _explain(error: Any, cls: type[Parameters], flags: dict[str, Any], file: str) -> str:
    """One line for one of pydantic's errors: field, value, origin, and what is allowed."""
    if not error["loc"]:  # from a check of several parameters together: the driver's own words
        return str(error["msg"]).removeprefix("Value error, ")
    name = str(error["loc"][0])
    info = cls.model_fields[name]
    origin = f"--{name.replace('_', '-')}" if name in flags else f"{name} in {file}"
    reason = "" if len(error["loc"]) == 1 and error["type"] != "value_error" else f" ({error['msg']})"
    return f"{origin} = {error['input']}: must be {_allowed(info)}{reason}"


def _unit(info: Any) -> str:
    return (info.json_schema_extra or {}).get("unit", "")


def _allowed(info: Any) -> str:
    """The allowed values in words, such as ``int ≥ 4``."""
    words = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<", "multiple_of": "a multiple of"}
    words |= {"min_length": "length ≥", "max_length": "length ≤"}
    kind = _type_name(info.annotation)
    limits = [f"{words[k]} {v}" for m in info.metadata for k in words if (v := getattr(m, k, None)) is not None]
    return " ".join([kind, ", ".join(limits)]).strip()


def _type_name(kind: Any) -> str:
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if not arguments:
        return "none" if kind is type(None) else getattr(kind, "__name__", str(kind))
    if _is_sequence(kind):
        return "a list of " + ", ".join("…" if a is Ellipsis else _type_name(a) for a in arguments)
    return " or ".join(map(_type_name, arguments))


def _is_sequence(kind: Any) -> bool:
    return typing.get_origin(kind) in (tuple, list)


def _from_text(value: Any, info: Any) -> Any:
    """What text stands for: ``none`` where None is allowed, ``2,2`` where a list is, one of listed values."""
    if not isinstance(value, str):
        return value
    kinds = (info.annotation, *typing.get_args(info.annotation))
    if value.lower() == "none" and type(None) in kinds:
        return None
    choices = [c for kind in kinds if typing.get_origin(kind) is typing.Literal for c in typing.get_args(kind)]
    for choice in choices:
        if str(choice) == value:
            return choice
    if any(map(_is_sequence, kinds)):
        return [item.strip() for item in value.strip("[]()").split(",") if item.strip()]
    return value


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # inf, -inf and nan are TOML
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if value is None:
        return '"none"'  # TOML has no null
    return json.dumps(value, ensure_ascii=False)
