"""The guide to one's own model: its commands are run as they stand there, on a model of another family."""

import re
import shlex
import shutil
from functools import partial
from html import unescape
from pathlib import Path

import another_backbone
import pytest
from typer.testing import CliRunner

from pelt_core import publish, study_page
from pelt_core.backbones import BACKBONES, natural_task
from pelt_core.cli import app
from pelt_core.pages import ROOT
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

GUIDE = (ROOT / "book" / "own-model.md").read_text()
NAME = "owner/name"
FIRST, RATES, LAPTOP = (block.splitlines() for block in re.findall(r"```bash\n(.*?)```", GUIDE, re.S))


def test_three_commands_lead_to_the_page():
    assert [line.split()[:3] for line in FIRST] == [["pelt", verb, "placement"] for verb in ("plan", "run", "report")]
    assert [line.replace("smoke", "laptop") for line in FIRST] == LAPTOP
    assert {line.split("placement")[1] for line in FIRST} == {
        LAPTOP[0].split("placement")[1].replace("laptop", "smoke")
    }


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """What each command of the guide printed, with a folder in the place of the Hugging Face id, and that folder."""
    work = tmp_path_factory.mktemp("guide")
    site = work / "clone"
    for name in ("book", "notebooks", "pelt_core/presets", "data/published"):
        shutil.copytree(ROOT / name, site / name, ignore=shutil.ignore_patterns("studies"))
    shutil.copy(ROOT / "_config.yml", site)
    backbone = another_backbone.write(work / "my-neox")
    printed = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        patch.setattr(study_page, "report", partial(study_page.report, root=site))
        for line in FIRST:
            done = CliRunner().invoke(app, shlex.split(line.replace(NAME, str(backbone)))[1:])
            assert done.exit_code == 0, done.output
            printed.append(done)
    return backbone, printed


@pytest.fixture(scope="module")
def runs(walked):
    return grid("placement", "smoke", overrides={"backbone": str(walked[0])})


@pytest.fixture(scope="module")
def page(walked):
    return Path(walked[1][2].stdout.strip())


@pytest.fixture(scope="module")
def text(page):
    (article,) = re.findall(r"<article.*?</article>", page.read_text(), re.S)
    return article


def test_the_plan_and_the_run_count_the_cells(walked, runs):
    plan, run, _ = walked[1]
    assert f"{len(runs)} runs, {len(runs)} of them to do" in plan.stderr and "hours unknown" in plan.stderr
    assert f"{len(runs)} runs in my-runs: {len(runs)} finished" in run.stderr
    for one in runs:
        assert one.method in plan.stdout and one.key in run.stderr


def test_the_page_names_the_model_and_has_its_figure(walked, page, text):
    assert f'We ask the same of <span class="pasted-text">{walked[0].name}' in text
    assert str(walked[0]) in text
    figures = re.findall(r'<img alt="([^"]+)" src="([^"]+)"', text)
    assert any("the answer loss of each method" in alt for alt, _ in figures)
    assert all((page.parent / source).exists() for _, source in figures)


def test_its_table_has_all_runs_and_their_losses(walked, runs, text):
    (cells,) = re.findall(r'<table[^>]*id="tab-placement-cells".*?</table>', text, re.S)
    assert cells.count("1 of 1") == len(runs) and f"{len(runs)} of {len(runs)} runs are recorded" in text
    for row in Ledger(walked[0].parent / "my-runs").read(runs):
        assert f"{row['metrics']['answer_loss']['arithmetic']:.3f}" in cells


def test_no_published_row_is_in_it(page, runs):
    book = "".join(file.read_text() for file in (page, page.parents[1] / "ledger.html"))
    keys = set(re.findall(r"\b[0-9a-f]{16}\b", book))
    assert keys >= {run.key for run in runs}
    assert not keys & {file.stem for file in (ROOT / "data" / "ledger").glob("*.json")}


def test_what_cannot_be_compared_is_left_out_and_said(text):
    assert "<strong>Left out</strong>: the published accuracies are on other problems" in text
    assert "tab-placement-published" not in text
    assert "No search for rates of these modules on my-neox is recorded" in unescape(text)


def test_an_encoder_is_refused_by_the_first_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, shlex.split(FIRST[0].replace(NAME, "tiny-bert"))[1:])
    assert done.exit_code == 2 and "tiny-bert is an encoder" in done.stderr


def test_the_other_commands_are_understood(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for line in RATES + LAPTOP:
        words = shlex.split(line.replace(NAME, "tiny-opt"))
        words[1] = "status"  # reads the same options and runs nothing
        done = CliRunner().invoke(app, words[1:])
        assert done.exit_code == 0 and "missing" in done.stdout, done.output


@pytest.fixture
def extension(monkeypatch):
    monkeypatch.syspath_prepend(publish.ROOT / "book" / "_ext")
    import pelt_guide

    return pelt_guide


def test_the_families_are_those_that_can_be_planned(extension):
    tiny = {one.architecture for one in BACKBONES.values() if one.source == "random"}
    causal = {family for family in tiny if natural_task(f"tiny-{family}") == "causal-lm"}
    assert set(re.findall(r"`(\w+)`", extension.families())) == causal > {"gpt_neox", "opt", "qwen2"}


def test_what_presets_spend_is_computed(extension):
    said = extension.presets()
    assert "| `smoke` | 10 | 1 | 16 rows of arithmetic, embedded | 8 questions each of arithmetic, embedded |" in said
    assert "hours of wall time with SmolLM2-135M-Instruct" in said
    assert f" {len(grid('answer-recipe', 'laptop'))} " in extension.took("answer-recipe").replace(",", " ")
