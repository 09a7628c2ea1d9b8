"""Pictures for papers and for a quick look: planes of a field, lines, spectra, time series, comparisons.

All functions take arrays, write one file (PNG, PDF or SVG by its ending) without a display, and return its path.
What is in a file of tensorpde is drawn by :func:`tensorpde.run.pictures.draw`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from matplotlib.figure import Figure

if find_spec("matplotlib") is None:  # said before a run starts; loaded when the first picture is drawn, on one rank
    raise ImportError("pictures need matplotlib: pip install 'tensorpde[post]'")

Array = np.ndarray
COLORS = ("#1f4e9c", "#d1495b", "#2a9d5c", "#e08e0b", "#7b5ea7", "#3f8fa8")
STYLE: Any = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.constrained_layout.use": True,
    "font.size": 9.5,
    "grid.color": "#e6e6e6",
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "savefig.dpi": 160,
}
ROW, NARROW, WIDE = 2.5, 0.9, 8.0  # inches: height of a plane, smallest and largest width
DECADES = 5  # of deviations below the largest; an exact zero must not squeeze the rest


class Plane(NamedTuple):
    """A field on a plane: values of shape (len(x), len(y)), coordinates and labels."""

    x: Array
    y: Array
    values: Array
    x_label: str
    y_label: str
    title: str


@contextmanager
def figure(out: str | Path, width: float, height: float) -> Iterator[Figure]:
    """A figure of this size in inches, in the suite's style, saved to ``out`` when the block ends."""
    import matplotlib
    from cycler import cycler
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE | {"axes.prop_cycle": cycler(color=COLORS)}):
        made = Figure(figsize=(width, height))
        FigureCanvasAgg(made)
        yield made
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        made.savefig(out)


def label(name: str, unit: str | None = None) -> str:
    """``name [unit]``, or the name alone where the quantity has no unit."""
    return f"{name} [{unit}]" if unit and unit != "1" else name


def planes(
    rows: Sequence[Sequence[Plane]], out: str | Path, title: str = "", limit: float | None = None, share: float = 1.0
) -> Path:
    """Draw one row of planes per field; a row shares its colours, which are centred on zero if the sign changes.

    They span −limit to limit, or else what the given share of the values have, without as many smallest as largest
    ones; an arrow at the end of the scale says that there is more.
    """
    widths = [_width(plane) for plane in max(rows, key=len)]
    with figure(out, sum(widths) + 0.75 * len(widths) + 0.8, (ROW + 0.6) * len(rows) + 0.5) as fig:
        fig.suptitle(title)
        grid = fig.subplots(len(rows), len(widths), squeeze=False, width_ratios=widths)
        for axes, row in zip(grid, rows):
            colours = _colours(row, limit, share)
            for ax, plane in zip(axes, row):
                mesh = ax.pcolormesh(plane.x, plane.y, plane.values.T, shading="gouraud", rasterized=True, **colours)
                ax.set(xlabel=plane.x_label, ylabel=plane.y_label)
                ax.set_title(plane.title, loc="left")
                ax.set_aspect("equal" if NARROW < _width(plane) < WIDE else "auto")
                ax.grid(False)
            for ax in axes[len(row) :]:
                ax.set_visible(False)
            fig.colorbar(mesh, ax=list(axes), shrink=0.9, pad=0.02, extend=_extend(row, colours))
    return Path(out)


def _width(plane: Plane) -> float:
    """Inches for a plane that is ROW high, in proportion unless it is very narrow or wide."""
    return float(np.clip(ROW * np.ptp(plane.x) / np.ptp(plane.y), NARROW, WIDE))


