"""What every page calls things: methods, data sets, tasks, metrics and backbones, as papers spell them."""

from __future__ import annotations

from pathlib import Path

from pelt_core.catalogue import BACKBONES
from pelt_core.data.rows import DEV

METHOD_NAMES = {
    "series": "Series adapter",
    "parallel": "Parallel adapter",
    "lora": "LoRA",
    "prefix": "Prefix",
    "full": "Full fine-tuning",
    "head": "Head only",
    "none": "Base model",
    "adapter": "Adapter",
    "bitfit": "BitFit",
    "ap": "UniPELT (AP)",
    "ap-nogate": "AP, no gate",
    "apl": "UniPELT (APL)",
    "apl-nogate": "APL, no gate",
    "compacter": "Compacter",
    "adamix": "AdaMix",
    "krona": "KronA",
    "said": "SAID",
    "diff": "Diff pruning",
    "ladder": "Ladder side-tuning",
    "side": "Side-tuning",
    "ia3": "(IA)³",
    "prompt": "Prompt tuning",
    "multi-head-parallel": "Multi-head parallel",
    "scaled-parallel": "Scaled parallel",
    "mam": "MAM",
    "dora": "DoRA",
    "houlsby": "Houlsby adapter",
    "lora-24": "LoRA of rank 24",
    "gated-lora-scale-2": "Gated LoRA, scale 2",
    "prefix-direct": "Prefix without MLP",
    "mlp-prefix": "Prefix with MLP",
    "series-lora": "Series + LoRA",
    "nogate": "Three, no gate",
    "nogate-direct": "Three, no gate, prefix without MLP",
    "token": "Three, token gate",
    "token-direct": "Three, token gate, prefix without MLP",
    "prompt-held": "Three, prompt gate",
    "scalar": "Three, scalar gate",
    "sequence": "Three, sequence gate",
}
VARIANT_NAMES = {
    "series-attention": "Series adapter at attention",
    "series-mlp": "Series adapter at MLP",
    "series-both": "Series adapter at both",
    "parallel-attention": "Parallel adapter at attention",
    "parallel-mlp": "Parallel adapter at MLP",
    "parallel-both": "Parallel adapter at both",
    "lora-attention": "LoRA at attention",
    "lora-mlp": "LoRA at MLP",
    "lora-both": "LoRA at both",
    "prefix-50": "Prefix, 50 tokens",
    "adapter-12": "Adapter, bottleneck 12",
    "adapter-192": "Adapter, bottleneck 192",
    "apl-nogate-scale-1": "APL, no gate, scale 1",
    "apl-counted": "UniPELT (APL), padding counted",
    "lora-scale-1/4": "LoRA, scale ¼",
    "lora-scale-2": "LoRA, scale 2",
    "lora-scale-16": "LoRA, scale 16",
    "gated-lora-scale-1/4": "Gated LoRA, scale ¼",
    "gated-lora-scale-16": "Gated LoRA, scale 16",
}
"""Of methods that one study sweeps, or has at several places, drawn as the method that they are variants of."""
SET_NAMES = {
    "gsm8k": "GSM8K",
    "svamp": "SVAMP",
    "multiarith": "MultiArith",
    "addsub": "AddSub",
    "singleeq": "SingleEq",
    "aqua": "AQuA",
    "mawps": "MAWPS",
    "mawps-clean": "MAWPS, cleaned",
    "mawps-leaked": "MAWPS, test problems",
    "mawps-unleaked": "MAWPS, others",
    "math10k": "Math10K",
    "math10k-clean": "Math10K, cleaned",
    "glue-qnli": "QNLI",
    "boolq": "BoolQ",
    "piqa": "PIQA",
    "siqa": "SIQA",
    "hellaswag": "HellaSwag",
    "winogrande": "WinoGrande",
    "arc-easy": "ARC-e",
    "arc-challenge": "ARC-c",
    "openbookqa": "OBQA",
    "commonsense170k": "Commonsense170K",
    "puzzles": "puzzles, embedded",
    "arithmetic": "arithmetic, embedded",
}
TASK_NAMES = {
    "sst2": "SST-2",
    "qqp": "QQP",
    "mrpc": "MRPC",
    "stsb": "STS-B",
    "cola": "CoLA",
    "qnli": "QNLI",
    "mnli": "MNLI",
    "rte": "RTE",
    "paraphrase": "paraphrase, embedded",
}
METRIC_NAMES = {"accuracy": "accuracy", "f1": "F1", "matthews": "Matthews", "spearman": "Spearman"}
BACKBONE_NAMES = {
    "smollm2-135m": "SmolLM2-135M-Instruct",
    "minilm-l6": "MiniLM-L6",
    "gemma3-270m": "Gemma 3 270M",
    "yahma/llama-7b-hf": "LLaMA-7B",
    "bigscience/bloomz-7b1": "BLOOMz-7B",
    "google-bert/bert-base-uncased": "BERT-base",
}


def set_name(name: str) -> str:
    """A data set as papers spell it; ``gsm8k/dev`` are other questions of it than the tested ones."""
    tested = name.removesuffix(DEV)
    return SET_NAMES.get(tested, tested) + ", other questions" * (name != tested)


def mix_name(sources: str) -> str:
    """The sets of a training mix: `GSM8K and MAWPS, others`."""
    return " and ".join(map(set_name, sources.split("+"))) if sources else "Untrained"


def method_name(name: str) -> str:
    """A method as papers spell it, or a variant of one, by the name that a preset or the catalogue gives it."""
    return (METHOD_NAMES | VARIANT_NAMES).get(name.replace("_", "-"), name)


def task_name(name: str) -> str:
    """A task of GLUE as papers spell it."""
    return TASK_NAMES.get(name, name)


def backbone_name(name: str) -> str:
    """A backbone as papers spell it; of a hub id or a folder the last part."""
    return BACKBONE_NAMES.get(name, Path(name).name)


def backbone_summary(name: str) -> str:
    """What a backbone is and where its weights come from, as the catalogue says."""
    return BACKBONES[name].summary if name in BACKBONES else name
