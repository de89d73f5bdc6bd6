"""What the page on efficiency says in sentences, all of it computed from the results."""

from __future__ import annotations

from collections.abc import Iterable

from IPython.display import Markdown

from pelt_core.report.efficiency.pscp import PEFT_BENCH, Constants
from pelt_core.report.efficiency.published import counted, table_4
from pelt_core.report.efficiency.quality import SPENT, Quality, constants, on_front, penalised
from pelt_core.report.few_shot.state import state as scores_state
from pelt_core.report.names import method_name, task_name
from pelt_core.report.speed import provenance
from pelt_core.report.speed.numbers import gigabytes, ranged, short
from pelt_core.report.speed.results import Recorded
from pelt_core.report.words import counted as number_of
from pelt_core.report.words import listed, marked
from pelt_core.study.costs import FULL, FULL_TIME, Costs, Work
from pelt_core.study.scores import Scores

COMMAND = "`python -m benchmarks.efficiency`"
DOING: dict[Work, str] = {"training": "Training", "inference": "Inference"}
SAME_NETWORK: dict[Work, tuple[str, ...]] = {"training": (), "inference": ("head",)}
"""The methods that do the same work as full fine-tuning."""
COLUMNS: dict[Work, str] = {"training": "training_time", "inference": "inference_time"}


def state(costs: Costs, scores: Scores) -> Markdown:
    """Whether the costs are recorded, and how many of the runs that give the scores."""
    said = "The costs are recorded." if costs.methods else f"The costs are **not run yet**: {COMMAND} measures them."
    return Markdown(f"{said} Of the runs that give the scores, {scores_state(scores).data}")


def scored(shown: Quality) -> Markdown:
    """Which scores the figure and the table on them show, and of how many seeds."""
    if shown.frame.empty:
        return Markdown("No method has a score yet.")
    least, most = int(shown.frame["seeds"].min()), int(shown.frame["seeds"].max())
    seeds = number_of(most, "seed") if least == most else f"{least} to {most} seeds"
    tasks = listed(task_name(name) for name in shown.tasks)
    return Markdown(
        f"Scores are those with {shown.examples:,} training examples, where most is recorded: for "
        f"{number_of(len(shown.frame), 'method')}, the mean over {tasks}, with {seeds}. The page on "
        "[few examples](low-resource) has the others."
    )


def formula(costs: Costs) -> Markdown:
    """The definition of PSCP, with its constants, and those in proportion to what was measured."""
    own = (
        f" In proportion to the backbone and the memory of the machine here they are {_told(constants(costs))}."
        if costs.methods
        else ""
    )
    published = _told(PEFT_BENCH)
    return Markdown(
        "PEFT-Bench {cite:p}`belanec2025peftbench` lowers a score $P$ by what it costs, and calls that PSCP:\n\n"
        "$$\\mathrm{PSCP} = P \\left(1 + \\frac{M_p}{C_p}\\right)^{-\\beta_p} \\left(1 + \\frac{M_f}{C_f}\\right)^"
        "{-\\beta_f} \\left(1 + \\frac{M_m}{C_m}\\right)^{-\\beta_m}$$\n\n"
        "with $M_p$ the trained parameters with the head, $M_f$ the operations that the method adds to reading a text, "
        f"$M_m$ the "
        f"memory of training, and every $\\beta = {PEFT_BENCH.exponents[0]:g}$: a cost as large as its constant halves "
        f"the score. Its constants are made for a model of billions of parameters on one GPU: {published}.{own}"
    )


def _told(held_against: Constants) -> str:
    return (
        f"$C_p$ = {short(held_against.parameters / 1e6)} million parameters, "
        f"$C_f$ = {short(held_against.flops / 1e9)} GFLOP and $C_m$ = {gigabytes(held_against.memory)}"
    )


def reading(costs: Costs, shown: Quality) -> Markdown:
    """What follows: on times against the paper's, on parameters, on the fronts, and on PSCP."""
    points = [*(_time(costs, work) for work in DOING if costs.methods), _counts()]
    if costs.methods and len(shown.frame):
        points += [_fronts(costs, shown), _penalties(costs, shown)]
    elif not costs.methods:
        points.append("Nothing can be said of time, memory and PSCP before the costs are recorded.")
    return Markdown("\n".join(f"- {point}" for point in points))


