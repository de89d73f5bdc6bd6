import logging
import re
from collections import Counter
from pathlib import Path

import pytest
import small_mirror

from pelt_core import data
from pelt_core.data.catalogue import DATASETS, UnknownDataset
from pelt_core.data.clean import EVALUATION_SETS
from pelt_core.data.normalise import normalise_question
from pelt_core.data.rows import BadMix, parse_mix
from pelt_core.data.sources import MalformedRows, PinMismatch, raw_rows


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_mirror.install(tmp_path, monkeypatch)
    return tmp_path


def test_a_split_has_four_columns_of_text(small: Path) -> None:
    rows = data.load("gsm8k", "test")
    assert rows.column_names == ["id", "question", "solution", "answer"]
    assert {feature.dtype for feature in rows.features.values()} == {"string"}
    assert rows[8] == {
        "id": "gsm8k-test-00008",
        "question": "What is 8 and 2?",
        "solution": "8 + 2\nThe answer is 10.",
        "answer": "10",
    }


def test_training_leaves_flawed_rows_out_and_counts_them(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert data.load("mawps", "train")["id"] == ["mawps-train-00002", "mawps-train-00003", "mawps-train-00007"]
    assert "1 rows have no usable solution" in caplog.text
    assert data.prepare("mawps", "train").flaws == {"mawps-train-00004": "'x=2+2' gives 4, not 5"}


def test_evaluation_keeps_a_question_that_has_no_worked_solution(small: Path) -> None:
    prepared = data.prepare("addsub", "test")
    assert [row["solution"] for row in prepared.rows] == ["4 - 3 = 1. The answer is 1.", ""]
    assert prepared.rows[1]["answer"] == "6"
    assert list(prepared.flaws) == ["addsub-test-00002"]


def test_the_clean_set_has_no_problem_of_an_evaluation_set(small: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert data.load("mawps-clean", "train")["id"] == ["mawps-train-00002", "mawps-train-00003"]
    assert "1 rows left out, as a test set has them" in caplog.text
    assert data.prepare("mawps-clean", "train").leaked == ("mawps-train-00007",)


def test_content_that_differs_from_its_pin_is_refused(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pin = DATASETS["gsm8k"].splits["test"]
    other = DATASETS["gsm8k"].splits["train"]
    monkeypatch.setitem(
        DATASETS["gsm8k"].splits, "test", type(pin)(9, other.content_sha256, pin.file, 9, pin.sha256, pin.source)
    )
    with pytest.raises(PinMismatch, match=f"(?s)gsm8k/test.*{other.content_sha256}.*{pin.content_sha256}"):
        data.load("gsm8k", "test")


def test_unreadable_rows_are_named_by_file_and_line(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = [dict(row) for row in small_mirror.RAW["gsm8k", "test"]]
    raw[2]["question"] = ""
    raw[5]["answer"] = "no number"
    monkeypatch.setitem(small_mirror.RAW, ("gsm8k", "test"), raw)
    with pytest.raises(MalformedRows, match=r"(?s)2 rows.*test.jsonl.gz, line 3: .*empty.*line 6: .*finite number"):
        small_mirror.install(small, monkeypatch)


def test_a_mix_is_sampled_and_shuffled_by_its_seed(small: Path) -> None:
    mix = "gsm8k:5+mawps-clean:2+arithmetic:4"
    rows = data.training_rows(mix, seed=0)
    assert Counter(row["id"].split("-")[0] for row in rows) == {"gsm8k": 5, "mawps": 2, "arithmetic": 4}
    assert len(set(rows["id"])) == 11
    assert rows["id"] == data.training_rows(mix, seed=0)["id"]
    assert set(rows["id"]) != set(data.training_rows(mix, seed=1)["id"])
    assert sorted(rows["id"]) != rows["id"]


def test_a_sample_is_the_same_on_every_machine() -> None:
    assert data.training_rows("arithmetic:4", seed=7)["id"] == [
        "arithmetic-train-00709",
        "arithmetic-train-00206",
        "arithmetic-train-00102",
        "arithmetic-train-02645",
    ]
    assert data.evaluation_rows("arithmetic", 3)["id"] == [
        "arithmetic-test-00496",
        "arithmetic-test-00023",
        "arithmetic-test-00898",
    ]


def test_a_set_of_a_mix_does_not_depend_on_its_company(small: Path) -> None:
    alone = set(data.training_rows("gsm8k:4", seed=3)["id"])
    assert alone < set(data.training_rows("arithmetic:9+gsm8k:4", seed=3)["id"])


@pytest.mark.parametrize(
    ("mix", "reason"),
    [
        ("gsm8k", "name:rows"),
        ("gsm8k:", "name:rows"),
        ("gsm8k:0", "name:rows"),
        ("gsm8k:-3", "name:rows"),
        ("gsm8k:3.5", "name:rows"),
        ("gsm8k:3+", "name:rows"),
        ("gsm8k:3+gsm8k:4", "each set once"),
        ("", "name:rows"),
    ],
)
def test_a_malformed_mix_shows_a_right_one(mix: str, reason: str) -> None:
    with pytest.raises(BadMix, match=reason):
        parse_mix(mix)


def test_a_mix_cannot_ask_for_more_rows_or_other_sets_than_there_are(small: Path) -> None:
    with pytest.raises(BadMix, match="asks for 10 rows of gsm8k, which has 9"):
        data.training_rows("gsm8k:10", seed=0)
    with pytest.raises(UnknownDataset, match=r"'svamp' has no split 'train'; it has test"):
        data.training_rows("svamp:1", seed=0)
    with pytest.raises(UnknownDataset, match=r"'gsm9k'; there are gsm8k, svamp"):
        data.training_rows("gsm9k:1", seed=0)


def test_evaluation_asks_the_same_questions_each_time_and_a_smaller_sample_is_part_of_a_larger(small: Path) -> None:
    four, nine = data.evaluation_rows("gsm8k", 4)["id"], data.evaluation_rows("gsm8k", 200)["id"]
    assert len(set(nine)) == 9
    assert nine[:4] == four == data.evaluation_rows("gsm8k", 4)["id"]
    assert nine != sorted(nine)
    with pytest.raises(BadMix, match="at least 1 question, and 0"):
        data.evaluation_rows("gsm8k", 0)


def test_a_digest_reads_no_data_and_follows_the_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PELT_DATA", raising=False)
    one = data.digest("gsm8k:500+mawps-clean:500", ("svamp", "gsm8k"))
    assert re.fullmatch("[0-9a-f]{64}", one)
    assert one == data.digest("mawps-clean:500+gsm8k:500", ("gsm8k", "svamp"))
    assert len({one, data.digest("gsm8k:500", ("svamp", "gsm8k")), data.digest("", ("svamp", "gsm8k"))}) == 3
    pin = DATASETS["svamp"].splits["test"]
    monkeypatch.setitem(DATASETS["svamp"].splits, "test", type(pin)(pin.rows, "0" * 64))
    assert data.digest("gsm8k:500+mawps-clean:500", ("svamp", "gsm8k")) != one


def test_the_published_sets_are_as_pinned(mirror: Path) -> None:
    for name, card in DATASETS.items():
        for split, pin in card.splits.items():
            if not pin.content_sha256:
                continue
            prepared = data.prepare(name, split)
            assert len({row["id"] for row in prepared.rows}) == pin.rows, (name, split)
            if card.answer_kind in ("number", "letter"):
                form = "The answer is ({})." if card.answer_kind == "letter" else "The answer is {}."
                for row in prepared.rows:
                    assert row["solution"] == "" or row["solution"].endswith(form.format(row["answer"]))


def test_the_training_set_of_mawps_leaks_as_the_papers_facts_say(mirror: Path) -> None:
    published = raw_rows(DATASETS["mawps"].splits["train"]).rows
    seen = {normalise_question(row["original_text"]) for row in published}
    hits = {
        name: sum(normalise_question(row["question"]) in seen for row in data.prepare(name, "test").rows)
        for name in EVALUATION_SETS
    }
    assert hits == {"gsm8k": 0, "svamp": 0, "multiarith": 490, "addsub": 327, "singleeq": 436, "aqua": 0}
    clean = data.prepare("mawps-clean", "train")
    assert (len(published), len(clean.flaws), len(clean.leaked), len(clean.rows)) == (1898, 52, 1223, 623)
