"""Files: snapshots and time series that any HDF5 tool reads, checkpoints that are whole or refused, and readers."""

from __future__ import annotations

from tensorpde.io.checkpoint import load_checkpoint, read_manifest, save_checkpoint
from tensorpde.io.hdf5 import Unreadable

__all__ = ["Unreadable", "load_checkpoint", "read_manifest", "save_checkpoint"]
