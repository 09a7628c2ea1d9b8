"""Where compiled kernels are kept between runs: a folder of their own for each state of the sources.

numba looks only at the file of a kernel to decide whether its compiled form is stale, not at the files
of the functions that were inlined into it; after an upgrade it would go on with old code.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import numba

HERE = Path(__file__).parent


def keep_by_sources() -> Path:
    """Point numba's cache to a folder named by the digest of this package's sources; NUMBA_CACHE_DIR moves its parent."""
    digest = hashlib.sha256()
    for source in sorted(HERE.glob("*.py")):
        digest.update(source.read_bytes())
    given = os.environ.get("NUMBA_CACHE_DIR")
    own = HERE / "__pycache__"
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tensorpde"
    parents = [Path(given)] if given else [own, home, Path(tempfile.gettempdir()) / f"tensorpde-{os.getuid()}"]
    parent = next((p for p in parents if _writable(p)), parents[-1])
    folder = parent / f"kernels-{digest.hexdigest()[:16]}"
    numba.config.CACHE_DIR = str(folder)
    return folder


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)
