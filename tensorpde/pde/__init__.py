"""Equations put together from the operators, and the cases that people run."""

from . import cases
from .advection_diffusion_reaction import AdvectionDiffusionReaction
from .allen_cahn import AllenCahn
from .heat import Heat
from .navier_stokes import NavierStokes
from .pressure import Schemes
from .schrodinger import Schrodinger
from .wave import Wave

__all__ = [
    "AdvectionDiffusionReaction",
    "AllenCahn",
    "Heat",
    "NavierStokes",
    "Schemes",
    "Schrodinger",
    "Wave",
    "cases",
]
