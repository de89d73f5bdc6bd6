import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from reasoning_rows import study

from pelt_core.report.reasoning import figures, mixes

mpl.use("svg")


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """Questions that MAWPS with the leak was trained on have a far lower loss after it."""
    found = study(tmp_path_factory.mktemp("ledger"), "id-ood", keep=lambda run: run.sources != "gsm8k")
    for run in found.runs:
        if run.sources == "mawps-leaked":
            items = found.items(run.key)
            items.loc[items["seen"].eq(True), "loss"] -= 0.5
    return found


def test_every_mix_is_on_every_set(scores):
    frame = mixes.matrix(scores)
    assert len(frame) == len(mixes.mixes(scores)) * len(scores.tasks) == 6 * 5
    assert (frame.loc[frame["sources"] == "gsm8k", "state"] == "not run yet").all()
    figure = figures.matrix(frame)
    said = [text.get_text() for text in figure.axes[0].texts]
    assert len(said) == 30 and said.count("not run yet") == 5
    plt.close(figure)


def test_the_leak_is_told_by_question(scores):
    found = mixes.leaks(scores)
    assert set(found["heading"]) == {"MAWPS, test problems", "GSM8K and MAWPS, test problems"}
    alone = found[found["heading"] == "MAWPS, test problems"].set_index(["set", "which"])
    seen, other = alone.loc[("addsub", mixes.SEEN)], alone.loc[("addsub", mixes.UNSEEN)]
    assert seen["mean"] == pytest.approx(-0.5, abs=0.03) and seen["p"] < 0.05 and seen["items"] == 8
    assert abs(other["mean"]) < 0.05 and other["items"] == 16


def test_what_was_seen_is_a_share_of_the_seeds(scores):
    found = mixes.shared(scores, "mawps-leaked")
    assert set(found) == {0.0, 1.0} and found[("addsub", "addsub-3")] == 1.0
    assert mixes.shared(scores, "gsm8k").empty


def test_the_reading_counts_what_is_told_apart(scores):
    said = mixes.reading(scores, mixes.leaks(scores)).data
    assert "**AddSub.** Best after training on" in said and "The leak, MAWPS, test problems" in said
    assert "nan" not in said


def test_a_measure_that_nobody_took_has_an_empty_table(scores):
    shown = mixes.table(scores.by("text_loss"), "{:.3f}")
    assert list(shown.columns) == ["Trained on", "QNLI", "Seeds"]
    assert mixes.table(scores.by("accuracy"), "{:.1f}").shape[0] == 6


def test_without_rows_nothing_is_read(tmp_path):
    nothing = study(tmp_path, "id-ood", keep=lambda run: False)
    assert "nothing to read yet" in mixes.reading(nothing, mixes.leaks(nothing)).data
    assert np.isnan(mixes.leaks(nothing)["mean"]).all()
