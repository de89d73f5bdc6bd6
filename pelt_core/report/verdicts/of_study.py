"""The verdicts on the claims that one study tests, for its own page."""

from __future__ import annotations

import pandas as pd

from pelt_core.report.verdicts import tables
from pelt_core.study.claims.claim import claims as every
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.judge import Judged, judge
from pelt_core.study.ledger import Ledger


def claims(study: str, preset: str, ledger: str) -> pd.DataFrame:
    """Every claim that the rows of a study test, with its verdict, as `pelt_core.report.verdicts.tables.claims`."""
    return tables.claims(judged(study, Evidence(preset, Ledger(ledger))))


def judged(study: str, evidence: Evidence) -> list[Judged]:
    """The claims that a study tests, with their verdicts."""
    return judge([one for one in every() if one.study == study], evidence)
