"""Equations put together from the operators, and the cases that people run."""

from . import cases
from .advection_diffusion_reaction import AdvectionDiffusionReaction
from .allen_cahn import AllenCahn
from .heat import Heat
from .navier_stokes import NavierStokes
from .penalization import Penalization, smooth_mask
from .pressure import Schemes
from .scalars import Scalar
from .schrodinger import Schrodinger
from .wave import Wave

__all__ = [
    "AdvectionDiffusionReaction",
    "AllenCahn",
    "Heat",
    "NavierStokes",
    "Penalization",
    "Scalar",
    "Schemes",
    "Schrodinger",
    "Wave",
    "cases",
    "smooth_mask",
]