def _time(costs: Costs, work: Work) -> str:
    same = (FULL, *SAME_NETWORK[work])
    found = {name: costs.relative(work, name) for name in costs.methods if name not in same}
    faster = [name for name, one in found.items() if one.high < FULL_TIME]
    slower = [name for name, one in found.items() if one.low > FULL_TIME]
    parts = [
        f"{verb} than under full fine-tuning with {_names(names)} ({_range(found[name].mean for name in names)} % of "
        "its time)"
        for verb, names in (("faster", faster), ("slower", slower))
        if names
    ]
    unclear = [name for name in found if name not in (*faster, *slower)]
    parts += [f"not told apart from it with {_names(unclear)}"] * bool(unclear)
    printed = table_4().drop(FULL)[COLUMNS[work]]
    said = f"**{DOING[work]}** is {'; '.join(parts)}. The paper has {_range(printed)} % for its methods."
    floors = [(name, costs.relative(work, name)) for name in SAME_NETWORK[work] if name in costs.methods]
    return said + "".join(
        f" {method_name(name)}, which runs the very same network, took {one.mean:.0f} % "
        f"[{one.low:.0f}, {one.high:.0f}]: a difference no larger than this is none."
        for name, one in floors
    )


def _names(methods: Iterable[str]) -> str:
    return marked(map(method_name, methods))


def _range(values: Iterable[float]) -> str:
    values = list(values)
    return " to ".join(dict.fromkeys(f"{end:.0f}" for end in (min(values), max(values))))


def _counts() -> str:
    found = counted()
    agreeing = found.groupby("method")["agrees"].any()
    said = f"**Parameters.** {agreeing.sum()} of {number_of(len(agreeing), 'method')} of table 4 that train a part"
    other = [f"*{method_name(one.method)}* {one.reading}" for one in found[~found["agrees"]].itertuples()]
    unlike = f" Another share than the printed one: {'; '.join(other)}." * bool(other)
    return f"{said} have, in one reading, the printed share of BERT-base to its last digit.{unlike}"


def _fronts(costs: Costs, shown: Quality) -> str:
    fronts = {kind: on_front(costs, shown, kind) for kind in SPENT}
    said = "; ".join(f"by {kind} {_names(names)}" for kind, names in fronts.items())
    best = shown.frame["mean"].idxmax()
    near = shown.frame.index[shown.frame["high"] >= shown.frame.loc[best, "low"]].drop(best)
    reach = f"the intervals of {_names(near)} reach" if len(near) else "no other interval reaches"
    return (
        f"**On the front**, from the cheapest to the best, are {said}. The best score is that of {_names([best])}; "
        f"{reach} its own."
    )


def _penalties(costs: Costs, shown: Quality) -> str:
    lowered, scores = penalised(costs, shown), shown.frame["mean"]
    loss = 100 * (1 - lowered["published"] / scores.loc[lowered.index])
    columns = {"score": scores[lowered.index], "PSCP": lowered["published"], "PSCP in proportion": lowered["rescaled"]}
    order = {what: list(column.sort_values(ascending=False).index) for what, column in columns.items()}
    bare = order["score"]
    ranked = _alike({what: "as" if order[what] == bare else "otherwise than" for what in order if what != "score"})
    ranks = (
        f"{listed(own)} {'ranks' if len(own) == 1 else 'rank'} the methods {how} the bare score does"
        for how, own in ranked.items()
    )
    best = _alike({what: own[0] for what, own in order.items()})
    firsts = (
        f"{_names([method])} by {'all three' if len(own) == len(order) else listed(own)}"
        for method, own in best.items()
    )
    return (
        f"**PSCP.** With the constants of PEFT-Bench, the penalties take {ranged(loss)} % of the score. "
        f"{listed(ranks)}. Best: {', '.join(firsts)}."
    )


def _alike(said: dict[str, str]) -> dict[str, list[str]]:
    """What is said -> of which all it is said."""
    return {one: [of for of, other in said.items() if other == one] for one in dict.fromkeys(said.values())}


def made(costs: Costs) -> Markdown:
    """Where the costs come from; that of the scores is said by `pelt_core.report.words.provenance`."""
    if not costs.methods:
        return Markdown(f"The costs will come from {COMMAND}.")
    recorded = Recorded({"efficiency": costs.file})
    (run,) = provenance.measurements(recorded).to_dict("records")
    return Markdown(
        f"The costs come from {run['Command']}, recorded on {run['Recorded']} by code {run['Code']}:\n\n"
        f"{provenance.machine(recorded).data}\n\nThe scores come from recorded runs:"
    )
