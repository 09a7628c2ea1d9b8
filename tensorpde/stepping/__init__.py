"""Time stepping: Runge–Kutta by tableaux, and steps that are implicit along one axis after the other."""

from .craig_sneyd import ModifiedCraigSneyd
from .douglas_gunn import DouglasGunn
from .hundsdorfer_verwer import HundsdorferVerwer
from .implicit_explicit import ImplicitExplicit, Stage
from .integrating_factor import IntegratingFactor
from .peaceman_rachford import PeacemanRachford
from .runge_kutta import RungeKutta
from .splitting import Splitting
from .tableau import (
    CARPENTER_KENNEDY_RK4,
    RK4,
    SPALART_MOSER_ROGERS,
    SSP_RK3,
    WILLIAMSON_RK3,
    Additive,
    Butcher,
    LowStorage,
)
from .verlet import ImplicitVerlet

__all__ = [
    "CARPENTER_KENNEDY_RK4",
    "RK4",
    "SPALART_MOSER_ROGERS",
    "SSP_RK3",
    "WILLIAMSON_RK3",
    "Additive",
    "Butcher",
    "DouglasGunn",
    "HundsdorferVerwer",
    "ImplicitExplicit",
    "ImplicitVerlet",
    "IntegratingFactor",
    "LowStorage",
    "ModifiedCraigSneyd",
    "PeacemanRachford",
    "RungeKutta",
    "Splitting",
    "Stage",
]