def _colours(row: Sequence[Plane], limit: float | None = None, share: float = 1.0) -> dict[str, Any]:
    if limit is not None:
        return {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    values = np.concatenate([plane.values.ravel() for plane in row])
    low, high = np.nanquantile(values, [0.5 - 0.5 * share, 0.5 + 0.5 * share]).tolist()
    if low < 0.0 < high and min(-low, high) > 0.02 * max(-low, high):
        peak = max(-low, high)
        return {"cmap": "RdBu_r", "vmin": -peak, "vmax": peak}
    half = 0.5 if high == low else 0.0  # one value everywhere gets the middle colour
    return {"cmap": "viridis", "vmin": low - half, "vmax": high + half}


def _extend(row: Sequence[Plane], colours: dict[str, Any]) -> str:
    """Which ends of the colour scale have values beyond them."""
    below = min(float(np.nanmin(plane.values)) for plane in row) < colours["vmin"]
    above = max(float(np.nanmax(plane.values)) for plane in row) > colours["vmax"]
    return {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[below, above]


def matrices(named: Mapping[str, Array], out: str | Path, title: str = "") -> Path:
    """Draw matrices side by side, each entry a square: sign by colour, size by its depth, zeros left white.

    Sizes are shown as their square roots, so that small entries are seen beside large ones.
    """
    sizes = [min(1.1 + 0.05 * max(matrix.shape), ROW) for matrix in named.values()]
    with figure(out, sum(sizes) + 0.1 * len(sizes), max(sizes) + (1.2 if title else 0.8)) as fig:
        fig.suptitle(title)
        grid = fig.subplots(1, len(named), squeeze=False, width_ratios=sizes)
        for ax, (name, matrix) in zip(grid[0], named.items()):
            depth = np.sign(matrix) * np.sqrt(np.abs(matrix))
            peak = float(np.abs(depth).max()) or 1.0
            shown = np.where(matrix == 0, np.nan, depth)
            ax.imshow(shown, cmap="RdBu_r", vmin=-peak, vmax=peak, interpolation="nearest")
            ax.set_title(f"{name}\n{matrix.shape[0]} × {matrix.shape[1]}")
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
            for side in ax.spines.values():
                side.set(visible=True, color="#888888", linewidth=0.6)
    return Path(out)


def lines(curves: Mapping[str, tuple[Array, Array]], x_label: str, out: str | Path, title: str = "") -> Path:
    """Draw each curve (x, y) in a panel of its own, on a logarithmic axis where it spans three decades."""
    columns = 1 if len(curves) < 4 else 2
    rows = -(-len(curves) // columns)
    with figure(out, 5.2 * columns, max(2.1 * rows, 3.0) + 0.4) as fig:
        fig.suptitle(title)
        grid = fig.subplots(rows, columns, squeeze=False, sharex=True)
        for i, (ax, (name, (x, y))) in enumerate(zip(grid.flat, curves.items())):
            marker = "." if len(x) < 40 else None
            ax.plot(x, y, marker=marker, color=f"C{i % 6}")
            known = y[np.isfinite(y)]
            if known.size and known.min() > 0 and known.max() > 1e3 * known.min():
                ax.set_yscale("log")
            ax.set_ylabel(name)
        for ax in grid.flat[len(curves) :]:
            ax.set_visible(False)
        for ax in grid[-1] if len(curves) % columns == 0 else (*grid[-1][:1], *grid[-2][1:]):
            ax.set_xlabel(x_label)
            ax.tick_params(labelbottom=True)
    return Path(out)


class Panel(NamedTuple):
    """Curves (x, y) by label, points (x, y) of a reference by label, the labels of the axes, and their scale.

    The scale is that of both axes, "linear" or "log", or of one alone with "log x" or "log y".
    """

    curves: Mapping[str, tuple[Array, Array]]
    points: Mapping[str, tuple[Array, Array]]
    x_label: str
    y_label: str
    scale: str = "linear"


def panels(given: Sequence[Panel], out: str | Path, title: str = "") -> Path:
    """Draw panels side by side: curves, and the points of a reference over them."""
    with figure(out, 4.2 * len(given) + 0.4, 3.6) as fig:
        fig.suptitle(title)
        for ax, panel in zip(fig.subplots(1, len(given), squeeze=False)[0], given):
            for name, (x, y) in panel.curves.items():
                ax.plot(x, y, label=name)
            for name, (x, y) in panel.points.items():
                ax.plot(x, y, "ko", ms=4, mfc="none", label=name)
            ax.set(xlabel=panel.x_label, ylabel=panel.y_label)
            if panel.scale in ("log", "log y"):
                ax.set_yscale("log")
            if panel.scale in ("log", "log x"):
                ax.set_xscale("log")
            if len(panel.curves) + len(panel.points) > 1:
                ax.legend()
    return Path(out)


def spectra(curves: Mapping[str, tuple[Array, Array]], out: str | Path, unit: str = "", title: str = "") -> Path:
    """Draw energy spectra ``(k, E)`` on logarithmic axes, with the slope −5/3 for the eye."""
    with figure(out, 5.2, 4.2) as fig:
        ax = fig.subplots()
        for name, (k, energy) in curves.items():
            shown = energy > 1e-30
            ax.loglog(k[shown], energy[shown], label=name, marker="." if len(k) < 40 else None)
        k, energy = next(iter(curves.values()))
        k, start = k[k >= 2 * k[0]], np.max(energy) or 1.0
        ax.loglog(k, 2.0 * start * (k / k[0]) ** (-5.0 / 3.0), color="#888888", lw=1.0, ls="--", label="$k^{-5/3}$")
        low = min(float(np.min(e[e > 1e-30], initial=start)) for _, e in curves.values())
        ax.set(xlabel=label("wavenumber k", f"1/{unit}" if unit else None), ylabel="energy E(k)", title=title)
        ax.set_ylim(bottom=max(low / 3.0, 1e-16 * start))
        ax.legend()
    return Path(out)


def compare(
    series: Mapping[str, tuple[Array, Array]],
    reference: tuple[str, Array, Array],
    out: str | Path,
    y_label: str = "",
    x_label: str = "t",
    title: str = "",
) -> Path:
    """Draw curves over a reference one, and below their deviation from it in percent of its peak.

    Parameters
    ----------
    series
        Label: (x, y).
    reference
        Label, x, y; x increasing. Deviations are taken at the points of the finer of the two for which there are
        both, the other being interpolated linearly: a reference of a few points is shown as points.
    """
    name, x_reference, y_reference = reference
    peak, largest = float(np.max(np.abs(y_reference))), 0.0
    with figure(out, 6.4, 5.4) as fig:
        top, bottom = fig.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        few = all(len(x) > len(x_reference) for x, _ in series.values())
        top.plot(x_reference, y_reference, "ko" if few else "k", lw=2.2, alpha=0.75, label=name)
        for i, (curve, (x, y)) in enumerate(series.items()):
            x, y = np.asarray(x), np.asarray(y)
            top.plot(x, y, color=f"C{i % 6}", ls="--", label=curve)
            at = np.asarray(x_reference) if few else x
            at = at[(at >= max(x_reference[0], x[0])) & (at <= min(x_reference[-1], x[-1]))]
            deviation = np.abs(np.interp(at, x, y) - np.interp(at, x_reference, y_reference)) / peak * 100.0
            bottom.semilogy(at, deviation, "o-" if few else "-", color=f"C{i % 6}")
            largest = max(largest, float(np.max(deviation, initial=0.0)))
        top.set(ylabel=y_label, title=title)
        top.legend()
        bottom.set(xlabel=x_label, ylabel="deviation\n[% of the peak]")
        if largest > 0.0:
            bottom.set_ylim(largest * 10.0**-DECADES, largest * 2.0)
    return Path(out)
