"""Datasets, prompts, answer extraction and batches: everything between a published file and a batch of token ids."""

from pelt_core.data.catalogue import DATASETS, DatasetCard, UnknownDataset, answer_kind
from pelt_core.data.rows import digest, digest_of_splits, evaluation_rows, load, prepare, training_rows

__all__ = [
    "DATASETS",
    "DatasetCard",
    "UnknownDataset",
    "answer_kind",
    "digest",
    "digest_of_splits",
    "evaluation_rows",
    "load",
    "prepare",
    "training_rows",
]
