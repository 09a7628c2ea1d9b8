"""Steps that are repeated: on the host there is nothing to record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Recording:
    """A call that is made again and again."""

    def __call__(
        self, call: Callable[[], object], arrays: Sequence[np.ndarray], numbers: Any, kept: Callable[[], object]
    ) -> None:
        """Do what call() does."""
        call()
