"""Diagonalization of pairs of small 1-D matrices: by a fast transform where one fits, else by eigenvectors.

For a pair (A, B) of n×n matrices, W A V = diag(a) and W B V = diag(b). Whether a transform fits is found from the
matrices themselves, so that a and b are the eigenvalues of the discrete operators (modified wavenumbers), closures and
all, and not those of the equations they approximate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy  # loads its parts when they are used

from tensorpde.solve.separate import Pair

TRANSFORMS = tuple(f"{family}{number}" for family in ("dct", "dst") for number in (1, 2, 3, 4))
FITS = 1e-12
WORST_CONDITION = 1e9
REGULAR = 1e-11


@dataclass(frozen=True, eq=False)
class Modes:
    """How the lines of one axis are taken apart.

    Attributes
    ----------
    n : number of values on a line.
    a, b : eigenvalues of the pair, one per mode; a Fourier axis has them in the order of the FFT.
    kind : "fourier", "dct1"…"dst4", "identity" (nothing to do: A is 0 and B is 1), or "dense".
    left, right : W (modes × n) and V (n × modes) of kind "dense".
    condition : condition number of V; 1 for transforms.
    """

    n: int
    a: np.ndarray
    b: np.ndarray
    kind: str
    left: np.ndarray | None = None
    right: np.ndarray | None = None
    condition: float = 1.0

    @property
    def regular(self) -> bool:
        """Whether B has an inverse, so that a / b are eigenvalues."""
        size = np.abs(self.b).max(initial=0.0)
        return bool(np.all(np.abs(self.b) > REGULAR * size))

    def rows(self, modes: np.ndarray) -> np.ndarray:
        """Rows of W: the functionals that give the coefficients of some modes."""
        if self.left is not None:
            return self.left[modes]
        if self.kind == "identity":
            return np.eye(self.n)[modes]
        if self.kind == "fourier":
            return np.exp(-2j * np.pi / self.n * (np.outer(modes, np.arange(self.n)) % self.n))
        return _forward(self.kind, np.eye(self.n))[modes]

    def columns(self, modes: np.ndarray) -> np.ndarray:
        """Columns of V: the vectors of some modes."""
        if self.right is not None:
            return self.right[:, modes]
        if self.kind == "fourier":
            return self.rows(modes).conj().T / self.n
        return np.eye(self.n)[:, modes] if self.kind == "identity" else _basis(self.kind, self.n)[:, modes]


def diagonalize(pair: Pair) -> Modes:
    """The modes of a pair of n×n operators.

    Raises
    ------
    ValueError
        If the eigenvectors are so far from orthogonal that a solve would lose most digits.

    Notes
    -----
    O(n³) on the host, once. Directions that both matrices map to zero are left out of V: a solve gives 0 there.
    """
    n, a, b = pair.n, pair.matrix_a, pair.matrix_b
    if b is not None and np.array_equal(b, np.eye(n)):
        b = None
    if a is None or not np.any(a):
        if b is None:
            return Modes(n, np.zeros(n), np.ones(n), "identity")
        a = np.zeros((n, n))
    for kind in ("fourier", *TRANSFORMS):
        values = _eigenvalues(kind, a)
        masses = np.ones(n) if b is None else None if values is None else _eigenvalues(kind, b)
        if values is not None and masses is not None:
            return Modes(n, values, masses, kind)
    if b is None:
        return _dense(a)
    return _symmetric_pair(a, b) or _dense_pair(a, b)


def _eigenvalues(kind: str, matrix: np.ndarray) -> np.ndarray | None:
    """Eigenvalues of a matrix that a transform diagonalizes; None if it does not."""
    n, size = len(matrix), np.abs(matrix).max()
    if kind == "fourier":
        j = np.arange(n)
        if not np.abs(matrix - matrix[(j[:, None] - j) % n, 0]).max() <= FITS * size:
            return None
        return _snapped(np.fft.fft(matrix[:, 0]), _norm(matrix))
    if n == 1 and kind == "dct1":
        return None
    few = np.array([n // 3, n - 1])
    vectors = _inverse(kind, np.eye(n)[:, few])
    if not _diagonal(_forward(kind, matrix @ vectors), few, size):
        return None
    images = _forward(kind, matrix @ _basis(kind, n))
    if not _diagonal(images, np.arange(n), size):
        return None
    return _snapped(np.diag(images), _norm(matrix))


def _diagonal(images: np.ndarray, places: np.ndarray, size: float) -> bool:
    """Whether the transforms of matrix · modes have each only the entry of its own mode."""
    rest = images.copy()
    rest[places, np.arange(len(places))] = 0
    return bool(np.abs(rest).max() <= FITS * size * np.sqrt(len(images)))


def _snapped(values: np.ndarray, size: float, condition: float = 1.0) -> np.ndarray:
    """Eigenvalues of a matrix of norm `size`, round-off set to zero: values, and real or imaginary parts of all."""
    error = 32 * np.finfo(float).eps * condition * size
    if np.iscomplexobj(values):
        if np.all(np.abs(values.imag) <= error):
            values = values.real
        elif np.all(np.abs(values.real) <= error):
            values = 1j * values.imag
    return np.where(np.abs(values) <= error, 0, values)


def _norm(matrix: np.ndarray) -> float:
    return float(np.abs(matrix).sum(axis=1).max())


def _forward(kind: str, lines: np.ndarray) -> np.ndarray:
    return getattr(scipy.fft, kind[:3])(lines, type=int(kind[3]), axis=0)


def _inverse(kind: str, lines: np.ndarray) -> np.ndarray:
    return getattr(scipy.fft, f"i{kind[:3]}")(lines, type=int(kind[3]), axis=0)


def _basis(kind: str, n: int) -> np.ndarray:
    """V: the modes as columns."""
    return _inverse(kind, np.eye(n))


def _dense(a: np.ndarray) -> Modes:
    n = len(a)
    scale = symmetrizer(a)
    if scale is not None:
        symmetric = a * (scale[:, None] / scale)
        values, vectors = np.linalg.eigh((symmetric + symmetric.T) / 2)
        right, left = vectors / scale[:, None], vectors.T * scale
    else:
        values, right = scipy.linalg.eig(a)
        right = right.real if not np.any(values.imag) and not np.iscomplexobj(a) else right
        left = _inverted(right, "this operator")
    values = values.real if np.iscomplexobj(values) and not np.iscomplexobj(right) else values
    condition = float(np.linalg.cond(right / np.linalg.norm(right, axis=0)))
    values = _snapped(values, _norm(a), condition)
    values, left, right = _with_constants(a, values, left, right)
    return Modes(n, values, np.ones(n), "dense", left, right, condition)


def symmetrizer(a: np.ndarray) -> np.ndarray | None:
    """A positive d with diag(d) a diag(1/d) symmetric, if the off-diagonals next to the main one give one."""
    if np.iscomplexobj(a):
        return None
    above, below = np.diag(a, 1), np.diag(a, -1)
    if len(a) == 1 or not np.all(above * below > 0):
        return np.ones(1) if len(a) == 1 else None
    scale = np.exp(np.cumsum(np.concatenate([[0.0], np.log(above / below) / 2])))
    symmetric = a * (scale[:, None] / scale)
    same = np.abs(symmetric - symmetric.T).max() <= FITS * np.abs(symmetric).max()
    return scale if same else None


def _with_constants(
    a: np.ndarray, values: np.ndarray, left: np.ndarray, right: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where constants are a null vector, make the eigenvalue nearest to 0 exactly 0 and its vector exactly constant."""
    if np.abs(a.sum(axis=1)).max() > FITS * _norm(a):
        return values, left, right
    k = int(np.abs(values).argmin())
    if np.count_nonzero(values == values[k]) > 1:
        return values, left, right
    values, left, right = values.copy(), left.copy(), right.copy()
    factor = left[k].sum()
    values[k], right[:, k], left[k] = 0, 1.0, left[k] / factor
    return values, left, right


