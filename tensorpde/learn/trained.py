"""A trained operator with all that belongs to it: fields in their own units in, fields in their own units out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tensorpde.boundary import Boundary, Neumann, Periodic
from tensorpde.io import Unreadable
from tensorpde.learn.data import Normaliser
from tensorpde.learn.files import about, load, save
from tensorpde.learn.model import TFNO
from tensorpde.learn.multigrid import MultiGrid
from tensorpde.learn.patches import Patches
from tensorpde.learn.symmetry import Averaged, Symmetries


@dataclass(frozen=True)
class Trained:
    """y = decode(model(encode(x))).

    Parameters
    ----------
    net, params
        The network and its weights.
    normalisers
        Of inputs and outputs.
    patches
        The decomposition that it was trained on; levels=0 for none.
    ndim
        Dimensions of the fields.
    walls
        Whether fields are not periodic.
    symmetric
        Whether outputs are averaged over the positions of the box.
    parameters
        Of the run that trained it, as TOML text.
    """

    net: TFNO
    params: Mapping[str, Any]
    normalisers: tuple[Normaliser, Normaliser]
    patches: Patches
    ndim: int
    walls: bool = False
    symmetric: bool = False
    parameters: str = ""

    @cached_property
    def model(self) -> Any:
        """The network on patches, averaged over positions."""
        model = MultiGrid(self.net, self.patches) if self.patches.levels else self.net
        return Averaged(model, self.symmetries) if self.symmetric else model

    @property
    def symmetries(self) -> Symmetries:
        """The positions of the box."""
        return Symmetries(self.ndim, cells=self.walls)

    @property
    def bc(self) -> Boundary:
        """What ends the axes of the fields."""
        return Neumann() if self.walls else Periodic()

    def __call__(self, x: Any) -> Any:
        """Outputs for inputs (batch, channels, *grid) of any resolution: arrays, or Fields with that lead."""
        inputs, outputs = self.normalisers
        return outputs.decode(self.model(self.params, inputs.encode(x)))

    def save(self, path: str | os.PathLike[str], comm: Any = None) -> Path:
        """Write it as one HDF5 file, whole or not at all. Collective; rank 0 writes."""
        extra = {
            "normalisers": [asdict(n) for n in self.normalisers],
            "patches": asdict(self.patches),
            **{name: getattr(self, name) for name in ("ndim", "walls", "symmetric", "parameters")},
        }
        return save(path, self.net, self.params, comm, extra)

    @classmethod
    def load(cls, path: str | os.PathLike[str], comm: Any = None, backend: str = "numpy") -> Trained:
        """What `save` wrote, on all ranks. Collective.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        Unreadable
            If it is damaged, or a model without what belongs to it.
        """
        net, params = load(path, comm, backend)
        found = about(path, comm)
        try:
            inputs, outputs = (Normaliser(tuple(n["mean"]), tuple(n["deviation"])) for n in found.pop("normalisers"))
            given = found.pop("patches")
            patches: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in given.items()}
            return cls(net, params, (inputs, outputs), Patches(**patches), **found)
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"{path} holds a model, but not how it was trained: {error}") from None
