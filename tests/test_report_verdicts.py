"""The page of claims, on rows that are made up."""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from few_shot_claims import ROOT, evidence

from pelt_core.report.verdicts import figures, tables, words
from pelt_core.study.claims.claim import chosen, claims
from pelt_core.study.claims.costs import percents
from pelt_core.study.claims.evidence import Evidence
from pelt_core.study.claims.finding import VERDICTS, verdict
from pelt_core.study.claims.judge import NO_STUDY, Judged, judge

SKILLS = {"full": 0.5, "bitfit": 0.2, "adapter": 0.6, "prefix": 0.4, "lora": 0.5, "ap": 0.6, "apl": 0.95}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    def keep(run: object) -> bool:
        return run.task in ("sst2", "qqp") and run.examples == 100  # type: ignore[attr-defined]

    return evidence(tmp_path_factory.mktemp("ledger"), SKILLS | {"apl-nogate": 0.95}, keep, "paper")


@pytest.fixture(scope="module")
def judged(rows: Evidence) -> list[Judged]:
    return judge(claims(), rows)


def of(judged: list[Judged], name: str) -> Judged:
    return next(one for one in judged if one.claim.id == name)


def test_every_claim_has_a_line_with_its_verdict(judged: list[Judged]) -> None:
    frame = tables.claims(judged)
    headings = frame[frame["Verdict"] == ""]
    assert len(frame) - len(headings) == len(claims()) and {
        said.removesuffix("; not of the published size") for said in frame["Verdict"]
    } <= {"", *VERDICTS, NO_STUDY}
    lines = frame.set_index(frame["Claim"].str.extract(r"`(.+)`")[0])
    best = lines.loc["best-on-average-100"]
    assert best["Verdict"].startswith("supported") and best["Published"] == "+1.79" and best["Seeds"] == "5"
    assert best["Published, same tasks"] == tables.effect(of(judged, "best-on-average-100").published_here, "points")
    assert best["Published, same tasks"] not in ("", best["Published"])
    assert best["Tasks"] == "2" and best["Ours"].startswith("+") and best["Unit"] == "points"
    assert lines.loc["best-on-average-500", "Ours"] == lines.loc["small-rivals-large", "Ours"] == "not run yet"
    assert lines.loc["upper-bound-500", "Published"].startswith("−")
    assert lines.loc["small-rivals-large", "Verdict"] == "no study tests it yet"
    assert "nan" not in frame.to_string()


def test_claims_of_one_entry_stand_under_one_heading(judged: list[Judged]) -> None:
    shown = list(tables.claims(judged)["Claim"])
    at = shown.index("**UniPELT (APL) does best on average over the tasks.**")
    assert shown[at + 1 : at + 4] == [
        f"&emsp;{size} examples `best-on-average-{size.replace(',', '')}`" for size in ("100", "500", "1,000")
    ]
    at = shown.index("**LoRA does best at attention and MLP together.**")
    assert shown[at + 1 : at + 3] == ["&emsp;loss `place-of-lora-loss`", "&emsp;accuracy `place-of-lora-accuracy`"]
    assert "LoRA is sensitive to its scale. `lora-scale`" in shown


def test_counts_add_up(judged: list[Judged]) -> None:
    frame = tables.counts(judged)
    assert frame["Claims"].sum() == len(claims())
    columns = [said.capitalize() for said in (*VERDICTS, NO_STUDY)]
    assert (frame[columns].sum(axis=1) == frame["Claims"]).all()
    assert frame["No study tests it yet"].sum() == sum(not claim.study for claim in claims()) > 0
    assert f"{frame['No study tests it yet'].sum()} are tested by no study yet" in words.facts(judged)["claims_counts"]


def test_only_pages_that_are_there_are_linked(judged: list[Judged]) -> None:
    frame = tables.pages(judged, ["low-resource"]).set_index("Claim")
    assert frame.loc["`gain-100`", "Page"] == "[UniPELT with few examples](low-resource)"
    assert frame.loc["`longer-prefix`", "Page"] == "What gates do"
    assert frame.loc["`trains-faster`", "Page"] == "efficiency" and frame.loc["`small-rivals-large`", "Page"] == ""
    assert "MRPC" in frame.loc["`gain-100`", "Limits"]


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (-1.25, "points", "−1.25"),
        (0.00391, "nats per token", "+0.0039"),
        (67, "% of the time", "67"),
        (0.00657, "% of the backbone", "0.0066"),
        (float("nan"), "", ""),
    ],
)
def test_digits_of_an_effect(value: float, unit: str, text: str) -> None:
    assert tables.effect(value, unit) == text


