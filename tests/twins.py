"""What tests of solvers share: operators as sparse matrices, random data, boxes by the names of their conditions."""

import functools

import numpy as np
import scipy.sparse

import tensorpde as tp

D, N, R = tp.Dirichlet(), tp.Neumann(), tp.Robin(2.0, 3.0)
SIDES = {"D": D, "N": N, "R": R}


def condition(name):
    """ "P", or a letter for each side."""
    return tp.Periodic() if name == "P" else tuple(SIDES[letter] for letter in name)


def box(names, sizes, **options):
    """A Space between 0 and 1; options of the axes, and dtype and process_grid of the Space."""
    kept = {key: options.pop(key) for key in ("dtype", "process_grid") if key in options}
    axes = [tp.Axis(n, 0.0, 1.0, bc=condition(name), **options) for name, n in zip(names, sizes, strict=True)]
    return tp.Space(tp.Grid(*axes), **kept)


def sparse(operator):
    """The matrix of a Kron or KronSum, from scipy.sparse.kron of its factors."""
    total = 0
    for term in operator.terms:
        sizes = operator.domain.shape
        parts = [term.factors[k].matrix() if k in term.factors else np.eye(n) for k, n in enumerate(sizes)]
        total = total + term.coefficient * functools.reduce(scipy.sparse.kron, parts)
    return scipy.sparse.csc_array(total)


def random(shape, seed=0, dtype="float64"):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    return (values + 1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else values).astype(dtype)
