"""Tables of an audit: how it was done, what is shared, what each set is like."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pelt_core.report.audit.record import KEYS, Record, called


def setup(record: Record) -> pd.DataFrame:
    """What was compared with what, and how."""
    near = record.found["near"]
    roles = {role: len(record.sets(role)) for role in ("train", "evaluation")}
    lines = {
        "Compared": f"{roles['train']} training sets with {roles['evaluation']} evaluation sets, every pair",
        "Item": "the question, of commonsense sets with its choices; of GLUE one or two sentences",
        KEYS["exact"]: "the same characters",
        KEYS["normalised"]: "the same letters and digits, whatever the spacing, case and marks",
        KEYS["masked"]: "the same letters, with any number where the other has one",
        KEYS[
            "near"
        ]: f"by letters and digits, or a Jaccard index of the sets of words of at least {near['threshold']:g}",
        "Search": f"MinHash with {near['permutations']} permutations in {near['bands']} bands of "
        f"{near['rows_per_band']}; each candidate's exact index is computed, so that none is wrong",
        "Missed": f"{near['miss_probability']:.1%} of pairs at the threshold, fewer above it",
        "Length": "words between spaces",
        "\\*": "only a part of the set was to be had",
    }
    return pd.DataFrame(lines.items(), columns=["Setting", "Value"])


def overlaps(record: Record) -> pd.DataFrame:
    """Every pair of sets that share an item under any key: evaluation items by key, and training rows."""
    return pd.DataFrame(
        {
            "Training": called(record.one("train", one["training"])),
            "Evaluation": called(record.one("evaluation", one["evaluation"])),
            "Items": f"{record.one('evaluation', one['evaluation'])['rows']:,}",
            **{said: f"{one[key]:,}" for key, said in KEYS.items()},
            "Training rows": f"{one['train']:,}",
        }
        for one in record.found["overlaps"]
        if any(one[key] for key in KEYS)
    )


def sets(record: Record, family: str) -> pd.DataFrame:
    """What each set of a family is like: repeats, answers, lengths."""
    described = [one for role in ("train", "evaluation") for one in record.sets(role, family)]
    return pd.DataFrame(_described(one) for one in described)


def _described(one: dict[str, Any]) -> dict[str, str]:
    words = one["words"]
    return {
        "Set": f"{called(one)}, {one['role'].replace('train', 'training')}",
        "Rows": f"{one['rows']:,}",
        "Repeats": f"{one['rows'] - one['distinct']['normalised']:,}",
        "Two answers": f"{one['contradictory']:,}" if one["labels"] else "",
        "Classes": str(one["labels"] or ""),
        "Majority, %": f"{100 * one['majority']:.1f}" if one["labels"] else "",
        "Median words": f"{words['50']:.0f}",
        "95 %": f"{words['95']:.0f}",
        "Longest": f"{words['longest']:,}",
    }


def files(record: Record) -> pd.DataFrame:
    """The files that were read, by set, with the beginnings of their sha256."""
    read = {file: sha256 for one in record.found["sets"] for file, sha256 in one["files"].items()}
    return pd.DataFrame(
        {"File or made set": f"`{file}`", "sha256": f"`{sha256[:16]}`"} for file, sha256 in read.items()
    )
