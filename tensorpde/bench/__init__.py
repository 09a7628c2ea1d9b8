"""Benchmarks, one file each: ``tensorpde bench NAME`` prints one table of times against the machine's own copy."""
