from __future__ import annotations

import json
from pathlib import Path

import models
import pytest
import torch
from peft import (
    IA3Config,
    LNTuningConfig,
    LoraConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptTuningConfig,
    get_peft_model,
)
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from pelt_core.attachment import AttachError, attach, attached, detach
from pelt_core.peft_format.folders import load_peft, save_peft
from pelt_core.peft_format.kinds import PeftFormatError

pytestmark = [  # of peft
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Unsupported layer type '.*Norm'>':UserWarning"),
]

ROTARY = ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma3_text", "gptj", "gpt_neox")
MAPS = (
    "lora(rank=3)@linears",
    "lora(rank=4,alpha=2,scaling=sqrt-rank)@q,v:1",
    "lora(rank=2)@q,o+lora(rank=3,alpha=5)@v:0+lora(rank=4)@down:1",
    "lora@k",
    "scalar*lora(rank=3)@q,k,v+lora(rank=2)@o",
    "scalar(per=submodule)*lora(rank=3)@q,v",
    "dora(rank=3)@q,k,o,down",
    "dora(rank=3)@v:1",
    "ia3",
    "ia3@linears",
    "ia3@v,heads:0",
    "layernorm",
    "layernorm@attn_norm:1",
)


def theirs(family: str, folder: Path) -> PeftModel:
    return PeftModel.from_pretrained(models.tiny(family), folder).eval()


def same(family: str, one: torch.nn.Module, other: torch.nn.Module) -> None:
    """Both give the same logits, and others than the bare backbone."""
    inputs = models.batch(family)
    expected, found, bare = (models.real(m(**inputs).logits, inputs) for m in (one, other, models.tiny(family)))
    assert (expected - bare).abs().max() > 2e-4
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("family", "spec"),
    [(family, spec) for spec in MAPS for family in ("bert", "llama", "gpt2", "bloom")]
    + [(family, MAPS[0]) for family in models.FAMILIES if family not in ("bert", "llama", "gpt2", "bloom")]
    + [("t5", "ia3"), ("t5", "layernorm@norms"), ("gemma", "layernorm"), ("gpt_neox", "dora@q,v")],
)
def test_peft_gives_the_same_logits_and_so_does_what_is_read_back(family: str, spec: str, tmp_path: Path) -> None:
    ours = models.grown(family, spec)
    save_peft(ours, tmp_path)
    same(family, ours, theirs(family, tmp_path))
    again = models.tiny(family)
    load_peft(again, tmp_path)
    same(family, ours, again)


@pytest.mark.parametrize("family", ROTARY)
def test_a_prefix_is_turned_to_where_peft_counts_from(family: str, tmp_path: Path) -> None:
    ours, inputs = models.grown(family, "prefix(tokens=3)"), models.batch(family)
    save_peft(ours, tmp_path)
    peft = theirs(family, tmp_path)
    expected, found = (models.real(model(**inputs).logits, inputs) for model in (ours, peft))
    assert (expected - models.real(models.tiny(family)(**inputs).logits, inputs)).abs().max() > 2e-4
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    again = models.tiny(family)
    load_peft(again, tmp_path)
    torch.testing.assert_close(models.output(again), models.output(ours), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", models.GENERATORS)
def test_a_prompt_is_the_same_virtual_tokens(family: str, tmp_path: Path) -> None:
    ours, inputs = models.grown(family, "prompt(tokens=3)"), models.batch(family)
    save_peft(ours, tmp_path)
    peft, expected = theirs(family, tmp_path), models.output(ours)
    found = peft(**inputs).logits[:, -expected.shape[1] :]
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)
    again = models.tiny(family)
    load_peft(again, tmp_path)
    assert torch.equal(models.output(again), expected)


def test_a_parent_folder_is_made_and_a_person_can_read_the_settings(tmp_path: Path) -> None:
    model = models.grown("llama", "lora(rank=2)@q,o+lora(rank=3,alpha=5)@v:0")
    save_peft(model, tmp_path / "some" / "where")
    config = json.loads((tmp_path / "some" / "where" / "adapter_config.json").read_text())
    assert config["target_modules"] == sorted(
        f"model.layers.{layer}.self_attn.{kind}_proj"
        for layer, kind in ((0, "o"), (0, "q"), (0, "v"), (1, "o"), (1, "q"))
    )
    assert (config["r"], config["lora_alpha"]) == (2, 16.0)
    assert config["rank_pattern"] == {"model.layers.0.self_attn.v_proj": 3}
    assert config["alpha_pattern"] == {"model.layers.0.self_attn.v_proj": 5.0}


