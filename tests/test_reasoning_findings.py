"""What the front page takes from the studies of reasoning, by rows that are made up."""

import numpy as np
import pytest
from reasoning_rows import study

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.reasoning import causal_gates, commonsense, commonsense_words, findings, mixes, records
from pelt_core.study.answer_scores import load
from pelt_core.study.ledger import Ledger


@pytest.fixture(scope="module")
def gated(tmp_path_factory):
    return study(tmp_path_factory.mktemp("ledger"), "causal-gates", effects={"token": -0.3, "lora": -0.2})


def test_a_gate_is_held_against_none_and_three_against_the_best_of_them(gated):
    found = findings.combination(causal_gates.differences(gated))
    assert found["gated"].startswith("−0.") and "nats a token" in found["gated"]
    assert found["best_part"] == "LoRA" and found["ungated"].startswith("+0.")


def test_a_leak_is_held_against_the_gain_without_it_on_the_same_questions(tmp_path):
    scores = study(tmp_path, "id-ood")
    for run in scores.runs:
        if run.sources == "mawps-unleaked":
            items = scores.items(run.key)
            asked = mixes.shared(scores, "mawps-leaked")
            own = [asked.get((one.set, one.id)) == 1 for one in items.itertuples()]
            items.loc[own, "loss"] -= 5.0
    found = findings.leak(scores, mixes.leaks(scores))
    assert found["mix"] == "MAWPS, test problems" and found["leaked"].endswith("sets")
    assert float(found["clean_gain"].replace("−", "-")) == pytest.approx(-5, abs=0.5)


def test_three_are_not_held_against_the_best_of_some(tmp_path):
    scores = study(tmp_path, "causal-gates", keep=lambda run: "mlp_prefix(mid=180)" not in run.method)
    found = findings.combination(causal_gates.differences(scores))
    assert found["best_part"] == found["ungated"] == NOT_RUN and found["gated"] != NOT_RUN


def test_nothing_recorded_is_said(tmp_path):
    ledger = Ledger(tmp_path)
    gates, leaks = (load([name], "laptop", ledger) for name in ("causal-gates", "id-ood"))
    answers = load(["commonsense"], "laptop", ledger, "accuracy")
    found = [
        findings.combination(causal_gates.differences(gates)),
        findings.leak(leaks, mixes.leaks(leaks)),
        commonsense_words.facts(commonsense.means(answers), commonsense.guess(answers, records.answers(answers))),
    ]
    assert [set(one.values()) for one in found] == [{NOT_RUN}] * 3


def test_the_best_method_stands_beside_the_untrained_one_and_the_commonest_label(tmp_path):
    scores = study(tmp_path, "commonsense")
    written = scores.by("accuracy")
    found = commonsense_words.facts(commonsense.means(written), 50.0)
    assert found["guessed"] == "50.0" and found["best"] != NOT_RUN
    assert np.isfinite([float(found["best_score"]), float(found["base_score"])]).all()
