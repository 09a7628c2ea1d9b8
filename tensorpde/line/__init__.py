"""One-dimensional operators that act on the lines of an array along one axis."""

from .band import RowBand
from .banded import Banded, BandedSolve, Compact
from .composition import Composition
from .dense import Dense
from .operator import Identity, LineOperator

__all__ = ["Banded", "BandedSolve", "Compact", "Composition", "Dense", "Identity", "LineOperator", "RowBand"]
