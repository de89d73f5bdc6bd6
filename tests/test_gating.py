from __future__ import annotations

import models
import pytest
import torch

from pelt_core.attachment import attach, attached
from pelt_core.errors import PeltError
from pelt_core.gating import GateError
from pelt_core.modules.gates import Gate, PromptGate, ScalarGate, Share, TokenGate


@pytest.mark.parametrize("kind", ["sequence", "sequence(padding=counted)", "softmax", "softmax(pool=sequence)"])
@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_gate_that_sees_later_tokens_is_refused(family: str, kind: str) -> None:
    model = models.tiny(family)
    with pytest.raises(GateError, match="choose one of prompt, token, scalar, and for softmax pool=prompt") as caught:
        attach(model, f"{kind}*[lora@q+series(bottleneck=4)@mlp]")
    assert isinstance(caught.value, PeltError) and not hasattr(model, "pelt")


def test_what_is_before_attention_has_local_gates_alone() -> None:
    with pytest.raises(GateError, match="'attn_norm' comes before it: choose one of token, scalar"):
        attach(models.tiny("llama"), "prompt*layernorm")
    attach(models.tiny("llama"), "token*layernorm:0")
    attach(models.tiny("bert"), "sequence*pfeiffer(bottleneck=4)@attn_norm")  # normalises behind it


@pytest.mark.parametrize(
    ("family", "spec", "mend"),
    [
        ("bert", "sequence*bitfit", "bitfit@q,k,v,o,up,down,attn_norm,mlp_norm"),
        ("llama", "token*[lora@q+layernorm]", "layernorm@attn_norm,mlp_norm"),
    ],
)
def test_what_is_partly_outside_of_the_layers_has_a_gate_inside_of_them(family: str, spec: str, mend: str) -> None:
    with pytest.raises(GateError, match=f"its positions inside of them, {mend}, or leave it outside of the brackets"):
        attach(models.tiny(family), spec)
    attach(models.tiny(family), spec.replace(mend.partition("@")[0], mend))


def test_what_is_outside_of_the_layers_has_no_gate() -> None:
    with pytest.raises(GateError, match="'final' is outside of the layers, .* no gate can be: leave it outside of the"):
        attach(models.tiny("llama"), "token*ladder")


def gates(family: str, spec: str) -> dict[str, Gate]:
    model = models.tiny(family)
    attach(model, spec)
    return {name: graft.gate for name, graft in attached(model).grafts.items()}  # type: ignore[misc]


def test_a_gate_is_as_wide_as_what_its_delta_reads() -> None:
    made = gates("llama", "token*[lora@down:0+series(bottleneck=4)@down:0+parallel(bottleneck=4)@down:0]")
    widths = {name: gate.w.shape[1] for name, gate in made.items()}  # type: ignore[union-attr]
    inner = models.tiny("llama").config.intermediate_size
    assert widths == {"0_down_lora": inner, "0_down_series": 32, "0_down_parallel": inner}


@pytest.mark.parametrize(("kind", "module"), [("prompt", PromptGate), ("token", TokenGate), ("scalar", ScalarGate)])
def test_every_site_has_a_gate_of_its_own(kind: str, module: type[Gate]) -> None:
    made = gates("llama", f"{kind}*lora@q,v")
    assert len({id(gate) for gate in made.values()}) == 4
    assert all(isinstance(gate, module) for gate in made.values())


def test_one_gate_weighs_all_methods_of_a_layer() -> None:
    made = gates("llama", "softmax(pool=token)*[lora@q,v+parallel(bottleneck=4)@mlp:0]+softmax(pool=token)*prefix")
    assert all(isinstance(gate, Share) for gate in made.values())
    assert made["0_q_lora"].whole is made["0_mlp_parallel"].whole  # type: ignore[union-attr]
    assert made["0_q_lora"].whole is not made["0_kv_prefix"].whole, "each pair of brackets has its own"  # type: ignore[union-attr]
    members = {name: gate.member for name, gate in made.items() if name.startswith("0")}  # type: ignore[union-attr]
    assert members == {"0_q_lora": 0, "0_v_lora": 0, "0_mlp_parallel": 1, "0_kv_prefix": 0}


def test_the_methods_of_a_layer_share_a_total_of_one_whichever_are_there() -> None:
    made = gates("bert", "softmax(pool=token)*[series(bottleneck=4)@mlp:1+lora@q:0+prefix]")
    for methods in (["0_q_lora", "0_kv_prefix"], ["1_mlp_series", "1_kv_prefix"]):
        made[methods[0]].context.hidden = hidden = torch.randn(2, 5, 32)
        total = sum(made[name](hidden) for name in methods)
        torch.testing.assert_close(total, torch.ones(2, 5, 1))


def test_two_gated_methods_act_at_once() -> None:
    model, batch = models.tiny("llama"), models.batch("llama")
    attach(model, "prompt*lora@q", name="one")
    attach(model, "token*[prefix(tokens=3)+lora@v]", name="other")
    models.stir(model)
    assert model(**batch).logits.isfinite().all()
    out = model.generate(**batch, do_sample=False, min_new_tokens=3, max_new_tokens=3)
    assert out.shape == (2, 10)


def test_a_gate_that_reads_the_future_is_there_to_be_asked_for() -> None:
    """An answer leaks into what it is predicted from, and while it is written the gates are others."""
    model = models.tiny("llama")
    attach(model, "sequence(future=read)*[lora(rank=4)@q+prefix(tokens=2)+series(bottleneck=4)@mlp]")
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            torch.nn.init.normal_(weight, std=0.5, generator=torch.Generator().manual_seed(len(name)))
    ids = torch.randint(3, 90, (2, 12), generator=torch.Generator().manual_seed(0))
    other = ids.clone()
    other[:, -1] = (ids[:, -1] + 7) % 90
    with torch.no_grad():
        whole, changed = model(ids).logits, model(other).logits
        assert (whole[:, :6] - changed[:, :6]).abs().max() > 1e-4
        cached = model(ids[:, :6], use_cache=True)
        later = model(ids[:, 6:], past_key_values=cached.past_key_values).logits
    assert (later - whole[:, 6:]).abs().max() > 1e-4
    assert model.generate(ids, max_new_tokens=3, do_sample=False, pad_token_id=0).shape == (2, 15)
