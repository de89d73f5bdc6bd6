"""The parts of the page on a model of one's own: which families there are, and what each preset costs."""

from pelt_core.anatomy import ANATOMIES
from pelt_core.pages import PUBLISHED, ROOT
from pelt_core.report import words
from pelt_core.report.names import backbone_name, set_name
from pelt_core.study.answer_scores import load
from pelt_core.study.grids import grid
from pelt_core.study.ledger import Ledger
from pelt_core.study.presets import PRESETS, ledger_folder


def families() -> str:
    """The families of causal language models, as the `model_type` of their configurations spells them."""
    causal = [family for family, stacks in ANATOMIES.items() if all(stack.causal for stack in stacks)]
    return f"{', '.join(f'`{family}`' for family in causal)}."


def presets() -> str:
    """What each preset spends on the study of placement, and how long it took where it was recorded."""
    lines = ["| Preset | Runs | Seeds | Each trains on at most | and answers at most |", "|:--|--:|--:|:--|:--|"]
    for preset in PRESETS:
        runs = grid("placement", preset)
        trained = next(run for run in runs if run.trains)
        asked = f"{trained.questions} questions each of {words.listed(map(set_name, trained.evaluate))}"
        seeds = len({run.seed for run in runs})
        lines.append(f"| `{preset}` | {len(runs)} | {seeds} | {_rows(trained.train)} | {asked} |")
    return "\n".join([*lines, "", took("placement")])


def _rows(train: str) -> str:
    parts = (part.partition(":") for part in train.split("+"))
    return words.listed(f"{rows} rows of {set_name(name)}" if rows else set_name(name) for name, _, rows in parts)


def took(study: str) -> str:
    """How long the recorded runs of a study took."""
    found = load([study], PUBLISHED, Ledger(ROOT / ledger_folder(PUBLISHED)))
    if not found.rows:
        return f"The preset `{PUBLISHED}` has {len(found.runs)} runs of it, none of which is recorded yet."
    name = backbone_name(found.runs[0].backbone)
    return (
        f"The recorded runs of `{PUBLISHED}`, {len(found.rows)} of {len(found.runs)}, took {words.hours(found)} of "
        f"wall time with {name} on the processor alone. It grows about as the number of the backbone's parameters."
    )
