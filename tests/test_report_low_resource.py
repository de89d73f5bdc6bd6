"""The page on UniPELT with few examples, from rows that are made up."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from few_shot_claims import evidence
from few_shot_rows import few_shot_row

from pelt_core.report import style
from pelt_core.report.few_shot import figures, gate_effect, low_resource, published, state, trivial, upper_bound
from pelt_core.report.few_shot import low_resource_words as says
from pelt_core.study.claims.claim import chosen
from pelt_core.study.claims.contrasts import contrast
from pelt_core.study.ledger import Ledger
from pelt_core.study.scores import Scores, load

TASKS = ["sst2", "mrpc"]
SCORE = r"\d\d\.\d\d\xa0±\xa0\d\.\d\d"
SKILLS = {"adapter": 0.5, "prefix": 0.3, "lora": 0.4, "apl": 0.8}


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Scores:
    """Two seeds of all methods on two tasks with 100 examples, and of gated ones and their rivals with 500 on one."""
    ledger = Ledger(tmp_path_factory.mktemp("ledger"))
    whole = load(["low-resource"], "paper", ledger)
    runs = state.selected(whole, task=TASKS, examples=100, seed=[0, 1])
    runs += state.selected(whole, task="sst2", examples=500, seed=[0, 1], method=["apl", "apl-nogate"])
    for number, run in enumerate(runs):
        ledger.write(*few_shot_row(run, 200, SKILLS.get(whole.names[run.method], 0.2), number))
    return load(["low-resource"], "paper", ledger)


@pytest.fixture
def nothing(tmp_path: Path) -> Scores:
    return load(["low-resource"], "paper", Ledger(tmp_path))


def printed(score: str) -> str:
    return f'<span class="pelt-published">{score}</span>'


def test_published_scores_have_our_names(root: Path) -> None:
    table = published.low_resource(100, root / published.PUBLISHED)
    assert table.loc[("apl", "sst2"), "value"] == 82.36 and table.loc[("full", "avg"), "value"] == 60.02
    assert published.low_resource(8, root / published.PUBLISHED).empty


def test_the_table_has_ours_above_the_published_score(some: Scores) -> None:
    frame = low_resource.table(some, 100, TASKS).set_index("Method")
    own = some.table.query("method == 'lora' and task == 'mrpc' and examples == 100")["score"]
    ours, paper = frame.loc["LoRA", "MRPC, F1"].split("<br>")
    assert ours == f"{own.mean():.1f}\xa0±\xa0{own.std():.1f}\xa0(2)" and paper == printed("81.66\xa0±\xa00.81")
    alone = frame.loc["LoRA", "RTE, accuracy"]
    assert re.fullmatch(rf"not\xa0run\xa0yet<br>{printed(SCORE)}", alone), "a published score never stands alone"
    assert frame.loc["LoRA", "Mean of 8"] == f"not\xa0run\xa0yet<br>{printed('49.26')}"
    assert list(frame.columns[:2]) == ["Mean of 8", "Mean of 2 with a signal"]
    assert frame.loc["AP, no gate", "RTE, accuracy"] == "not\xa0run\xa0yet"
    assert frame.loc["LoRA", "Mean of 2 with a signal"].endswith(printed("81.61"))
    assert re.fullmatch(r"[\d.]+\xa0±\xa0[\d.]+\xa0\(2\)", frame.loc["AP, no gate", "MRPC, F1"])
    assert frame.loc["Trivial baseline", "MRPC, F1"] == "66.7"


def test_a_published_score_of_what_is_not_in_the_study_stands_below_a_dash(tmp_path: Path) -> None:
    smaller = load(["low-resource"], "laptop", Ledger(tmp_path))
    frame = low_resource.table(smaller, 1000, TASKS).set_index("Method")
    assert re.fullmatch(rf"–<br>{printed(SCORE)}", frame.loc["LoRA", "MNLI, accuracy"])


def test_the_table_of_means_says_what_they_are_over(some: Scores) -> None:
    averages = low_resource.averages(some, TASKS)
    frame = low_resource.means(averages).set_index("Method")
    one = averages.set_index(["examples", "method"]).loc[(100, "apl")]
    shown = frame.loc["UniPELT (APL)", "100 examples"]
    assert shown == f"{one['mean']:.1f} [{one['low']:.1f},\xa0{one['high']:.1f}] (2)"
    assert frame.loc["Tasks", "100 examples"] == "SST-2 and MRPC"
    assert frame.loc["Trivial baseline", "100 examples"] == "58.3"
    assert set(frame["1,000 examples"]) == {"not run yet"} and len(frame) == 10 + 2


def test_averages_are_over_the_tasks_that_every_method_has(some: Scores) -> None:
    frame = low_resource.averages(some, [*TASKS, "rte"])
    first = frame[frame["examples"] == 100].set_index("method")
    means = some.table.query("method == 'apl' and examples == 100").groupby("task")["score"].mean()
    assert first.loc["apl", "mean"] == pytest.approx(means.mean()) and first.loc["apl", "tasks"] == TASKS
    assert list(frame.loc[frame["examples"] == 1000, "line"]) == ["every method"]
    assert first["baseline"].iloc[0] == pytest.approx((50 + 200 / 3) / 2)


def test_a_mean_of_few_methods_says_so(tmp_path: Path) -> None:
    """With 1,000 examples two methods are trained on every task, the others on some: means are over those."""
    ledger = Ledger(tmp_path)
    whole = load(["low-resource"], "laptop", ledger)
    for run in state.selected(whole, examples=1000, seed=0, method=["full", "head"]):
        ledger.write(*few_shot_row(run, 100, 0.6))
    study = load(["low-resource"], "laptop", ledger)
    every = list(dict.fromkeys(run.task for run in study.runs))
    frame = low_resource.averages(study, every)
    own = frame[frame["examples"] == 1000].set_index("method")
    trained = {run.task for run in state.selected(study, examples=1000, method="lora")}
    assert set(own.loc["full", "tasks"]) == trained < set(every)
    assert own["mean"].notna().sum() == 2 and "2 of 10 methods" in own["heading"].iloc[0]
    said = says.reading(study, frame, upper_bound.bounds(study, every), gate_effect.pooled(study, every)).data
    assert "Not run yet there, and so not compared: *BitFit*, *Adapter*" in said


def test_the_upper_bound_is_the_best_part_of_each_task(some: Scores) -> None:
    frame = upper_bound.bounds(some, TASKS).set_index(["examples", "method", "by"])
    one = frame.loc[(100, "apl", "score")]
    means = some.table[some.table["examples"] == 100].groupby("method")["score"].mean()
    assert one["bound"] == pytest.approx(means["adapter"]) and one["ours"] == pytest.approx(means["apl"])
    assert one["low"] < means["apl"] - means["adapter"] < one["high"]
    assert frame.loc[(1000, "ap", "score"), "state"] == "not run yet"
    shown = upper_bound.table(frame.reset_index())
    assert "+1.99" in set(shown["Published"]) and "nan" not in shown.to_string()
    first = shown[(shown["Combination"] == "UniPELT (APL)") & (shown["Examples"] == "100")].iloc[0]
    paper = published.low_resource(100)["value"]
    gains = [paper["apl", t] - max(paper[p, t] for p in ("adapter", "prefix", "lora")) for t in TASKS]
    assert first["Published, same tasks"] == f"{np.mean(gains):+.2f}".replace("-", "−") != first["Published"]


def test_the_whole_published_gain_is_that_of_the_paper_s_own_table() -> None:
    """Its table 2 prints both sides as means, each rounded."""
    for method, gain in {"ap": 1.94, "apl": 1.99}.items():
        found = upper_bound.published_gain(100, method, upper_bound.paper_tasks(100))
        assert found == pytest.approx(gain, abs=0.011)
    assert np.isnan(upper_bound.published_gain(100, "ap", [])) and np.isnan(upper_bound.published_gain(8, "ap", TASKS))


def test_the_bound_by_development_rows_is_that_of_the_claim(tmp_path: Path) -> None:
    """The adapter is best with one shuffle, LoRA with the other: the choice is made anew for each."""
    rows = evidence(
        tmp_path,
        {"apl": 0.7, "adapter": 0.5, "prefix": 0.3, "lora": 0.3, "ap": 0.5},
        lambda run: (run.task, run.examples) == ("sst2", 100) and run.seed < 2,
        "paper",
        skill=lambda run, own: 0.9 if run.method.startswith("lora") and run.seed else own,
    )
    scores = rows.scores("low-resource")
    one = upper_bound.bounds(scores, ["sst2"]).set_index(["examples", "method", "by"]).loc[(100, "apl", "dev_score")]
    (claim,) = chosen(["chosen-module-100"])
    (test,) = contrast("low-resource", claim.test, rows).tests
    assert (one["mean"], one["low"], one["high"]) == pytest.approx((test.effect, test.low, test.high))
    by_seed = scores.table.pivot(index="method", columns="seed", values="score")
    assert one["bound"] == pytest.approx((by_seed.loc["adapter", 0] + by_seed.loc["lora", 1]) / 2)


def test_the_gate_s_effect_is_paired_and_pooled(some: Scores) -> None:
    frame = gate_effect.pooled(some, TASKS).set_index(["method", "size"])
    means = some.table.groupby(["examples", "task", "method"])["score"].mean().unstack()
    gap = means["apl"] - means["apl-nogate"]
    assert frame.loc[("apl", "100 examples"), "mean"] == pytest.approx(gap[100].mean())
    both = [gap.xs("sst2", level="task").mean(), gap[100, "mrpc"]]
    assert frame.loc[("apl", gate_effect.POOLED), "mean"] == pytest.approx(np.mean(both))
    assert frame.loc[("apl", gate_effect.POOLED), "seeds"] == 2
    assert frame.loc[("ap", "500 examples"), "state"] == "not run yet"
    tasks = gate_effect.by_task(some)
    assert len(tasks) == 16 and (tasks["state"] == "").sum() == 4 and len(gate_effect.table(frame.reset_index())) == 8


def test_sizes_with_one_seed_are_not_pooled_where_others_have_several(tmp_path: Path) -> None:
    """The effect of 500 examples is another one, and of one seed: an interval over it would hold test rows alone."""
    ledger = Ledger(tmp_path)
    whole = load(["low-resource"], "paper", ledger)
    runs = state.selected(whole, task="sst2", examples=100, seed=[0, 1], method=["apl", "apl-nogate"])
    runs += state.selected(whole, task=["sst2", "mrpc"], examples=500, seed=0, method=["apl", "apl-nogate"])
    for number, run in enumerate(runs):
        better = (whole.names[run.method] == "apl") == (run.examples == 100)
        ledger.write(*few_shot_row(run, 200, 0.8 if better else 0.5, number))
    frame = gate_effect.pooled(load(["low-resource"], "paper", ledger), TASKS).set_index(["method", "size"])
    line, few = frame.loc[("apl", gate_effect.POOLED)], frame.loc[("apl", "100 examples")]
    assert (
        line["examples"] == "100"
        and line["tasks"] == ["sst2"]
        and line["seeds"] == 2
        and line["mean"] == few["mean"] > 0
    )
    assert frame.loc[("apl", "500 examples"), "mean"] < 0


def test_published_scores_of_a_guess_are_found(root: Path) -> None:
    guessed = pd.DataFrame(
        {"task": ["mrpc", "mrpc", "cola"], "guess": ["majority", "all positive", "majority"], "score": [0, 81.22, 0]}
    )
    found = trivial.at_baseline(published.low_resource(100, root / published.PUBLISHED), guessed)
    classes = found.set_index(["method", "task"])["how"]
    assert classes["prefix", "mrpc"] == classes["prefix", "cola"] == "equal"
    assert classes["adapter", "mrpc"] == "within" and ("apl", "cola") not in classes.index
    assert "*Prefix* on MRPC (F1 81.22; all positive 81.22)" in trivial.reading(found, 18, 100)


def test_everything_is_said_and_drawn_with_and_without_rows(some: Scores, nothing: Scores) -> None:
    style.use_style()
    for found in (some, nothing):
        averages, bounds = low_resource.averages(found, TASKS), upper_bound.bounds(found, TASKS)
        pooled, tasks = gate_effect.pooled(found, TASKS), gate_effect.by_task(found)
        said = [
            says.reading(found, averages, bounds, pooled).data,
            says.limit_points(found, found).data,
            trivial.published_cells(found),
            *says.facts(found, averages, bounds, pooled).values(),
            low_resource.table(found, 500, TASKS).to_string(),
        ]
        assert all(said) and not any("nan" in text.lower().split() for text in said)
        lines = dict(zip(averages["heading"], averages["baseline"], strict=True))
        assert figures.scores(averages, "points", lines).axes[0].get_yticklabels()
        figures.differences(gate_effect.lines(pooled, tasks), "points", "gates", "none")
    text = says.reading(some, low_resource.averages(some, TASKS), bounds, gate_effect.pooled(some, TASKS)).data
    assert "the highest mean belongs to *UniPELT (APL)*" in text
    assert re.search(r"leads over its 8 tasks with 62\.59, and .+ over these with \d", text)
    assert "Of 9 methods compared with *UniPELT (APL)*, these differ significantly" in text and "better none" in text


def test_tasks_without_a_signal_do_not_count(some: Scores, nothing: Scores) -> None:
    assert "rte" in low_resource.telling_tasks(some, nothing) and len(low_resource.telling_tasks(some, nothing)) == 8


def test_means_leave_out_tasks_at_a_guess_and_those_with_one_seed(tmp_path: Path) -> None:
    """On MRPC all guess, on QQP there is one seed; SST-2 and CoLA remain."""
    whole = load(["low-resource"], "paper", Ledger(tmp_path))
    runs = state.selected(whole, task=["sst2", "cola", "mrpc"], examples=100, seed=[0, 1])
    for number, run in enumerate([*runs, *state.selected(whole, task="qqp", examples=100, seed=0)]):
        Ledger(tmp_path).write(*few_shot_row(run, 100, -1.0 if run.task == "mrpc" else 0.6, number))
    study = load(["low-resource"], "paper", Ledger(tmp_path))
    every = ["sst2", "qqp", "mrpc", "cola"]
    assert set(low_resource.averaged(study, every, 100)) == {"sst2", "cola"}
    assert low_resource.averaged(study, ["mrpc"], 100) == ["mrpc"] and not low_resource.averaged(study, every, 500)
    assert set(upper_bound.bounds(study, every)["tasks"].iloc[0]) == {"sst2", "cola"}
    pooled = gate_effect.pooled(study, every)
    assert all(set(tasks) <= {"sst2", "cola"} for tasks in pooled["tasks"]) and len(pooled["tasks"].iloc[0]) == 2
    assert "MRPC with 100 examples" in says.limit_points(study, study).data


def test_what_the_budget_leaves_out_is_named_where_tasks_differ(nothing: Scores, tmp_path: Path) -> None:
    short = load(["low-resource"], "laptop", Ledger(tmp_path))
    said = says.limit_points(short, short).data
    planned = {run.seed for run in short.runs if (run.task, run.examples) == ("sst2", 100)}
    assert f"with 100 examples {len(planned)} on " in said and "none on RTE" in said
    assert "budget leaves out" not in says.limit_points(nothing, nothing).data