@pytest.mark.parametrize(
    "spec", ["lora(rank=2)@q,v", "lora(rank=3,scaling=sqrt-rank)@q,v:1", "dora@k", "ia3", "layernorm@mlp_norm"]
)
def test_what_is_read_back_is_the_same_method_with_the_same_numbers(spec: str, tmp_path: Path) -> None:
    ours, again = models.grown("bert", spec), models.tiny("bert")
    save_peft(ours, tmp_path)
    load_peft(again, tmp_path, name="again")
    assert str(attached(again, "again").method) == str(attached(ours).method)
    state = attached(ours).state_dict()
    for name, value in attached(again).state_dict().items():
        torch.testing.assert_close(value, state[name], atol=1e-7, rtol=0)
    assert torch.equal(again.classifier.weight, ours.classifier.weight)


def of_peft(family: str, config: object, folder: Path) -> PeftModel:
    """What PEFT itself grows, moved off its start and saved."""
    model = get_peft_model(models.tiny(family), config)
    models.stir(model)
    model.eval().save_pretrained(folder)
    return model


CONFIGS = [
    LoraConfig(r=3, lora_alpha=7, target_modules="all-linear", lora_dropout=0.1),
    LoraConfig(r=2, target_modules=["q_proj", "down_proj"], use_rslora=True, rank_pattern={"q_proj": 4}),
    LoraConfig(r=2, target_modules=["v_proj"], alpha_pattern={r"layers\.1\..*": 5}, layers_to_transform=[1]),
    LoraConfig(r=2, target_modules=["k_proj", "up_proj"], use_dora=True),
    IA3Config(target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"]),
    LNTuningConfig(),
    PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
    PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5),
    PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2, prefix_projection=True, encoder_hidden_size=6),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.peft_type.value)
def test_what_peft_has_trained_gives_the_same_logits_here(config: object, tmp_path: Path) -> None:
    peft, inputs = of_peft("llama", config, tmp_path), models.batch("llama")
    model = models.tiny("llama")
    load_peft(model, tmp_path)
    found = models.output(model)
    expected = peft(**inputs).logits[:, -found.shape[1] :]
    torch.testing.assert_close(models.real(found, inputs), models.real(expected, inputs), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "bloom", "gpt_neox"])
def test_one_change_of_a_fused_map_is_read_as_three(family: str, tmp_path: Path) -> None:
    config = LoraConfig(r=2, target_modules=["c_attn", "query_key_value"], fan_in_fan_out=family == "gpt2")
    peft, model = of_peft(family, config, tmp_path), models.tiny(family)
    load_peft(model, tmp_path)
    assert str(attached(model).method) == "lora(rank=2,alpha=8)@q,k,v"
    same(family, peft, model)


@pytest.mark.parametrize(("spec", "task"), [("lora@q", "SEQ_CLS"), ("ia3", "SEQ_CLS")])
def test_the_head_of_a_task_goes_with_it(spec: str, task: str, tmp_path: Path) -> None:
    ours = models.grown("roberta", spec)
    save_peft(ours, tmp_path)
    assert json.loads((tmp_path / "adapter_config.json").read_text())["task_type"] == task
    assert "base_model.model.classifier.dense.weight" in load_file(tmp_path / "adapter_model.safetensors")
    same("roberta", ours, theirs("roberta", tmp_path))


def refuses(model: PreTrainedModel, folder: Path, said: str) -> None:
    with pytest.raises(PeftFormatError, match=said):
        save_peft(model, folder)
    assert not any(folder.iterdir())


@pytest.mark.parametrize(
    ("family", "spec", "said"),
    [
        ("llama", "series", "^PEFT has no series; of the methods here it has lora, dora, ia3"),
        ("llama", "full", "^PEFT has no full"),
        ("llama", "lora+prefix", "^a PEFT adapter is one method, not lora and prefix: attach and save each"),
        ("llama", "token*lora", r"^PEFT has no gates, and token\*lora@q,v is behind token; only that of scalar\*lora"),
        ("llama", "scalar*dora", r"^PEFT has no gates, and scalar\*dora@q,v is behind scalar"),
        ("llama", "lora(dropout=0.1)@q+lora@v", "^PEFT has one dropout for all maps, not 0.0 and 0.1"),
        ("llama", "prefix:1", "^PEFT's prefix is in all 2 layers, not in 1 alone"),
        ("llama", "ia3@down,inner", "^PEFT's IA3 scales what model.layers.0.mlp.down_proj reads or what it writes"),
        ("gpt2", "prefix", "shifts the positions of the text, and gpt2 has no rotary position embeddings"),
        ("bert", "prefix", "and bert has no rotary"),
        ("bloom", "prefix", "and bloom has no rotary"),
        ("t5", "prefix", "and t5 has no rotary"),
        ("bert", "prompt", "^PEFT hands the first virtual token to what classifies a text, where bert here hands"),
    ],
)
def test_what_peft_cannot_say_is_refused(family: str, spec: str, said: str, tmp_path: Path) -> None:
    refuses(models.grown(family, spec), tmp_path, said)


