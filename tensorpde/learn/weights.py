"""Spectral weights: one complex number per mode and pair of channels, dense or as a Tucker, CP or TT tensor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, prod, sqrt
from typing import Any

import numpy as np
import scipy  # loads its parts when they are used

from tensorpde.learn.network import Step, without

FORMATS = (None, "tucker", "cp", "tt")
Rank = float | int | tuple[int, ...]
_MODES, _RANKS = "abcdefgh", "ABCDEFGH"


@dataclass(frozen=True)
class Weights:
    """The tensor W[modes…, in, out] of a spectral convolution y[k, o] = Σ_i x[k, i] W[k, i, o].

    Parameters
    ----------
    modes
        How many modes are stored along each axis.
    channels
        (in, out); (n,) for the separable product y[k, c] = x[k, c] W[k, c].
    factorization
        None (dense), "tucker" (a core and a matrix per dimension), "cp" (a sum of products of vectors) or "tt" (a chain
        of three-way factors in the order in, out, modes).
    rank
        A number with a fraction (float): about that part of the dense entries is stored; an integer: every rank;
        integers: one per dimension, in the order in, out, modes (TT: one per bond). Ignored for dense weights.
    layers
        None, or the number of layers that share one tensor with a first dimension of layers.
    rebuilt
        Whether the product is made with the dense tensor, rebuilt each time, instead of factor by factor.

    References
    ----------
    Kossaifi, Kovachki, Azizzadenesheli, Anandkumar, Multi-Grid Tensorized Fourier Neural Operator for High-Resolution
    PDEs, arXiv 2310.00120.
    """

    modes: tuple[int, ...]
    channels: tuple[int, ...]
    factorization: str | None = None
    rank: Rank = 0.1
    layers: int | None = None
    rebuilt: bool = False

    @property
    def _own(self) -> str:
        """The letters of the modes."""
        return _MODES[: len(self.modes)]

    @property
    def _both(self) -> str:
        """The letters of the channels."""
        return "io" if len(self.channels) == 2 else "z"

    @property
    def _dimensions(self) -> str:
        """Letters of all dimensions, in the order that ranks are counted in."""
        return ("" if self.layers is None else "l") + self._both + self._own

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The length of each dimension and rank, by its letter."""
        lengths = ((self.layers or 1,) if self.layers is not None else ()) + self.channels + self.modes
        found = dict(zip(self._dimensions, lengths, strict=True))
        if self.factorization == "tucker":
            ranks = _tucker_ranks(lengths, self.rank)
            found |= dict(zip(self._dimensions.upper(), ranks, strict=True))
        elif self.factorization == "cp":
            found["R"] = _cp_rank(lengths, self.rank)
        elif self.factorization == "tt":
            found |= dict(zip(self._bonds, _tt_ranks(lengths, self.rank), strict=True))
        return found

    @property
    def _bonds(self) -> str:
        return "PQRSTUVWXYZ"[: len(self._dimensions) - 1]

    @cached_property
    def indices(self) -> dict[str, str]:
        """The letters of every stored array, by its name."""
        names = {"l": "layer", "i": "in", "o": "out", "z": "channel"}
        names |= {letter: f"mode{number}" for number, letter in enumerate(self._own)}
        stored = self._dimensions.replace(self._both, "").replace("l", "")
        order = ("l" if self.layers is not None else "") + stored + self._both
        if self.factorization is None:
            return {"weight": order}
        if self.factorization == "tucker":
            return {"core": order.upper()} | {names[d]: d + d.upper() for d in self._dimensions}
        if self.factorization == "cp":
            return {"scale": "R"} | {names[d]: d + "R" for d in self._dimensions}
        before, after = "-" + self._bonds, self._bonds + "-"
        chain = zip(before, self._dimensions, after, strict=True)
        return {names[d]: (p + d + q).replace("-", "") for p, d, q in chain}

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every stored array."""
        return {name: tuple(self.sizes[i] for i in letters) for name, letters in self.indices.items()}

    def initial(self, draw: Any, deviation: float) -> dict[str, np.ndarray]:
        """Stored arrays such that E|W|² = deviation² for every entry, whatever the format.

        An entry is a sum, over all combinations of ranks, of products of one entry of each array: with independent
        entries of variance v in each of n arrays its variance is (product of the ranks) · vⁿ.

        Parameters
        ----------
        draw
            draw(shape): independent complex normal numbers with E|z|² = 1.
        """
        terms = prod(size for letter, size in self.sizes.items() if letter.isupper())
        fixed = {"scale"} if self.factorization == "cp" else set()
        each = (deviation**2 / terms) ** (0.5 / (len(self.shapes) - len(fixed)))
        return {
            name: np.ones(shape, complex) if name in fixed else each * draw(shape)
            for name, shape in self.shapes.items()
        }

    def taken(self, name: str, layer: int, modes: Sequence[slice]) -> tuple[Any, ...]:
        """The index of what layer number `layer` needs of a stored array for some of the modes."""
        parts: dict[str, Any] = {"l": layer} | dict(zip(self._own, modes, strict=False))
        return tuple(parts.get(letter, slice(None)) for letter in self.indices[name])

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The program that makes "y" (modes…, n, o) of "x" (modes…, n, i) and the taken arrays."""
        steps = _Program(self._own, {name: letters.replace("l", "") for name, letters in self.indices.items()})
        x, y = self._own + "n" + self._both[0], self._own + "n" + self._both[-1]
        whole = self._own + self._both
        if self.factorization is None:
            steps.add("x", "weight", y, x)
            return steps.named("y")
        core = self._core(steps)
        if self._both == "z":
            if self.factorization != "tt":
                core = steps.add(core, "channel", whole)
            else:
                core = steps.add("channel", core, whole)
            steps.add("x", core, y, x)
            return steps.named("y")
        inner, outer = {"tucker": "IO", "cp": "RR", "tt": "Qo" if self.layers is not None else "Po"}[self.factorization]
        between = self._own + (inner if inner == outer else inner + outer)
        if self.factorization == "tt":
            core = steps.add("out", core, between)
        if self.rebuilt:
            core = steps.add(core, "in", between.replace(inner, "i" + inner * (inner == outer)))
            if self.factorization != "tt":
                core = steps.add(core, "out", whole)
            steps.add("x", core, y, x)
            return steps.named("y")
        first = steps.add("x", "in", self._own + "n" + inner, x)
        second = steps.add(first, core, self._own + "n" + outer)
        if self.factorization != "tt":
            steps.add(second, "out", y)
        return steps.named("y")

    @cached_property
    def own_steps(self) -> tuple[Step, ...]:
        """The steps whose results depend on the arrays alone."""
        return without(self.steps, "x")

    def _core(self, steps: _Program) -> str:
        """The name of what the modes and the layer make of the core, with indices (modes…, ranks of channels)."""
        if self.factorization == "tt":
            core = f"mode{len(self.modes) - 1}"
            for number in range(len(self.modes) - 2, -1, -1):
                own = steps.letters[f"mode{number}"]
                core = steps.add(f"mode{number}", core, own[:-1] + steps.letters[core][1:])
            if self.layers is not None:
                entry = "in" if self._both == "io" else "channel"
                steps.replace(entry, steps.add("layer", entry, steps.letters[entry][1:]))
            return core
        core = "core" if self.factorization == "tucker" else "scale"
        if self.layers is not None:
            core = steps.add("layer", core, steps.letters[core].replace("L", ""))
        for number, (mode, rank) in enumerate(zip(self._own, _RANKS, strict=False)):
            if self.factorization == "tucker":
                result = steps.letters[core].replace(rank, mode)
            else:
                result = self._own[: number + 1] + "R"
            core = steps.add(f"mode{number}", core, result)
        return core


