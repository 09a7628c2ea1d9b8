"""Operator learning: tensorized Fourier neural operators on patches and pencils, trained on any number of ranks."""

from __future__ import annotations

from tensorpde.learn.multigrid import MultiGrid
from tensorpde.learn.patches import Patches

__all__ = ["MultiGrid", "Patches"]
