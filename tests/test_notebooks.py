import re

import nbformat
import papermill
import pytest
from synthetic import fill

from pelt_core import pages, publish
from pelt_core.study.grids import STUDIES, grid
from pelt_core.study.ledger import Ledger

SOURCES = sorted((publish.ROOT / "notebooks").glob("*.ipynb"))
DATA = [name for name in pages.PAGES if pages.PAGES[name].folder == "data"]
OTHERS = {"quickstart", *pages.PAGES}
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
SHOWN = [s for s in SOURCES if s.stem in (*STUDIES, *DATA)]
each_shown = pytest.mark.parametrize("source", SHOWN, ids=lambda path: path.stem)
each_study = pytest.mark.parametrize("source", [s for s in SOURCES if s.stem in STUDIES], ids=lambda path: path.stem)


def test_each_study_has_a_notebook():
    assert {source.stem for source in SOURCES} == set(STUDIES) | OTHERS


@each_source
def test_source_is_clean(source):
    notebook = nbformat.read(source, 4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert set(notebook.metadata) == {"kernelspec"}
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not [cell.id for cell in notebook.cells if re.fullmatch(r"[0-9a-f]{8}", cell.id)], "give cells telling ids"
    assert max(len(cell.source.splitlines()) for cell in code) <= 15, "logic belongs in pelt_core"


@each_source
def test_parameters_are_typed_and_explained(source):
    parameters = papermill.inspect_notebook(source)
    assert parameters
    assert all(p["help"] and p["inferred_type_name"] in ("str", "int", "list") for p in parameters.values()), parameters


@each_study
def test_studies_have_the_same_parameters(source):
    parameters = set(papermill.inspect_notebook(source))
    own = {"backbone", "seeds"} if source.stem == "placement" else set()
    assert set(pages.parameters(source)) == {"preset", "ledger"} == parameters - own


@each_shown
def test_all_pages_have_the_same_structure(source):
    text = "\n".join(cell.source for cell in nbformat.read(source, 4).cells if cell.cell_type == "markdown")
    assert re.findall(r"^## (.+)$", text, re.M) == ["Set-up", "Result", "Reading", "Limits", "How this page was made"]
    assert text.startswith("# ") and "**Question.**" in text


@each_shown
def test_figures_are_named_described_and_captioned(source):
    figures = [c for c in nbformat.read(source, 4).cells if "figures." in c.source and "import" not in c.source]
    assert figures
    for cell in figures:
        shown = cell.metadata["mystnb"]
        assert shown["figure"]["name"].startswith(f"fig-{source.stem.removeprefix('data_')}-")
        assert shown["figure"]["caption"] and shown["image"]["alt"]


def test_executes_on_a_ledger_with_one_seed_and_missing_cells(tmp_path, root):
    runs = grid("placement", "laptop", seeds=[3], overrides={"backbone": "tiny-llama"})
    fill(Ledger(tmp_path / "ledger"), runs[:-2], questions=4)
    done = papermill.execute_notebook(
        root / "notebooks" / "placement.ipynb",
        tmp_path / "page.ipynb",
        parameters={"ledger": str(tmp_path / "ledger"), "backbone": "tiny-llama", "seeds": [3]},
        cwd=root,
        progress_bar=False,
    )
    shown = {cell.id: str(cell.get("outputs")) for cell in done.cells}
    assert "8 of 10 runs are recorded" in shown["state"] and "one seed" in shown["state"]
    assert shown["cells"].count("not run yet") == 2 * 4  # size, loss, and that of each set, of two cells
    assert "supported" not in shown["verdicts"].split("LoRA")[1]  # nothing is said of cells that are missing
    assert "nan" not in shown["reading"] + shown["limits"]


def test_the_quickstart_runs_from_end_to_end(tmp_path, root):
    """On a tiny backbone: the checks in its cells hold, and what a page shows holds no clock."""
    done = papermill.execute_notebook(
        root / "notebooks" / "quickstart.ipynb",
        tmp_path / "page.ipynb",
        parameters={"backbone": "tiny-llama", "rows": 16, "questions": 2},
        cwd=root,
        progress_bar=False,
    )
    shown = {
        cell.id: "".join(out.get("text", "") for out in cell.get("outputs", []) if out.get("name") != "stderr")
        for cell in done.cells
    }  # warnings, which name folders of this machine, are in no page
    assert shown["before"].startswith("answer loss") and shown["before"].count("\nQ: ") == 2
    assert "loss by step:" in shown["train"] and "answer loss" in shown["after"]
    assert "pelt.json" in shown["save"] and "pelt.safetensors" in shown["save"]
    assert (
        "token*[prefix(tokens=4)@kv+series(bottleneck=16)@mlp]" in shown["several"]
        and "left: default" in shown["several"]
    )
    assert "carries a method: False" in shown["merge"] and "same logits: True" in shown["merge"]
    assert not re.search(r"second|/tmp|\d\d:\d\d", "".join(shown.values()))


@each_source
def test_the_committed_page_is_not_stale(source, root):
    page = nbformat.read(pages.path(source), 4)
    parameters = pages.parameters(source)
    assert page.metadata["pelt"]["parameters"] == parameters
    assert page.metadata["pelt"]["fingerprint"] == pages.fingerprint(source, parameters), (
        f"the page of {source.stem} was made from another notebook, other results or other code; "
        f"run `pelt report --preset laptop` and commit book/{pages.page(source).folder}"
    )
