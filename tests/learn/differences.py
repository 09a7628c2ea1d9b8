"""The gradient of a model against central differences."""

import numpy as np


def worst_error(model, shape, batch=2, step=1e-5):
    """The largest error of dL/dp along a random direction, over all parameters and x, relative to 1 + |dL/dp|."""
    random = np.random.default_rng(1)
    params, x = model.init(seed=3), random.standard_normal((batch, model.in_channels, *shape))
    y, saved = model.forward(params, x)
    np.testing.assert_allclose(model(params, x), y, atol=1e-12)
    dy = random.standard_normal(y.shape)
    dx, grads = model.backward(params, saved, dy.copy())
    assert list(grads) == list(params) == sorted(params)
    worst = 0.0
    for name, given in [*params.items(), ("x", x)]:
        way = random.standard_normal(given.shape).astype(given.dtype)
        if way.dtype.kind == "c":
            way += 1j * random.standard_normal(given.shape)
        way /= np.linalg.norm(way)
        there, back = (
            np.vdot(dy, model(params, x + h * way) if name == "x" else model(params | {name: given + h * way}, x))
            for h in (step, -step)
        )
        expected = (there - back) / (2 * step)
        found = np.vdot(dx if name == "x" else grads[name], way).real
        worst = max(worst, abs(found - expected) / (1 + abs(expected)))
    return worst
