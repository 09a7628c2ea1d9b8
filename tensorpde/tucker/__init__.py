"""Tucker tensors, their compression, and mesh-free functions in the Chebyshev–Tucker format."""

from __future__ import annotations

from tensorpde.tucker.canonical import Canonical
from tensorpde.tucker.chebtuck import ChebTuck, chebtuck
from tensorpde.tucker.compress import compress
from tensorpde.tucker.tucker import Tucker, total

__all__ = ["Canonical", "ChebTuck", "Tucker", "chebtuck", "compress", "total"]
