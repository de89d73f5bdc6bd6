"""What the front page takes from the studies of reasoning: one sentence each, or that they are not run yet."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pelt_core.report.missing import NOT_RUN
from pelt_core.report.names import mix_name
from pelt_core.report.reasoning.cells import paired
from pelt_core.report.reasoning.commonsense import BASE
from pelt_core.report.reasoning.mixes import LEAK, SEEN, shared
from pelt_core.report.told import estimate
from pelt_core.study.answer_scores import AnswerScores

LOSS = {"unit": "nats a token", "number": "{:+.3f}"}


def combination(differing: pd.DataFrame) -> dict[str, str]:
    """The gated and the ungated combination of three, each against what it has to beat.

    Args:
        differing: see `pelt_core.report.reasoning.causal_gates.differences`.

    Returns:
        gated (the token gate − no gate), best_part (the one module with the lowest loss), ungated (no gate − that one).
    """
    gated = differing[(differing["method"] == "token") & (differing["second"] == "nogate") & (differing["state"] == "")]
    parts = differing[differing["method"] == "nogate"]
    found = {"gated": NOT_RUN, "best_part": NOT_RUN, "ungated": NOT_RUN}
    if len(gated):
        found["gated"] = estimate(next(gated.itertuples()), **LOSS)
    if len(parts) and (parts["state"] == "").all():
        hardest = next(parts.sort_values("mean", ascending=False).itertuples())
        found |= {"best_part": hardest.line, "ungated": estimate(hardest, **LOSS)}
    return found


def leak(scores: AnswerScores, leaking: pd.DataFrame) -> dict[str, str]:
    """What test problems in the training data give, beside what training on other problems of the kind gives.

    Args:
        scores: of the study, by the loss.
        leaking: see `pelt_core.report.reasoning.mixes.leaks`.

    Returns:
        mix (with the leak), leaked (the difference on the questions that were trained on, set by set), clean_gain (the
        same mix without test problems − the untrained model, on the same questions).
    """
    seen = leaking[(leaking["which"] == SEEN) & (leaking["state"] == "")]
    if seen.empty:
        return dict.fromkeys(("mix", "leaked", "clean_gain"), NOT_RUN)
    heading = seen["heading"].iloc[0]
    own = seen[seen["heading"] == heading]
    (sources,) = {run.sources for run in scores.runs if mix_name(run.sources) == heading}
    everywhere = shared(scores, sources)
    asked = everywhere.index[everywhere == 1]
    clean = scores.values(tuple(own["set"]), sources=sources.replace(LEAK, f"un{LEAK}"))
    base = scores.values(tuple(own["set"]), method=BASE)
    gain = paired(clean[clean.index.isin(asked)], base[base.index.isin(asked)])
    sets = f"{own['mean'].min():+.3f} to {own['mean'].max():+.3f} nats a token on {len(own)} sets".replace("-", "−")
    known = f"{gain['mean']:+.3f}".replace("-", "−") if np.isfinite(gain["mean"]) else NOT_RUN
    return {"mix": heading, "leaked": sets, "clean_gain": known}
