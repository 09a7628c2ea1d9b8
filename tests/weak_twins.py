"""Weak forms assembled by plain quadrature: functions as dense matrices, products of them as scipy.sparse matrices."""

import functools

import numpy as np
import scipy.sparse as sp


def functions(axis, derivative, q=None):
    """(points, all functions) values or slopes at the quadrature points of an axis, and the unknowns among them."""
    table = axis.basis.table(axis, q)
    entries = table.slopes if derivative else table.values
    elements, count, k = entries.shape
    matrix = np.zeros((elements * count, table.functions))
    for e in range(elements):
        for g in range(count):
            for i in range(k):
                matrix[e * count + g, (table.first[e] + i) % table.functions] += entries[e, g, i]
    return matrix[:, table.unknowns]


def points(space, q=None):
    """Coordinates of all quadrature points, broadcastable, and the product of the weights there."""
    tables = [axis.basis.table(axis, q) for axis in space.axes]
    weight = functools.reduce(np.multiply.outer, [table.weights.ravel() for table in tables])
    return np.ix_(*(table.points.ravel() for table in tables)), weight


def at(space, derivative=None, q=None):
    """The function (or its slope along an axis) at all quadrature points, as one sparse matrix."""
    parts = [sp.csr_array(functions(axis, k == derivative, q)) for k, axis in enumerate(space.axes)]
    return functools.reduce(lambda a, b: sp.kron(a, b, format="csr"), parts)


def form(space, c, test=None, trial=None, q=None):
    """∫ c D_trial u D_test φ_i for an array c over the points."""
    weight = points(space, q)[1]
    c = np.broadcast_to(c, weight.shape)
    return at(space, test, q).T @ sp.diags_array((c * weight).ravel()) @ at(space, trial, q)


def mapped(space, x, jacobian, c, q=None):
    """∫ κ ∇u·∇φ_i dx of a mapped box: jacobian(*ξ) is a d × d nested list, c(*x) the coefficient."""
    xi, weight = points(space, q)
    d = space.ndim
    rows = [[np.broadcast_to(entry, weight.shape) for entry in row] for row in jacobian(*xi)]
    matrices = np.moveaxis(np.array(rows), (0, 1), (-2, -1))
    inverse, det = np.linalg.inv(matrices), np.linalg.det(matrices)
    kappa = np.broadcast_to(c(*x(*xi)), weight.shape)
    metric = inverse @ np.swapaxes(inverse, -1, -2)
    return sum(form(space, kappa * det * metric[..., a, b], a, b, q) for a in range(d) for b in range(d))


def on_wall(space, axis, side):
    """Coordinates of the quadrature points of a wall, the product of the weights there, and the function there."""
    x, weights, parts = [], [], []
    for k, line in enumerate(space.axes):
        table = line.basis.table(line)
        if k != axis:
            x.append(table.points.ravel())
            weights.append(table.weights.ravel())
            parts.append(sp.csr_array(functions(line, 0)))
            continue
        first, values = line.basis.evaluate(line, np.array([float(side)]))
        row = np.zeros((1, table.functions))
        row[0, first[0] : first[0] + values.shape[1]] = values
        x.append(np.array([(line.lo, line.hi)[side]]))
        weights.append(np.ones(1))
        parts.append(sp.csr_array(row[:, table.unknowns]))
    at_points = functools.reduce(lambda a, b: sp.kron(a, b, format="csr"), parts)
    return np.ix_(*x), functools.reduce(np.multiply.outer, weights), at_points
