"""Equations put together from the operators, and the cases that people run."""

from . import cases
from .advection_diffusion_reaction import AdvectionDiffusionReaction
from .allen_cahn import AllenCahn
from .budget import FlowStatistics
from .burgers import Burgers
from .forces import ConstantFlux
from .fourier import Fourier
from .heat import Heat
from .navier_stokes import NavierStokes
from .penalization import Penalization, smooth_mask
from .point_statistics import PointStatistics
from .pressure import Schemes
from .random_field import RandomField
from .scalars import Scalar
from .schrodinger import Schrodinger
from .stability import LayerMode
from .statistics import Means, Statistics
from .steady import Steady
from .vorticity import Vorticity
from .wall_units import WallUnits
from .wave import Wave

__all__ = [
    "AdvectionDiffusionReaction",
    "AllenCahn",
    "Burgers",
    "ConstantFlux",
    "FlowStatistics",
    "Fourier",
    "Heat",
    "LayerMode",
    "Means",
    "NavierStokes",
    "Penalization",
    "PointStatistics",
    "RandomField",
    "Scalar",
    "Schemes",
    "Schrodinger",
    "Statistics",
    "Steady",
    "Vorticity",
    "WallUnits",
    "Wave",
    "cases",
    "smooth_mask",
]
