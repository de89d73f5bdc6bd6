"""The table of the ledger's page, read back from its HTML; what the script makes of it is tested in a browser."""

import re
from html import unescape

import few_shot_rows
import pandas as pd
import pytest
import synthetic

from pelt_core.report import explorer
from pelt_core.study import export
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import ClassificationRun


def cells(line):
    return dict(zip(explorer.HEADINGS, map(unescape, re.split(r"<td(?: class=n)?>", line)[1:]), strict=True))


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Lines of the table by the key of their run: one of questions, one whose head is frozen, one that diverged."""
    ledger, (run, other) = Ledger(tmp_path_factory.mktemp("ledger")), grid("low-resource", "smoke")[5:7]
    frozen = ClassificationRun(**{**run.to_dict(), "train_head": False, "backbone": "<b>odd"})
    synthetic.fill(ledger, grid("placement", "smoke")[1:2], questions=4)
    few_shot_rows.fill(ledger, [frozen], items=8)
    row, _ = few_shot_rows.few_shot_row(other, items=8)
    ledger.write({**row, "status": "diverged", "metrics": {}, "seconds": {}}, [])
    html = explorer.table(export.table(ledger, "smoke"))
    found = [line for line in html.splitlines() if line.startswith("<tr")]
    return {re.match(r'<tr id="(\w+)" ', line)[1]: cells(line) for line in found}, frozen, other


def test_each_run_is_a_line_with_what_tells_it_from_others(lines):
    by_key, frozen, other = lines
    assert len(by_key) == 3
    shown = by_key[frozen.key]
    assert shown["method"] == "LoRA" and shown["specification"] == frozen.method and shown["key"] == frozen.key
    assert shown["rates"] == "0.002 / 0.005" and shown["pooling"] == "mean, head frozen"
    assert shown["backbone"] == "<b>odd" and shown["commit"] == "0123456" and shown["seconds"] == "15"
    assert 0 <= float(shown["score"]) <= 100 and shown["metric"] == "accuracy"
    assert by_key[other.key]["score"] == "diverged" and "low-resource" in by_key[other.key]["study"].split()


def test_a_variant_has_the_name_of_the_pages_and_is_found_by_its_own_too(tmp_path):
    swept = next(run for run in grid("gates", "laptop") if "alpha=128" in run.method and "*" not in run.method)
    few_shot_rows.fill(Ledger(tmp_path), [swept], items=4)
    (line,) = [
        line for line in explorer.table(export.table(Ledger(tmp_path), "laptop")).splitlines() if swept.key in line
    ]
    shown = cells(line)
    assert shown["method"] == "LoRA, scale 16" and shown["specification"] == swept.method
    (own,) = re.findall(r'data-names="([^"]*)"', line)
    assert own.split() == ["lora-scale-16", swept.task, swept.backbone] and swept.task not in shown.values()


def test_a_run_of_questions_names_its_sets(lines):
    (placed,) = [shown for shown in lines[0].values() if shown["study"] == "placement"]
    assert placed["task or sets"] == "arithmetic, embedded" and placed["trained"].startswith("1,0")


def test_many_runs_stay_a_small_page(tmp_path):
    few_shot_rows.fill(Ledger(tmp_path), grid("low-resource", "smoke")[8:9], items=4)
    one = export.table(Ledger(tmp_path), "smoke")
    assert len(explorer.table(pd.concat([one] * 1500))) < 1_000_000


def test_every_menu_is_a_column():
    assert set(explorer.CHOSEN) | set(explorer.NUMBERS) <= set(explorer.HEADINGS)


def test_without_runs_the_page_says_so(tmp_path):
    assert "No run is recorded yet" in explorer.table(export.table(Ledger(tmp_path), "smoke"))


def test_the_glossary_has_every_column_and_sets_code():
    html = explorer.glossary()
    assert re.findall(r"<tr><td><code>(\w+)</code>", html) == list(export.columns())
    assert "<code>score</code>" in html and "`" not in html
