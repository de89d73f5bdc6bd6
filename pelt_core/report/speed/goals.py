"""What the library is meant to reach, and whether it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pelt_core.report.speed.numbers import gigabytes, percent, rate, short, spread, tiny
from pelt_core.report.speed.results import OURS, Comparison, Recorded

SAME_LOSS = 1e-4
"""Nats by which the losses of two libraries may differ that compute the same in fp32."""
GEMM_SHARE = 0.55
"""Of the speed of the fastest matrix product, while training in fp32."""
MEMORY = 3e9
"""Bytes, while training in fp32."""


@dataclass(frozen=True)
class Goal:
    """A line of the table of goals.

    Attributes:
        what: is compared.
        ours: what this library has.
        peer: what the other has.
        ratio: of the two speeds, with its range.
        asked: what was to be reached.
        reached: whether it is; the median decides.

    """

    what: str
    ours: str
    peer: str
    ratio: str
    asked: str
    reached: bool


def goals(recorded: Recorded) -> list[Goal]:
    """Every goal that something recorded can be held against."""
    return [goal for one in recorded.comparisons for goal in _goals(one, recorded)]


def _goals(one: Comparison, recorded: Recorded) -> Iterator[Goal]:
    if one.to_reach is not None:
        yield _speed(one) if one.kind == "ratio" else _added(one, recorded)
    if one.peer == "peft" and one.loss is not None and one.cell["precision"] == "fp32":
        yield _loss(one, one.loss)
        yield _share(one)
        if one.of["peak_memory_bytes"] is not None:
            yield _memory(one)


def _speed(one: Comparison) -> Goal:
    ratio = spread(one.median, one.least, one.most)
    what = f"{one.what}, {one.benchmark} against {one.peer}"
    return Goal(what, rate(one.of), rate(one.against), ratio, f"≥ {one.to_reach:g}", bool(one.reached))


def _loss(one: Comparison, loss: float) -> Goal:
    said = f"{tiny(loss)} nats apart"
    return Goal(f"{one.what}, loss", said, one.peer, "", f"≤ {tiny(SAME_LOSS)}", loss <= SAME_LOSS)


def _share(one: Comparison) -> Goal:
    ours, peer = (contender["gemm_share"]["median"] for contender in (one.of, one.against))
    asked, others = f"≥ {percent(GEMM_SHARE)}", f"{one.peer}: {percent(peer)}"
    return Goal(f"{one.what}, share of the peak", percent(ours), others, "", asked, ours >= GEMM_SHARE)


def _memory(one: Comparison) -> Goal:
    ours, peer = (contender["peak_memory_bytes"] for contender in (one.of, one.against))
    asked, others = f"< {gigabytes(MEMORY)}", f"{one.peer}: {gigabytes(peer)}"
    return Goal(f"{one.what}, peak memory", gigabytes(ours), others, "", asked, ours < MEMORY)


def _added(one: Comparison, recorded: Recorded) -> Goal:
    method = one.of["name"]
    others = {other.cell["name"]: other.median for other in recorded.added(method) if other.cell["name"] != OURS}
    asked = f"≤ {one.to_reach:g} %{', ≤ peers' * bool(others)}"
    peers = "; ".join(f"{library}: {short(median)} %" for library, median in others.items())
    reached = bool(one.reached) and one.median <= min(others.values(), default=one.median)
    ours = f"{spread(one.median, one.least, one.most)}\N{NO-BREAK SPACE}%"
    return Goal(f"{method}, added to inference", ours, peers, "", asked, reached)
