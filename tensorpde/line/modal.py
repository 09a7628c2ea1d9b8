"""Fourier, cosine and sine transforms as line operators, with the angles at which symbols are evaluated."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.line.banded import Banded
from tensorpde.line.operator import LineOperator

_SWAPPED = {"dct2": "dct3", "dct3": "dct2", "dst2": "dst3", "dst3": "dst2"}
_SYMMETRIC = ("fft", "dct4", "dst1", "dst4")


class Modal(LineOperator):
    """The transform of n values on a line to its modes, unnormalised; `inverse()` carries the 1/N.

    Normalised as scipy.fft does with norm="backward". With θ_k the `angles` and j = 0…n−1:

    - "fft", "rfft": Σ_j u_j e^{−iθ_k j}; "rfft" takes real values to the n//2 + 1 modes with θ ≤ π;
    - "dct1": u_0 + (−1)^k u_{n−1} + 2 Σ_{0<j<n−1} u_j cos θ_k j; "dct2", "dct4": 2 Σ u_j cos θ_k(j+½);
      "dct3": u_0 + 2 Σ_{j>0} u_j cos θ_k j;
    - "dst1": 2 Σ u_j sin θ_k(j+1); "dst2", "dst4": 2 Σ u_j sin θ_k(j+½);
      "dst3": (−1)^k u_{n−1} + 2 Σ_{j<n−1} u_j sin θ_k(j+1).

    A transform of complex values by a cosine or sine kind acts on the real and the imaginary part. "rfft" is
    linear over the reals only: its adjoint belongs to the inner product Re⟨·,·⟩, it has no plain transpose, and
    the inverse and the adjoint are the real parts of their matrices' products.

    Attributes
    ----------
    kind, n : as given.
    inverted : whether this is the inverse transform, modes to values.
    factor : a number that the transform is multiplied with.

    Raises
    ------
    ValueError
        For an unknown kind, or a length the kind is not defined for.
    """

    def __init__(self, kind: str, n: int, *, inverted: bool = False, factor: complex = 1.0) -> None:
        self.kind, self.n, self.inverted, self.factor = kind, n, inverted, factor
        self._plans = {"numpy": backends.get("numpy").transforms.Plan(kind, n)}
        modes = len(self.angles)
        self.shape = (n, modes) if inverted else (modes, n)
        self.dtype = np.dtype("complex128" if kind in ("fft", "rfft") or np.iscomplexobj(factor) else "float64")

    @property
    def angles(self) -> np.ndarray:
        """θ_k per mode, in radians per sample: a scheme's eigenvalue is its symbol there.

        "fft": 2πk/n in (−π, π] order of numpy.fft.fftfreq with the middle one at +π; "rfft": its first n//2 + 1;
        "dct1": πk/(n−1); "dct2": πk/n; "dst1": π(k+1)/(n+1); "dst2": π(k+1)/n; types III and IV: π(k+½)/n.
        """
        k, n = np.arange(self.n), self.n
        if self.kind == "fft":
            return 2 * np.pi / n * np.where(k > n // 2, k - n, k)
        if self.kind == "rfft":
            return 2 * np.pi / n * np.arange(n // 2 + 1)
        if self.kind[3] in "34":
            return np.pi / n * (k + 0.5)
        if self.kind == "dct1":
            return np.pi / (n - 1) * k
        if self.kind == "dct2":
            return np.pi / n * k
        return np.pi / (n + 1 if self.kind == "dst1" else n) * (k + 1)

    def result_type(self, dtype: Any) -> np.dtype:
        """As of every operator, but the inverse of "rfft" makes real values of complex modes."""
        if self.kind == "rfft" and self.inverted:
            return np.empty(0, dtype).real.dtype
        return super().result_type(dtype)

    def _apply(self, u: Any, axis: int, out: Any, alpha: complex, beta: complex) -> None:
        backend = backends.of(u)
        if backend.name not in self._plans:
            self._plans[backend.name] = backend.transforms.Plan(self.kind, self.n, u.dtype)
        plan = self._plans[backend.name]
        transform = plan.inverse if self.inverted else plan.forward
        alpha = alpha * self.factor
        if alpha == 1 and beta == 0:
            transform(u, axis, out)
        else:
            backend.pointwise.axpby(alpha, transform(u, axis), beta, out)

    def _like(self, inverted: bool, factor: complex) -> Modal:
        other = Modal(self.kind, self.n, inverted=inverted, factor=factor)
        other._plans = self._plans
        return other

    def inverse(self) -> Modal:
        """The inverse transform, from modes to values."""
        return self._like(not self.inverted, 1.0 / self.factor)

    def matrix(self) -> np.ndarray:
        if not self.inverted:
            return self.factor * self._sums()
        if self.kind in ("fft", "rfft"):
            return self.factor / self.n * self.multiplicity() * self._sums().conj().T
        swapped = Modal(_SWAPPED.get(self.kind, self.kind), self.n)
        length = {"dct1": self.n - 1, "dst1": self.n + 1}.get(self.kind, self.n)
        return self.factor / (2 * length) * swapped._sums()

    def _sums(self) -> np.ndarray:
        """The matrix of the forward transform, from its definition."""
        theta, j = self.angles[:, None], np.arange(self.n)
        if self.kind in ("fft", "rfft"):
            return np.exp(-1j * theta * j)
        sine = self.kind.startswith("dst")
        first = 0.5 if self.kind[3] in "24" else float(sine)
        matrix = 2 * (np.sin if sine else np.cos)(theta * (j + first))
        return matrix / self._ends()

    def _ends(self) -> np.ndarray:
        """2 at the samples that their mirror image coincides with and that count once, else 1."""
        ends = np.ones(self.n)
        ends[{"dct1": [0, -1], "dct3": [0], "dst3": [-1]}.get(self.kind, [])] = 2.0
        return ends

    def multiplicity(self) -> np.ndarray:
        """How many of the n Fourier modes each mode stands for: 2 for those of "rfft" with a conjugate left out."""
        own = np.isin(self.angles, (0.0, np.pi)) | (self.kind == "fft")
        return np.where(own, 1.0, 2.0)

    @property
    def T(self) -> LineOperator:
        if self.kind == "rfft":
            raise ValueError(f"{self!r} has no plain transpose, being linear over the reals only; .H is its adjoint")
        if self.kind in _SYMMETRIC:
            return self
        if self.inverted:
            return self.inverse().T.inverse()
        # The forward matrix is S·E⁻¹, S the definition's sums without exceptions and E = diag(ends).
        other = Modal(_SWAPPED.get(self.kind, self.kind), self.n, factor=self.factor)
        left, right = Banded.diagonal(1.0 / self._ends()), Banded.diagonal(other._ends())
        return left @ other @ right

    @property
    def H(self) -> LineOperator:
        """The adjoint; for "rfft" in the inner product Re⟨·,·⟩, for real factors."""
        if self.kind != "rfft":
            return super().H
        weights = Banded.diagonal(self.multiplicity() / self.n)
        if self.inverted:
            return weights @ self._like(False, self.factor)
        return self._like(True, self.factor) @ Banded.diagonal(self.n / self.multiplicity())

    def conj(self) -> LineOperator:
        """The operator with conjugate entries; of "fft" n times its inverse."""
        if self.kind == "rfft":
            raise ValueError(f"{self!r} has no conjugate, being linear over the reals only; .H is its adjoint")
        factor = np.conj(self.factor)
        if self.kind != "fft":
            return self._like(self.inverted, factor)
        return self._like(not self.inverted, factor / self.n if self.inverted else factor * self.n)

    def scaled(self, factor: complex) -> Modal:
        return self._like(self.inverted, factor * self.factor)

    def __repr__(self) -> str:
        return f"Modal({self.kind!r}, {self.n}{', inverted=True' if self.inverted else ''})"
