"""The one table of all benchmarks: what was timed, how fast, against the machine's copy and against others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def row(name: str, seconds: float, moved: float | None = None, copy: float | None = None, **others: float) -> dict:
    """One line of the table, as it is in the JSON.

    Parameters
    ----------
    name
        What was timed.
    seconds
        The median time of one call.
    moved
        The bytes that one call must move at least (each value read once and written once).
    copy
        The bytes per second of the machine's own copy (or raw Alltoall), measured in the same run.
    **others
        Seconds that other packages take for the same work, by name.

    A benchmark may add "figures" to the result: further numbers by the heading of their column.
    """
    line: dict[str, Any] = {"name": name, "seconds": seconds}
    if moved is not None:
        line["gb_per_s"] = moved / seconds / 1e9
        if copy is not None:
            line["copy_ratio"] = seconds * copy / moved
    return line | {"others": others}


def duration(seconds: float) -> str:
    """Three digits and a unit: ``1.23 ms``."""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 0.9995:
            return f"{seconds * scale:#.3g}".rstrip(".") + " " + unit
    return f"{seconds * 1e9:.0f} ns"


def table(rows: Sequence[dict]) -> str:
    """The rows as text: a column for each further number, and one for each other package (its time, times ours)."""
    others = list(dict.fromkeys(name for r in rows for name in r["others"]))
    figures = list(dict.fromkeys(name for r in rows for name in r.get("figures", {})))
    lines = [["", "time", "GB/s", "× copy", *figures, *others]]
    for r in rows:
        cells = [r["name"], duration(r["seconds"])]
        cells += [f"{r[key]:.{digits}f}" if key in r else "" for key, digits in (("gb_per_s", 1), ("copy_ratio", 2))]
        cells += [f"{r['figures'][name]:.1f}" if name in r.get("figures", {}) else "" for name in figures]
        for name in others:
            time = r["others"].get(name)
            cells.append("" if time is None else f"{duration(time)} ({time / r['seconds']:.2f} ×)")
        lines.append(cells)
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in lines]
    return "\n".join([text[0], "─" * (sum(widths) + 2 * len(widths) - 2), *text[1:]])
