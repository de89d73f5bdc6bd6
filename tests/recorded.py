"""Results of the placement study with all, some and none of its made-up runs recorded."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from synthetic import fill

from pelt_core.report import results
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger

RUNS = grid("placement", "laptop")


def with_runs(runs, **options):
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        fill(ledger, runs, **options)
        return results.load(RUNS, ledger)


@cache
def full():
    """Every run recorded; series adapters at the MLP are better than the rest by far."""
    best = [run.method for run in RUNS if run.method.startswith("series") and run.method.endswith("@mlp")]
    return with_runs(RUNS, effects=dict.fromkeys(best, -0.2))


@cache
def part():
    """The base model and two cells, one seed each."""
    return with_runs(RUNS[:3])


@cache
def nothing():
    return with_runs([])
