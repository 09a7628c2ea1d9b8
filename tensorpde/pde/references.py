"""Figures of others that cases are compared with, and where they are printed."""

from __future__ import annotations

import numpy as np

GHIA = "U. Ghia, K. N. Ghia, C. T. Shin, J. Comput. Phys. 48 (1982) 387-411, tables I and II, 129² points"

GHIA_Y = np.array(
    [0.0, 0.0547, 0.0625, 0.0703, 0.1016, 0.1719, 0.2813, 0.4531, 0.5,
     0.6172, 0.7344, 0.8516, 0.9531, 0.9609, 0.9688, 0.9766, 1.0]
)  # fmt: skip
"""Heights of the table of u on the vertical line through the centre of the lid-driven cavity."""

GHIA_U = {
    100: np.array(
        [0.0, -0.03717, -0.04192, -0.04775, -0.06434, -0.10150, -0.15662, -0.21090, -0.20581,
         -0.13641, 0.00332, 0.23151, 0.68717, 0.73722, 0.78871, 0.84123, 1.0]
    ),
    400: np.array(
        [0.0, -0.08186, -0.09266, -0.10338, -0.14612, -0.24299, -0.32726, -0.17119, -0.11477,
         0.02135, 0.16256, 0.29093, 0.55892, 0.61756, 0.68439, 0.75837, 1.0]
    ),
    1000: np.array(
        [0.0, -0.18109, -0.20196, -0.22220, -0.29730, -0.38289, -0.27805, -0.10648, -0.06080,
         0.05702, 0.18719, 0.33304, 0.46604, 0.51117, 0.57492, 0.65928, 1.0]
    ),
}  # fmt: skip

GHIA_X = np.array(
    [0.0, 0.0625, 0.0703, 0.0781, 0.0938, 0.1563, 0.2266, 0.2344, 0.5,
     0.8047, 0.8594, 0.9063, 0.9453, 0.9531, 0.9609, 0.9688, 1.0]
)  # fmt: skip
"""Places of the table of v on the horizontal line through the centre."""

GHIA_V = {
    100: np.array(
        [0.0, 0.09233, 0.10091, 0.10890, 0.12317, 0.16077, 0.17507, 0.17527, 0.05454,
         -0.24533, -0.22445, -0.16914, -0.10313, -0.08864, -0.07391, -0.05906, 0.0]
    ),
    400: np.array(
        [0.0, 0.18360, 0.19713, 0.20920, 0.22965, 0.28124, 0.30203, 0.30174, 0.05186,
         -0.38598, -0.44993, -0.23827, -0.22847, -0.19254, -0.15663, -0.12146, 0.0]
    ),
    1000: np.array(
        [0.0, 0.27485, 0.29012, 0.30353, 0.32627, 0.37095, 0.33075, 0.32235, 0.02526,
         -0.31966, -0.42665, -0.51550, -0.39188, -0.33714, -0.27669, -0.21388, 0.0]
    ),
}  # fmt: skip

GHIA_MISPRINT = (400, 0.9063)
"""Reynolds number and place of a v that does not lie between its neighbours as any smooth profile would: −0.23827."""

BOTELLA_PEYRET = {"u_min": -0.3885698, "v_max": 0.3769447, "v_min": -0.5270771}
"""Extrema on the centre lines at Re = 1000: O. Botella, R. Peyret, Computers & Fluids 27 (1998) 421-433."""

HEATED_CAVITY_NUSSELT = 8.8252
"""Mean Nusselt number at Ra = 10⁶, Pr = 0.71: P. Le Quéré, Computers & Fluids 20 (1991) 29-41."""

CRITICAL_RAYLEIGH, CRITICAL_WAVENUMBER = 1707.762, 3.117
"""Onset between no-slip plates: S. Chandrasekhar, Hydrodynamic and Hydromagnetic Stability, 1961, ch. II."""

CHANNEL_RE_TAU = 178.12
"""Friction Reynolds number of R. D. Moser, J. Kim, N. N. Mansour, Phys. Fluids 11 (1999) 943-945, on 128×129×128 points
in a box of 4π × 2 × 4π/3."""

CHANNEL_Y = np.array(
    [2.6224, 5.3381, 8.9902, 13.559, 19.019, 25.342, 30.019, 37.701, 46.143, 55.300,
     65.123, 75.559, 86.550, 98.037, 109.96, 122.25, 134.84, 147.67, 160.66, 173.75]
)  # fmt: skip
"""Some of their heights y⁺."""

CHANNEL_U = np.array(
    [2.5939, 5.1133, 7.9052, 10.311, 12.066, 13.276, 13.870, 14.557, 15.101, 15.569,
     15.993, 16.389, 16.756, 17.094, 17.400, 17.672, 17.911, 18.103, 18.235, 18.297]
)  # fmt: skip
"""Their mean velocity U⁺ there."""

CHANNEL_PEAKS = {"u_rms": 2.65, "v_rms": 0.84, "w_rms": 1.07, "-uv": 0.72}
"""Largest rms velocities and Reynolds shear stress in wall units, to about 1 %."""

CYLINDER_STROUHAL = 0.164
"""At Re = 100: C. H. K. Williamson, Annu. Rev. Fluid Mech. 28 (1996) 477-539."""
