"""The studies: each is a question and the runs that answer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from pelt_core.errors import PeltError
from pelt_core.study.budgets import Budget
from pelt_core.study.presets import budgets
from pelt_core.study.run import Run


class UnknownStudy(PeltError, LookupError):
    """No study has that name."""


class NoSuchCell(PeltError, LookupError):
    """A pattern selects none of a study's runs."""


@dataclass(frozen=True)
class Study:
    """One question, and the runs that answer it.

    Attributes:
        name: as in `pelt run NAME`.
        title: of its page in the report.
        question: what it asks.
    """

    name: str
    title: str
    question: str


STUDIES = {
    study.name: study
    for study in [
        Study(
            "placement",
            "Where to put the module",
            "Does a module help most beside the attention, beside the MLP, or at both, "
            "and is the best place the same for series adapters, parallel adapters and LoRA?",
        ),
        Study(
            "answer-recipe",
            "Learning rates on questions",
            "Which learning rate does each method need on a language model, chosen on questions that no study tests?",
        ),
        Study(
            "bottleneck",
            "The bottleneck's size",
            "How large should the bottleneck of series and parallel adapters be: as large as on a model thirty times "
            "as wide, or the same share of the hidden size?",
        ),
        Study(
            "lora-rank",
            "LoRA's rank",
            "Which rank does LoRA need, and is it the rank that helps, or the scale that grows or shrinks with it?",
        ),
        Study(
            "virtual-tokens",
            "Virtual tokens",
            "How many virtual tokens does a prefix need, and does it do better than as many in a prompt?",
        ),
        Study(
            "arithmetic",
            "Arithmetic reasoning",
            "Which of prefix, series adapter, parallel adapter and LoRA does best on word problems, each where and as "
            "large as it was found best, and how do they stand to the untrained model and to full fine-tuning?",
        ),
        Study(
            "commonsense",
            "Commonsense reasoning",
            "How far above a guess are the methods on commonsense questions, and how much of a score is the format of "
            "the answer?",
        ),
        Study(
            "id-ood",
            "In and out of distribution, with the leak and without",
            "What does training on one source give on another, and how much of the published gain out of distribution "
            "is test problems in the training data?",
        ),
        Study(
            "training-data",
            "How the training data are made",
            "What do the leak, the number of rows, the prompt and the reading of answers do to a result?",
        ),
        Study(
            "causal-gates",
            "Gated combinations on a language model",
            "Does a combination of modules do better than its parts at the same size, and do gates, which so far have "
            "only been tried on encoders, help it?",
        ),
        Study(
            "equal-time",
            "Gated combinations at equal training time",
            "A gated combination takes longer for each row than one module alone: is it still better than a module "
            "that trains on more rows for as long?",
        ),
        Study(
            "second-decoder",
            "A second decoder",
            "Is what was found on one small language model, about places, methods, and gated combinations, also so on "
            "another one?",
        ),
        Study(
            "answer-methods",
            "The other methods on questions",
            "How do the methods that the papers only name compare on a language model, at a similar number of trained "
            "parameters?",
        ),
        Study(
            "glue-signal",
            "What the encoder can tell apart",
            "On which tasks of GLUE does the backbone leave the trivial baseline at all, with its head alone and with "
            "everything trained, and how are its hidden states best pooled?",
        ),
        Study(
            "glue-recipe",
            "Learning rates",
            "Which learning rates does each method need, chosen on development rows, so that none is compared untuned?",
        ),
        Study(
            "low-resource",
            "UniPELT with few examples",
            "With 100, 500 or 1,000 examples of a task, which method does best, and do gates over several modules do "
            "better than the best of these alone, and than the same modules without gates?",
        ),
        Study(
            "frozen-head",
            "A head that is never trained",
            "The released code leaves the classifier's head at its random start wherever no adapter is trained. Does "
            "that explain the collapses that were published for 100 examples?",
        ),
        Study(
            "high-resource",
            "UniPELT with many examples",
            "Is there anything left between the methods when examples are plenty?",
        ),
        Study(
            "gates",
            "What gates do",
            "Which gates open, where and when; does the score depend on them; and do they take the place of a scale, "
            "a prefix length and a bottleneck that somebody would have to tune?",
        ),
        Study(
            "other-methods",
            "The other methods",
            "How do the methods that the papers only name compare, at a similar number of trained parameters?",
        ),
        Study(
            "glue-decoder",
            "A decoder as a classifier",
            "Do the same comparisons hold with a language model as the classifier, on tasks where the encoder is weak?",
        ),
    ]
}


