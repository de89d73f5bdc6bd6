"""Classifiers on pooled states: against dense formulas, padded or not, under every kind of method."""

from __future__ import annotations

import models
import pytest
import torch
from torch import Tensor

from pelt_core import attach, detach
from pelt_core.backbones import UnsuitableTask, load_classifier
from pelt_core.classifier import POOLINGS, Classifier, PoolingError
from pelt_core.unpadding import can_unpad, unpadded

IDS = torch.tensor([[5, 6, 7, 8], [9, 10, 0, 0], [11, 12, 13, 0], [14, 15, 16, 17]])
MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]])


def classifier(name: str = "tiny-bert", pooling: str = "mean", labels: int = 3) -> Classifier:
    torch.manual_seed(0)
    return load_classifier(name, pooling, labels)


def states(model: Classifier) -> Tensor:
    return model.backbone(input_ids=IDS, attention_mask=MASK).last_hidden_state


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-llama"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_logits_are_a_linear_map_of_the_pooled_states(name: str, pooling: str) -> None:
    model = classifier(name, pooling)
    h = states(model)
    rows = [row[mask > 0] for row, mask in zip(h, MASK, strict=True)]
    means = torch.stack([row.mean(0) for row in rows])
    expected = {
        "mean": means,
        "first": torch.stack([row[0] for row in rows]),
        "last": torch.stack([row[-1] for row in rows]),
        "pair": torch.cat([means[::2], means[1::2], (means[::2] - means[1::2]).abs(), means[::2] * means[1::2]], 1),
    }[pooling]
    logits = model(input_ids=IDS, attention_mask=MASK).logits
    torch.testing.assert_close(logits, expected @ model.classifier.weight.T)
    assert logits.shape == (2 if pooling == "pair" else 4, 3)


def test_labels_give_the_loss_that_a_trainer_asks_for() -> None:
    model, y = classifier(), torch.tensor([0, 2, 1, 1])
    found = model(input_ids=IDS, attention_mask=MASK, labels=y)
    torch.testing.assert_close(found.loss, -found.logits.log_softmax(-1)[torch.arange(4), y].mean())
    assert model.config.num_labels == 3 and model(input_ids=IDS, attention_mask=MASK).loss is None
    score = classifier(labels=1)(input_ids=IDS, attention_mask=MASK, labels=torch.ones(4))
    torch.testing.assert_close(score.loss, (score.logits.squeeze(-1) - 1).square().mean())


def test_padding_on_the_left_is_left_out_too() -> None:
    model = classifier("tiny-llama", "last")
    right = model(input_ids=IDS[2:3, :3], attention_mask=MASK[2:3, :3]).logits
    shifted = torch.tensor([[0, 11, 12, 13]])
    positions = torch.tensor([[0, 0, 1, 2]])
    left = model(input_ids=shifted, attention_mask=(shifted > 0).long(), position_ids=positions).logits
    torch.testing.assert_close(left, right)


@pytest.mark.parametrize("name", ["tiny-bert", "tiny-roberta", "tiny-llama", "tiny-gpt2"])
@pytest.mark.parametrize("method", ["lora@q,v", "prefix(tokens=3)", models.PFEIFFER, "bitfit", "full", "head", "gated"])
def test_methods_train_it_and_without_padding_it_is_the_same(name: str, method: str) -> None:
    encoder = name in ("tiny-bert", "tiny-roberta")
    if method == models.PFEIFFER and not encoder:
        pytest.skip("a post-norm adapter")
    spec = f"{'sequence' if encoder else 'prompt'}*{models.THREE}" if method == "gated" else method
    model = classifier(name)
    before = {key: t.clone() for key, t in model.state_dict().items()}
    attach(model, spec)
    models.stir(model)
    assert can_unpad(model)
    trained = {key: p for key, p in model.named_parameters() if p.requires_grad}
    assert {"classifier.weight", "classifier.bias"} <= set(trained)
    found = []
    for within in (False, True):
        if within:
            with unpadded(model):
                logits = model(input_ids=IDS, attention_mask=MASK).logits
        else:
            logits = model(input_ids=IDS, attention_mask=MASK).logits
        found.append([logits, *torch.autograd.grad(logits.square().sum(), list(trained.values()), allow_unused=True)])
    for padded, packed in zip(*found, strict=True):
        assert (padded is None) == (packed is None)
        if padded is not None:
            torch.testing.assert_close(packed, padded, rtol=1e-4, atol=1e-5)
    detach(model)
    assert all(torch.equal(before[key], t) for key, t in model.state_dict().items() if "classifier" not in key)


def test_nothing_is_trained_that_no_logit_depends_on() -> None:
    model = classifier("tiny-bert")
    attach(model, "bitfit")
    model(input_ids=IDS, attention_mask=MASK).logits.sum().backward()
    unused = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(PoolingError, match="'max': choose one of mean, first, last, pair"):
        classifier(pooling="max")
    with pytest.raises(PoolingError, match="two rows for each pair.*here are 3"):
        classifier(pooling="pair")(input_ids=IDS[:3], attention_mask=MASK[:3])
    with pytest.raises(UnsuitableTask, match="encoder-decoder"):
        load_classifier("tiny-t5", "mean", 2)
