"""Bodies and sponges in a flow: regions where the state is drawn to given values.

A solid body of any shape is a region where the velocity relaxes to that of the body in a very short time; a sponge
(fringe) is one where the flow relaxes, slowly and smoothly, to what should leave or enter the box.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.filling import at_time
from tensorpde.parallel import agree
from tensorpde.pde.scalars import Values


@dataclass(frozen=True)
class Penalization:
    """∂q/∂t = … − (mask / time) (q − target), for the velocity components and scalars q that have a target.

    Volume penalization of P. Angot, C.-H. Bruneau, P. Fabrie, Numer. Math. 81 (1999) 497–520: with time → 0 the flow
    past a body at rest, up to O(√(ν time)). With a smooth mask and a time of the order of the passage it is the fringe
    of J. Nordström, N. Nordin, D. Henningson, SIAM J. Sci. Comput. 20 (1999) 1365–1393.

    Parameters
    ----------
    mask
        A function of the coordinates with values from 0 (outside) to 1; see `smooth_mask`.
    target
        0 for a body at rest; or for each velocity component, and then for scalars as far as wanted, a number, a
        function of (coordinates…) or (coordinates…, t), or None for what is left free.
    time
        The relaxation time; however small, it does not limit the time step.

    Raises
    ------
    ValueError
        If the time is not positive.
    """

    mask: Callable[..., Any]
    target: float | Sequence[Values | None] = 0.0
    time: float = 1e-3

    def __post_init__(self) -> None:
        if not self.time > 0:
            raise ValueError(f"relaxation time {self.time} must be positive")


def smooth_mask(distance: np.ndarray, width: float) -> np.ndarray:
    """1 where the signed distance from a surface is below −width/2 (inside), 0 above width/2, a smooth step between.

    A step of one or two spacings keeps the wiggles of high-order derivatives small.
    """
    s = np.clip(0.5 - np.asarray(distance) / width, 0.0, 1.0)
    return s * s * (3 - 2 * s)


class Relaxation:
    """The implicit step of one Penalization: q ← target + (q − target) / (1 + mask Δt / time). Making it is collective.

    Only the part of this rank's block around the mask is touched.

    Raises
    ------
    ValueError
        If there are more targets than components, or the mask leaves [0, 1].
    """

    def __init__(self, space: Space, given: Penalization, components: int) -> None:
        self.space, self.time = space, given.time
        still = isinstance(given.target, (int, float))
        targets = [given.target] * space.ndim if still else list(given.target)  # type: ignore[arg-type]
        if not space.ndim <= len(targets) <= components:
            raise ValueError(
                f"{len(targets)} targets for {space.ndim} velocity components and {components - space.ndim} scalars"
            )
        mask = space.field(given.mask)
        low, high = mask.min(), mask.max()
        if not (low >= 0 and high <= 1):
            raise ValueError(f"a mask has values from 0 to 1, not from {low} to {high}")
        block = space.backend.to_host(mask.local)
        felt = [np.flatnonzero(block.any(axis=tuple(set(range(space.ndim)) - {a}))) for a in range(space.ndim)]
        self.part = tuple(slice(f[0], f[-1] + 1) if len(f) else slice(0, 0) for f in felt)
        self._mask = space.backend.asarray(block[self.part], space.dtype)
        self._divisor = space.backend.empty(self._mask.shape, space.dtype)
        self._targets = [(i, target) for i, target in enumerate(targets) if target is not None]
        self._functions = any(callable(target) for _, target in self._targets)

    def __call__(self, u: Field, t: float, dt: float) -> None:
        """Relax u in place over dt, to the targets at time t. Collective if a target is a function."""
        self._divisor[...] = self._mask
        self._divisor *= dt / self.time
        self._divisor += 1.0
        targets = self._evaluated(t)
        for i, target in targets:
            q = u.local[(i, *self.part)]
            q -= target
            q /= self._divisor
            q += target

    def _evaluated(self, t: float) -> list[tuple[int, Any]]:
        if not self._functions:
            return self._targets
        with agree(self.space.comm, "evaluating targets"):
            slices = self.space.pencil.slices
            axes = zip(self.space.axes, slices, self.part, strict=True)
            x = np.ix_(*(axis.x[block][part] for axis, block, part in axes))
            return [(i, self._at(target, x, t) if callable(target) else target) for i, target in self._targets]

    def _at(self, target: Callable, x: Sequence[np.ndarray], t: float) -> Any:
        return self.space.backend.asarray(at_time(target, self.space.ndim, t)(*x), self.space.dtype)
