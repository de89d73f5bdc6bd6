import copy
import dataclasses
import json

import pytest
from samples import RUN, spare_torch
from test_ledger import ITEMS

from pelt_core.study.ledger import Ledger, MissingRuns
from pelt_core.study.verify import UnknownKey, bitwise, chosen, verify, within_tolerance
from pelt_core.study.workers import attempt

CURVE = [[1, 2.5], [2, 1.5]]
METRICS = {"accuracy": {"svamp": 5 / 9}, "answer_loss": {"svamp": 0.5}}
OTHER = dataclasses.replace(RUN, seed=1)


def honest(run, workdir):
    spare_torch()
    row = {"key": run.key, "run": run.to_dict(), "status": "finished", "metrics": METRICS, "loss_curve": CURVE}
    return row | {"trainable_parameters": 10, "seconds": {}}, ITEMS


def drifting(run, workdir):
    """The second seed now gives something else."""
    row, items = honest(run, workdir)
    if run.seed == 1:
        items = [item | {"output": "It is 5."} for item in items]
        row |= {"loss_curve": [[1, 2.5], [2, 1.5000001]]}
    return row, items


def broken(run, workdir):
    raise ValueError("the code has moved on")


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    ledger = Ledger(tmp_path)
    for run in (RUN, OTHER):
        attempt(run, ledger, honest)
    torch.set_num_threads(before)
    return ledger


def content(ledger):
    return {path.name: path.read_bytes() for path in ledger.folder.iterdir() if path.is_file()}


def test_a_run_that_repeats_holds_and_one_that_drifts_does_not(ledger):
    before = content(ledger)
    verdicts = {verdict.run.seed: verdict for verdict in verify([RUN, OTHER], ledger, execute=drifting)}
    assert verdicts[0].holds
    assert verdicts[0].exact
    assert verdicts[1].differences == ("loss curve differs", "output of 9 of 9 items")
    assert content(ledger) == before


def test_a_repetition_that_fails_does_not_hold(ledger):
    [verdict] = verify([RUN], ledger, execute=broken)
    assert not verdict.holds
    assert "ValueError: the code has moved on" in verdict.differences[0]


@pytest.mark.parametrize("what", ["device", "git_commit"])
def test_a_run_of_another_machine_or_of_other_code_is_compared_within_tolerance(ledger, what):
    row, path = ledger.read([OTHER])[0], ledger.row_path(OTHER.key)
    row["provenance"][what] = "another"
    path.write_text(json.dumps(row))
    [verdict] = verify([OTHER], ledger, execute=drifting)
    assert verdict.holds
    assert not verdict.exact


def test_runs_that_are_not_recorded_cannot_be_verified(ledger):
    with pytest.raises(MissingRuns):
        verify([dataclasses.replace(RUN, seed=2)], ledger, execute=honest)


def test_keys_may_be_abbreviated(ledger):
    assert chosen(ledger, [RUN.key[:6], OTHER.key]) == [RUN, OTHER]
    with pytest.raises(UnknownKey, match=f"no run 'xyz' in .*; recorded are: .*{RUN.key}"):
        chosen(ledger, ["xyz"])
    with pytest.raises(UnknownKey, match="2 runs begin with ''"):
        chosen(ledger, [""])


ROW = {"status": "finished", "trainable_parameters": 10, "loss_curve": CURVE, "metrics": METRICS}


def changed(**metrics):
    row = copy.deepcopy(ROW)
    for name, value in metrics.items():
        row["metrics"][name]["svamp"] = value
    return row


@pytest.mark.parametrize(
    ("row", "items", "differences"),
    [
        (ROW, ITEMS, []),
        (ROW | {"trainable_parameters": 11}, ITEMS, ["trainable parameters differs"]),
        (ROW, [ITEMS[0] | {"loss": 0.5 + 1e-12}, *ITEMS[1:]], ["loss of 1 of 9 items"]),
        (ROW, [ITEMS[0] | {"cloze_log_likelihoods": [-1.0]}, *ITEMS[1:]], ["cloze log likelihoods of 1 of 9 items"]),
        (ROW, [item | {"equation": None} for item in ITEMS], []),  # follows from the output
        (ROW, ITEMS[:-1], ["9 items, now 8"]),
        (changed(accuracy=5 / 9 + 1e-12), ITEMS, ["metrics differs"]),
    ],
)
def test_bit_for_bit(row, items, differences):
    assert bitwise((ROW, ITEMS), (row, items)) == differences


@pytest.mark.parametrize(
    ("row", "differences"),
    [
        (changed(answer_loss=0.519, accuracy=4 / 9), []),
        (ROW | {"loss_curve": []}, []),
        (changed(answer_loss=0.521), ["answer loss on svamp: 0.5000, now 0.5210 (tolerance 0.020)"]),
        (changed(answer_loss=float("nan")), ["answer loss on svamp: 0.5000, now nan (tolerance 0.020)"]),
        (changed(accuracy=1.0), ["accuracy on svamp: 0.556, now 1.000 (tolerance 0.332)"]),
        (ROW | {"metrics": METRICS | {"accuracy_cloze": {"piqa": 1.0}}}, []),  # was not measured then
        (ROW | {"status": "diverged", "trainable_parameters": 3}, ["status differs", "trainable parameters differs"]),
    ],
)
def test_within_tolerance(row, differences):
    assert within_tolerance((ROW, ITEMS), (row, ITEMS)) == differences


def test_every_accuracy_that_was_recorded_must_hold():
    fuller = ROW | {"metrics": METRICS | {"accuracy_cloze": {"svamp": 1.0}}}
    assert within_tolerance((fuller, ITEMS), (fuller, ITEMS)) == []
    [difference] = within_tolerance((fuller, ITEMS), (ROW, ITEMS))
    assert difference.startswith("accuracy cloze on svamp: 1.000, now nan")


def test_a_diverged_repetition_differs_in_all_it_lost():
    found = within_tolerance((ROW, ITEMS), ({**ROW, "status": "diverged", "metrics": {}}, []))
    assert [difference.split(":")[0] for difference in found] == [
        "status differs",
        "accuracy on svamp",
        "answer loss on svamp",
    ]


def test_no_right_answer_still_has_a_tolerance():
    none = copy.deepcopy(ROW)
    none["metrics"]["accuracy"]["svamp"] = 0.0
    one = copy.deepcopy(none)
    one["metrics"]["accuracy"]["svamp"] = 1 / 9
    assert within_tolerance((none, ITEMS), (one, ITEMS)) == []
