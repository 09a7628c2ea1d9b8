"""The tutorial pages run: their python blocks, one after the other, in an empty directory."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
README = DOCS.parent / "README.md"
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page):
    """(first line, code) of each python block of a page."""
    text = page.read_text(encoding="utf-8")
    return [(text.count("\n", 0, found.start(1)), found[1]) for found in FENCE.finditer(text)]


@pytest.mark.parametrize("name", sorted(page.stem for page in DOCS.glob("tutorial_*.md")))
def test_page_runs(name, tmp_path, monkeypatch):
    page, namespace = DOCS / f"{name}.md", {}
    if name == "tutorial_flow":
        pytest.importorskip("h5netcdf")
    if name == "tutorial_kronecker":
        pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    found = blocks(page)
    assert len(found) > 5
    for line, code in found:
        exec(compile("\n" * line + code, str(page), "exec"), namespace)


def test_the_first_block_of_the_readme_runs():
    line, code = blocks(README)[0]
    exec(compile("\n" * line + code.replace("Axis(32", "Axis(12"), str(README), "exec"), {})


@pytest.mark.parametrize("page", [README, *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_links_lead_to_pages(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"[^!]\[[^\]]*\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_the_table_of_contents_names_every_page():
    listed = re.findall(r"^\w+$", (DOCS / "index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} == set(listed)
