"""How many bytes this rank has given to others, by what they were: for benchmarks, which cannot see into messages."""

from __future__ import annotations

from collections import Counter

given: Counter[str] = Counter()
"""Bytes since the process began: "transposes", "gathered" fields and "collected" rows, each once per receiver."""
