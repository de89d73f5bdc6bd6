"""The verdicts of the page on placement, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report import estimates, figures, words
from pelt_core.report.claims import Claim, best_place
from pelt_core.report.limits import published_sets
from pelt_core.report.names import METHOD_NAMES, backbone_name, backbone_summary, set_name
from pelt_core.report.results import Results
from pelt_core.report.tables import interval, p_value


@dataclass(frozen=True)
class Judged:
    """The published best place of a method, judged by answer loss and by accuracy."""

    method: str
    published: str
    loss: Claim
    accuracy: Claim


def against_published(results: Results) -> Markdown:
    """How to read our accuracies beside the published ones, or why there is nothing to lay side by side."""
    if published_sets(results):
        return Markdown(
            "The paper's figure shows only the best place of each method, without deviations. Our model and training "
            "rows are others: compare the order of the places, not the height."
        )
    asked = words.listed(map(set_name, results.sets("correct")))
    return Markdown(f"**Left out**: the published accuracies are on other problems than those asked here ({asked}).")


def beside_published(results: Results, accuracy: pd.DataFrame, published: pd.DataFrame) -> None:
    """Draw our accuracies beside the published ones where both are on the same problems, and nothing otherwise.

    Args:
        results: of the study.
        accuracy: of every cell, as a share, see `pelt_core.report.estimates.by_cell`.
        published: the paper's best places.
    """
    if published_sets(results):
        percents = estimates.scaled(accuracy, 100)
        figures.published_beside_ours(percents, published, results.runs[0].backbone, "{:.1f}")


def verdicts(published: pd.DataFrame, loss: pd.DataFrame, accuracy: pd.DataFrame) -> list[Judged]:
    """One verdict a measure for each published best place."""
    return [
        Judged(
            one.method,
            one.placement,
            best_place(one.method, one.placement, loss, "lower"),
            best_place(one.method, one.placement, accuracy, "higher"),
        )
        for one in published.itertuples()
    ]


def verdict_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """The verdicts as a table."""
    return pd.DataFrame(
        {
            "Claim": f"{METHOD_NAMES[one.method]}: best at {_where(one.published)}",
            "By answer loss": str(one.loss),
            "By accuracy": str(one.accuracy),
        }
        for one in judged
    )


def _where(place: str) -> str:
    return {"attention": "the attention", "MLP": "the MLP", "both": "attention and MLP together"}.get(place, place)


def reading(results: Results, loss: pd.DataFrame, judged: Sequence[Judged]) -> Markdown:
    """What the cells and the verdicts say, one paragraph a method, the main measure first."""
    return Markdown("\n\n".join([_against_base(results, loss), *(_paragraph(one, loss) for one in judged)]))


def _against_base(results: Results, loss: pd.DataFrame) -> str:
    base, trained = _recorded(loss)
    if not trained:
        return "No trained cell is recorded yet: there is nothing to read."
    lowest = min(trained, key=lambda cell: cell.mean)
    said = f"The lowest answer loss belongs to {_name(lowest)}: {interval(lowest, '{:.3f}')} nats per token"
    if base:
        better = sum(cell.high < base.low for cell in trained)
        said += (
            f", where the base model has {interval(base, '{:.3f}')}. Of the {len(trained)} trained cells, {better} "
            f"{'lies' if better == 1 else 'lie'} below the base model with their whole interval"
        )
    return f"{said}."


def _recorded(loss: pd.DataFrame) -> tuple[Any, list[Any]]:
    """The base model, or None, and the trained cells, as far as they are recorded."""
    known = [cell for cell in loss.itertuples() if not np.isnan(cell.mean)]
    return next((cell for cell in known if cell.method == "none"), None), [c for c in known if c.method != "none"]


def _name(cell: Any) -> str:
    return f"{METHOD_NAMES[cell.method]} at {_where(cell.placement)}"


def _paragraph(one: Judged, loss: pd.DataFrame) -> str:
    own = [cell for cell in _recorded(loss)[1] if cell.method == one.method]
    claim = f"**{METHOD_NAMES[one.method]}.** Published best: {_where(one.published)}. "
    claim += f"By answer loss: **{one.loss}**"
    if not own:
        return f"{claim}."
    lowest = min(own, key=lambda cell: cell.mean).placement
    compared = [
        f"{r.pair}: {interval(r, '{:+.4f}')}" + ("" if np.isnan(r.p_holm) else f", p {_equals(r.p_holm)}")
        for r in one.loss.reasons.itertuples()
        if not np.isnan(r.mean)
    ]
    return (
        f"{claim}; the lowest loss here is at {_where(lowest)}"
        + (f" ({'; '.join(compared)})" if compared else "")
        + f". By accuracy: {one.accuracy}."
    )


def _equals(p: float) -> str:
    said = p_value(p)
    return said if said.startswith("<") else f"= {said}"


def facts(
    results: Results, loss: pd.DataFrame, accuracy: pd.DataFrame, published: pd.DataFrame, judged: Sequence[Judged]
) -> dict[str, str]:
    """What other pages quote, as text.

    Args:
        results: of the study.
        loss: of every cell, see `pelt_core.report.estimates.by_cell`.
        accuracy: of every cell.
        published: the paper's best places.
        judged: their verdicts.
    """
    base, trained = _recorded(loss)
    lowest = min(trained, key=lambda cell: cell.mean, default=None)
    shares = [
        row["trainable_parameters"] / row["backbone_parameters"] for c in results.trained if (row := results.row(c))
    ]
    return {
        "backbone": backbone_name(results.runs[0].backbone),
        "backbone_summary": backbone_summary(results.runs[0].backbone),
        "recorded": f"{len(results.rows)} of {len(results.runs)}",
        "seeds": words.counted(len(words.seeds(results)), "seed"),
        "hours": words.hours(results),
        "base_loss": f"{base.mean:.3f}" if base else "not run yet",
        "lowest_loss": f"{lowest.mean:.3f}" if lowest else "not run yet",
        "lowest_cell": _name(lowest) if lowest else "not run yet",
        "accuracies": _range(100 * accuracy.loc[accuracy["method"] != "none", "mean"].dropna()),
        "published_accuracies": _range(published["value"]),
        "shares": f"{min(shares):.1%} to {max(shares):.1%}" if shares else "not run yet",
        "training": words.training(results),
        **{f"place_{one.method}": _where(one.published) for one in judged},
        **{f"verdict_{one.method}": str(one.loss) for one in judged},
        **{f"accuracy_verdict_{one.method}": str(one.accuracy) for one in judged},
    }


def _range(percents: pd.Series) -> str:
    return f"{percents.min():.1f} % to {percents.max():.1f} %" if len(percents) else "not run yet"
