"""Compile every kernel of the GPU backend for a real device, which needs NVVM (numba-cuda[cu13]) but no GPU.

    KERNEL_TYPES=types.txt pytest tests/backend/cupy && python tests/compile_kernels.py types.txt

The simulator runs kernels as Python; what the compiler makes of their types is another question, answered here: each
must give PTX and machine code for sm_90, and those that it names use local memory (of a thread, but in slow memory).
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import standin

sys.modules.update(standin._modules())

from numba import cuda, types  # noqa: E402
from numba.np.numpy_support import from_dtype  # noqa: E402


def found(name):
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def kind(words):
    """The numba type of an argument, from `simulator.kind_of`."""
    if words[0] == "array":
        return types.Array(from_dtype(np.dtype(words[1])), 1, "C")
    if words[0] == "number":
        return from_dtype(np.dtype(words[1]))
    parts = [kind(part) for part in words[2]]
    if words[1]:
        return types.NamedTuple(parts, found(words[1]))
    return types.Tuple(parts)


def main(path):
    from cuda.core import Linker, LinkerOptions, ObjectCode
    from numba.cuda import dispatcher

    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=(9, 0))  # of functions kernels call
    lines = sorted(set(Path(path).read_text().splitlines()))
    for line in lines:
        name, args = json.loads(line)
        signature = types.void(*map(kind, args))
        ptx, _ = cuda.compile(found(name).py_func, signature, device=False, abi="numba", cc=(9, 0), output="ptx")
        code = Linker(ObjectCode.from_ptx(ptx.encode()), options=LinkerOptions(arch="sm_90")).link("cubin")
        local = ".local" in ptx
        print(f"{name}: {len(code.code)} bytes of machine code{', local memory' if local else ''}")
    print(f"{len(lines)} kernels compiled")


if __name__ == "__main__":
    main(sys.argv[1])
