"""Trainable parameters as both papers have them, exactly, on models of the published shape."""

from __future__ import annotations

import pytest

from pelt_core.attachment import attach
from pelt_core.backbones import meta_model

BERT = ("google-bert/bert-base-uncased", "classification")
LLAMA_7B, LLAMA_13B = ("yahma/llama-7b-hf", "causal-lm"), ("yahma/llama-13b-hf", "causal-lm")
PUBLISHED = [
    # UniPELT, table 4
    (BERT, "pfeiffer", 894_528),
    (BERT, "bitfit", 102_912),
    (BERT, "prefix", 184_320),
    # while it is trained: E 7,680, D and b 393,728, U and c 9,455,616
    (BERT, "mlp_prefix", 9_857_024),
    # UniPELT, section 3.2 and table 4: a gate for each submodule in a layer; the released code has two for LoRA
    (BERT, "lora(rank=8)", 294_912),
    (BERT, "unipelt_ap", 1_097_304),
    (BERT, "unipelt_paper", 1_401_444),
    (BERT, "unipelt_released", 1_410_672),
    (BERT, "unipelt_nogate", 1_410_672 - 4 * 9_228),
    (BERT, "unipelt_aplb", 1_410_672 + 102_912),
    # LLM-Adapters, table 1
    (LLAMA_7B, "llm_adapters_series", 67_108_864),
    (LLAMA_7B, "llm_adapters_parallel", 247_463_936),
    (LLAMA_7B, "prefix", 2_621_440),
    (LLAMA_7B, "prefix(tokens=30)", 7_864_320),
    (LLAMA_13B, "prefix", 4_096_000),
    (LLAMA_13B, "llm_adapters_series", 104_857_600),
    (LLAMA_13B, "llm_adapters_parallel", 387_973_120),
]
PERCENT = [
    (LLAMA_7B, "llm_adapters_series", 0.99),
    (LLAMA_7B, "llm_adapters_parallel", 3.54),
    (LLAMA_13B, "prefix", 0.03),
    (LLAMA_13B, "llm_adapters_series", 0.80),
    (LLAMA_13B, "llm_adapters_parallel", 2.89),
]


def counts(backbone: tuple[str, str], spec: str) -> tuple[int, int]:
    """How many parameters `spec` adds to the backbone, and how many there are with them."""
    model = meta_model(*backbone)
    attachment = attach(model, spec)
    return sum(p.numel() for p in attachment.parameters()), sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(("backbone", "spec", "parameters"), PUBLISHED)
def test_trainable_parameters(backbone: tuple[str, str], spec: str, parameters: int) -> None:
    assert counts(backbone, spec)[0] == parameters


@pytest.mark.parametrize(("backbone", "spec", "percent"), PERCENT)
def test_percents_of_the_backbone(backbone: tuple[str, str], spec: str, percent: float) -> None:
    added, total = counts(backbone, spec)
    assert round(100 * added / total, 2) == percent