def _symmetric_pair(a: np.ndarray, b: np.ndarray) -> Modes | None:
    """Eigenvectors V with Vᵀ B V = 1 of symmetric A and positive definite B; None if they are not."""
    for matrix in (a, b):
        if np.iscomplexobj(matrix) or np.abs(matrix - matrix.T).max() > FITS * np.abs(matrix).max():
            return None
    try:
        values, right = scipy.linalg.eigh((a + a.T) / 2, (b + b.T) / 2)
    except np.linalg.LinAlgError:
        return None
    condition = float(np.linalg.cond(right))
    if not condition < WORST_CONDITION:
        return None
    values = _snapped(values, float(np.abs(values).max()))
    values, left, right = _with_constants(a, values, right.T, right)
    left = left / np.sum((left @ b) * right.T, axis=1)[:, None]
    return Modes(len(a), values, np.ones(len(a)), "dense", left, right, condition)


def _dense_pair(a: np.ndarray, b: np.ndarray) -> Modes:
    """Eigenvectors of a pair whose common null space is taken out first."""
    n = len(a)
    sizes = np.linalg.norm(a, 2), np.linalg.norm(b, 2)
    scaled = a / (sizes[0] or 1.0), b / (sizes[1] or 1.0)
    x, y = _complement(np.vstack(scaled)), _complement(np.hstack(scaled).conj().T)
    if x.shape != y.shape:
        raise ValueError(
            f"the pair of {n}×{n} matrices is singular for every shift: "
            f"{n - x.shape[1]} common null vectors on the right, {n - y.shape[1]} on the left"
        )
    small = [y.conj().T @ matrix @ x for matrix in scaled]
    mix = _best_mix(small)
    inverse = _inverted(mix[0] * small[0] + mix[1] * small[1], "the pair of matrices")
    values, vectors = scipy.linalg.eig(inverse @ small[0 if mix[1] else 1])
    if not np.any(values.imag) and not np.iscomplexobj(inverse):
        values, vectors = values.real, vectors.real
    condition = float(np.linalg.cond(vectors))
    left, right = _inverted(vectors, "the pair of matrices") @ inverse @ y.conj().T, x @ vectors
    own, mass = (
        _snapped(np.einsum("ij,jk,ki->i", left, matrix, right, optimize=True), float(size), condition)
        for matrix, size in zip((a, b), sizes)
    )
    return Modes(n, own, mass, "dense", left, right, condition)


