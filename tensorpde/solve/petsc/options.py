"""Which words of a command line are PETSc's: -name [value], with one dash and more than one letter."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPTION = re.compile(r"-[A-Za-z]\w+$")


def split_arguments(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(PETSc's words, the others). A value belongs to the option that it follows: -ksp_rtol 1e-3, --n 32."""
    mine: list[str] = []
    others: list[str] = []
    current = others
    for word in words:
        if word.startswith("-") and not _is_number(word):
            current = mine if _OPTION.match(word) else others
        elif current is mine and mine[-1:] and not mine[-1].startswith("-"):
            current = others  # an option has one value
        current.append(word)
    return mine, others


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
