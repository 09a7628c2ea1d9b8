"""Pictures from arrays: what is drawn, not how it looks."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tensorpde.run import plot


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved."""
    saved = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, out: (saved.append(self), save(self, out)))
    return saved


def test_compare_gives_the_deviation_in_percent_of_the_peak(figures, tmp_path):
    t = np.linspace(0.0, 10.0, 101)
    reference = np.sin(t / 3.0)
    series = {"coarse": (t[::2], reference[::2] + 0.05), "long": (np.append(t, 11.0), np.append(reference, 0.0) - 0.01)}
    out = plot.compare(series, ("exact", t, reference), tmp_path / "a.png", y_label="u", x_label="t [s]", title="test")
    assert out.exists()
    top, bottom = figures[0].axes
    assert [line.get_label() for line in top.lines] == ["exact", "coarse", "long"]
    coarse, long = bottom.lines
    assert np.allclose(coarse.get_ydata(), 5.0, rtol=1e-3)
    assert np.allclose(long.get_ydata(), 1.0, rtol=1e-3)
    assert long.get_xdata()[-1] == 10.0  # beyond the reference there is nothing to deviate from
    assert (top.get_ylabel(), bottom.get_xlabel()) == ("u", "t [s]")


def test_panels_have_curves_and_points_side_by_side(figures, tmp_path):
    x = np.linspace(0.0, 1.0, 5)
    one = plot.Panel({"u": (x, x**2), "v": (x, -x)}, {"theirs": (x[::2], x[::2])}, "x", "speed")
    out = plot.panels([one, plot.Panel({"w": (x, x)}, {}, "y", "w")], tmp_path / "a.png", "title")
    assert out.exists()
    left, right = figures[0].axes
    assert [line.get_label() for line in left.lines] == ["u", "v", "theirs"]
    assert left.lines[2].get_linestyle() == "None"
    assert np.array_equal(left.lines[1].get_ydata(), -x)
    assert (left.get_xlabel(), right.get_ylabel()) == ("x", "w")


def test_lines_are_logarithmic_over_three_decades(figures, tmp_path):
    t = np.linspace(0.0, 1.0, 50)
    plot.lines({"flat": (t, 1 + t), "steep": (t, 10.0 ** (-8 * t))}, "t", tmp_path / "a.png")
    assert [axes.get_yscale() for axes in figures[0].axes] == ["linear", "log"]


def test_a_few_peaks_do_not_decide_the_colours(figures, tmp_path):
    x = np.linspace(0, 1, 11)
    values = np.linspace(-1, 1, 121).reshape(11, 11)
    values[3, 4] = 30.0
    plane = plot.Plane(x, x, values, "x", "y", "u")
    for given, wanted, extend in (
        ({"limit": 0.5}, 0.5, "both"),
        ({"share": 0.9}, 0.9, "both"),
        ({"limit": 2.0}, 2.0, "max"),
        ({}, 30.0, "neither"),
    ):
        plot.planes([[plane]], tmp_path / "a.png", **given)
        mesh = figures[-1].axes[0].collections[0]
        assert mesh.get_clim() == pytest.approx((-wanted, wanted), rel=0.03)
        assert mesh.colorbar.extend == extend


@pytest.mark.parametrize("low, high, cmap, limits", [(-2.0, 1.0, "RdBu_r", (-2, 2)), (1.0, 3.0, "viridis", (1, 3))])
def test_colours_are_centred_where_the_sign_changes(figures, tmp_path, low, high, cmap, limits):
    x, y = np.linspace(0, 1, 5), np.linspace(0, 2, 7)
    values = np.linspace(low, high, 35).reshape(5, 7)
    plot.planes([[plot.Plane(x, y, values, "x", "y", "u")]], tmp_path / "a.png")
    mesh = figures[0].axes[0].collections[0]
    assert mesh.get_cmap().name == cmap
    assert mesh.get_clim() == pytest.approx(limits)


def test_label():
    assert plot.label("u", "m/s") == "u [m/s]"
    assert plot.label("u", "1") == plot.label("u") == "u"


def test_matrices_are_drawn_side_by_side_with_signs_and_without_zeros(figures, tmp_path):
    out = plot.matrices({"A": np.diag([4.0, -1.0, 1.0]), "zero": np.zeros((2, 5))}, tmp_path / "a.png")
    assert out.exists()
    one, nothing = figures[0].axes
    assert [ax.get_title() for ax in (one, nothing)] == ["A\n3 × 3", "zero\n2 × 5"]
    shown = one.images[0].get_array()
    assert (
        np.ma.count(np.ma.masked_invalid(shown)) == 3 and np.ma.masked_invalid(nothing.images[0].get_array()).mask.all()
    )
    assert np.allclose(np.diag(np.ma.filled(shown, 0)), [2.0, -1.0, 1.0]) and one.images[0].get_clim() == (-2.0, 2.0)
