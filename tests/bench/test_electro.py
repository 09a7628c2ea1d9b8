"""The benchmark of electrostatics runs, and the fast multipole method beside it does the same work."""

import json
import math

import numpy as np
import pytest
from mpi import run_ranks

from tensorpde.bench import electro
from tensorpde.electro import RangeSeparated
from tensorpde.run.cli import main


def test_finite_rows(capsys):
    assert main(["bench", "electro", "--n", "200", "--points", "9", "--tol", "1e-4", "--repeat", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len({r["name"] for r in rows}) == 3
    for r in rows:
        assert all(math.isfinite(x) and x > 0 for x in [r["seconds"], *r["others"].values(), *r["figures"].values()])
        assert r["figures"]["digits"] > 4
        assert "direct" in r["others"]


def test_counts_of_ranks_add_up(tmp_path):
    """On two ranks: every target once, what one gives the other takes, the pairs of both those of one rank."""
    flags = ["bench", "electro", "--counts", "--sums", "400", "--tol", "1e-4", "--repeat", "1", "--json"]
    found = {}
    for ranks in (1, 2):
        out = run_ranks(ranks, f"from tensorpde.run.cli import main\nmain({flags!r})").stdout
        (found[ranks],) = json.loads(out[out.index("[") : out.rindex("]") + 1])
    one, two = (found[ranks]["figures"] for ranks in (1, 2))
    assert one["targets"] == 400 and 200 <= two["targets"] < 400
    assert one["10⁶ pairs"] / 2 <= two["10⁶ pairs"] < one["10⁶ pairs"]
    for name in ("MB modes given", "MB mesh given", "MB results given"):
        assert one[name] == 0 and two[name] > 0


def test_multipoles_find_the_same():
    pytest.importorskip("fmm3dpy")
    random = np.random.default_rng(0)
    x, q = random.uniform(0, 5, (300, 3)), random.standard_normal(300)
    rs = RangeSeparated(x, q)
    np.testing.assert_allclose(4 * np.pi * electro.by_fmm(x, q, 1e-9)().pot, rs.potential(), atol=1e-6)
    at = random.uniform(0, 5, (40, 3))
    np.testing.assert_allclose(4 * np.pi * electro.by_fmm(x, q, 1e-9, at)().pottarg, rs.potential(at), atol=1e-6)
