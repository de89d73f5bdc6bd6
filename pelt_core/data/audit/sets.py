"""The sets that are audited."""

from dataclasses import dataclass
from typing import Literal

Role = Literal["train", "evaluation"]


@dataclass(frozen=True)
class AuditedSet:
    """A set as it is trained or evaluated on.

    Args:
        title: as papers spell it.
        family: "arithmetic", "commonsense" or "glue".
        role: "train" or "evaluation".
        name: of the data set.
        splits: which together are the set.
        instead: what to take where one of those is nowhere to be had: parts of the split, which may overlap.
    """

    title: str
    family: str
    role: Role
    name: str
    splits: tuple[str, ...]
    instead: tuple[str, ...] = ()


WINOGRANDE_SIZES = tuple(f"train_{size}" for size in ("xs", "s", "m", "l", "xl", "debiased"))


def _pair(title: str, family: str, name: str, **splits: tuple[str, ...]) -> tuple[AuditedSet, AuditedSet]:
    """A data set with its train and its test split."""
    given = {"train": ("train",), "parts": (), "test": ("test",), "test_parts": ()} | splits
    return (
        AuditedSet(title, family, "train", name, given["train"], given["parts"]),
        AuditedSet(title, family, "evaluation", name, given["test"], given["test_parts"]),
    )


def _published(title: str, *splits: str) -> AuditedSet:
    return AuditedSet(title, "arithmetic", "train", "llm-adapters-published", splits)


SETS: tuple[AuditedSet, ...] = (
    *_pair("GSM8K", "arithmetic", "gsm8k"),
    AuditedSet("SVAMP", "arithmetic", "evaluation", "svamp", ("test",)),
    AuditedSet("MultiArith", "arithmetic", "evaluation", "multiarith", ("test",)),
    AuditedSet("AddSub", "arithmetic", "evaluation", "addsub", ("test",)),
    AuditedSet("SingleEq", "arithmetic", "evaluation", "singleeq", ("test",)),
    AuditedSet("AQuA", "arithmetic", "evaluation", "aqua", ("test",)),
    AuditedSet("MathQA", "arithmetic", "train", "mathqa", ("train",), ("validation",)),
    *_pair("MAWPS", "arithmetic", "mawps"),
    AuditedSet("MAWPS, all splits", "arithmetic", "train", "mawps", ("train", "valid", "test")),
    AuditedSet("MAWPS-single", "arithmetic", "train", "mawps-single", ("train",)),
    AuditedSet("MAWPS, cleaned", "arithmetic", "train", "mawps-clean", ("train",)),
    AuditedSet("Math10K, rebuilt", "arithmetic", "train", "math10k", ("train",)),
    AuditedSet("Math10K, cleaned", "arithmetic", "train", "math10k-clean", ("train",)),
    _published("Math10K, published", "math_10k_first50", "math_10k_wrong2120"),
    _published("math_data", "math_data"),
    *_pair("BoolQ", "commonsense", "boolq"),
    *_pair("PIQA", "commonsense", "piqa"),
    *_pair("SIQA", "commonsense", "siqa"),
    *_pair("HellaSwag", "commonsense", "hellaswag", parts=("train_first3368",)),
    *_pair("WinoGrande", "commonsense", "winogrande", train=WINOGRANDE_SIZES),
    *_pair("ARC-Easy", "commonsense", "arc-easy"),
    *_pair("ARC-Challenge", "commonsense", "arc-challenge"),
    *_pair("OpenBookQA", "commonsense", "openbookqa"),
    *_pair("CoLA", "glue", "glue-cola"),
    *_pair("SST-2", "glue", "glue-sst2"),
    *_pair("MRPC", "glue", "glue-mrpc"),
    *_pair("STS-B", "glue", "glue-stsb"),
    *_pair("RTE", "glue", "glue-rte"),
    *_pair("QNLI", "glue", "glue-qnli", parts=("train_balanced9833", "train_textonly9999")),
    *_pair(
        "QQP",
        "glue",
        "glue-qqp",
        parts=("train_subset23497", "train_textonly9999", "train_balanced10117"),
        test_parts=("test_sample1000",),
    ),
    *_pair("MNLI", "glue", "glue-mnli", parts=("train_balanced15130", "train_textonly9999")),
)
