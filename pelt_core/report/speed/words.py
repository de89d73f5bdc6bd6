"""What the page on speed says in sentences, all of it computed from the results."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from IPython.display import Markdown

from pelt_core.report.speed.goals import SAME_LOSS, goals
from pelt_core.report.speed.numbers import percent, ranged, tiny
from pelt_core.report.speed.results import Comparison, Recorded
from pelt_core.report.words import counted, listed, marked

DOING = {"training": "trains", "decoding": "answers"}


def summary(recorded: Recorded) -> Markdown:
    """How many times as fast as each peer, at which loss, which targets are reached, and what is not recorded."""
    ratios = [one for one in recorded.comparisons if one.kind == "ratio"]
    first = " ".join([*_ratios(ratios), *_goals(recorded)]) if ratios else "Nothing is recorded yet."
    return Markdown("\n\n".join([first, *_open(recorded)]))


def _open(recorded: Recorded) -> Iterator[str]:
    if recorded.missing:
        commands = "\n".join(f"- `python -m benchmarks.{name}`" for name in recorded.missing)
        yield f"**Not recorded yet**, and shown nowhere below, is what these commands measure:\n\n{commands}"
    for name, file in recorded.files.items():
        yield from (f"Left out of `benchmarks.{name}`: {line}." for line in file["left_out"])


def _ratios(ratios: Sequence[Comparison]) -> Iterator[str]:
    """Of the same computation first; what differs, even if by rounding, apart."""
    same = [one for one in ratios if _same(one)]
    others = [one for one in ratios if not _same(one)]
    if same:
        losses = [one.loss for one in same if one.loss is not None]
        alike = [f"losses differ by at most {tiny(max(losses))} nats in any step"] * bool(losses)
        alike += ["all texts are the same"] * any(one.texts is not None for one in same)
        yield f"On the machine named below, where {' or '.join(alike)}, this library {_times(same)}."
    if others:
        yield f"Where rounding, the method or the search differs, this library {_times(others)}."


def _same(one: Comparison) -> bool:
    """Whether losses or texts show that both compute the same."""
    return one.texts == 1 if one.loss is None else one.loss <= SAME_LOSS


def _times(ratios: Sequence[Comparison]) -> str:
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for one in ratios:
        groups.setdefault((DOING[one.benchmark], one.peer), []).append(one)
    return listed(
        f"{does} **{ranged(one.median for one in own)}** times as fast as *{peer}* ({marked(one.what for one in own)})"
        for (does, peer), own in groups.items()
    )


def _goals(recorded: Recorded) -> Iterator[str]:
    judged = goals(recorded)
    missed = [goal.what for goal in judged if not goal.reached]
    if judged:
        yield f"**{len(judged) - len(missed)} of {counted(len(judged), 'goal')} reached.**"
    if missed:
        yield f"Missed: {'; '.join(missed)}."


def apart(recorded: Recorded) -> Markdown:
    """Which losses differ although the methods cost the same, and why."""
    reasons: dict[str, list[str]] = {}
    for one in recorded.comparisons:
        if one.benchmark == "training" and one.why:
            reasons.setdefault(one.why, []).append(one.what)
    said = "; ".join(f"of {listed(whats)}, as {why}" for why, whats in reasons.items())
    return Markdown(
        f"Losses differ by more than rounding where a peer's method is not quite the same: {said}." * bool(said)
    )


def baselines(recorded: Recorded) -> Markdown:
    """What a negative entry of the table means."""
    added = [one for one in recorded.comparisons if one.kind == "added_percent"]
    faster = [f"{one.of['name']} in {one.cell['name']}" for one in added if one.median < 0]
    said = (
        f"A negative number ({listed(faster)}) says that this library's bare backbone is slower than the same with the "
        "method: it measures how the library runs a bare backbone, and a goal that is set against it can hardly be "
        "reached."
    )
    return Markdown(said * bool(faster))


def same_texts(recorded: Recorded) -> Markdown:
    """How often our answers are, text for text, those that the peer writes in the same precision."""
    said = [
        f"{percent(one.texts)} of the answers of *{one.of['name']}* are those of *{one.against['name']}*"
        for one in recorded.comparisons
        if one.texts is not None
    ]
    return Markdown(f"Text for text, {listed(said)}." if said else "Whether texts are the same is *not recorded yet*.")
