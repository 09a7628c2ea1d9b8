"""What is known beyond the ends of a line: boundary data, reflections, or nothing."""

from __future__ import annotations

from dataclasses import dataclass

from tensorpde.boundary import Boundary, Dirichlet, Even, Neumann, Odd, Robin

LEFT, RIGHT = 0, 1


@dataclass(frozen=True)
class Wall:
    """One end of a line.

    Parameters
    ----------
    position
        Where the wall is, in reference spacings from the left end.
    value, slope
        The data are g = value·u + slope·∂u/∂n; both 0: nothing is known.
    parity
        +1 or −1 if the function reflects about the wall (g is 0 then), 0 if not.
    """

    position: float
    value: float = 0.0
    slope: float = 0.0
    parity: int = 0

    @staticmethod
    def of(bc: Boundary | None, position: float) -> Wall:
        """The wall that a scalar condition (or None: no information) makes.

        Raises
        ------
        ValueError
            If `bc` is not a scalar condition: flow conditions must be resolved per component first.
        """
        if bc is None:
            return Wall(position)
        if isinstance(bc, Dirichlet):
            return Wall(position, value=1.0)
        if isinstance(bc, Neumann):
            return Wall(position, slope=1.0)
        if isinstance(bc, Robin):
            return Wall(position, value=float(bc.a), slope=float(bc.b))
        if isinstance(bc, Odd):
            return Wall(position, value=1.0, parity=-1)
        if isinstance(bc, Even):
            return Wall(position, slope=1.0, parity=1)
        raise ValueError(f"{bc} is no condition on a scalar: resolve it per component with tensorpde.boundary.resolve")

    @property
    def known(self) -> bool:
        """Whether the wall value itself is the datum."""
        return self.value != 0 and self.slope == 0

    @property
    def informs(self) -> bool:
        """Whether there is a datum at all."""
        return self.value != 0 or self.slope != 0


@dataclass(frozen=True)
class Points:
    """The unknowns of a line: count points from `first` on, in reference spacings from the left end."""

    first: float
    count: int

    def column(self, position: float) -> int | None:
        """The number of the point at a position, None if there is none."""
        column = float(position - self.first)
        return int(column) if column.is_integer() and 0 <= column < self.count else None

    def position(self, column: int) -> float:
        """Where a point is."""
        return self.first + column


@dataclass(frozen=True)
class Source:
    """Where a value comes from: factor × the point in a column (None: no point), plus factors of the two data."""

    column: int | None
    factor: float
    data: tuple[float, float] = (0.0, 0.0)
    reflected: bool = False


def locate(
    points: Points, walls: tuple[Wall, Wall], position: float, parities: tuple[int, int], known: bool
) -> Source | None:
    """Find a value at any position on the line or beyond its ends.

    Parameters
    ----------
    points, walls
        The line.
    position
        Where, in reference spacings from the left end.
    parities
        How the values reflect about the left and right walls: ±1, 0 if they do not.
        With −1 about a wall whose value is known, u(−s) = 2g − u(s).
    known
        Whether the data of Dirichlet walls are among the values.

    Returns
    -------
    Source, or None if nothing is known there.
    """
    column = points.column(position)
    if column is not None:
        return Source(column, 1.0)
    for side, wall in enumerate(walls):
        beyond = (wall.position - position) * (1 if side == LEFT else -1)
        if beyond == 0:
            if known and wall.known:
                return Source(None, 0.0, _unit(side, 1.0))
            return Source(None, 0.0) if parities[side] < 0 else None
        if beyond < 0 or not parities[side]:
            continue
        image = locate(points, walls, 2 * wall.position - position, parities, known)
        if image is None:
            return None
        twice = _unit(side, 2.0) if known and parities[side] < 0 else (0.0, 0.0)
        data = twice[LEFT] + parities[side] * image.data[LEFT], twice[RIGHT] + parities[side] * image.data[RIGHT]
        return Source(image.column, parities[side] * image.factor, data, reflected=True)
    return None


def _unit(side: int, value: float) -> tuple[float, float]:
    return (value, 0.0) if side == LEFT else (0.0, value)
