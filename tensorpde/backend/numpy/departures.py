"""Copies of arrays: on the host there is nothing to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


class HostCopies:
    """Copies that begin one by one and are finished together."""

    def take(self, source: np.ndarray, dtype: Any) -> np.ndarray:
        """A copy of the values that the source has now, as another type."""
        return np.array(source, dtype, order="C")

    @contextmanager
    def finished(self) -> Iterator[None]:
        """All copies that were begun are there while this lasts."""
        yield
