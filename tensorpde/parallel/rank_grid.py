"""Ranks of a training run as samples × patches × pencils, and what they exchange besides fields."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorpde.parallel.comm import world


class RankGrid:
    """The ranks of a communicator as an array (samples, patches, pencils), pencils fastest. Collective.

    Parameters
    ----------
    comm
        The communicator; None for all ranks of the job.
    samples, patches, pencils
        Ranks that share the samples of a batch, the patches of a sample, and one field. `samples` of None: what is
        left.

    Attributes
    ----------
    comm : as given.
    shape : (samples, patches, pencils).
    samples, patches, pencils : the communicators of the ranks that differ from this one in that place only.
    plans : what is made once for these ranks.

    Raises
    ------
    ValueError
        If the product is not the number of ranks.
    """

    def __init__(self, comm: Any = None, samples: int | None = None, patches: int = 1, pencils: int = 1) -> None:
        self.comm = world(comm)
        if samples is None:
            samples = max(1, self.comm.size // max(1, patches * pencils))
        self.shape = (samples, patches, pencils)
        if min(self.shape) < 1 or math.prod(self.shape) != self.comm.size:
            raise ValueError(
                f"a rank grid of {samples} (samples) × {patches} (patches) × {pencils} (pencils) needs "
                f"{samples * patches * pencils} ranks, there are {self.comm.size}"
            )
        self.plans: dict = {}
        place = np.unravel_index(self.comm.rank, self.shape)
        self.samples, self.patches, self.pencils = (self._along(axis, place) for axis in range(3))

    def _along(self, axis: int, place: Any) -> Any:
        others = [int(p) for i, p in enumerate(place) if i != axis]
        sizes = [n for i, n in enumerate(self.shape) if i != axis]
        return self.comm.Split(int(np.ravel_multi_index(others, sizes)), self.comm.rank)

    def __repr__(self) -> str:
        return f"RankGrid({self.shape[0]} × {self.shape[1]} × {self.shape[2]})"