def test_the_figure_has_a_panel_a_unit_and_a_published_mark_a_claim(judged: list[Judged]) -> None:
    figure = figures.beside_published(judged)
    labels = [axis.get_xlabel() for axis in figure.axes]
    assert labels[0] == "points" and len(set(labels)) == len(labels)
    lines = [line for axis in figure.axes for line in axis.lines]
    marks = {mark: [one for one in lines if one.get_marker() == mark] for mark in (figures.ALL, figures.SAME)}
    shown = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert len(marks[figures.ALL]) == len(shown) == len(figures.drawn(judged))
    at = shown.index("APL best on average, 100 examples")
    best = of(judged, "best-on-average-100")
    assert [own[at].get_xdata() for own in marks.values()] == [[best.published], [best.published_here]]
    titles = {of(judged, name).claim.title for name in ("gain-100", "varies-most", "trains-faster")}
    assert titles <= set(shown)
    assert not {of(judged, name).claim.title for name in ("parameter-counts", "gate-ap-100")} & set(shown)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "published, tasks of ours" in legend and "ours, supported" in legend
    assert "ours, incomplete" not in legend  # nothing is
    plt.close(figure)


def test_words(judged: list[Judged], rows: Evidence) -> None:
    said = words.reading(judged).data
    assert "**UniPELT.**" in said and "**LLM-Adapters.**" in said and "Supported:" in said
    assert "`upper-bound-500`" in said  # the paper's own number is below its bound
    state = words.state(judged, words.recorded(judged, rows), rows).data
    assert "runs of the studies" in state and "SST-2" in state
    assert "Resolution" in words.limits(judged).data


def test_a_published_effect_that_leaves_its_bounds_on_our_tasks_is_said(judged: list[Judged]) -> None:
    longer = of(judged, "longer-prefix")
    said = [words.reading([replace(longer, published_here=effect)]).data for effect in (30.645, 0.5)]
    assert "over the tasks of ours alone, they lie for `longer-prefix` (+30.64)" in said[0]
    assert "of ours alone" not in said[1]


def test_a_count_that_is_not_the_printed_one_is_explained_as_a_count(judged: list[Judged], rows: Evidence) -> None:
    printed, same = of(judged, "trained-share-llama-7b"), of(judged, "trained-share-llama-13b")
    methods = printed.claim.test["methods"] | {"prefix": "prefix(tokens=20)"}
    test = printed.claim.test | {"methods": methods}
    finding = percents("", test, rows)
    verdict_ = verdict(finding, [one.p for one in finding.tests])
    off = replace(printed, finding=finding, verdict=verdict_, p_holm=(0.0,) * len(finding.tests))
    assert off.verdict == "contradicted" and same.verdict == "supported"
    shown = tables.claims([off, same])["Ours"].tolist()
    assert shown[0] != shown[1] and not any("[" in text for text in shown)
    said = words.reading([off, same]).data
    assert "is a count" in said and "differs for Prefix, 0.0777 % counted, 0.11 % printed." in said
    assert words.FURTHER["llm-adapters"] not in said


def test_a_printed_number_that_is_cut_off_is_said(judged: list[Judged]) -> None:
    said = words.reading([of(judged, "trained-share-llama-7b"), of(judged, "trained-share-llama-13b")]).data
    assert said.count("cut off instead of rounded") == 1
    assert "but as printed: Prefix (0.1166 % counted, 0.11 % printed, cut off instead of rounded)." in said


def test_how_many_claims_the_figure_leaves_out(judged: list[Judged]) -> None:
    some = [of(judged, name) for name in ("gain-100", "gate-ap-100", "lora-scale", "parameter-counts")]
    some.append(of(judged, "trained-share-llama-13b"))
    said = words.left_out(some).data
    assert "shows 1 claim of 5" in said and "are 2 for which" in said and "and 2 on exact counts" in said


