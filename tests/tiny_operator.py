"""A model of the layer contract that is a few lines long, and data for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

import tensorpde as tp


@dataclass(frozen=True)
class Tiny:
    """y_o = Σ_i w_oi x_i + b_o + Re z_o · sin x_0 + Im z_o · cos x_0 at every point."""

    in_channels: int = 2
    out_channels: int = 1
    dtype: str = "float64"

    def init(self, seed: int = 0) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(seed)
        z = rng.standard_normal((self.out_channels, 2)) @ np.array([1, 1j])
        w = rng.standard_normal((self.out_channels, self.in_channels)).astype(self.dtype)
        return {"w": w, "b": np.zeros(self.out_channels, self.dtype), "z": z}

    def settings(self) -> dict:
        return {"in_channels": self.in_channels, "out_channels": self.out_channels}

    def __call__(self, params, x):
        return self.forward(params, x)[0]

    def forward(self, params, x):
        u = x.local if isinstance(x, tp.Field) else x
        y = np.einsum("oi,bi...->bo...", params["w"], u)
        shape = (-1,) + (1,) * (u.ndim - 2)
        z = params["z"].reshape(shape)
        y = y + params["b"].reshape(shape) + z.real * np.sin(u[:, :1]) + z.imag * np.cos(u[:, :1])
        y = np.ascontiguousarray(y, u.dtype)
        return (tp.Field(x.space, y, x.pencil) if isinstance(x, tp.Field) else y), x

    def backward(self, params, saved, dy, ready=None):
        u, d = (f.local if isinstance(f, tp.Field) else f for f in (saved, dy))
        axes, flat = (0, *range(2, u.ndim)), [f.reshape(*f.shape[:2], u[0, 0].size) for f in (u, d)]
        parts = [(d * f(u[:, :1])).sum(axis=axes) for f in (np.sin, np.cos)]
        grads = {"z": parts[0] + 1j * parts[1], "b": d.sum(axis=axes), "w": np.einsum("bop,bip->oi", flat[1], flat[0])}
        dx = np.ascontiguousarray(np.einsum("oi,bo...->bi...", params["w"], d))
        z = params["z"].reshape((-1,) + (1,) * (u.ndim - 2))
        dx[:, :1] += (d * (z.real * np.cos(u[:, :1]) - z.imag * np.sin(u[:, :1]))).sum(axis=1, keepdims=True)
        for name, grad in grads.items() if ready else ():
            ready(name, grad)
        return (tp.Field(saved.space, dx, saved.pencil) if isinstance(saved, tp.Field) else dx), grads


def write(path: Path, count: int = 10, shape: tuple[int, ...] = (8, 12), kind: str = "float64") -> Path:
    """Samples as somebody else might store them: a group, two datasets, y = 3 x_0 − sin x_0 + x_1 + noise."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((count, 2, *shape)).astype(kind)
    y = 3 * x[:, 0] - np.sin(x[:, 0]) + x[:, 1] + 0.1 * rng.standard_normal((count, *shape))
    with h5py.File(path, "w") as file:
        file["train/x"], file["train/y"] = x, y.astype(kind)
    return path
