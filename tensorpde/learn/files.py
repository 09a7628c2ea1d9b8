"""Models in files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorpde import backend as backends
from tensorpde import io
from tensorpde.learn.checks import check_params
from tensorpde.learn.model import TFNO


def save(
    path: str | os.PathLike[str], model: TFNO, params: Mapping[str, Any], comm: Any = None,
    about: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Write a model and its parameters as one HDF5 file, whole or not at all. Collective; rank 0 writes.

    Parameters
    ----------
    model, params
        As they are in memory.
    comm
        The ranks that have them; None for all.
    about
        What else belongs to the model, such as normalisers and patches, for `about`: what JSON can hold.

    Raises
    ------
    ValueError
        If the parameters are not the model's.
    """
    check_params(model, params)
    host = {name: backends.of(array).to_host(array) for name, array in params.items()}
    return io.save_model(path, model.settings(), host, comm, about)


def load(path: str | os.PathLike[str], comm: Any = None, backend: str = "numpy") -> tuple[TFNO, dict[str, Any]]:
    """(model, parameters) of a file that `save` wrote, on all ranks. Collective.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Unreadable
        If it is damaged, of another kind, or holds other settings or parameters than this version has.
    """
    settings, params = io.load_model(path, comm)
    known = {field.name for field in dataclasses.fields(TFNO)}
    if set(settings) - known:
        raise io.Unreadable(f"{path}: settings {sorted(set(settings) - known)} are unknown to this tensorpde")
    try:
        model = TFNO(**settings)
        check_params(model, params)
    except (TypeError, ValueError) as error:
        raise io.Unreadable(f"{path}: {error}") from None
    return model, {name: backends.get(backend).asarray(params[name]) for name in model.shapes}


def about(path: str | os.PathLike[str], comm: Any = None) -> dict[str, Any]:
    """What `save` was given as `about`, on all ranks. Collective.

    Raises
    ------
    FileNotFoundError, Unreadable
        As in :func:`load`.
    """
    return io.about_model(path, comm)
