"""Operator learning: tensorized Fourier neural operators on patches and pencils, trained on any number of ranks."""

from __future__ import annotations

from tensorpde.learn import losses, optim
from tensorpde.learn.multigrid import MultiGrid
from tensorpde.learn.patches import Patches

__all__ = ["MultiGrid", "Patches", "losses", "optim"]