def grid(
    study: str,
    preset: str,
    seeds: Sequence[int] | None = None,
    only: Sequence[str] | None = None,
    overrides: Mapping[str, str] | None = None,
    where: Mapping[str, Sequence[str]] | None = None,
) -> list[Run]:
    """The runs of a study, breadth first: every cell with the first seed, then every cell with the second.

    Args:
        study: a name of `STUDIES`.
        preset: a name of `pelt_core.study.presets.PRESETS`, or a YAML file of the same form.
        seeds: instead of the preset's; None for these.
        only: keep the runs of these methods: a short name of the preset (``"lora"``), or else a shell pattern over
            short names and specifications (``"lora*@q,k,v"``).
        overrides: other values for fields that all runs share, as YAML text.
        where: keep the runs in which each of these fields is, as text, one of the values given.

    Raises:
        UnknownStudy, UnknownPreset, BadPreset: what was asked for does not exist.
        NoSuchCell: a pattern or a value matches nothing, or no run has the field.
    """
    if study not in STUDIES:
        raise UnknownStudy(f"there is no study {study!r}; choose one of: {', '.join(STUDIES)}")
    parts = budgets(preset, study, overrides)
    every = sorted({seed for part in parts for seed in part.seeds}) if seeds is None else seeds
    asked = ((seed, part) for seed in every for part in parts if seeds is not None or seed in part.seeds)
    runs = list(dict.fromkeys(run for seed, part in asked for run in part.runs(seed)))
    for field, values in (where or {}).items():
        runs = _with(runs, parts[0].kind, field, values)
    return runs if not only else _matching(runs, only, _short_names(parts))


def _with(runs: list[Run], kind: type[Run], field: str, values: Sequence[str]) -> list[Run]:
    names = [one.name for one in fields(kind)]
    if field not in names:
        raise NoSuchCell(f"no run has a field {field!r} to choose by; the fields are: {', '.join(names)}")
    there = dict.fromkeys(getattr(run, field) for run in runs)
    wanted = [next((value for value in there if _is(value, text)), None) for text in values]
    if None in wanted:
        text = values[wanted.index(None)]
        raise NoSuchCell(f"no run of this study has {field}={text}; there are: {', '.join(map(str, there))}")
    return [run for run in runs if getattr(run, field) in wanted]


def _is(value: Any, text: str) -> bool:
    """Whether `text` says this value of a field: `5e-4` and `0.0005` are one number, `true` is Python's True."""
    if isinstance(value, float):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text.lower() == str(value).lower()


def _short_names(parts: Sequence[Budget]) -> dict[str, list[str]]:
    """Short name of a preset -> the specifications that it has in the parts of a study."""
    from pelt_core import specification

    found: dict[str, list[str]] = {}
    for part in parts:
        for name, method in part.cells["methods"].items():
            found.setdefault(name, []).append(str(specification.parse(method["method"])))
    return found


def _matching(runs: list[Run], only: Sequence[str], names: Mapping[str, Sequence[str]]) -> list[Run]:
    wanted: set[str] = set()
    for asked in only:
        chosen = {asked} & set(names) or {name for name in names if fnmatchcase(name, asked)}
        found = {method for name in chosen for method in names[name]}
        if asked not in names:
            found |= {run.method for run in runs if fnmatchcase(run.method, asked)}
        if not found & {run.method for run in runs}:
            raise NoSuchCell(
                f"no method of this study matches {asked!r}; its short names are: {', '.join(names)}; a pattern such "
                "as 'lora*' is held against these and against specifications"
            )
        wanted |= found
    return [run for run in runs if run.method in wanted]
