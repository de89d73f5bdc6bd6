"""Samples of invented sentences by the rules, and golden samples of the published files where PELT_DATA has them."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_mirror

from pelt_core.data.catalogue import DATASETS, Pin
from pelt_core.data.glue.few_shot import BadSample, FewShot, few_shot
from pelt_core.data.glue.metrics import baselines
from pelt_core.data.sources import DataNotFound

TRAIN = [{"sentence1": f"Box {n}.", "sentence2": f"Bag {n}.", "label": n % 2} for n in range(40)]
TEST = [{"sentence1": f"Cup {n}.", "sentence2": f"Jar {n}.", "label": n % 2} for n in range(6)]


def pin_split(folder: Path, name: str, split: str, raw: list[dict[str, Any]]) -> None:
    stored = small_mirror.write(folder, name, split, [json.dumps(row) for row in raw])
    DATASETS[name].splits[split] = Pin(
        len(raw), "", f"{name}/{split}.jsonl.gz", len(raw), hashlib.sha256(stored).hexdigest()
    )


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PELT_DATA", str(tmp_path))
    for name in ("glue-rte", "glue-qqp"):
        monkeypatch.setitem(DATASETS, name, replace(DATASETS[name], splits=dict(DATASETS[name].splits)))
    pin_split(tmp_path, "glue-rte", "train", TRAIN)
    pin_split(tmp_path, "glue-rte", "test", TEST)
    return tmp_path


def texts(sample: FewShot, part: str) -> list[tuple[str, str]]:
    rows = getattr(sample, part)
    return list(zip(rows["text"], rows["text_pair"], strict=True))


def test_a_sample_has_the_sizes_asked_for_and_shares_nothing(mirror: Path) -> None:
    sample = few_shot("rte", 10, 0, dev_size=20)
    parts = [texts(sample, part) for part in ("train", "dev", "test")]
    assert [len(part) for part in parts] == [10, 20, 6]
    assert len(set().union(*parts)) == 36
    assert sample.train.column_names == ["id", "text", "text_pair", "label"]
    assert sample.test["id"] == [f"glue-rte-test-0000{n}" for n in range(6)]
    assert sample.source == {"train": "glue-rte/train", "test": "glue-rte/test"}
    assert sample.left_out == {"repeated": 0, "in test": 0}


def test_labels_stay_with_their_texts(mirror: Path) -> None:
    sample = few_shot("rte", 20, 0, dev_size=20)
    for row in (*sample.train, *sample.dev):
        assert row["label"] == int(row["text"].removeprefix("Box ").rstrip(".")) % 2


def test_a_smaller_k_is_the_beginning_of_a_larger_one_with_the_same_dev(mirror: Path) -> None:
    small, large = few_shot("rte", 5, 3, dev_size=20), few_shot("rte", 20, 3, dev_size=20)
    assert small.dev["id"] == large.dev["id"]
    assert small.train["id"] == large.train["id"][:5]


def test_each_shuffle_is_another_sample(mirror: Path) -> None:
    digests = [few_shot("rte", 10, shuffle, dev_size=10).digest for shuffle in range(5)]
    assert len(set(digests)) == 5
    assert few_shot("rte", 10, 0, dev_size=10).digest == digests[0]


def test_a_sample_does_not_depend_on_the_order_of_the_file(mirror: Path) -> None:
    before = few_shot("rte", 10, 0, dev_size=10)
    pin_split(mirror, "glue-rte", "train", TRAIN[::-1])
    after = few_shot("rte", 10, 0, dev_size=10)
    assert (texts(before, "train"), texts(before, "dev")) == (texts(after, "train"), texts(after, "dev"))


def test_the_sample_is_the_same_on_every_machine(mirror: Path) -> None:
    assert few_shot("rte", 3, 0, dev_size=1).train["text"][:] == ["Box 38.", "Box 23.", "Box 29."]


def test_copies_and_test_rows_cannot_be_drawn_and_are_counted(mirror: Path) -> None:
    pin_split(mirror, "glue-rte", "train", TRAIN + TRAIN[:4] + TEST[:3])
    sample = few_shot("rte", 20, 0, dev_size=20)
    assert sample.left_out == {"repeated": 4, "in test": 3}
    assert sorted([*sample.train["id"], *sample.dev["id"]]) == [f"glue-rte-train-{n:05d}" for n in range(40)]


def test_a_part_stands_in_for_what_the_mirror_lacks_and_says_so(
    mirror: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for split in ("train", "test"):
        DATASETS["glue-qqp"].splits[split] = replace(DATASETS["glue-qqp"].splits[split], hub=None)
    pairs = [{"question1": f"Why {n}?", "question2": f"What {n}?", "is_duplicate": n % 2} for n in range(9)]
    pin_split(mirror, "glue-qqp", "train_subset23497", pairs[:6])
    pin_split(mirror, "glue-qqp", "test_sample1000", pairs[6:])
    sample = few_shot("qqp", 2, 0, dev_size=2)
    assert sample.source == {"train": "glue-qqp/train_subset23497", "test": "glue-qqp/test_sample1000"}
    assert "glue-qqp/train is not at hand: train_subset23497 is used instead" in caplog.text
    assert sample.train["id"][0].startswith("glue-qqp-train_subset23497-")


def test_a_task_without_any_data_says_where_it_was_looked_for(mirror: Path) -> None:
    DATASETS["glue-rte"].splits["test"] = replace(
        DATASETS["glue-rte"].splits["test"], file="glue-rte/none.jsonl.gz", hub=None
    )
    with pytest.raises(DataNotFound, match=r"glue-rte/none.jsonl.gz was found nowhere"):
        few_shot("rte", 10, 0, dev_size=10)


@pytest.mark.parametrize(
    ("k", "dev_size", "message"),
    [
        (0, 10, "k and dev_size must be at least 1, and are 0 and 10"),
        (10, 0, "k and dev_size must be at least 1, and are 10 and 0"),
        (
            31,
            10,
            "glue-rte/train has 40 different rows, and 31 to train on and 10 for dev are 41; ask for less of either",
        ),
    ],
)
def test_a_sample_that_cannot_be_drawn_is_refused(mirror: Path, k: int, dev_size: int, message: str) -> None:
    with pytest.raises(BadSample, match=message):
        few_shot("rte", k, 0, dev_size)


# Of the mirror's files; with the whole of QQP, MNLI and QNLI from the hub the samples of these three are others.
GOLDEN: dict[str, tuple[str, str, int, int]] = {
    "cola": ("train", "2eab87f9473c24dfca3ee0fe79324768212668d18e77abcda979e43da853aaef", 19, 16),
    "sst2": ("train", "04bb394f3d6c575ffbad8bccb8daa16a1cf1f3a768d0f84bc92cd339f945acf9", 371, 0),
    "mrpc": ("train", "a4af76e56f05841c13ffca8849debfc3a3c6d7e7fee98cafd9fd9cbbc76e5ce7", 0, 0),
    "stsb": ("train", "44f0c3da35a49b66e18c78aabe53bc65b65bafabd03416a9d8b1e4f44819d9ef", 43, 6),
    "qqp": ("train_subset23497", "2216cb8ef77970b1bc5ce2a66f208b8466c1be882ad3d2ecd60fb77eaaf6f95b", 0, 0),
    "mnli": ("train_balanced15130", "cc187890b4f4e22614d5edb930766ce535c20e6fd9d8b534b48a5050b1dd0768", 1, 0),
    "qnli": ("train_balanced9833", "aff0b6dd41b58eddeac19eb8ed111c1d996cb3b0fba698cbae92e8db57c7f7de", 0, 0),
    "rte": ("train", "a17b1711aff83edc6012f7af088ca6388def7c1ea1f4858ebe9b7eb649db87c4", 2, 0),
}


@pytest.mark.skipif("PELT_DATA" not in os.environ, reason="samples the published files, from PELT_DATA")
@pytest.mark.parametrize("name", GOLDEN)
def test_samples_of_the_published_files_are_these(name: str) -> None:
    source, digest, repeated, in_test = GOLDEN[name]
    samples = [few_shot(name, 1000, shuffle) for shuffle in range(5)]
    assert samples[0].source["train"] == f"glue-{name}/{source}"
    assert hashlib.sha256("".join(sample.digest for sample in samples).encode()).hexdigest() == digest
    assert samples[0].left_out == {"repeated": repeated, "in test": in_test}


@pytest.mark.skipif("PELT_DATA" not in os.environ, reason="reads the published files, from PELT_DATA")
def test_what_the_published_test_rows_give_without_a_model() -> None:
    assert baselines("mrpc", few_shot("mrpc", 1, 0, 1).test["label"]) == {
        "majority": {"f1": pytest.approx(0.8122, abs=1e-4)},
        "all positive": {"f1": pytest.approx(0.8122, abs=1e-4)},
    }
    assert baselines("rte", few_shot("rte", 1, 0, 1).test["label"]) == {
        "majority": {"accuracy": pytest.approx(146 / 277)}
    }
