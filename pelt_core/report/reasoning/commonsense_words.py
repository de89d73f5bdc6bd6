"""What the page on commonsense says of its numbers, and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from IPython.display import Markdown

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import set_name
from pelt_core.report.reasoning import commonsense, published
from pelt_core.report.reasoning.commonsense import BASE, LABELS, OWN, READINGS, TEXTS
from pelt_core.report.tables import interval
from pelt_core.report.words import counted, listed
from pelt_core.study.answer_scores import AnswerScores
from pelt_core.study.statistics import LEAST_SEEDS


def reading(
    scores: AnswerScores, found: pd.DataFrame, formats: pd.DataFrame, transfer: pd.DataFrame, guessed: float
) -> Markdown:
    """One point a question of the page.

    Args:
        scores: of the study.
        found: see `pelt_core.report.reasoning.commonsense.means`.
        formats: see `pelt_core.report.reasoning.commonsense.formats`.
        transfer: see `pelt_core.report.reasoning.commonsense.transfer`.
        guessed: see `pelt_core.report.reasoning.commonsense.guess`.
    """
    if found["mean"].isna().all():
        return Markdown("There is nothing to read yet: no run is recorded.")
    points = [
        *_above(found, guessed),
        *_base(found),
        *_format(found, formats),
        *_elsewhere(scores, transfer),
        *_published(found),
    ]
    return Markdown("\n".join(f"- {point}" for point in points))


def facts(found: pd.DataFrame, guessed: float) -> dict[str, str]:
    """What other pages quote: the best method trained on labels, the base model and the commonest label, in points.

    Args:
        found: see `pelt_core.report.reasoning.commonsense.means`.
        guessed: see `pelt_core.report.reasoning.commonsense.guess`.
    """
    written = found[(found["measure"] == OWN[LABELS]) & found["mean"].notna()]
    trained, base = written[written["format"] == LABELS], written[written["method"] == BASE]
    if trained.empty or base.empty:
        return dict.fromkeys(("best", "best_score", "base_score", "guessed"), NOT_RUN)
    best = trained.loc[trained["mean"].idxmax()]
    return {
        "best": best["line"].removesuffix(f", {LABELS}"),
        "best_score": f"{best['mean']:.1f}",
        "base_score": f"{base['mean'].iloc[0]:.1f}",
        "guessed": f"{guessed:.1f}",
    }


def _above(found: pd.DataFrame, guessed: float) -> Iterator[str]:
    for heading, own in found[(found["method"] != BASE) & found["mean"].notna()].groupby("heading", sort=False):
        best = next(own.sort_values("mean", ascending=False, kind="stable").itertuples())
        above, below = int((own["low"] > guessed).sum()), int((own["high"] < guessed).sum())
        yield (
            f"**{heading}.** Of {counted(len(own), 'trained cell')}, {above} lie with their whole interval above the "
            f"{guessed:.1f} points of always giving the commonest label, and {below} below. The highest is "
            f"{best.line}, {interval(best, '{:.1f}')}."
        )


def _base(found: pd.DataFrame) -> Iterator[str]:
    base = found[(found["method"] == BASE) & found["mean"].notna()]
    if len(base):
        said = listed(f"{one.mean:.1f} by {one.heading.lower()}" for one in base.itertuples())
        yield (
            f"**Reading alone.** The same untrained model scores {said}: {np.ptp(base['mean']):.1f} points between the "
            "readings, without a parameter changed."
        )


def _format(found: pd.DataFrame, formats: pd.DataFrame) -> Iterator[str]:
    """For each reading, the difference of the formats, and beside it how far the methods of one format are apart."""
    for heading, own in formats[formats["mean"].notna()].groupby("heading", sort=False):
        trained = found[(found["heading"] == heading) & (found["method"] != BASE) & found["mean"].notna()]
        apart = trained.groupby("format")["mean"].agg(np.ptp)
        clear = own[own["low"] * own["high"] > 0]
        tested = own[own["seeds"] >= LEAST_SEEDS]
        verdict = f"; after Holm's correction {int(tested['significant'].sum())} are significant" if len(tested) else ""
        yield (
            f"**Format, by {str(heading).lower()}.** Training on labels instead of texts makes "
            f"{_signed(own['mean'].mean())} points on average over {counted(len(own), 'method')}, "
            f"{_signed(own['mean'].min())} to {_signed(own['mean'].max())}; {len(clear)} of the intervals leave out "
            f"zero{verdict}. Methods of one format are up to {apart.max():.1f} points apart."
        )


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")


def _elsewhere(scores: AnswerScores, transfer: pd.DataFrame) -> Iterator[str]:
    foreign = listed(map(set_name, commonsense.untrained_sets(scores)))
    for of in (LABELS, TEXTS):
        own = transfer[(transfer["format"] == of) & transfer["foreign"].notna() & transfer["trained"].notna()]
        known = [(one.trained.mean, one.foreign.mean) for one in own.itertuples()]
        known = [pair for pair in known if np.isfinite(pair).all()]
        if known:
            there, elsewhere = np.mean(known, axis=0)
            yield (
                f"**Other sets, trained on {of}.** On {foreign}, of which no row was trained on, methods gain "
                f"{_signed(elsewhere)} points on the base model, against {_signed(there)} on the sets that were, on "
                f"average over {counted(len(known), 'method')}, by {READINGS[OWN[of]].lower()}."
            )


def _published(found: pd.DataFrame) -> Iterator[str]:
    own = found[(found["measure"] == OWN[LABELS]) & (found["format"] == LABELS) & found["mean"].notna()]
    own = own[own["method"].isin(published.METHODS)]
    if len(own):
        paper = published.means(published.COMMONSENSE).to_numpy()
        yield (
            f"**Beside the paper.** Trained and read in the same format, its methods score {paper.min():.1f} to "
            f"{paper.max():.1f} on backbones of billions of parameters; ours {own['mean'].min():.1f} to "
            f"{own['mean'].max():.1f}."
        )


def limits(scores: AnswerScores) -> list[str]:
    """The points of this study alone, see `pelt_core.report.reasoning.limits.limits`."""
    foreign = commonsense.untrained_sets(scores)
    points = [
        "**Against larger models.** That a small tuned model does better than a large untrained one, as the paper "
        "finds against ChatGPT, cannot be judged here: held against the commonest label and the untrained base, our "
        "rows say what training adds to one small model. The `paper` preset plans the rest.",
        "**The length of texts.** By likelihood a text is scored per character, as long ones would lose otherwise; "
        "another norm gives another score. *True* and *false* are scored as they are.",
        "**One rate for two formats.** The learning rates were searched for on problems of arithmetic, and are the "
        "same for labels and for texts.",
    ]
    if foreign:
        points.append(
            f"**Sets not trained on.** {listed(map(set_name, foreign))}: asked, but without a row in the training, "
            "unlike in the paper."
        )
    return points
