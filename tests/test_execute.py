"""A run is carried out from the value to the row, on a tiny model and embedded data."""

import hashlib
import math
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from pelt_core import backbones, data, decode, evaluate, provenance, train
from pelt_core.data.prompts import NoChoices, render
from pelt_core.study import answer_gates, answering, forgetting, training
from pelt_core.study.execute import execute
from pelt_core.study.ledger import Ledger
from pelt_core.study.run import AnswerRun, Run

RUN = AnswerRun(
    backbone="tiny-llama",
    method="lora(rank=4)@q,v",
    train="arithmetic:8",
    evaluate=("arithmetic",),
    questions=3,
    loss_sets=("arithmetic",),
    data_sha256=data.digest("arithmetic:8", ("arithmetic",)),
    learning_rate=1e-2,
    epochs=1,
    batch_size=4,
    warmup=0,
    weight_decay=0.0,
    max_length=512,
    max_new_tokens=4,
    precision="fp32",
    seed=0,
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def record(run: Run, ledger: Ledger, workdir: Path) -> dict:
    row, items = execute(run, workdir)
    ledger.write({**row, "provenance": provenance.collect()}, items)
    return ledger.read([run])[0]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_row_says_what_was_trained_and_how_it_did(precision: str, ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, precision=precision)
    row = record(run, ledger, tmp_path)
    assert row["status"] == "finished"
    assert [step for step, _ in row["loss_curve"]] == [1, 2]
    assert row["training_rows"] == 8
    assert row["trainable_parameters"] == 2 * 4 * ((32 + 32) + (32 + 16))  # layers, rank, (in + out) of q and of v
    assert row["extractors"] == {"arithmetic": "last-number@1"}
    items = ledger.items(run)
    assert len(items) == run.questions
    assert row["metrics"]["answer_loss"]["arithmetic"] == pytest.approx(sum(i["loss"] for i in items) / len(items))


@pytest.mark.parametrize("prompt", ["alpaca@1", "cloze@1"])
def test_choices_are_scored_three_ways_whichever_form_was_trained(prompt: str, ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, train="puzzles:8", evaluate=("puzzles", "arithmetic"), loss_sets=("puzzles",), prompt=prompt)
    row, (first, *_) = record(run, ledger, tmp_path), ledger.items(run)
    asked = ledger.items(run)[:3]
    assert row["extractors"] == {"puzzles": "stated-answer@1", "arithmetic": "last-number@1"}
    assert row["extractors_published"] == {"puzzles": "first-answer@1", "arithmetic": "last-number@1"}
    for metric in ("accuracy", "accuracy_published", "accuracy_label", "accuracy_cloze", "accuracy_cloze_by_token"):
        field = evaluate.ACCURACIES[metric]
        assert row["metrics"][metric]["puzzles"] == pytest.approx(sum(item[field] for item in asked) / len(asked))
    assert row["metrics"].keys() - {"answer_loss"} == evaluate.ACCURACIES.keys()
    question = next(each for each in data.load("puzzles", "test") if each["id"] == first["id"])
    whole = render("alpaca@1", question["question"])  # what is written answers the whole question in either case
    assert first["prompt_sha256"] == hashlib.sha256(whole.encode()).hexdigest()
    learnt = question["choices"][question["gold"]] if prompt == "cloze@1" else question["solution"]
    assert first["loss_tokens"] == len(learnt) + 1  # the tiny tokenizer has a token a letter


def test_sets_of_losses_and_texts_are_read_and_not_asked(ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, evaluate=(), loss_sets=("arithmetic", "arithmetic/dev"), texts="paraphrase")
    row = record(run, ledger, tmp_path)
    assert row["metrics"]["accuracy"] == {} and set(row["metrics"]["answer_loss"]) == set(run.loss_sets)
    items = pd.DataFrame(ledger.items(run))
    assert list(items.groupby("set").size()) == [3, 3, forgetting.TEXTS] and "output" not in items
    asked, kept_back = (set(items.loc[items["set"] == name, "id"]) for name in run.loss_sets)
    assert asked.isdisjoint(kept_back)
    own = items[items["set"] == "paraphrase"]
    assert row["metrics"]["text_loss"] == {"paraphrase": pytest.approx(own["text_loss"].mean())}


def test_a_text_is_predicted_from_its_beginning() -> None:
    model, tokenizer = backbones.load_model("tiny-llama"), backbones.load_tokenizer("tiny-llama")
    texts = forgetting.encoded(tokenizer, "paraphrase", 20)
    assert max(map(len, texts["input_ids"])) == 20
    item = forgetting.items(model, "paraphrase", texts.select([0]))[0]
    ids = torch.tensor([texts[0]["input_ids"]])
    with torch.inference_mode():
        logits = model(input_ids=ids).logits[0, :-1]
    assert item["text_loss"] == pytest.approx(float(F.cross_entropy(logits, ids[0, 1:])), abs=1e-5)
    assert item["text_tokens"] == 19


def test_a_gated_run_says_what_its_gates_did(ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, method="token*[lora(rank=4)@q,v+series(bottleneck=4)@mlp]", evaluate=(), max_new_tokens=0)
    gates = record(run, ledger, tmp_path)["gates"]
    assert len(gates["names"]) == len(gates["answers"]["arithmetic"]) == 2 * 3  # layers, and q, v and the adapter
    assert all(0 < gate < 1 for gate in gates["answers"]["arithmetic"])
    forced = gates["forced"]
    assert set(forced) == {"free", "0.0", "0.5", "1.0"} and forced["0.0"] != forced["free"] != forced["1.0"]
    base = record(replace(run, method="none", train=""), ledger, tmp_path)
    assert base["gates"] == {}
    assert forced["0.0"]["arithmetic"] == pytest.approx(base["metrics"]["answer_loss"]["arithmetic"], abs=1e-4)


def test_gates_that_may_not_be_forced_leave_the_run_finished(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_gates, "FORCED", (math.inf,))
    run = replace(RUN, method="scalar*lora(rank=4)@q,v", evaluate=(), max_new_tokens=0)
    row = record(run, ledger, tmp_path)
    assert row["status"] == "finished" and row["gates"]["forced"]["inf"] == {"arithmetic": None}
    assert row["gates"]["forced"]["free"]["arithmetic"] > 0


def test_questions_are_no_plain_texts() -> None:
    with pytest.raises(answering.NoTexts, match="arithmetic .* glue-qnli"):
        answering.check([replace(RUN, texts="arithmetic")])


def test_a_cloze_run_trains_on_nothing_without_choices(tmp_path: Path) -> None:
    with pytest.raises(NoChoices, match="'cloze@1' .*'arithmetic-"):
        execute(replace(RUN, prompt="cloze@1"), tmp_path)


def test_the_same_run_gives_the_same_row(tmp_path: Path) -> None:
    first, second = (execute(RUN, tmp_path / name) for name in ("one", "two"))
    assert same(first, second)
    assert not same(first, execute(replace(RUN, seed=1), tmp_path / "three"))


KINDS = {
    "bf16": {"precision": "bf16"},
    "full": {"method": "full"},
    "head": {"method": "head"},
    "prompt": {"method": "prompt(tokens=3)"},
    "diverged": {"learning_rate": 1e30},
}


def test_a_run_leaves_nothing_behind_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process carries out many runs: of whatever kind they are and however they end, the next gives the same."""
    untrained = replace(RUN, method="none", train="")
    first, alone = execute(untrained, tmp_path / "first"), execute(RUN, tmp_path / "alone")
    for kind, changes in KINDS.items():
        row, _ = execute(replace(RUN, **changes), tmp_path / kind)
        assert row["status"] == ("diverged" if kind == "diverged" else "finished")
    for home, name in ((torch.optim.AdamW, "step"), (decode, "generate"), (evaluate, "score")):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(home, name, interrupt)
            execute(replace(RUN, precision="bf16"), tmp_path / name)
    assert same(execute(untrained, tmp_path / "last"), first)
    assert same(execute(RUN, tmp_path / "again"), alone)


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def same(one: tuple[dict, list], other: tuple[dict, list]) -> bool:
    """Whether two records are the same bit for bit, in all but time and memory."""
    (row, items), (row_again, items_again) = one, other
    measured = {"seconds", "peak_memory_bytes"}
    return items == items_again and all(row[n] == row_again[n] for n in (row.keys() | row_again.keys()) - measured)


def test_the_untrained_backbone_is_evaluated_only(ledger: Ledger, tmp_path: Path) -> None:
    row = record(replace(RUN, method="none", train=""), ledger, tmp_path)
    assert row["trainable_parameters"] == 0
    assert row["loss_curve"] == []
    assert "train" not in row["seconds"]


def test_a_run_that_diverges_is_recorded_without_results(ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, learning_rate=1e30)
    row = record(run, ledger, tmp_path)
    assert (row["status"], row["metrics"]) == ("diverged", {})
    assert ledger.items(run) == []


@pytest.mark.parametrize("method", ["lora(rank=4)@q,v", "token*[lora(rank=4)@q,v+series(bottleneck=4)@mlp]"])
def test_a_last_update_that_overflows_is_recorded_as_diverged(method: str, ledger: Ledger, tmp_path: Path) -> None:
    run = replace(RUN, method=method, batch_size=8, learning_rate=1e38)
    row = record(run, ledger, tmp_path)
    assert [step for step, loss in row["loss_curve"] if math.isfinite(loss)] == [1]
    assert (row["status"], row["metrics"], ledger.items(run)) == ("diverged", {}, [])


def test_a_loss_that_is_not_a_number_can_be_recorded(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = train.TrainingResult("diverged", 2, [(1, 0.5), (2, math.nan)], 10, 1.0, 1)
    monkeypatch.setattr(training, "fit", lambda *args, **kwargs: ended)
    assert record(RUN, ledger, tmp_path)["loss_curve"] == [[1, 0.5], [2, None]]
