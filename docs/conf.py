"""Sphinx: sphinx-build -W docs docs/_build"""

import re
from importlib.metadata import version as installed

project = "tensorpde"
author = "The tensorpde developers"
version = release = installed("tensorpde")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "alabaster"
html_theme_options = {"fixed_sidebar": True, "page_width": "70em", "body_max_width": "60em"}

default_role = "code"  # `name` in docstrings
autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
suppress_warnings = ["misc.highlighting_failure"]  # JSON with "…" in it


def _escape(app, what, name, obj, options, lines):
    """Make docstrings what napoleon expects: |u| is an absolute value, and what follows a colon is no type."""
    literal = re.compile(r"(``.*?``|`[^`]*`)")
    for i, line in enumerate(lines):
        parts = literal.split(line)
        lines[i] = "".join(part if k % 2 else _plain(part) for k, part in enumerate(parts))
    if "Attributes" in lines:
        start = lines.index("Attributes") + 2
        text = "\n".join(lines[start:])
        lines[start:] = re.sub(r"^(\w+(?:, \w+)*) : ", r"\1\n    ", text, flags=re.MULTILINE).split("\n")
    if what in ("attribute", "data", "property"):
        lines[:0] = ["..", ""]  # a comment: before a colon, napoleon sees a type


def _plain(text):
    """Bars and the asterisks of `(batch, *grid)` are no markup."""
    stars = re.sub(r"(?<=[ (,])\*{1,2}(?=\w)", lambda found: "\\*" * len(found.group()), text)
    return stars.replace("|", "\\|")


def setup(app):
    app.connect("autodoc-process-docstring", _escape, priority=100)  # before napoleon
