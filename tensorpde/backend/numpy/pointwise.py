"""Fused pointwise kernels."""
