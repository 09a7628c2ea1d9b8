"""Who owns which part of an array, and how the parts move. All use of MPI is in here."""

from __future__ import annotations

from tensorpde.parallel.comm import alone, world
from tensorpde.parallel.errors import PATIENCE, CollectiveError, agree, install_abort_hooks
from tensorpde.parallel.pencil import Pencil, ProcessGrid
from tensorpde.parallel.transpose import Transpose

__all__ = [
    "PATIENCE",
    "CollectiveError",
    "Pencil",
    "ProcessGrid",
    "Transpose",
    "agree",
    "alone",
    "install_abort_hooks",
    "world",
]
