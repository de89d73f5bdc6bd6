"""The parts of the front page that depend on which pages are made: findings, the claims in short, and what to read on.

What they say was glued by the notebooks of those pages, and is read from the executed ones.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pandas as pd
import pelt_ledger
from sphinx.application import Sphinx

from pelt_core import specification
from pelt_core.study.grids import STUDIES

MARK = re.compile(r"^<!-- front: ([\w-]+) -->$", re.M)
GLUED = "application/papermill.record/text/plain"
NOT_RUN = "not run yet"
SECONDS = 3600
IN_SHORT = (
    *("best-on-average", "gain", "upper-bound", "gate-apl", "gate-ap", "size-is-not-quality"),
    *("gated-lora-scale", "trains-faster", "infers-slower"),
    *("place-of-series", "place-of-parallel", "place-of-lora"),
)
"""How the ids of the claims begin that the front page names; those that differ in one condition share a line."""


OTHERS = {
    "claims": ("What the papers claim", "Every claim beside the comparison that tests it, its effect and its verdict."),
    "efficiency": ("What it costs", "Parameters, time and memory of each method, beside full fine-tuning."),
}
"""Pages on several studies: title and what is there."""


def cards(book: Path, runs: pd.DataFrame) -> str:
    """Four numbers in a row: what stands behind the book.

    Args:
        book: its folder.
        runs: as `pelt_core.study.export.table` returns them.
    """
    said = facts(book / "studies" / "claims.ipynb")
    hours = runs[["train_seconds", "evaluate_seconds"]].sum().sum() / SECONDS
    told = [
        (f"{len(runs):,}", "recorded runs, each with what it says of every tested item"),
        (f"{len(_modules(runs))}", "kinds of module trained, alone, combined and gated"),
        (f"{hours:,.0f} hours", "of computing, added up over the runs of all studies"),
    ]
    if "claims_quality" in said:
        told.append(
            (
                f"{said['claims_quality_decided']} of {said['claims_quality']}",
                "published claims on scores or losses decided here, for or against; of those on parameters or time "
                f"{said['claims_cost_decided']} of {said['claims_cost']}",
            )
        )
    lines = [f":::{{grid-item-card}} {number}\n:shadow: none\n{text}\n:::" for number, text in told]
    return "\n".join(["::::{grid} 2 2 4 4", ":gutter: 3", ":class-container: pelt-stats", "", *lines, "::::"])


def _modules(runs: pd.DataFrame) -> set[str]:
    terms = {term.name for method in runs["method"].unique() for term in specification.parse(method).terms}
    return terms - {"full", "head", "none"}


def facts(page: Path) -> dict[str, str]:
    """What an executed notebook glued, by name; nothing if it is not made yet."""
    if not page.exists():
        return {}
    outputs = [output for cell in nbformat.read(page, 4).cells for output in cell.get("outputs", [])]
    scraps = [(output.metadata.get("scrapbook"), output.get("data", {})) for output in outputs if "data" in output]
    return {scrap["name"]: str(ast.literal_eval(data[GLUED])) for scrap, data in scraps if scrap and GLUED in data}


def findings(book: Path) -> str:
    """A list of sentences, each with the page that it is from."""
    found = [
        f"- {said} {{doc}}`More <studies/{page}>`"
        for page, sentences in FINDINGS.items()
        if in_contents(book, page)
        for said in sentences(facts(book / "studies" / f"{page}.ipynb"))
    ]
    return "\n".join(found) or "No study is recorded yet."


def _of_claims(said: dict[str, str]) -> Iterator[str]:
    if "claims_counts" in said:
        more = said.get("claims_decided", "") + said.get("claims_sizes", "")
        yield f"**Of {said['claims_all']} claims of the two papers**, {said['claims_counts']}.{more}"


def _of_low_resource(said: dict[str, str]) -> Iterator[str]:
    sizes = sorted(int(name.removeprefix("best_")) for name in said if re.fullmatch(r"best_\d+", name))
    best = [
        f"with {size:,} examples {said[f'best_{size}']}, over {said[f'tasks_{size}']}, ahead of the next by "
        f"{said[f'lead_{size}']}"
        for size in sizes
        if said[f"best_{size}"] != NOT_RUN
    ]
    if best:
        yield f"**Highest mean score**: {'; '.join(best)}."
    for method, name in (("ap", "adapter and prefix"), ("apl", "adapter, prefix and LoRA")):
        if said.get(f"gate_{method}", NOT_RUN) != NOT_RUN:
            yield f"**A gate over {name}** changes the score by {said[f'gate_{method}']}."


def _of_signal(said: dict[str, str]) -> Iterator[str]:
    if "telling" in said:
        yield f"**Tasks that the small encoder can tell apart**: {said['telling']}; it cannot: {said['blind']}."


def _of_frozen_head(said: dict[str, str]) -> Iterator[str]:
    costs = [said.get(f"frozen_cost_{group}", NOT_RUN) for group in ("without_adapter", "others")]
    if NOT_RUN not in costs:
        yield (
            f"**A head that stays at its random start**, as UniPELT's released code has it for methods without an "
            f"adapter, changes what these score with {said['frozen_examples']} examples by {costs[0]}; freezing it in "
            f"the others too changes theirs by {costs[1]}."
        )


def _of_gates(said: dict[str, str]) -> Iterator[str]:
    shut, half, opened = (said.get(f"gates_forced_apl_{value}", NOT_RUN) for value in ("0.0", "0.5", "1.0"))
    if NOT_RUN not in (shut, half, opened):
        yield (
            f"**Forcing UniPELT's trained gates** (APL) to one half, where they start, changes the score by {half}; "
            f"shut, by {shut}; open, by {opened}."
        )
    if said.get("gates_padding_changed", NOT_RUN) != NOT_RUN:
        yield (
            f"**A gate that counts padding**, as in the released code, changes {said['gates_padding_changed']} of the "
            "answers when the same texts are padded to the full length."
        )


def _of_placement(said: dict[str, str]) -> Iterator[str]:
    if said.get("lowest_loss", NOT_RUN) != NOT_RUN:
        yield (
            f"**On arithmetic**, the lowest answer loss belongs to {said['lowest_cell']}, with {said['lowest_size']} "
            f"trained parameters where the smallest module has {said['least_size']}: {said['lowest_loss']} nats a "
            f"token. The untrained model has {said['base_loss']}."
        )


def _of_combinations(said: dict[str, str]) -> Iterator[str]:
    if said.get("gated", NOT_RUN) != NOT_RUN:
        yield (
            "**Gated combinations on a language model**, which neither paper has: a gate for each token over LoRA, "
            f"prefix and series adapter changes the answer loss by {said['gated']}, against the three without a gate."
        )
    if said.get("ungated", NOT_RUN) != NOT_RUN:
        yield (
            f"**The three together without a gate** change it by {said['ungated']}, against the best of them alone at "
            f"as many parameters ({said['best_part']})."
        )


def _of_mixes(said: dict[str, str]) -> Iterator[str]:
    if said.get("leaked", NOT_RUN) != NOT_RUN:
        yield (
            f"**Test problems in the training data** ({said['mix']}) change the answer loss on these problems by "
            f"{said['leaked']}; as many other problems of as many steps change it by {said['clean_gain']} from the "
            "untrained model."
        )


def _of_commonsense(said: dict[str, str]) -> Iterator[str]:
    if said.get("best_score", NOT_RUN) != NOT_RUN:
        yield (
            f"**On commonsense**, in the published format, the best method ({said['best']}) writes the right label for "
            f"{said['best_score']} % of the questions, the untrained model for {said['base_score']} %; the commonest "
            f"label is right for {said['guessed']} %."
        )


FINDINGS: dict[str, Callable[[dict[str, str]], Iterator[str]]] = {
    "claims": _of_claims,
    "glue-signal": _of_signal,
    "low-resource": _of_low_resource,
    "frozen-head": _of_frozen_head,
    "gates": _of_gates,
    "placement": _of_placement,
    "commonsense": _of_commonsense,
    "id-ood": _of_mixes,
    "causal-gates": _of_combinations,
}
"""Page -> the sentences that what it glued allows."""


def claims_in_short(book: Path) -> str:
    """A table of the main claims and their verdicts."""
    if not in_contents(book, "claims"):
        return "The page on claims is not made yet."
    from pelt_core.study.claims.claim import claims

    said, lines = facts(book / "studies" / "claims.ipynb"), []
    for beginning in IN_SHORT:
        own = [(re.fullmatch(rf"{beginning}(?:-(\d+|loss|accuracy))?", one.id), one) for one in claims()]
        alike = {match[1] or "": one for match, one in own if match}
        verdicts = {
            condition: said.get("claim_" + one.id.replace("-", "_"), NOT_RUN) for condition, one in alike.items()
        }
        if alike:
            text = re.sub(
                r"^With [\d,]+ examples, (.)", lambda start: start[1].upper(), next(iter(alike.values())).says
            )
            lines.append(f"| {text} | {_verdicts(verdicts)} |")
    return "\n".join(
        ["| The papers say | Our runs (with so many examples, or by which measure) |", "|:--|:--|", *lines]
    )


def _verdicts(by_condition: dict[str, str]) -> str:
    """`**supported**`, or where conditions differ `**supported** (100, 500), **undecided at this scale** (1,000)`."""
    found: dict[str, list[str]] = {}
    for condition, verdict in by_condition.items():
        found.setdefault(verdict, []).append(f"{int(condition):,}" if condition.isdigit() else condition)
    if len(found) == 1:
        return f"**{next(iter(found))}**"
    return "; ".join(f"**{verdict}** ({', '.join(conditions)})" for verdict, conditions in found.items())


def studies(book: Path) -> str:
    """A card for each page on claims and studies."""
    told = OTHERS | {study.name: (study.title, study.question) for study in STUDIES.values()}
    cards = [
        f":::{{grid-item-card}} {title}\n:shadow: none\n:link: studies/{name}\n:link-type: doc\n{text}\n:::"
        for name, (title, text) in told.items()
        if in_contents(book, name)
    ]
    return "\n".join(["::::{grid} 1 1 2 2", ":gutter: 3", ":class-container: pelt-cards", "", *cards, "::::"])


def in_contents(book: Path, page: str) -> bool:
    """Whether the book has this page of a study."""
    return re.search(rf"file: studies/{page}$", (book / "_toc.yml").read_text(encoding="utf-8"), re.M) is not None


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    if not MARK.search(source[0]):
        return
    app.env.note_reread()  # a page may have been made
    parts: dict[str, Callable[[Path], str]] = {
        "cards": lambda book: cards(book, pelt_ledger.runs(app.config.pelt_preset, app.config.pelt_ledger_folder)),
        "findings": findings,
        "claims": claims_in_short,
        "studies": studies,
    }
    source[0] = MARK.sub(lambda mark: parts[mark[1]](Path(app.srcdir)), source[0])


def setup(app: Sphinx) -> dict[str, object]:
    app.connect("source-read", _fill)
    return {"version": "1", "parallel_read_safe": True}