def _complement(stacked: np.ndarray) -> np.ndarray:
    """An orthonormal basis of what is orthogonal to the null space of a matrix."""
    _, values, rows = np.linalg.svd(stacked, full_matrices=False)
    rank = int(np.count_nonzero(values > 1e-12 * values[0]))
    if rank == len(rows):
        return np.eye(len(rows))
    return rows[:rank].conj().T


def _best_mix(pair: list[np.ndarray]) -> tuple[float, float]:
    """(α, β) that make α a + β b best conditioned of a few: b alone, a alone, and mixtures."""
    candidates = [(0.0, 1.0), (1.0, 0.0), (-1.0, 1.0), (1.0, 1.0), (0.1, 1.0), (-0.1, 1.0)]
    return min(candidates, key=lambda mix: np.linalg.cond(mix[0] * pair[0] + mix[1] * pair[1]))


def _inverted(matrix: np.ndarray, what: str) -> np.ndarray:
    condition = np.linalg.cond(matrix)
    if not condition < WORST_CONDITION:
        raise ValueError(
            f"eigenvectors of {what} have condition number {condition:.1e}, more than {WORST_CONDITION:.0e}: "
            "it is not diagonalizable to useful accuracy (a banded axis needs no eigenvectors)"
        )
    return np.linalg.inv(matrix)
