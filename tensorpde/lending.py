"""Fields in memory that the process grid lends: steps and solves that use them allocate nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tensorpde.field import Field, Space
from tensorpde.parallel import Pencil


@contextmanager
def lent(space: Space, lead: Sequence[int] = (), pencil: Pencil | None = None, dtype: Any = None) -> Iterator[Field]:
    """A Field with undefined values, its memory given back at the end of the `with`; defaults as of `Space.empty`."""
    pencil = pencil or space.pencil
    shape = (*lead, *pencil.local_shape)
    with pencil.process_grid.workspace(space.backend).lent(shape, dtype or space.dtype) as values:
        yield Field(space, values, pencil)


def lent_like(u: Field) -> Any:
    """The same, with the Space, leading dimensions, pencil and dtype of u."""
    return lent(u.space, u.lead, u.pencil, u.dtype)
