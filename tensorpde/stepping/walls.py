"""Boundary data that change in time, in steps that split the axes, without loss of order.

With its boundary values every A_k is affine: 𝒜_k u = A_k u + v_k g_k, where v_k is a vector along the axis and g_k the
datum on the wall. Written for these, Π(I − ρ𝒜_k) δ = f also needs the increments Δg of the data on walls, and on edges
and corners where walls meet, as boundary values of the intermediate stages: the correction of G. Fairweather,
A. R. Mitchell, A new computational procedure for A.D.I. methods, SIAM J. Numer. Anal. 4 (1967) 163–170. Multiplied
out,

    δ = Π (I − ρ A_k)⁻¹ f − Σ_S Π_{k∈S} (−s_k(x_k)) Δg_S,    s_k = ρ (I − ρ A_k)⁻¹ v_k,

over all sets S of walls of different axes, g_S being the data where they meet: increments of the data spread into the
box by the one-dimensional functions s_k, which decay within a few √(ρκ). Nothing but f needs a solve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from typing import Any

import numpy as np

from tensorpde.faces import add_outer
from tensorpde.field import Field
from tensorpde.filling import is_steady
from tensorpde.kron import TensorOperator
from tensorpde.line import LineOperator
from tensorpde.operators import WallData
from tensorpde.parallel import agree

NEGLIGIBLE = 1e-17


@dataclass(frozen=True, eq=False)
class Patch:
    """sign · ⊗ vectors · data(coordinates of the other axes…, t): the part of one set of walls."""

    sign: float
    vectors: Mapping[int, np.ndarray]
    data: Callable[..., Any]


class MovingWalls:
    """The sum over S above, for any combination in time of the data.

    Parameters
    ----------
    along
        Σ A_k, with its boundary data. Numbers and functions without t do not change and add nothing.
    implicit
        (I − ρ A_k)⁻¹ by axis.
    step
        ρ.

    Where two walls meet that both know a slope (Neumann, Robin), the datum there would be a mixed derivative, which the
    data do not tell: such sets are left out. They are of second order in the step.
    """

    def __init__(self, along: TensorOperator, implicit: Mapping[int, LineOperator], step: complex) -> None:
        self._space = along.range
        sides: dict[int, list[WallData]] = {}
        for wall in _gathered(along):
            solve = implicit[wall.axis]
            spread = solve.apply(
                np.ascontiguousarray(step * wall.vector, solve.result_type(np.result_type(wall.vector))), 0
            )
            spread[np.abs(spread) < NEGLIGIBLE * np.abs(spread).max()] = 0.0
            sides.setdefault(wall.axis, []).append(replace(wall, vector=spread))
        self._patches = list(_patches(sides))

    def add_to(self, out: Field, weights: Sequence[tuple[float, float]]) -> None:
        """Add the correction for Σ weight · (data at time) over pairs (time, weight). Collective."""
        if not self._patches:
            return
        with agree(self._space.comm, "evaluating boundary data"):
            for patch in self._patches:
                add_outer(out, patch.vectors, _combined(patch.data, weights), patch.sign)


def _gathered(along: TensorOperator) -> list[WallData]:
    """One WallData for all that a function adds at a wall."""
    found: dict[tuple, WallData] = {}
    for source in along.sources:
        term = source.term
        assert isinstance(term, WallData)
        if callable(term.data) and not is_steady(term.data, term.space.ndim - 1):
            key = term.axis, term.wall, id(term.data)
            before = found[key].vector if key in found else 0.0
            found[key] = replace(term, vector=before + source.factor * term.vector)
    return list(found.values())


def _patches(sides: Mapping[int, Sequence[WallData]]) -> Iterator[Patch]:
    for number in range(1, len(sides) + 1):
        for axes in combinations(sorted(sides), number):
            for walls in product(*(sides[axis] for axis in axes)):
                slopes = [wall for wall in walls if not wall.known]
                if len(slopes) < 2:
                    data = _meeting((slopes or walls)[0], walls)
                    yield Patch((-1.0) ** (number + 1), {wall.axis: wall.vector for wall in walls}, data)


def _meeting(wall: WallData, walls: Sequence[WallData]) -> Callable[..., Any]:
    """The data of a wall where it meets the others, as a function of the coordinates that are left and t."""
    fixed = {other.axis: other.wall for other in walls}
    axes = [axis for axis in range(wall.space.ndim) if axis != wall.axis]
    function: Any = wall.data

    def data(*rest: Any) -> Any:
        *free, t = rest
        left = iter(free)
        return function(*(fixed[axis] if axis in fixed else next(left) for axis in axes), t)

    return data


def _combined(data: Callable[..., Any], weights: Sequence[tuple[float, float]]) -> Callable[..., Any]:
    return lambda *others: sum(weight * data(*others, time) for time, weight in weights)
