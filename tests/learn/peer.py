"""Our parameters from a model of neuraloperator, for the tests and benchmarks that set the two side by side."""

import numpy as np


def model(package, ours):
    """The model of neuraloperator with the settings of ours; the ranks are ours, so that all sizes are."""
    sizes, d = ours.weights.sizes, ours.ndim
    letters = "io" + "abcdefgh"[:d]
    rank = {
        None: 1.0,
        "tucker": tuple(sizes.get(i.upper()) for i in letters),
        "cp": sizes.get("R"),
        "tt": (1, *(sizes.get(bond) for bond in "PQRSTUVW"[: d + 1]), 1),
    }[ours.factorization]
    return package.models.FNO(
        n_modes=ours.n_modes,
        in_channels=ours.in_channels,
        out_channels=ours.out_channels,
        hidden_channels=ours.hidden_channels,
        n_layers=ours.n_layers,
        factorization=ours.factorization or "dense",
        rank=rank,
        implementation=ours.implementation,
    )


def pairs(theirs, ours):
    """(our name, their tensor, a function from its array to ours) for every parameter."""
    for ends in ("lifting", "projection"):
        yield from _mlp(ends, getattr(theirs, ends))
    blocks = theirs.fno_blocks
    for k in range(ours.n_layers):
        name = f"blocks.{k}"
        yield from _mlp(f"{name}.mlp", blocks.channel_mlp[k])
        yield f"{name}.skip.weight", blocks.fno_skips[k].conv.weight, lambda a: a[:, :, 0]
        yield f"{name}.gate.weight", blocks.channel_mlp_skips[k].weight, np.ravel
        yield f"{name}.spectral.bias", blocks.convs[k].bias, np.ravel
        yield from _weights(f"{name}.spectral", blocks.convs[k].weight, ours)


def _mlp(name, mlp):
    for number, layer in enumerate(mlp.fcs):
        yield f"{name}.{number}.weight", layer.weight, lambda a: a[:, :, 0]
        yield f"{name}.{number}.bias", layer.bias, np.ravel


def _weights(name, weight, ours):
    factors = ["in", "out", *(f"mode{k}" for k in range(ours.ndim))]

    def channels_last(a):
        return np.moveaxis(a, (0, 1), (-2, -1))

    stored = dict(weight.named_parameters())
    if ours.factorization is None:
        yield f"{name}.weight", stored["tensor"], channels_last
        return
    if ours.factorization == "tucker":
        yield f"{name}.core", stored["core"], channels_last
    elif ours.factorization == "cp":
        yield f"{name}.scale", stored["weights"], np.asarray
    for number, own in enumerate(factors):
        shape = ours.shapes[f"{name}.{own}"]
        yield f"{name}.{own}", stored[f"factors.factor_{number}"], lambda a, shape=shape: a.reshape(shape)


def as_ours(array):
    """A host array; pairs along a last axis of two as complex numbers, which is how complex parameters are kept."""
    return np.ascontiguousarray(array).view(np.complex64)[..., 0]


def converted(tensor, change, complex_numbers):
    """The array of a tensor in our shape."""
    array = tensor.detach().cpu().numpy()
    if complex_numbers and array.dtype.kind != "c":
        array = as_ours(array)
    return np.ascontiguousarray(change(array))
