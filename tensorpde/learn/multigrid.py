"""A model on patches: split, apply the model to this rank's patches, stitch. The same three functions as a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.learn.patches import Patches
from tensorpde.parallel.blocks import collected, own
from tensorpde.parallel.rank_grid import RankGrid


@dataclass(frozen=True)
class MultiGrid:
    """y = stitch(model(split(x))), patches shared by the ranks of a rank grid, each patch by its pencils.

    Parameters
    ----------
    model
        Takes levels + 1 times the channels of x, which are those of the field at each level.
    patches
        The decomposition.
    ranks
        Who computes which patch; None: every rank all of them.

    Notes
    -----
    x and y are whole fields, arrays (batch, channels, *grid), on every rank that shares a sample. What `backward` gives
    as gradients is this rank's part: their sum over `ranks.patches` and `ranks.pencils` is the gradient.
    """

    model: Any
    patches: Patches
    ranks: RankGrid | None = None

    def init(self, seed: int = 0, backend: str = "numpy") -> dict[str, Any]:
        """The parameters of the model."""
        return self.model.init(seed=seed, backend=backend)

    def settings(self) -> dict[str, Any]:
        """Those of the model."""
        return self.model.settings()

    def like(self, **changes: Any) -> MultiGrid:
        """The same with some settings of the model changed."""
        return replace(self, model=self.model.like(**changes))

    def __call__(self, params: dict[str, Any], x: Any) -> Any:
        """The stitched output. Collective on the ranks that share the samples."""
        return self._stitched(self.model(params, self._split(x)), x.shape)

    def forward(self, params: dict[str, Any], x: Any) -> tuple[Any, Any]:
        """The stitched output and what `backward` needs. Collective on the ranks that share the samples."""
        y, saved = self.model.forward(params, self._split(x))
        return self._stitched(y, x.shape), (saved, x.shape)

    def backward(self, params: dict[str, Any], saved: Any, dy: Any, **options: Any) -> tuple[Any, dict[str, Any]]:
        """This rank's parts of the gradients by x and by the parameters, for the gradient by y.

        Parameters
        ----------
        **options
            Passed on to the model.
        """
        inner, shape = saved
        parts = self.patches.stitch_adjoint(dy, self._mine(dy.ndim - 2))
        dx, grads = self.model.backward(params, inner, self._on_pencils(parts), **options)
        whole = dx.gather() if isinstance(dx, Field) else dx
        return self.patches.split_adjoint(whole, shape[2:], self._mine(len(shape) - 2)), grads

    def _mine(self, ndim: int) -> range:
        count = self.patches.count(ndim)
        if self.ranks is None:
            return range(count)
        if count < self.ranks.patches.size:
            raise ValueError(f"{count} patches cannot be shared by {self.ranks.patches.size} ranks")
        return own(self.ranks.patches, count)

    def _split(self, x: Any) -> Any:
        return self._on_pencils(self.patches.split(x, self._mine(x.ndim - 2)))

    def _on_pencils(self, parts: Any) -> Any:
        if self.ranks is None or self.ranks.pencils.size == 1:
            return parts
        space = self._space(self.ranks, parts.shape[2:], np.dtype(parts.dtype), backends.of(parts).name)
        return Field(space, backends.of(parts).asarray(parts[(..., *space.pencil.slices)]))

    @staticmethod
    def _space(ranks: RankGrid, shape: tuple[int, ...], dtype: np.dtype, backend: str) -> Space:
        """Where a window lives that ranks share; its ends are as if periodic, as Fourier modes take them to be."""
        if (key := (shape, dtype, backend)) not in ranks.plans:
            grid = Grid(*(Axis(n, 0.0, 1.0) for n in shape))
            ranks.plans[key] = Space(grid, ranks.pencils, backend, dtype)
        return ranks.plans[key]

    def _stitched(self, y: Any, shape: tuple[int, ...]) -> Any:
        whole = y.gather() if isinstance(y, Field) else y
        if self.ranks is not None and self.ranks.patches.size > 1:
            arrays = backends.of(whole)
            whole = arrays.asarray(collected(self.ranks.patches, arrays.to_host(whole)))
        return self.patches.stitch(whole, shape[2:])
