"""The page on speed: what is recorded, what of it reaches its goal, and what the page says where nothing is."""

import re

import matplotlib.pyplot as plt
import nbformat
import pytest
import speed_samples

from pelt_core.report.speed import figures, numbers, provenance, tables, words
from pelt_core.report.speed.goals import goals
from pelt_core.report.speed.results import BENCHMARKS, Recorded, load


def seconds(contender):
    """Ours trains three times as fast as a peer, and reads and writes as fast; a method adds 8 % here, 20 % there."""
    peer = "peer" in contender.module
    if contender.name in ("bare", "pelt, fp32", "pelt, bf16"):
        return 1.0
    if contender.turn.get("batch_size"):
        return 1.2 if peer else 1.08
    return 3.0 if peer else 1.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    speed_samples.record(folder, seconds)
    return folder


@pytest.fixture
def recorded(folder):
    return load(folder)


@pytest.fixture
def nothing(tmp_path):
    return load(tmp_path)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def goal(recorded, what):
    (found,) = [one for one in goals(recorded) if one.what == what]
    return found


def test_every_benchmark_is_read_as_it_is_written(recorded):
    assert not recorded.missing
    for one in recorded.comparisons:
        assert one.median == pytest.approx(sorted(one.points)[len(one.points) // 2], rel=1e-4)
        assert one.least == pytest.approx(min(one.points), rel=1e-4)


def test_a_ratio_reaches_its_goal_or_misses_it(recorded):
    reached, missed = (
        goal(recorded, "series, training against adapters"),
        goal(recorded, "LoRA, fp32, training against peft"),
    )
    assert (reached.ratio, reached.asked, reached.reached) == ("3.00 [3.00,\N{NO-BREAK SPACE}3.00]", "≥ 3", True)
    assert (missed.asked, missed.reached) == ("≥ 3.3", False)
    assert missed.ours.endswith("tokens/s") and missed.peer.endswith("tokens/s")


def test_loss_share_and_memory_are_held_against_their_own_goals(recorded):
    beside = {name: goal(recorded, f"LoRA, fp32, {name}") for name in ("loss", "share of the peak", "peak memory")}
    assert all(one.reached for one in beside.values())
    assert beside["share of the peak"].ours == "65 %"  # 200 GFLOP in 1.02 s, of 300 a second
    assert beside["peak memory"].peer == "peft: 12.0 GB"
    cell = recorded.cells("training")[0]
    cell["comparisons"][0]["loss_difference"]["any_step"] = 2e-4
    cell["contenders"][0] |= {"gemm_share": {"median": 0.54}, "peak_memory_bytes": 3_100_000_000}
    for name in beside:
        assert not goal(recorded, f"LoRA, fp32, {name}").reached


def test_added_time_must_be_below_the_goal_and_below_the_peers(recorded):
    assert goal(recorded, "series, added to inference").reached and words.baselines(recorded).data == ""
    peers = next(cell for cell in recorded.cells("inference_overhead") if cell["name"] == "adapters")
    row = next(row for row in peers["comparisons"] if row["of"] == "series")
    row["added_percent"]["median"] = 7.0
    found = goal(recorded, "series, added to inference")
    assert not found.reached and "adapters: 7.00 %" in found.peer


def test_a_peer_that_is_slower_without_the_method_is_explained(recorded):
    peers = next(cell for cell in recorded.cells("inference_overhead") if cell["name"] == "adapters")
    row = next(row for row in peers["comparisons"] if row["of"] == "series")
    row["added_percent"]["median"] = -7.0
    assert not goal(recorded, "series, added to inference").reached
    assert "(series in adapters)" in words.baselines(recorded).data


def test_the_summary_counts_goals_and_names_those_missed(recorded):
    said = words.summary(recorded).data
    judged = goals(recorded)
    missed = [one.what for one in judged if not one.reached]
    assert missed and "LoRA, fp32, training against peft" in missed
    assert f"**{len(judged) - len(missed)} of {len(judged)} goals reached.**" in said
    assert f"Missed: {'; '.join(missed)}." in said
    assert "Not recorded" not in said
    assert "**3.00** times as fast as *peft*" in said and "**3.00** times as fast as *adapters*" in said


def test_ratios_of_the_same_computation_come_first_and_the_others_apart(recorded):
    alike, unlike = recorded.cells("training")[:2]
    for cell, apart in ((alike, 2e-5), (unlike, 3e-3)):
        (row,) = cell["comparisons"]
        row |= {"loss_difference": {"any_step": apart}, "ratio": {"median": 1e3 * apart, "least": 0.0, "most": 9.0}}
    same, _, others = words.summary(recorded).data.partition("search differs")
    assert "at most 0.00002 nats in any step" in same
    assert "**0.0200** times as fast as *peft* (*LoRA, fp32*)" in same
    assert "**3.00** times as fast as *peft* (*LoRA, bf16*)" in others
    assert "one question, 4 beams" in others and "one question, 4 beams" not in same


def test_what_is_missing_is_named_with_the_command_that_records_it(nothing, recorded):
    said = words.summary(nothing).data
    assert said.startswith("Nothing is recorded yet.")
    assert re.findall(r"python -m benchmarks\.(\w+)", said) == list(BENCHMARKS)
    part = Recorded({"training": {**recorded.files["training"], "left_out": ["everything against `adapters`"]}})
    said = words.summary(part).data
    assert "benchmarks.training`\n" not in said and "- `python -m benchmarks.decoding`" in said
    assert "Left out of `benchmarks.training`: everything against `adapters`." in said


def test_nothing_recorded_leaves_no_hole(nothing):
    for frame in (
        tables.aims(nothing),
        tables.training(nothing),
        tables.added(nothing),
        provenance.measurements(nothing),
    ):
        assert tables.table(frame, "tab-x", "What was found").data == "What was found: *not recorded yet*."
    assert words.baselines(nothing).data == ""
    for said in (words.same_texts(nothing), provenance.formats(nothing), provenance.machine(nothing)):
        assert "not recorded yet" in said.data
    for drawn in (figures.ratios(nothing), figures.growth(nothing, "training")):
        assert [text.get_text() for text in drawn.axes[0].texts] == ["not recorded yet"]


def test_a_missed_ratio_is_drawn_hollow_and_every_repeat_is_a_dot(recorded):
    axis = figures.ratios(recorded).axes[0]
    ratios = [one for one in recorded.comparisons if one.kind == "ratio"]
    marks = [line for line in axis.lines if line.get_marker() not in ("None", ".")]
    assert [mark.get_markerfacecolor() == "none" for mark in marks] == [not one.reached for one in ratios]
    dots = [line for line in axis.lines if line.get_marker() == "."]
    assert [len(line.get_xdata()) for line in dots] == [5] * len(ratios)
    low, high = axis.get_xlim()
    assert all(low < one.least and one.most < high for one in ratios)


@pytest.mark.parametrize("what, least", [("training", 6), ("inference", 3)])
def test_growth_has_a_row_of_panels_for_each_size(recorded, what, least):
    cells = [cell for cell in recorded.cells("scaling") if cell["name"].startswith(what)]
    panels = figures.growth(recorded, what).axes
    assert len(panels) == 2 * len(cells) >= 2 * least
    for cell, fast, large in zip(cells, panels[::2], panels[1::2], strict=True):
        assert cell["name"] == f"{what}, {fast.get_xlabel()}" == f"{what}, {large.get_xlabel()}"
        sizes = list(fast.lines[0].get_xdata())
        assert sizes == sorted(set(sizes)) and len(sizes) == len(cell["contenders"])
        assert list(large.lines[0].get_ydata()) == [2.0] * len(sizes)


def test_memory_that_the_system_does_not_tell_is_left_empty_and_has_no_goal(recorded):
    recorded.cells("training")[0]["contenders"][0]["peak_memory_bytes"] = None
    first = tables.training(recorded).iloc[0]
    assert (first["What"], first["Peak memory"], first["Peer's"]) == ("LoRA, fp32", "", "12.0 GB")
    assert "LoRA, fp32, peak memory" not in [one.what for one in goals(recorded)]


def test_every_way_of_answering_has_its_time_for_a_hundred_questions(recorded):
    table = tables.decoding(recorded).set_index("By")
    assert table.loc["pelt, fp32", "Time for 100"] == "0.255 s"  # 400 in 1.02 s
    assert table.loc["one question, 4 beams, fp32", "Time for 100"] == "0.306 s"


@pytest.mark.parametrize("bf16, said", [(150.0, "the slower format"), (700.0, "saves time")])
def test_whether_bf16_is_faster_is_measured(recorded, bf16, said):
    for file in recorded.files.values():
        file["gemm"]["peak_bf16"] = bf16
    found = provenance.formats(recorded).data
    assert said in found and f"{bf16:.0f} in bf16" in found


def test_the_machine_is_named_and_so_is_each_command(recorded):
    said = provenance.machine(recorded).data
    assert "made up, 2 cores" in said and "25.0 GB" in said and "torch 2.13.0" in said
    commands = list(provenance.measurements(recorded)["Command"])
    assert [re.findall(r"benchmarks\.(\w+)", command)[0] for command in commands] == list(BENCHMARKS)


@pytest.mark.parametrize("number, said", [(0.1234, "0.123"), (3.0, "3.00"), (31.42, "31.4"), (12345, "12,300")])
def test_numbers_have_three_digits(number, said):
    assert numbers.short(number) == said


def test_modules_that_the_page_names_exist(root):
    source = nbformat.read(root / "notebooks" / "speed.ipynb", 4)
    named = re.findall(r"`(pelt_core/\w+\.py)`", "".join(cell.source for cell in source.cells))
    assert len(named) > 5
    for name in named:
        assert (root / name).exists(), name


def test_results_hold_no_text_of_the_data(folder):
    for file in folder.glob("*.json"):
        assert "written" not in file.read_text()
