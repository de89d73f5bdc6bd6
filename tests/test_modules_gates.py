from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import contracts
import models
import pytest
import torch
from models import DECODERS
from torch import Tensor, nn

from pelt_core.attachment import attach, attached
from pelt_core.context import Context
from pelt_core.modules.gates import LinearGate, PromptGate, ScalarGate, SequenceGate, Share, SoftmaxGate, TokenGate
from pelt_core.prompt_end import PromptEnd, prompt_ends
from pelt_core.sites import layers

WIDTH = 8
PADDED = torch.tensor([[False, False, True, True, True], [True, True, True, True, False]])


def context(family: str, real: Tensor | None = None, end: Any = None) -> Context:
    """A context at work on two rows of five tokens."""
    made = Context(layers(models.tiny(family))[0], PromptEnd(answers_apart=False))
    attention = SimpleNamespace(layer_idx=0)
    mask = None if real is None else real[:, None, None, :]
    made._begin(attention, (), {"hidden_states": torch.randn(2, 5, WIDTH), "attention_mask": mask})  # type: ignore[arg-type]
    made.prompt.end = end
    return made


def stirred(gate: nn.Module) -> Any:
    for p in gate.parameters():
        nn.init.normal_(p)
    return gate


def each(gate: Any, h: Tensor) -> Tensor:
    """`sigmoid(w h_t + b)`, `(batch, tokens)`."""
    return torch.sigmoid((h * gate.w).sum(-1) + gate.b)


def inputs() -> Tensor:
    return torch.randn(2, 5, WIDTH, generator=torch.Generator().manual_seed(0))


def test_a_linear_gate_starts_near_one_half() -> None:
    torch.manual_seed(0)
    gate = TokenGate(2000, context("bert"))
    assert gate.w.std().item() == pytest.approx(0.02, rel=0.1) and gate.b.tolist() == [0]
    torch.testing.assert_close(gate(torch.zeros(1, 1, 2000)), torch.full((1, 1, 1), 0.5))


def test_token_gate() -> None:
    gate, h = stirred(TokenGate(WIDTH, context("llama"))), inputs()
    torch.testing.assert_close(gate(h).squeeze(-1), each(gate, h))


@pytest.mark.parametrize("padding", ["ignored", "counted"])
def test_sequence_gate(padding: Any) -> None:
    gate, h = stirred(SequenceGate(WIDTH, context("bert", PADDED), padding=padding)), inputs()
    s = each(gate, h)
    rows = [s[0].mean(), s[1].mean()] if padding == "counted" else [s[0, 2:].mean(), s[1, :4].mean()]
    torch.testing.assert_close(gate(h), torch.stack(rows).view(2, 1, 1))


def test_counted_padding_makes_a_row_depend_on_its_batch() -> None:
    batch = models.batch("bert")
    alone, moved = {name: value[:1, :5] for name, value in batch.items()}, []
    for padding in ("ignored", "counted"):
        model = models.grown("bert", f"sequence(padding={padding})*series(bottleneck=6)@mlp")
        models.stir(model, std=1.0)
        moved.append((model(**batch).logits[:1] - model(**alone).logits).abs().max().item())
    assert moved[0] < 1e-5 and moved[1] > 1e-4


def test_scalar_gate_reads_nothing() -> None:
    gate = ScalarGate(WIDTH, context("llama"))
    assert gate(torch.full((2, 5, WIDTH), torch.nan)).tolist() == [[[0.5]]]
    nn.init.constant_(gate.a, 2.0)
    torch.testing.assert_close(gate(inputs()), torch.sigmoid(torch.tensor(2.0)).view(1, 1, 1))


def expected_prompt_gate(s: Tensor, real: Tensor, ends: list[int]) -> Tensor:
    """The mean of `s` over real tokens that are in the prompt and not later, in a loop; 0 on padding in front."""
    g = torch.zeros(2, 5)
    for row in range(2):
        for t in range(5):
            seen = [s[row, u] for u in range(t + 1) if real[row, u] and u < ends[row]]
            g[row, t] = torch.stack(seen).mean() if seen else 0
    return g


@pytest.mark.parametrize("ends", [[5, 5], [4, 2], [3, 5]])
@pytest.mark.parametrize("padded", [True, False])
def test_prompt_gate_is_a_running_mean_that_is_held(ends: list[int], padded: bool) -> None:
    real = PADDED if padded else torch.ones_like(PADDED)
    causal = real[:, None, None, :] & torch.ones(5, 5, dtype=torch.bool).tril()
    at_work = context("llama", end=torch.tensor(ends))
    at_work._mask = causal if padded else None
    gate, h = stirred(PromptGate(WIDTH, at_work)), inputs()
    torch.testing.assert_close(gate(h).squeeze(-1), expected_prompt_gate(each(gate, h), real, ends))


def test_labels_that_begin_with_the_row_leave_all_of_it_a_prompt() -> None:
    h = inputs()
    gate = stirred(PromptGate(WIDTH, context("llama", end=torch.tensor([0, 3]))))
    told = gate(h)
    gate.context.prompt.end = torch.tensor([5, 3])
    torch.testing.assert_close(told, gate(h))