class _Program:
    """Steps in the making, with the letters of every value."""

    def __init__(self, own: str, letters: Mapping[str, str]) -> None:
        self.own, self.letters, self.steps = own, dict(letters), list[Step]()
        self.other: dict[str, str] = {}

    def replace(self, name: str, by: str) -> None:
        """Use another value wherever `name` would be used."""
        self.other[name] = by

    def add(self, left: str, right: str, result: str, left_letters: str | None = None) -> str:
        """A step, and the name of its result."""
        left, right = self.other.get(left, left), self.other.get(right, right)
        a = self.letters.setdefault(left, left_letters or "")
        name = f"step{len(self.steps)}"
        self.letters[name] = result
        self.steps.append(Step(left, right, name, f"{a},{self.letters[right]}->{result}"))
        return name

    def named(self, name: str) -> tuple[Step, ...]:
        """The program, its last result called `name`."""
        return (*self.steps[:-1], self.steps[-1]._replace(result=name))


def _explicit(rank: Rank, count: int, what: str) -> tuple[int, ...] | float:
    """The ranks that are given as integers, or the fraction of the dense entries."""
    if isinstance(rank, float):
        if not 0 < rank < inf:
            raise ValueError(f"rank {rank}: a fraction of the dense entries is more than 0, and finite")
        return rank
    ranks = rank if isinstance(rank, tuple) else (rank,) * count
    if len(ranks) != count or any(not isinstance(r, int) or isinstance(r, bool) or r < 1 for r in ranks):
        raise ValueError(
            f"rank {rank!r}: a {what} tensor of this shape needs {count} ranks of at least 1, or a fraction (float) of "
            "the dense entries"
        )
    return ranks


def _tucker_ranks(lengths: Sequence[int], rank: Rank) -> tuple[int, ...]:
    """Ranks c·n_k, c such that core and factors have the part `rank` of the dense entries."""
    given = _explicit(rank, len(lengths), "Tucker")
    if isinstance(given, tuple):
        return given
    dense, squares = prod(lengths), sum(n * n for n in lengths)
    c = scipy.optimize.brentq(lambda c: dense * c ** len(lengths) + squares * c - given * dense, 0.0, max(given, 1.0))
    return tuple(max(round(n * c), 1) for n in lengths)


def _cp_rank(lengths: Sequence[int], rank: Rank) -> int:
    """The number of terms whose vectors have the part `rank` of the dense entries."""
    given = _explicit(rank, 1, "CP")
    return given[0] if isinstance(given, tuple) else max(round(prod(lengths) * given / sum(lengths)), 1)


def _tt_ranks(lengths: Sequence[int], rank: Rank) -> tuple[int, ...]:
    """Ranks proportional to the mean of the dimensions that a bond joins, of the part `rank` of the dense entries."""
    given = _explicit(rank, len(lengths) - 1, "TT")
    if isinstance(given, tuple):
        return given
    mean = [(m + n) / 2 for m, n in pairwise(lengths)]
    square = sum(p * n * q for p, n, q in zip(mean, lengths[1:-1], mean[1:], strict=False))
    linear = lengths[0] * mean[0] + lengths[-1] * mean[-1]
    wanted = prod(lengths) * given
    c = (sqrt(linear**2 + 4 * square * wanted) - linear) / (2 * square) if square else wanted / linear
    return tuple(max(round(p * c), 1) for p in mean)
