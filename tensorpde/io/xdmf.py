"""The XDMF collection that lets ParaView and VisIt open a series of snapshots. Text only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MESHES = {2: ("2DRectMesh", "VXVY"), 3: ("3DRectMesh", "VXVYVZ")}


def collection(name: str, snapshots: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """The text of a temporal collection.

    XDMF counts the last array dimension as X, so that X, Y, Z in the viewer are z, y, x of the file; the components
    of a vector are reversed with them. Fields on different points of an axis go to collections of their own. Data of
    one or of more than three dimensions have no XDMF mesh and are left out.

    Parameters
    ----------
    name
        Of the collection.
    snapshots
        (file name beside the collection, its description by :func:`tensorpde.io.describe`), in order of time.
    """
    grids: dict[tuple[str, ...], list[str]] = {}
    for file, contents in snapshots:
        meshes = {
            tuple(v["dimensions"]): v["shape"] for v in contents["variables"].values() if len(v["shape"]) in MESHES
        }
        for dimensions, shape in meshes.items():
            fields = {k: v for k, v in contents["variables"].items() if tuple(v["dimensions"]) == dimensions}
            grids.setdefault(dimensions, []).append(_grid(file, contents["time"], dimensions, shape, fields))
    blocks = [
        f'<Grid Name="{name} {" ".join(dimensions)}" GridType="Collection" CollectionType="Temporal">\n'
        + "\n".join(grid)
        + "\n</Grid>"
        for dimensions, grid in grids.items()
    ]
    return '<?xml version="1.0"?>\n<Xdmf Version="3.0">\n<Domain>\n' + "\n".join(blocks) + "\n</Domain>\n</Xdmf>\n"


def _grid(file: str, time: float, dimensions: tuple[str, ...], shape: Sequence[int], fields: Mapping[str, Any]) -> str:
    topology, geometry = MESHES[len(dimensions)]
    lengths = dict(zip(dimensions, shape, strict=True))
    lines = [
        f'<Grid Name="{file.removesuffix(".h5")}" GridType="Uniform">',
        f'<Time Value="{time!r}"/>',
        f'<Topology TopologyType="{topology}" Dimensions="{_words(shape)}"/>',
        f'<Geometry GeometryType="{geometry}">',
    ]
    lines += [_item(file, scale, [lengths[scale]], 8) for scale in reversed(dimensions)]
    lines.append("</Geometry>")
    vectors = [
        k.removesuffix("_x")
        for k in fields
        if k.endswith("_x") and len(shape) == 3 and all(f"{k.removesuffix('_x')}_{c}" in fields for c in "yz")
    ]
    for vector in vectors:
        parts = [_item(file, f"{vector}_{c}", shape, _precision(fields[f"{vector}_{c}"])) for c in "zyx"]
        lines += [
            f'<Attribute Name="{vector}" AttributeType="Vector" Center="Node">',
            f'<DataItem ItemType="Function" Function="JOIN($0, $1, $2)" Dimensions="{_words(shape)} 3">',
            *parts,
            "</DataItem>",
            "</Attribute>",
        ]
    joined = {f"{vector}_{c}" for vector in vectors for c in "xyz"}
    for name in sorted(set(fields) - joined):
        lines += [
            f'<Attribute Name="{name}" AttributeType="Scalar" Center="Node">',
            _item(file, name, shape, _precision(fields[name])),
            "</Attribute>",
        ]
    return "\n".join([*lines, "</Grid>"])


def _item(file: str, dataset: str, shape: Iterable[int], precision: int) -> str:
    return (
        f'<DataItem Dimensions="{_words(shape)}" NumberType="Float" Precision="{precision}" '
        f'Format="HDF">{file}:/{dataset}</DataItem>'
    )


def _precision(field: Mapping[str, Any]) -> int:
    return 4 if field["dtype"] == "float32" else 8


def _words(numbers: Iterable[int]) -> str:
    return " ".join(map(str, numbers))
