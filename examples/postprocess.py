"""Look at a run with xarray alone: python examples/postprocess.py DIR

Nothing of tensorpde is imported: its files are plain HDF5 with dimension scales, and any tool reads them. Run the
cells (``# %%``) one by one in an editor, or the whole script from a shell. Needs xarray, h5netcdf and matplotlib.
"""

# %% The files of a run: one per snapshot, one of time series.
import sys
import tomllib
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import xarray as xr

directory = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
snapshots = sorted(directory.glob("fields_*.h5"))
series = xr.open_dataset(directory / "diagnostics.h5", engine="h5netcdf")
last = xr.open_dataset(snapshots[-1], engine="h5netcdf")
print(last)

# %% The parameters that the run had, and when the snapshot was taken.
parameters = tomllib.loads(last.attrs.get("parameters", ""))
print("parameters:", parameters)
print(f"step {int(last.step)}, time {float(last.time):g}, {len(snapshots)} snapshots")

# %% Diagnostics over time.
print(series)
names = [name for name in series.data_vars if name != "step"][:4]
fig, panels = plt.subplots(len(names), 1, sharex=True, figsize=(7, 2 * len(names)), layout="constrained", squeeze=False)
for panel, name in zip(panels.flat, names, strict=True):
    series[name].plot(ax=panel)
    panel.label_outer()
fig.savefig(directory / "postprocess_series.png", dpi=120)

# %% A plane through the middle of every field.
fields = {name: field for name, field in last.data_vars.items() if field.ndim > 1}
fig, panels = plt.subplots(1, len(fields), figsize=(4.5 * len(fields), 3.6), layout="constrained", squeeze=False)
for panel, (name, field) in zip(panels.flat, fields.items(), strict=True):
    middle = {dim: field.sizes[dim] // 2 for dim in field.dims[2:]}
    plane = field.isel(middle)
    plane.plot(ax=panel, x=field.dims[0], y=field.dims[1])
    panel.set_title(", ".join([name, *(f"{dim} = {float(plane[dim]):.4g}" for dim in middle)]))
    print(f"{name}: from {float(field.min()):.4g} to {float(field.max()):.4g}")
fig.savefig(directory / "postprocess_planes.png", dpi=120)

# %% How the fields spread over time: root mean square of each, snapshot by snapshot.
for path in snapshots:
    with xr.open_dataset(path, engine="h5netcdf") as one:
        values = "  ".join(f"{name} {float((one[name] ** 2).mean() ** 0.5):.5f}" for name in fields)
        print(f"t = {float(one.time):8.4f}  rms {values}")
print(f"pictures: {directory}/postprocess_series.png, {directory}/postprocess_planes.png")
