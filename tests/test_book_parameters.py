"""The page on parameters: every printed percentage has its count, and every difference its reason."""

import pelt_generated
import pelt_parameters
import pytest
from pelt_parameters import LLM_ADAPTERS, UNIPELT, agrees, printed

from pelt_core import publish
from pelt_core.counting import count_named

CASES = [("llm-adapters", backbone, line) for backbone in ("llama-7b", "llama-13b") for line in LLM_ADAPTERS]
CASES += [("unipelt", "bert-base", line) for line in UNIPELT]
EXACT = {
    ("llama-7b", "prefix(tokens=10)"): 2_621_440,
    ("llama-7b", "llm_adapters_series"): 67_108_864,
    ("llama-7b", "llm_adapters_parallel"): 247_463_936,
    ("llama-13b", "llm_adapters_series"): 104_857_600,
    ("llama-13b", "llm_adapters_parallel"): 387_973_120,
    ("bert-base", "pfeiffer(bottleneck=48)@mlp_norm"): 894_528,
    ("bert-base", "prefix(tokens=10)"): 184_320,
    ("bert-base", "lora(rank=8)@q,v"): 294_912,
    ("bert-base", "bitfit"): 102_912,
    ("bert-base", "unipelt_ap"): 1_097_304,
    ("bert-base", "unipelt_paper"): 1_401_444,
    ("bert-base", "unipelt_released"): 1_410_672,
}


@pytest.mark.parametrize(("paper", "backbone", "line"), CASES, ids=str)
def test_a_difference_from_what_is_printed_has_a_reason(paper, backbone, line):
    published = printed(paper, pelt_parameters.BACKBONES[backbone], line.published)
    assert agrees(count_named(backbone, line.method).percent, published) or line.note


@pytest.mark.parametrize(
    "paper, backbone, lines", [("llm-adapters", "LLaMA-7B", LLM_ADAPTERS), ("unipelt", "BERT-base", UNIPELT)]
)
def test_every_printed_percentage_is_reached_by_one_reading(paper, backbone, lines):
    short = {name: key for key, name in pelt_parameters.BACKBONES.items()}[backbone]
    reached = {
        line.published
        for line in lines
        if agrees(count_named(short, line.method).percent, printed(paper, backbone, line.published))
    }
    assert {line.published for line in lines} - reached == ({"prefix"} if paper == "llm-adapters" else set())


@pytest.mark.parametrize(("where", "parameters"), EXACT.items(), ids=str)
def test_counts_are_exact(where, parameters):
    assert count_named(*where).own == parameters


def test_the_page_shows_both_and_whether_they_are_the_same():
    page = pelt_generated.fill((publish.ROOT / "book" / "parameters.md").read_text())
    assert "| 67,108,864 | 0.986 | = 0.99 | 104,857,600 | 0.799 | = 0.8 |" in page
    assert "| 2,621,440 | 0.039 | ≠ 0.11 | 4,096,000 | 0.031 | = 0.03 |" in page
    assert "<br>`unipelt_paper` | 1,401,444 | 1.264 | = 1.26 |" in page
