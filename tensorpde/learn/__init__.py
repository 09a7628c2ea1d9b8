"""Operator learning: tensorized Fourier neural operators on patches and pencils, trained on any number of ranks."""

from __future__ import annotations

from tensorpde.learn import checkpoint, losses, optim
from tensorpde.learn.data import Normaliser, Pairs
from tensorpde.learn.files import about, load, save
from tensorpde.learn.growth import Growth, grown_modes
from tensorpde.learn.model import TFNO
from tensorpde.learn.multigrid import MultiGrid
from tensorpde.learn.patches import Patches
from tensorpde.learn.symmetry import Averaged, Symmetries, Turned
from tensorpde.learn.train import State, check, evaluate, predict, start, train
from tensorpde.learn.trained import Trained

__all__ = [
    "TFNO",
    "Averaged",
    "Growth",
    "MultiGrid",
    "Normaliser",
    "Pairs",
    "Patches",
    "State",
    "Symmetries",
    "Trained",
    "Turned",
    "about",
    "check",
    "checkpoint",
    "evaluate",
    "grown_modes",
    "load",
    "losses",
    "optim",
    "predict",
    "save",
    "start",
    "train",
]
