from __future__ import annotations

import pytest
import torch

from pelt_core.attachment import attach
from pelt_core.backbones import load_classifier, load_tokenizer
from pelt_core.classify import logits, logits_and_gates, padded_logits_and_gates
from pelt_core.data.batches import collate, encode_apart, encode_texts
from pelt_core.recording import recorded_gates

PAIRS = [
    {"id": str(i), "text": "a bee " * (1 + 3 * i % 7), "text_pair": "sees a rose" + "!" * i, "label": i % 2}
    for i in range(9)
]


@pytest.mark.parametrize(("name", "pooling"), [("tiny-bert", "mean"), ("tiny-llama", "last"), ("tiny-gptj", "mean")])
def test_every_row_has_the_logits_that_it_has_alone(name: str, pooling: str) -> None:
    model = load_classifier(name, pooling, 3)
    rows = encode_texts(load_tokenizer(name), PAIRS, 64)
    found = logits(model, rows, tokens=60)
    alone = [model(**without_labels([row])).logits for row in rows]
    torch.testing.assert_close(found, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert found.dtype is torch.float32


def test_two_texts_apart_have_one_row_of_logits() -> None:
    model = load_classifier("tiny-bert", "pair", 2)
    rows = encode_apart(load_tokenizer("tiny-bert"), PAIRS, 64)
    found = logits(model, rows, tokens=80)
    assert found.shape == (len(PAIRS), 2)
    alone = [model(**without_labels([row])).logits for row in rows]
    torch.testing.assert_close(found, torch.cat(alone), rtol=1e-4, atol=1e-5)


def without_labels(rows: list[dict]) -> dict[str, torch.Tensor]:
    return {name: t for name, t in collate(rows).items() if name != "labels"}


@pytest.mark.parametrize("pooling", ["mean", "pair"])
def test_every_row_has_the_gates_that_it_has_alone(pooling: str) -> None:
    model = load_classifier("tiny-bert", pooling, 2)
    attach(model, "sequence*[lora(rank=4)@q,v+prefix(tokens=2)]")
    encode = encode_apart if pooling == "pair" else encode_texts
    rows = encode(load_tokenizer("tiny-bert"), PAIRS, 64)
    found, gates = logits_and_gates(model, rows, tokens=80)
    torch.testing.assert_close(found, logits(model, rows, tokens=80))
    assert sorted(gates) == sorted(
        (layer, at, m) for layer in (0, 1) for at, m in [("q", "lora"), ("v", "lora"), ("kv", "prefix")]
    )
    for place, row in enumerate(rows):
        with recorded_gates(model) as records:
            model(**without_labels([row]))
        alone = [r["gate"] for r in records if (r["layer"], r["position"]) == (1, "q")]
        assert gates[1, "q", "lora"][place].item() == pytest.approx(sum(alone) / len(alone), abs=1e-5)
        assert len(alone) == (2 if pooling == "pair" else 1)


@pytest.mark.parametrize("pooling", ["mean", "pair"])
def test_rows_can_be_read_with_padding(pooling: str) -> None:
    model = load_classifier("tiny-bert", pooling, 2)
    attach(model, "sequence(padding=counted)*lora(rank=4)@q")
    encode = encode_apart if pooling == "pair" else encode_texts
    rows = encode(load_tokenizer("tiny-bert"), PAIRS, 64)
    widths: list[tuple[int, ...]] = []
    handle = model.backbone.register_forward_pre_hook(
        lambda module, args, given: widths.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    found, gates = padded_logits_and_gates(model, rows, size=4, width=70)
    handle.remove()
    texts = 2 if pooling == "pair" else 1
    assert widths == [(4 * texts, 70), (4 * texts, 70), (1 * texts, 70)]
    torch.testing.assert_close(found, logits(model, rows), rtol=1e-4, atol=1e-5)  # the delta is still zero
    with recorded_gates(model) as records:
        padded_logits_and_gates(model, rows.select([8]), size=1, width=70)
    last = [r["gate"] for r in records if r["layer"] == 1]
    assert gates[1, "q", "lora"][8].item() == pytest.approx(sum(last) / texts, abs=1e-6)
