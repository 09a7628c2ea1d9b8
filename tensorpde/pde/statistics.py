"""Statistics while a run goes: means over time and homogeneous directions, the same bits after a restart and on any
number of ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import Kron
from tensorpde.line.modal import Modal
from tensorpde.parallel.reduce import marginal


class Means:
    """Means over time of numbers and arrays, by weights that are given. Kept as `Statistics` says.

    Parameters
    ----------
    kept
        The dictionary in which the sums live, empty at first, or as a checkpoint gave it back.
    """

    def __init__(self, kept: dict[str, Any] | None = None) -> None:
        self._kept = {} if kept is None else kept
        self._kept.setdefault("weight", 0.0)
        self._kept["sums"] = {name: np.asarray(s, float) for name, s in self._kept.get("sums", {}).items()}

    @property
    def weight(self) -> float:
        """The sum of all weights so far."""
        return self._kept["weight"]

    @property
    def names(self) -> tuple[str, ...]:
        """What there are means of."""
        return tuple(self._kept["sums"])

    def __getitem__(self, name: str) -> np.ndarray:
        """The mean so far.

        Raises
        ------
        ValueError
            If there is none of this name, naming those that there are.
        """
        if name not in self._kept["sums"]:
            raise ValueError(f"no statistics of {name}, only of {', '.join(self.names) or 'nothing yet'}")
        return self._kept["sums"][name] / self.weight

    def take(self, weight: float, values: Mapping[str, Any]) -> None:
        """Add the values of an instant: numbers or arrays that all ranks have alike, the same names every time.

        Raises
        ------
        ValueError
            If names differ from those before, naming them.
        """
        sums = self._kept["sums"]
        if sums and sums.keys() != values.keys():
            raise ValueError(f"statistics have been of {', '.join(sums)}, not of {', '.join(values)}")
        for name, own in values.items():
            sums[name] = weight * np.asarray(own, float) + sums.get(name, 0.0)
        self._kept["weight"] += weight


class Statistics(Means):
    """⟨f g …⟩(y) over some axes, by their quadrature weights, and over time, by weights that are given.

    The sums are numbers that every rank has, alike to the bit. Keep them in the attributes of checkpoints, and a
    resumed run goes on with them: JSON gives floats back exactly.

        kept = run.attributes.setdefault("statistics", {})
        statistics = tp.pde.Statistics(space, over=(0, 2), kept=kept)
        statistics.add(dt, {"u": u[0], "uv": (u[0], u[1])}, spectra={"u along x": (u[0], 0)})
        statistics["uv"]      # the mean so far, over the axes that are left; of a spectrum (modes, those axes)

    Parameters
    ----------
    space
        Of the fields.
    over
        The homogeneous axes; at least one axis is left.
    kept
        The dictionary in which the sums live, empty at first, or as a checkpoint gave it back.

    Raises
    ------
    ValueError
        If `over` are not some of the axes, or `kept` is of other axes.
    """

    def __init__(self, space: Space, over: Sequence[int], kept: dict[str, Any] | None = None) -> None:
        self.space, self.over = space, sorted(axis % space.ndim for axis in over)
        if len(set(self.over)) != len(over) or not 0 < len(over) < space.ndim:
            raise ValueError(f"homogeneous axes must be some of the {space.ndim} axes, not all, got {list(over)}")
        super().__init__(kept)
        about = self._kept.setdefault("over", self.over)
        if list(about) != self.over:
            raise ValueError(f"the sums that are kept are over the axes {about}, these are over {self.over}")
        self._weights = [axis.weights / axis.length for axis in space.axes]

    def add(
        self,
        weight: float,
        terms: Mapping[str, Field | Sequence[Field]],
        spectra: Mapping[str, tuple[Field, int]] | None = None,
    ) -> None:
        """Add fields at an instant. Collective.

        Parameters
        ----------
        weight
            Of this instant, such as the time since the last one.
        terms
            Name → a scalar real Field, or several whose product is meant. The same names every time.
        spectra
            Name → a scalar Field and a periodic, homogeneous axis: ½|û_m|² of the modes m = 0, 1, … along it, both
            signs together, whose sum is half the mean square.

        Raises
        ------
        ValueError
            If names differ from those before, naming them, or an axis of a spectrum is not homogeneous.
        """
        found = {name: self._mean(given) for name, given in terms.items()}
        found |= {name: self._spectrum(f, axis) for name, (f, axis) in (spectra or {}).items()}
        self.take(weight, found)

    def _mean(self, given: Field | Sequence[Field]) -> np.ndarray:
        first, *others = [given] if isinstance(given, Field) else given
        product = first
        for other in others[:-1]:
            product = product * other
        last = others[-1].to(first.pencil).local if others else None
        return marginal(product.pencil, product.local, self.over, self._weights, last)

    def _spectrum(self, f: Field, axis: int) -> np.ndarray:
        if axis not in self.over or not self.space.axes[axis].periodic:
            raise ValueError(f"a spectrum needs a periodic, homogeneous axis of {self.over}, not axis {axis}")
        transform = Modal("rfft", self.space.shape[axis])
        modes = Kron(f.space, {axis: transform}) @ f
        square = (modes.local.real**2 + modes.local.imag**2) / self.space.shape[axis] ** 2
        others = [other for other in self.over if other != axis]
        weights = [np.ones(1) if a == axis else own for a, own in enumerate(self._weights)]
        if others:
            profile = marginal(modes.pencil, square, others, weights)
        else:
            profile = Field(modes.space.like(dtype=square.dtype), square, modes.pencil).gather()
        first = axis - sum(other < axis for other in others)
        factor = np.reshape(0.5 * transform.multiplicity(), (-1, *[1] * (profile.ndim - 1)))
        return factor * np.moveaxis(profile, first, 0)
