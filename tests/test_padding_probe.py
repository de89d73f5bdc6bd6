"""Padding moves gates that count it, and nothing else; only runs that have such gates are probed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import models
import pytest
import torch
from datasets import Dataset
from test_classify import PAIRS, without_labels
from test_classifying import RUN
from transformers import PreTrainedModel

from pelt_core.attachment import attach
from pelt_core.backbones import load_classifier, load_tokenizer
from pelt_core.classify import logits, padded_logits_and_gates
from pelt_core.data.batches import encode_apart, encode_texts
from pelt_core.study import padding_probe
from pelt_core.study.execute import execute

METHODS = "[lora(rank=4)@q,v+prefix(tokens=2)+pfeiffer(bottleneck=4)@mlp_norm]"
WIDTH = 64


def gated(padding: str, pooling: str = "mean") -> tuple[PreTrainedModel, Dataset]:
    model = load_classifier("tiny-bert", pooling, 2)
    attach(model, f"sequence(padding={padding})*{METHODS}")
    models.stir(model, 0.5)
    encode: Callable[..., Dataset] = encode_apart if pooling == "pair" else encode_texts
    return model, encode(load_tokenizer("tiny-bert"), PAIRS * 2, WIDTH)


def probed(padding: str, pooling: str = "mean") -> dict[str, Any]:
    return padding_probe.probe(*gated(padding, pooling), WIDTH, lambda found: {"mean": float(found.mean())})


def test_a_mean_over_real_tokens_does_not_move() -> None:
    found = probed("ignored")
    for reading in ("batch", "max_length"):
        assert found[reading]["gate"]["max"] < 1e-5 and found[reading]["logit"]["max"] < 1e-4
        assert found[reading]["changed"] == 0


@pytest.mark.parametrize("pooling", ["mean", "pair"])
def test_a_mean_that_counts_padding_moves_with_it(pooling: str) -> None:
    found = probed("counted", pooling)
    assert found["rows"] == len(PAIRS) * 2
    for reading in ("batch", "max_length"):
        for what in ("gate", "logit"):
            assert 1e-3 < found[reading][what]["mean"] < found[reading][what]["max"]
    assert found["max_length"]["gate"]["mean"] > found["batch"]["gate"]["mean"]
    assert found["alone"]["gates"] != found["max_length"]["gates"] and len(found["alone"]["gates"]) == 2 * 4


def test_what_is_compared_with_is_every_text_alone() -> None:
    model, rows = gated("counted")
    seen = []
    padding_probe.probe(model, rows, WIDTH, lambda found: seen.append(found) or {})
    alone = torch.cat([model(**without_labels([row])).logits for row in rows])
    torch.testing.assert_close(seen[0], alone, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(seen[2], alone, rtol=1e-4, atol=1e-5)


def test_changed_is_the_share_of_rows_of_another_class(monkeypatch: pytest.MonkeyPatch) -> None:
    def padded(model: Any, rows: Dataset, size: int, width: int) -> Any:
        found = logits(model, rows)
        return torch.cat([found[:3].flip(1), found[3:]]), padded_logits_and_gates(model, rows, size, width)[1]

    monkeypatch.setattr(padding_probe, "padded_logits_and_gates", padded)
    assert probed("counted")["batch"]["changed"] == pytest.approx(3 / 18)


def test_no_more_rows_are_read_than_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding_probe, "ROWS", 5)
    model, rows = gated("counted")
    sizes = []
    found = padding_probe.probe(model, rows, WIDTH, lambda read: sizes.append(len(read)) or {})
    assert found["rows"] == 5 and sizes == [5, 5, 5]


def test_a_row_tells_of_padding_where_gates_count_it_and_alone_agrees_with_the_run(tmp_path: Path) -> None:
    run = replace(RUN, epochs=1, method=f"sequence(padding=counted)*{METHODS}")
    row, _ = execute(run, tmp_path / "work")
    alone = row["padded"]["alone"]["metrics"]
    assert row["padded"]["rows"] == RUN.test_rows
    assert alone == pytest.approx({name: value["paraphrase"] for name, value in row["metrics"].items()})
    assert row["padded"]["alone"]["gates"] == pytest.approx(row["gates"]["test"], abs=1e-4)


def test_other_rows_pay_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(padding_probe, "probe", None)
    for method in (f"sequence*{METHODS}", "lora(rank=4)@q,v"):
        assert "padded" not in execute(replace(RUN, epochs=1, method=method), tmp_path / "work")[0]
