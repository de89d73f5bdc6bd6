import pytest
from models import SPECS, pairs, tiny

from pelt_core.attachment import attach
from pelt_core.backbones import UnknownBackbone, meta_model
from pelt_core.counting import Part, count, count_named
from pelt_core.errors import PeltError

GATE = 9_228  # one in every layer of BERT-base: 12 (768 + 1)
LORA = "lora(rank=32,alpha=64)@q,k,v,up,down"
# Percents are of the backbone with what is added to it, as both papers print them where they print one.
PUBLISHED = [
    # UniPELT, table 4
    ("bert-base", "pfeiffer(bottleneck=48)", 894_528, 0.81),
    ("bert-base", "bitfit", 102_912, 0.09),
    ("bert-base", "prefix(tokens=10)", 184_320, 0.17),
    ("bert-base", "lora(rank=8)", 294_912, 0.27),
    # while it is trained: E 7,680, D and b 393,728, U and c 9,455,616
    ("bert-base", "mlp_prefix", 9_857_024, 8.26),
    # UniPELT, section 3.2 and table 4: a gate for each submodule in a layer; the released code has two for LoRA
    ("bert-base", "sequence*prefix", 184_320 + GATE, 0.18),
    ("bert-base", "unipelt_ap", 1_097_304, 0.99),
    ("bert-base", "unipelt_paper", 1_401_444, 1.26),
    ("bert-base", "unipelt_released", 1_410_672, 1.27),
    ("bert-base", "unipelt_nogate", 1_410_672 - 4 * GATE, 1.24),
    ("bert-base", "unipelt_aplb", 1_410_672 + 102_912, 1.36),
    # LLM-Adapters, table 1
    ("llama-7b", "prefix(tokens=10)", 2_621_440, 0.04),
    ("llama-7b", "prefix(tokens=30)", 7_864_320, 0.12),  # printed cut off, as 0.11
    ("llama-7b", "llm_adapters_series", 67_108_864, 0.99),
    ("llama-7b", "llm_adapters_parallel", 247_463_936, 3.54),
    ("llama-7b", LORA, 56_098_816, 0.83),
    ("llama-13b", "prefix(tokens=10)", 4_096_000, 0.03),
    ("llama-13b", "llm_adapters_series", 104_857_600, 0.80),
    ("llama-13b", "llm_adapters_parallel", 387_973_120, 2.89),
    ("llama-13b", LORA, 87_818_240, 0.67),
]


@pytest.mark.parametrize(("backbone", "spec", "parameters", "percent"), PUBLISHED)
def test_the_papers_parameters_are_exact(backbone, spec, parameters, percent):
    counted = count_named(backbone, spec)
    assert (counted.own, round(counted.percent, 2)) == (parameters, percent)


@pytest.mark.parametrize(("family", "spec"), pairs(["llama", "bert"], [*SPECS, "token*[lora@q,v+series@mlp]"]))
def test_the_parts_are_all_that_is_trained(family, spec):
    model = tiny(family)
    before = {name: p.requires_grad for name, p in model.named_parameters()}
    counted = count(model, spec)
    assert {name: p.requires_grad for name, p in model.named_parameters()} == before
    attach(model, spec)
    assert counted.trainable == model.num_parameters(only_trainable=True)


def test_places_gates_and_the_task_s_head_are_told_apart():
    counted = count(tiny("bert"), "sequence*[lora(rank=4)@q,v+series(bottleneck=6)@mlp]")
    assert counted.parts == (
        Part("lora", "q", 2, 2 * 4 * 64),
        Part("lora", "gates", 4, 4 * 33),
        Part("lora", "v", 2, 2 * 4 * 64),
        Part("series", "mlp", 2, 2 * (2 * 32 * 6 + 6 + 32)),
        Part("series", "gates", 2, 2 * 33),
    )
    assert counted.head == 3 * 33
    assert counted.carrier - counted.backbone == counted.own
    assert count(tiny("llama"), "lora").head == 0


def test_what_a_method_trains_of_the_backbone_adds_nothing_to_it():
    counted = count(tiny("bert"), "full")
    assert counted.parts == (Part("full", "in place", 1, counted.backbone),)
    assert counted.backbone == counted.carrier == tiny("bert").base_model.num_parameters()
    assert counted.percent == 100
    assert count(tiny("llama"), "none").own == 0


def test_a_model_that_carries_something_is_counted_without_it():
    model = tiny("llama")
    bare = count(model, "lora@q")
    attach(model, "series@mlp")
    assert count(model, "lora@q") == bare
    assert list(model.pelt) == ["default"]


def test_an_alias_is_the_backbone_it_stands_for():
    assert meta_model("llama-7b").config.to_dict() == meta_model("yahma/llama-7b-hf").config.to_dict()
    with pytest.raises(UnknownBackbone, match="did you mean 'llama-7b'"):
        count_named("lama-7b", "lora")


def test_a_method_that_cannot_be_there_is_refused_and_leaves_nothing():
    with pytest.raises(PeltError, match="causal"):
        count_named("llama-7b", "sequence*lora@q")
    assert count_named("llama-7b", "lora@q").own == 32 * 8 * 8192