def test_one_of_several_is_written_by_its_name(tmp_path: Path) -> None:
    model = models.grown("llama", "lora@q")
    attach(model, "series", name="other")
    with pytest.raises(AttachError, match="say which one"):
        save_peft(model, tmp_path)
    save_peft(model, tmp_path, "default")
    detach(model, "other")
    same("llama", model, theirs("llama", tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"peft_type": "ADALORA"}, "^no method here is PEFT's ADALORA; there are LORA, IA3, LN_TUNING, PREFIX_TUNING"),
        ({"bias": "all"}, "^bias='all' of LORA has no equal here"),
        ({"init_lora_weights": "pissa_niter_4"}, "^init_lora_weights='pissa_niter_4', which changes the backbone"),
        ({"trainable_token_indices": [3]}, r"^trainable_token_indices=\[3\] of LORA has no equal here"),
    ],
)
def test_what_this_library_cannot_say_is_refused(change: dict[str, object], said: str, tmp_path: Path) -> None:
    save_peft(models.grown("llama", "lora@q"), tmp_path)
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    (tmp_path / "adapter_config.json").write_text(json.dumps(config | change))
    model = models.tiny("llama")
    with pytest.raises(PeftFormatError, match=said):
        load_peft(model, tmp_path)
    assert not hasattr(model, "pelt")


def test_tensors_that_fit_nowhere_are_named(tmp_path: Path) -> None:
    of_peft("gptj", LoraConfig(r=2, target_modules=["q_proj", "fc_in"]), tmp_path)
    with pytest.raises(
        PeftFormatError, match=r"^transformer.h.0.attn.q_proj, .* of opt is none of q, k, v, o, up, down$"
    ):
        load_peft(models.tiny("opt"), tmp_path)
    of_peft("llama", LoraConfig(r=2, target_modules=["q_proj"], modules_to_save=["lm_head"]), tmp_path)
    model = models.tiny("llama")
    with pytest.raises(PeftFormatError, match="^base_model.model.lm_head.weight in .* belong to nothing on this model"):
        load_peft(model, tmp_path)
    assert not hasattr(model, "pelt") and all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(
    ("family", "spec", "said"),
    [
        (
            "llama",
            "lora@q,v",
            r"layers.0.self_attn.q_proj.lora_B.weight is \(32, 8\) .* and \(64, 8\) on this model: load",
        ),
        ("gpt2", "lora@v", r"h.0.attn.c_attn.lora_B.weight is \(96, 8\) .* and \(192, 8\)"),
        ("llama", "lora@down", r"layers.0.mlp.down_proj.lora_B.weight is \(32, 8\) .* and \(64, 8\)"),
        ("llama", "dora@o", r"layers.0.self_attn.o_proj.lora_B.weight is \(32, 8\) .* and \(64, 8\)"),
        ("llama", "ia3", r"layers.0.self_attn.k_proj.ia3_l is \(16, 1\) .* and \(32, 1\)"),
        ("llama", "prefix(tokens=3)", r"prompt_embeddings is \(3, 64\) .* and \(3, 128\)"),
        ("llama", "prompt(tokens=3)", r"prompt_embeddings is \(3, 32\) .* and \(3, 64\)"),
        ("llama", "layernorm", r"layers.0.input_layernorm.ln_tuning_layers.weight is \(32,\) .* and \(64,\)"),
    ],
)
def test_a_folder_of_another_width_is_refused(family: str, spec: str, said: str, tmp_path: Path) -> None:
    save_peft(models.grown(family, spec), tmp_path)
    config = models.tiny(family).config.to_dict()
    width = {"n_embd": 64} if family == "gpt2" else {"hidden_size": 64, "head_dim": None}
    wide = AutoModelForCausalLM.from_config(AutoConfig.for_model(**config | width))
    with pytest.raises(PeftFormatError, match=said):
        load_peft(wide, tmp_path)
    assert not hasattr(wide, "pelt") and all(p.requires_grad for p in wide.parameters())


def test_a_head_of_another_width_leaves_the_model_s_own_as_it_was(tmp_path: Path) -> None:
    save_peft(models.grown("roberta", "lora"), tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    key = "base_model.model.classifier.out_proj.weight"
    save_file(tensors | {key: tensors[key][:1]}, tmp_path / "adapter_model.safetensors")
    model, before = models.tiny("roberta"), models.tiny("roberta").state_dict()
    with pytest.raises(PeftFormatError, match=rf"^{key} is \(1, 32\) in the folder and \(3, 32\) on this model"):
        load_peft(model, tmp_path)
    assert not hasattr(model, "pelt")
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_half_of_a_change_is_refused(tmp_path: Path) -> None:
    save_peft(models.grown("llama", "lora@q:0"), tmp_path)
    tensors = load_file(tmp_path / "adapter_model.safetensors")
    save_file({key: t for key, t in tensors.items() if "lora_B" not in key}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(PeftFormatError, match="^model.layers.0.self_attn.q_proj has only one of lora_A and lora_B"):
        load_peft(models.tiny("llama"), tmp_path)