def test_the_caption_warns_of_few_seeds_and_explains_what_stands_in_brackets(judged: list[Judged]) -> None:
    one = of(judged, "best-on-average-100")
    assert one.finding.seeds == tables.FEW_SEEDS
    few = replace(one, finding=replace(one.finding, seeds=2), everywhere="contradicted", published_here=float("nan"))
    assert "rough" not in tables.caption([one]) and "In brackets" not in tables.caption([one])
    assert "With 2 seeds the variance" in tables.caption([one, few]) and "In brackets" in tables.caption([few])
    assert tables.said(few) == "supported (with tasks left at the trivial baseline: contradicted)"


def test_a_claim_with_rows_of_some_comparisons_is_incomplete(judged: list[Judged]) -> None:
    one = of(judged, "best-on-average-100")
    part = replace(one, finding=replace(one.finding, missing=("lora",)), verdict="incomplete", everywhere="incomplete")
    line = tables.claims([part]).iloc[0]
    assert line["Verdict"].startswith("incomplete") and line["Ours"].startswith("+")
    assert tables.pages([part], [])["Limits"].iloc[0].endswith("not recorded yet: LoRA")
    assert "1 is incomplete" in words.facts([part])["claims_counts"]


def test_an_effect_that_is_not_of_the_published_size_is_named_and_counted(judged: list[Judged]) -> None:
    one = of(judged, "best-on-average-100")
    assert one.shown and one.finding.seeds > 1
    far, near = (replace(one, published_here=value) for value in (one.shown.high + 1, one.shown.effect))
    assert tables.said(far) == f"{tables.said(near)}; not of the published size"
    assert "*Not of the published size*" in tables.caption([far]) and "published size" not in tables.caption([near])
    counted = words.of_published_size([far, near, far])
    assert counted.startswith(" Of 3 claims") and counted.endswith("leaves the printed effect out for 2.")
    assert words.of_published_size([replace(one, published_here=float("nan"))]) == ""


def test_what_other_pages_quote(judged: list[Judged]) -> None:
    facts = words.facts(judged)
    words_of = ("supported", "contradicted", "undecided", "untestable", "incomplete", "not")
    numbers = [int(facts[f"claims_{word}"]) for word in words_of]
    decided = [int(facts[f"claims_{about}_decided"]) for about in ("quality", "cost")]
    assert sum(decided) == numbers[0] + numbers[1] and decided[1] == 3  # the counts, as no time is measured
    assert int(facts["claims_quality"]) + int(facts["claims_cost"]) == len(claims())
    assert f"{decided[0]} of {facts['claims_quality']} on scores or losses, and 3 of 5 on" in facts["claims_decided"]
    assert sum(numbers) == int(facts["claims_all"]) == len(claims())
    assert facts["claim_best_on_average_100"] == of(judged, "best-on-average-100").verdict


def test_before_anything_is_recorded(tmp_path: Path) -> None:
    rows = Evidence("laptop", evidence(tmp_path, {}).ledger, published=ROOT / "data/published/paper_results.csv")
    nothing = judge(claims(), rows)
    assert "nan" not in tables.claims(nothing).to_string() + words.reading(nothing).data + words.limits(nothing).data
    plt.close(figures.beside_published(nothing))


def test_tasks_that_claims_leave_out_at_one_number_of_examples_are_named(tmp_path: Path) -> None:
    def keep(run: object) -> bool:
        return run.task in ("sst2", "qqp") and run.examples in (100, 500) and run.seed == 0  # type: ignore[attr-defined]

    skills = {"lora": 0.6, "prefix": 0.6}
    blind = evidence(
        tmp_path,
        skills,
        keep,
        "paper",
        skill=lambda run, own: -1.0 if (run.task, run.examples) == ("qqp", 100) else own,
    )
    wanted = judge(chosen(["lora-at-1000", "gain-100", "gain-500"]), blind)
    state = words.state(wanted, words.recorded(wanted, blind), blind).data
    assert "No recorded method leaves it on QQP with 100 examples: claims at that number" in state