def test_in_an_encoder_the_prompt_gate_is_the_sequence_gate() -> None:
    at_work, h = context("bert", PADDED), inputs()
    gate = stirred(PromptGate(WIDTH, at_work))
    sequence = SequenceGate(WIDTH, at_work)
    sequence.load_state_dict(gate.state_dict())
    torch.testing.assert_close(gate(h), sequence(h))


@pytest.mark.parametrize("family", DECODERS)
@pytest.mark.parametrize("gate", ["prompt", "softmax(pool=prompt)"])
def test_an_answer_has_the_same_gates_when_trained_as_when_written(family: str, gate: str) -> None:
    model, batch = models.grown(family, f"{gate}*{models.THREE}"), models.batch(family)
    how = {"do_sample": False, "min_new_tokens": 4, "max_new_tokens": 4, "return_dict_in_generate": True}
    written = model.generate(**batch, **how, output_logits=True)
    mask = torch.cat([batch["attention_mask"], torch.ones(2, 4, dtype=torch.long)], 1)
    labels = written.sequences.clone()
    labels[:, :7] = -100
    positions = {} if family in ("bloom", "opt") else {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    trained = model(input_ids=written.sequences, attention_mask=mask, labels=labels, use_cache=False, **positions)
    torch.testing.assert_close(trained.logits[:, 6:-1], torch.stack(written.logits, 1), atol=1e-5, rtol=1e-5)
    whole = model(input_ids=written.sequences, attention_mask=mask, use_cache=False, **positions)
    assert not torch.allclose(whole.logits[:, 6:-1], trained.logits[:, 6:-1], atol=1e-5), "the labels told nothing"


def test_right_padding_behind_an_answer_changes_nothing() -> None:
    model = models.grown("llama", "prompt*lora@q,v")
    ids = models.batch("llama")["input_ids"][1:]
    alone, padded = ids[:, :5], torch.cat([ids[:, :5], torch.zeros(1, 3, dtype=torch.long)], 1)
    with prompt_ends(model, 3):
        expected = model(input_ids=alone, attention_mask=torch.ones_like(alone)).logits
        mask = torch.cat([torch.ones_like(alone), torch.zeros(1, 3, dtype=torch.long)], 1)
        found = model(input_ids=padded, attention_mask=mask).logits
    torch.testing.assert_close(found[:, :5], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("pool", ["sequence", "token"])
def test_softmax_gate(pool: Any) -> None:
    gate, h = stirred(SoftmaxGate(WIDTH, context("bert", PADDED), 3, pool=pool)), inputs()
    scores = torch.relu(h @ gate.w.T + gate.b)
    if pool == "sequence":
        scores = torch.stack([scores[0, 2:].mean(0), scores[1, :4].mean(0)]).unsqueeze(1)
    torch.testing.assert_close(gate(h), scores.softmax(-1))
    shares = [Share(gate, member) for member in range(3)]
    gate.context.hidden = h
    torch.testing.assert_close(sum(share(torch.empty(0)) for share in shares), torch.ones(2, scores.shape[1], 1))


def test_shares_are_computed_once_a_layer() -> None:
    model, calls = models.grown("bert", f"softmax*{models.THREE}"), []
    grafts = attached(model).grafts
    whole = {id(graft.gate.whole): graft.gate.whole for graft in grafts.values()}
    assert len(whole) == 2, "one gate in each of the two layers"
    for gate in whole.values():
        gate.register_forward_hook(lambda gate, args, g: calls.append(g.shape))
    model(**models.batch("bert"))
    assert calls == [(2, 1, 3)] * 2


def test_a_hard_gate_is_soft_in_training() -> None:
    gate, h = stirred(SoftmaxGate(WIDTH, context("llama"), 3, pool="token", hard=True)), inputs()
    soft, hard = gate(h), gate.eval()(h)
    assert (soft > 0).all() and ((hard > 0).sum(-1) == 1).all()
    torch.testing.assert_close(hard.amax(-1), soft.amax(-1))


class Rows:
    """Counts the tokens that each delta is given."""

    def __init__(self, model: Any) -> None:
        self.tokens: dict[str, int] = {}
        for name, graft in attached(model).grafts.items():
            graft.delta.register_forward_hook(self._counting(name))

    def _counting(self, name: str) -> Any:
        def count(delta: nn.Module, args: tuple[Tensor, ...], change: Any) -> None:
            self.tokens[name] = self.tokens.get(name, 0) + args[0].shape[:-1].numel()

        return count


@pytest.mark.parametrize(("family", "pool"), [("bert", "sequence"), ("llama", "prompt"), ("opt", "token")])
def test_a_hard_gate_computes_what_was_chosen_alone(family: str, pool: str) -> None:
    members = "[lora@q+series(bottleneck=6)@mlp+parallel(bottleneck=6)@mlp]"
    model, batch = models.tiny(family), models.batch(family)
    attach(model, f"softmax(pool={pool},hard=true)*{members}")
    models.stir(model, std=1.0)
    counted, tokens = Rows(model), batch["input_ids"].numel()
    chosen = model(**batch).logits
    for layer in range(2):
        of_layer = {name: n for name, n in counted.tokens.items() if name.startswith(f"{layer}_")}
        assert sum(of_layer.values()) == tokens, "a token is computed by one method"
    for graft in attached(model).grafts.values():
        graft.gate.hard = False  # the same numbers, with the zeros computed
    torch.testing.assert_close(models.real(model(**batch).logits, batch), models.real(chosen, batch))


def test_nobody_computes_what_no_row_chose() -> None:
    model, batch = models.grown("bert", f"softmax(hard=true)*{models.THREE}"), models.batch("bert")
    for graft in attached(model).grafts.values():
        with torch.no_grad():
            graft.gate.whole.b.copy_(torch.tensor([100.0, 0, 0]))
    counted = Rows(model)
    model(**batch)
    assert set(counted.tokens) == {"0_q_lora", "0_v_lora", "1_q_lora", "1_v_lora"}
    assert set(counted.tokens.values()) == {14}


def test_one_gate_for_the_whole_submodule() -> None:
    model = models.grown("bert", "sequence(per=submodule)*[lora@q,v+series(bottleneck=6)@mlp]")
    grafts = attached(model).grafts
    assert grafts["0_q_lora"].gate.whole is grafts["0_v_lora"].gate.whole
    assert grafts["0_q_lora"].gate.whole is not grafts["1_q_lora"].gate.whole
    assert isinstance(grafts["0_mlp_series"].gate, SequenceGate), "a submodule at one place reads what its delta reads"
    gates = {p for graft in grafts.values() for p in graft.gate.parameters()}
    assert sum(p.numel() for p in gates) == 2 * 2 * (32 + 1)


@pytest.mark.parametrize("kind", [TokenGate, SequenceGate, PromptGate])
def test_gates_compute_in_the_type_of_what_they_read(kind: type[LinearGate]) -> None:
    gate = kind(WIDTH, context("bert"))
    assert gate(inputs().bfloat16()).dtype is torch.bfloat16 and gate.w.dtype is torch.float32


BESIDE = "[lora@q,v+prefix(tokens=3)+series(bottleneck=6)@mlp]"


@pytest.mark.parametrize(("family", "kind"), [("bert", "sequence"), ("llama", "prompt"), ("gpt2", "token")])
def test_gates_that_read_the_same_are_one_product_and_the_same_numbers(family: str, kind: str) -> None:
    model, batch = models.grown(family, f"{kind}*{BESIDE}"), models.batch(family)
    gates = {name: graft.gate for name, graft in attached(model).grafts.items()}
    beside = [gates[name] for name in ("0_q_lora", "0_v_lora", "0_kv_prefix")]
    assert all(set(gate.beside) == set(beside) for gate in beside)
    assert gates["0_mlp_series"].beside == [gates["0_mlp_series"]], "it reads something else"
    products = counted_products(beside[0])
    together = model(**batch).logits
    assert products == [3]
    for gate in gates.values():
        gate.beside = [gate]
    torch.testing.assert_close(model(**batch).logits, together)
    assert products == [3, 1]


def counted_products(gate: LinearGate) -> list[int]:
    """Fills with the number of gates of each product that `gate` is the first of."""
    found: list[int] = []
    pooled = gate._pooled

    def counting(h: Tensor, gates: list[LinearGate]) -> Tensor:
        found.append(len(gates))
        return pooled(h, gates)

    gate._pooled = counting  # type: ignore[method-assign]
    return found


def test_a_copy_has_its_own_gates_beside_each_other() -> None:
    model = models.grown("llama", f"prompt*{BESIDE}")
    grown = copy.deepcopy(model)
    first, second = attached(model).grafts["0_q_lora"].gate, attached(grown).grafts["0_q_lora"].gate
    assert len(second.beside) == 3 and not set(first.beside) & set(second.beside)


@pytest.mark.parametrize("members", ["[lora@q+series(bottleneck=4)@v]", "[series(bottleneck=4)@q+lora@q,v]"])
@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_gates_of_deltas_that_read_what_is_written_stand_alone(family: str, members: str) -> None:
    gates = {n: graft.gate for n, graft in attached(models.grown(family, f"prompt*{members}")).grafts.items()}
    assert all(gate.beside == [gate] for name, gate in gates.items() if "series" in name)
    assert not any(
        "series" in name for name, gate in gates.items() for other in gates["0_q_lora"].beside if gate is other
    )
    contracts.generates_alike_with_and_without_cache(family, f"prompt*{members}")


def test_a_gate_that_is_given_something_else_keeps_its_own_sums_in_the_cache() -> None:
    model, batch = models.grown("llama", f"prompt*{BESIDE}"), models.batch("llama")
    how = {"do_sample": False, "min_new_tokens": 4, "max_new_tokens": 4}
    how |= {"return_dict_in_generate": True, "output_logits": True}
    expected = model.generate(**batch, **how).logits
    model.model.layers[0].self_attn.q_proj.register_forward_pre_hook(lambda q, args: (args[0].clone(),))
    torch.testing.assert_close(model.generate(**batch, **how).logits, expected)
