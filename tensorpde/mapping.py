"""Mappings (stretchings) m: [0, 1] → [0, 1], smooth and increasing, with m(0) = 0 and m(1) = 1.

A mapping is called on reference coordinates ξ and gives m(ξ); `slope` gives m'(ξ).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tensorpde.given import number


class Mapping(ABC):
    """Interface of a mapping: m(ξ), m'(ξ), and whether m' continues periodically over the ends."""

    @property
    def periodic(self) -> bool:
        """Whether a periodic axis can use it."""
        return False

    @abstractmethod
    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""

    @abstractmethod
    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ)."""

    def inverse(self, values: np.ndarray) -> np.ndarray:
        """ξ with m(ξ) = values, for values in [0, 1]: Newton's method kept inside a bracket that bisection shrinks."""
        values = np.clip(np.asarray(values, dtype=float), 0.0, 1.0)
        low, high = np.zeros_like(values), np.ones_like(values)
        xi = values.copy()
        for _ in range(100):
            miss = self(xi) - values
            low, high = np.where(miss < 0, xi, low), np.where(miss > 0, xi, high)
            step = xi - miss / self.slope(xi)
            better = np.where((step >= low) & (step <= high), step, (low + high) / 2)
            if np.all(np.abs(better - xi) <= 1e-15):
                return better
            xi = better
        return xi


@dataclass(frozen=True)
class Uniform(Mapping):
    """No stretching: m = ξ."""

    @property
    def periodic(self) -> bool:
        """True: a constant slope is periodic."""
        return True

    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""
        return np.asarray(xi, dtype=float)

    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ) = 1."""
        return np.ones_like(np.asarray(xi, dtype=float))


@dataclass(frozen=True)
class _Stretched(Mapping):
    """A mapping with one strength β > 0."""

    beta: float

    def __post_init__(self) -> None:
        if not number(self.beta, f"beta of {type(self).__name__}") > 0:
            raise ValueError(f"{type(self).__name__}(beta={self.beta}): beta must be a number > 0")


@dataclass(frozen=True)
class Tanh(_Stretched):
    """Points gather at both ends: m = ½(1 + tanh(β(2ξ − 1)) / tanh β)."""

    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""
        return 0.5 * (1 + np.tanh(self.beta * (2 * np.asarray(xi) - 1)) / np.tanh(self.beta))

    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ) = β / (tanh β · cosh²(β(2ξ − 1)))."""
        return self.beta / (np.tanh(self.beta) * np.cosh(self.beta * (2 * np.asarray(xi) - 1)) ** 2)


@dataclass(frozen=True)
class TanhOneSided(_Stretched):
    """Points gather at the left end: m = 1 + tanh(β(ξ − 1)) / tanh β."""

    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""
        return 1 + np.tanh(self.beta * (np.asarray(xi) - 1)) / np.tanh(self.beta)

    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ) = β / (tanh β · cosh²(β(ξ − 1)))."""
        return self.beta / (np.tanh(self.beta) * np.cosh(self.beta * (np.asarray(xi) - 1)) ** 2)


@dataclass(frozen=True)
class Algebraic(_Stretched):
    """Points gather at the left end: m = βξ / (1 + β − ξ); small β is strong.

    The spacing grows by the factor ((1 + β)/β)² from left to right.
    """

    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""
        return self.beta * np.asarray(xi) / (1 + self.beta - np.asarray(xi))

    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ) = β(1 + β) / (1 + β − ξ)²."""
        return self.beta * (1 + self.beta) / (1 + self.beta - np.asarray(xi)) ** 2


@dataclass(frozen=True)
class Gathered(Mapping):
    """Points gather around one place: m' = 1 − strength · cos 2π(ξ − centre). Smooth on periodic axes too.

    Spacings are 1 − strength of the mean at the centre, 1 + strength half a period away. A centre of ½ is symmetric
    about both ends, as free-slip walls need.
    """

    strength: float
    centre: float = 0.5

    def __post_init__(self) -> None:
        number(self.centre, "centre of Gathered")
        if not 0 <= number(self.strength, "strength of Gathered") < 1:
            raise ValueError(f"Gathered(strength={self.strength}): strength must be from 0 to below 1")

    @property
    def periodic(self) -> bool:
        """True."""
        return True

    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""
        turn = 2 * np.pi
        waves = np.sin(turn * (np.asarray(xi) - self.centre)) + np.sin(turn * self.centre)
        return np.asarray(xi) - self.strength / turn * waves

    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ)."""
        return 1 - self.strength * np.cos(2 * np.pi * (np.asarray(xi) - self.centre))


@dataclass(frozen=True)
class UserMapping(Mapping):
    """A mapping given as a function of an array of ξ in [0, 1], and, if known, its derivative.

    Without a derivative the slope is that of a local polynomial through 12 Chebyshev points in a window of width
    0.05 that stays inside [0, 1]: accurate to about 1e-12 for functions that are smooth on that length.
    A derivative equal at both ends, as in ξ + 0.1 sin(2πξ), makes the mapping fit for a periodic axis.
    """

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def periodic(self) -> bool:
        """Whether m' agrees at both ends to eight digits (its own derivatives are the user's care)."""
        left, right = self.slope(np.array([0.0, 1.0]))
        return bool(abs(left - right) <= 1e-8 * abs(left))

    def __call__(self, xi: np.ndarray) -> np.ndarray:
        """m(ξ)."""
        return np.asarray(self.function(np.asarray(xi, dtype=float)), dtype=float)

    def slope(self, xi: np.ndarray) -> np.ndarray:
        """m'(ξ): the derivative given, or a numerical one."""
        xi = np.asarray(xi, dtype=float)
        if self.derivative is not None:
            return np.asarray(self.derivative(xi), dtype=float) * np.ones_like(xi)
        count, width = 12, 0.05
        left = np.clip(xi - width / 2, 0, 1 - width)
        cosines = np.cos(np.pi * (np.arange(count) + 0.5) / count)
        values = self(left[..., None] + width * (1 + cosines) / 2)
        centred = values - values.mean(axis=-1, keepdims=True)
        vandermonde = np.polynomial.chebyshev.chebvander(cosines, count - 1)
        coefficients = np.linalg.solve(vandermonde, centred[..., None])[..., 0]
        local = 2 * (xi - left) / width - 1
        series = np.polynomial.chebyshev.chebder(coefficients, axis=-1) * (2 / width)
        basis = np.polynomial.chebyshev.chebvander(local, count - 2)
        return (basis * series).sum(axis=-1)
