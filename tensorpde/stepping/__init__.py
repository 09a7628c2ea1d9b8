"""Time stepping: tableaux as data, and the steps that use them."""

from .runge_kutta import RungeKutta
from .tableau import CARPENTER_KENNEDY_RK4, RK4, SSP_RK3, WILLIAMSON_RK3, Butcher, LowStorage

__all__ = ["CARPENTER_KENNEDY_RK4", "RK4", "SSP_RK3", "WILLIAMSON_RK3", "Butcher", "LowStorage", "RungeKutta"]
