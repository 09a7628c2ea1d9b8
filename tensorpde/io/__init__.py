"""Files: snapshots and time series that any HDF5 tool reads, checkpoints that are whole or refused, and readers."""

from __future__ import annotations

from tensorpde.io.cadence import Every, Stream
from tensorpde.io.checkpoint import load_checkpoint, read_manifest, save_checkpoint
from tensorpde.io.hdf5 import Unreadable
from tensorpde.io.maps import write_cube, write_dx
from tensorpde.io.models import about_model, load_model, save_model
from tensorpde.io.output import Output
from tensorpde.io.probes import sample
from tensorpde.io.read import read
from tensorpde.io.samples import make_dataset
from tensorpde.io.view import Variable, describe, load

__all__ = [
    "Every",
    "Output",
    "Stream",
    "Unreadable",
    "Variable",
    "about_model",
    "describe",
    "load",
    "load_checkpoint",
    "load_model",
    "make_dataset",
    "read",
    "read_manifest",
    "sample",
    "save_checkpoint",
    "save_model",
    "write_cube",
    "write_dx",
]
