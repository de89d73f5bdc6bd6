"""PSCP, the score of PEFT-Bench that is lowered by parameters, operations and memory (Belanec et al. 2025).

With `P` a method's score, `M_p` its trained parameters, `M_f` the floating point operations that it adds to reading a
text, `M_m` the memory that its training takes, and a constant for each of them,

    PSCP = P (1 + M_p / C_p)^(-b_p) (1 + M_f / C_f)^(-b_f) (1 + M_m / C_m)^(-b_m).

A cost as large as its constant halves the score where `b = 1`. Formula, constants and `b` are those of the authors'
code, `scripts/peftfactory/cal_psqp.py` of kinit-sk/PEFT-Factory. arXiv 2511.21285.
"""

from __future__ import annotations

from dataclasses import dataclass

from pelt_core.errors import PeltError


class BadCost(PeltError, ValueError):
    """A cost below zero, or a constant that is none."""


@dataclass(frozen=True)
class Constants:
    """The costs that halve a score, and how steeply each lowers it.

    Attributes:
        parameters: `C_p`.
        flops: `C_f`, floating point operations of one text.
        memory: `C_m`, bytes.
        exponents: `b_p`, `b_f`, `b_m`.
    """

    parameters: float
    flops: float
    memory: float
    exponents: tuple[float, float, float] = (1.0, 1.0, 1.0)


PEFT_BENCH = Constants(parameters=5e8, flops=10e12, memory=94e9)
"""As PEFT-Bench has them: the last is the memory of its GPU."""
PEFT_BENCH_PARAMETERS, PEFT_BENCH_FLOPS = 8_030_261_248, 8.38e12
"""Of the backbone that its constants were chosen for, LLaMA-3-8B, and of reading one text with it."""


def rescaled(parameters: float, flops: float, memory: float) -> Constants:
    """Constants that are to another backbone and machine what those of PEFT-Bench are to its own.

    Args:
        parameters: of the backbone.
        flops: of reading one text with it.
        memory: of the machine, in bytes.
    """
    return Constants(
        PEFT_BENCH.parameters * parameters / PEFT_BENCH_PARAMETERS, PEFT_BENCH.flops * flops / PEFT_BENCH_FLOPS, memory
    )


def pscp(score: float, parameters: float, flops: float, memory: float, constants: Constants = PEFT_BENCH) -> float:
    """`P (1 + M_p / C_p)^(-b_p) (1 + M_f / C_f)^(-b_f) (1 + M_m / C_m)^(-b_m)`, in the unit of the score.

    Args:
        score: `P`.
        parameters: `M_p`, trained.
        flops: `M_f`, more than the bare backbone needs for one text.
        memory: `M_m`, bytes, at the peak of training.
        constants: what each is held against.

    Raises:
        BadCost: a cost is below zero, or a constant is not above it.
    """
    costs = parameters, flops, memory
    held_against = constants.parameters, constants.flops, constants.memory
    if min(costs) < 0 or min(held_against) <= 0:
        raise BadCost(f"costs must not be below 0 nor constants 0 or below, and they are {costs} and {held_against}")
    for cost, constant, exponent in zip(costs, held_against, constants.exponents, strict=True):
        score *= (1 + cost / constant) ** -exponent
    return score
