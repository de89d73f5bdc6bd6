"""Faults that have been made, or could be, each with the check that must catch it: a test of the tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import contracts
import pytest
import test_attachment
import test_attachment_by_name
import test_grafts
import test_modules_bottleneck
import test_parity_peft
import test_prefixes
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from pelt_core import attachment, checkpoint, grafts, prefixes, sites
from pelt_core.attachment import Attachment, Attachments
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.methods import METHODS
from pelt_core.modules.bottleneck import Bottleneck, Parallel, Projection
from pelt_core.modules.weights import LoRA
from pelt_core.prefixes import KeyValueGraft, PrefixedCache

pytestmark = test_parity_peft.pytestmark
Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]
FAULTS: list[Any] = []
see_prefix, part_of, put_on, activate = prefixes._see_prefix, grafts.part_of, Attachment._put_on, Attachments._activate


def caught_by(check: Callable[..., None], *arguments: Any) -> Callable[[Fault], Fault]:
    def register(fault: Fault) -> Fault:
        FAULTS.append(pytest.param(fault, check, arguments, id=f"{fault.__name__}-{len(FAULTS)}"))
        return fault

    return register


# The prefix


@caught_by(contracts.attends_alike_in_eager_and_sdpa, "llama", "prefix(tokens=4)")
def sdpa_is_left_to_its_own_causal_mask(patch: Patch) -> None:
    patch.setattr(prefixes, "_see_prefix", lambda mask, *rest: None if mask is None else see_prefix(mask, *rest))


@caught_by(contracts.attends_alike_in_eager_and_sdpa, "llama", "prefix(tokens=4)")
def a_boolean_mask_is_padded_like_an_additive_one(patch: Patch) -> None:
    patch.setattr(prefixes, "_see_prefix", lambda mask, length, *rest: F.pad(mask, (length, 0)))


@caught_by(contracts.no_token_sees_the_future, "llama", "prefix(tokens=4)")
def the_mask_that_is_made_shows_the_future(patch: Patch) -> None:
    patch.setattr(Tensor, "tril", lambda mask: mask)


@caught_by(contracts.padding_changes_nothing, "llama", "prefix(tokens=4)")
@caught_by(contracts.padding_changes_nothing, "bert", "prefix(tokens=4)")
def the_padding_becomes_visible(patch: Patch) -> None:
    patch.setattr(prefixes, "_see_prefix", lambda mask, *rest: see_prefix(None, *rest))


@caught_by(contracts.generates_alike_with_and_without_cache, "llama", "prefix(tokens=4)")
def the_prefix_is_stored_in_the_cache(patch: Patch) -> None:
    def update(self: PrefixedCache, key: Tensor, value: Tensor, *args: Any) -> tuple[Tensor, Tensor]:
        key, value = torch.cat([self._key, key], 2), torch.cat([self._value, value], 2)
        return (key, value) if self._cache is None else self._cache.update(key, value, *args)

    patch.setattr(PrefixedCache, "update", update)


prepend, start, wire = KeyValueGraft._prepend, PrefixedCache.__init__, Graft.wire


@caught_by(contracts.generates_alike_with_and_without_cache, "llama", "prefix(tokens=4)")
@caught_by(contracts.trains_only_itself, "llama", "prefix(tokens=4)")
@caught_by(contracts.trains_alike_under_gradient_checkpointing, "llama", "prefix(tokens=4)")
def the_prefix_acts_only_where_there_is_a_cache(patch: Patch) -> None:
    def act(self: KeyValueGraft, host: nn.Module, args: Any, kwargs: Any) -> Any:
        return (args, kwargs) if kwargs.get(self.site.stack.cache) is None else prepend(self, host, args, kwargs)

    patch.setattr(KeyValueGraft, "_prepend", act)


@caught_by(test_prefixes.test_a_static_cache_without_a_mask_has_room_that_no_token_sees, "llama")
def the_empty_room_of_a_static_cache_is_given_out(patch: Patch) -> None:
    patch.setattr(PrefixedCache, "__init__", lambda self, cache, key, value, *rest: start(self, cache, key, value))


@caught_by(test_prefixes.test_t5_adds_no_bias_to_a_prefix_and_that_of_the_text_to_the_text, "decoder", 5, "eager")
def the_prefix_has_positions_before_the_text(patch: Patch) -> None:
    def counted(attention: Any, x: Tensor, cache: PrefixedCache, mask: Tensor | None) -> Tensor:
        tokens, length = x.shape[1], cache.length
        return attention.compute_bias(tokens, length + tokens)[..., length:]

    patch.setattr(prefixes, "_relative_bias", counted)


@caught_by(test_prefixes.test_what_t5_hands_on_is_the_bias_of_the_text_behind_any_number_of_prefixes)
@caught_by(contracts.acts_once_trained, "t5", "prefix(tokens=4)")
def later_layers_get_the_bias_with_the_prefix_in_it(patch: Patch) -> None:
    patch.setattr(KeyValueGraft, "_hand_on", lambda self, attention, args, kwargs, output: output)


# Grafts


@caught_by(contracts.merges_into_the_weights, "llama", "ia3")
@caught_by(contracts.acts_once_trained, "gemma", "multihead_parallel(bottleneck=3)")
def what_is_to_be_changed_on_its_way_in_is_changed_on_its_way_out(patch: Patch) -> None:
    def outward(self: Graft, base: nn.Module) -> list[Any]:
        port = dataclasses.replace(self.site.write, side="out")
        self.site = dataclasses.replace(self.site, write=port)
        return wire(self, base)

    patch.setattr(Graft, "wire", outward)


@caught_by(contracts.trains_only_itself, "llama", "token*lora@q,v")
@caught_by(contracts.trains_only_itself, "bert", "sequence*series@mlp")
def a_gate_is_ignored(patch: Patch) -> None:
    patch.setattr(Graft, "forward", lambda self, x, y, host: y + self.change(x, y, host))


@caught_by(test_parity_peft.test_lora_gives_the_same_logits_and_gradients, "gpt2")
@caught_by(test_grafts.test_a_fused_part_is_what_the_model_takes_for_it, "gpt_neox", "v")
def every_part_of_a_fused_map_is_its_first(patch: Patch) -> None:
    def first(y: Tensor, part: Any, heads: int) -> Tensor:
        return part_of(y, part and dataclasses.replace(part, index=0), heads)

    patch.setattr(grafts, "part_of", first)


def closed(self: Graft, base: nn.Module) -> list[Any]:
    host = base.get_submodule(self.site.write.path)
    return [host.register_forward_hook(lambda module, args, y: self._change_output(module, args, y))]


@caught_by(contracts.copies_stand_alone, "llama", "lora@q,v")
def the_hook_is_a_closure(patch: Patch) -> None:
    patch.setattr(Graft, "wire", closed)


@caught_by(contracts.trains_only_itself, "gpt2", "series@q,v")
def the_fused_output_is_changed_in_place(patch: Patch) -> None:
    patch.setattr(Tensor, "clone", lambda tensor, **_: tensor)


@caught_by(test_parity_peft.test_lora_gives_the_same_logits_and_gradients, "bloom")
@caught_by(test_grafts.test_a_fused_part_is_what_the_model_takes_for_it, "bloom", "k")
def bloom_is_laid_out_like_gpt2(patch: Patch) -> None:
    def as_rows(y: Tensor, part: Any, heads: int) -> Tensor:
        return part_of(y, part and dataclasses.replace(part, layout="rows"), heads)

    patch.setattr(grafts, "part_of", as_rows)


@caught_by(contracts.compiles, "llama", "lora@q")
def the_graph_breaks_at_a_graft(patch: Patch) -> None:
    def broken(self: Graft, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        torch._dynamo.graph_break()
        return y + self.delta(x, y)

    patch.setattr(Graft, "forward", broken)


# Modules


@caught_by(contracts.starts_as_the_backbone, "llama", "lora@q,v")
def both_factors_start_at_random(patch: Patch) -> None:
    patch.setattr(torch, "zeros", torch.randn)


@caught_by(test_parity_peft.test_lora_gives_the_same_logits_and_gradients, "llama")
@caught_by(contracts.merges_into_the_weights, "llama", "lora@q,v")
def the_scale_is_forgotten_in_the_forward_pass(patch: Patch) -> None:
    patch.setattr(LoRA, "forward", lambda self, x, y: F.linear(F.linear(x, self.A), self.B))


@caught_by(test_modules_bottleneck.test_parallel_reads_what_was_read, "relu")
def parallel_reads_what_was_written(patch: Patch) -> None:
    patch.setattr(Parallel, "forward", lambda self, x, y: Bottleneck.forward(self, y, y))


@caught_by(contracts.trains_in_fp32_over_bf16, "llama", "series@mlp")
def an_adapter_computes_in_its_own_type(patch: Patch) -> None:
    patch.setattr(Projection, "forward", nn.Linear.forward)


# Attaching and detaching


@caught_by(contracts.trains_in_fp32_over_bf16, "llama", "lora@q,v")
def modules_take_the_type_of_the_backbone(patch: Patch) -> None:
    patch.setattr(Attachment, "_put_on", lambda self, model, own: put_on(self.to(model.dtype), model, own))


@caught_by(contracts.trains_only_itself, "llama", "lora@q,v")
@caught_by(contracts.saves_what_was_trained_and_nothing_else, "llama", "lora@q,v")
def the_backbone_is_not_frozen(patch: Patch) -> None:
    def thawed(self: Attachment, model: PreTrainedModel, own: Any) -> None:
        put_on(self, model, own)
        model.requires_grad_(True)

    patch.setattr(Attachment, "_put_on", thawed)


@caught_by(contracts.trains_only_itself, "bert", "lora@q,v")
@caught_by(contracts.trains_only_itself, "roberta", "full")
def the_head_of_a_classifier_is_frozen(patch: Patch) -> None:
    patch.setattr(attachment, "trained_in_place", lambda model, method: set())


@caught_by(test_attachment.test_new_modules_are_in_the_mode_of_the_model, False)
def new_modules_stay_in_training_mode(patch: Patch) -> None:
    patch.setattr(Attachment, "train", lambda self, mode=True: self)


@caught_by(contracts.detaches_without_a_trace, "llama", "lora@q,v")
def detach_leaves_the_hooks(patch: Patch) -> None:
    patch.setattr(torch.utils.hooks.RemovableHandle, "remove", lambda self: None)


@caught_by(contracts.detaches_without_a_trace, "llama", "lora@q,v")
def detach_leaves_the_backbone_frozen(patch: Patch) -> None:
    patch.setattr(Attachments, "_required_grad", property(lambda self: set(), lambda self, names: None), raising=False)


@caught_by(contracts.detaches_without_a_trace, "llama", "full")
@caught_by(contracts.detaches_without_a_trace, "bert", "lora@q,v")
def detach_leaves_trained_weights(patch: Patch) -> None:
    def forgetful(self: Attachments, model: PreTrainedModel, names: Any) -> None:
        activate(self, model, names)
        self._pretrained.clear()

    patch.setattr(Attachments, "_activate", forgetful)


@caught_by(test_attachment_by_name.test_stacked_methods_add_up_and_the_one_that_is_left_is_as_it_was_alone)
@caught_by(test_attachment_by_name.test_methods_come_off_in_any_order_and_leave_no_trace, ("b", "a", "c", "d"))
def what_no_longer_acts_stays_hooked(patch: Patch) -> None:
    patch.setattr(Attachment, "_take_off", lambda self: setattr(self, "active", False))


@caught_by(test_attachment_by_name.test_each_method_keeps_its_own_head)
def a_method_comes_back_with_the_head_of_another(patch: Patch) -> None:
    def forgetful(self: Attachment, model: PreTrainedModel, own: Any) -> None:
        self._values.clear()
        put_on(self, model, own)

    patch.setattr(Attachment, "_put_on", forgetful)


@caught_by(contracts.merges_into_the_weights, "gpt2", "lora@q,v")
def merge_takes_every_weight_for_d_out_by_d_in(patch: Patch) -> None:
    patch.setattr(sites, "is_transposed", lambda linear: False)


@caught_by(contracts.refuses_to_merge, "llama", "parallel@up,down")
def merge_takes_everything_for_a_change_of_weights(patch: Patch) -> None:
    patch.setitem(METHODS, "parallel", dataclasses.replace(METHODS["parallel"], mergeable=True))
    change = lambda self, weight, bias: (self.up.weight @ self.down.weight, None)  # noqa: E731
    patch.setattr(Parallel, "weight_change", change, raising=False)


# Checkpoints


@caught_by(contracts.saves_what_was_trained_and_nothing_else, "llama", "lora@q,v")
def the_backbone_is_saved_too(patch: Patch) -> None:
    patch.setattr(Attachments, "trained", lambda self, model, name: dict(model.named_parameters()))


@caught_by(contracts.saves_what_was_trained_and_nothing_else, "bert", "lora@q,v")
def the_head_of_a_classifier_is_not_saved(patch: Patch) -> None:
    patch.setattr(Attachments, "trained", lambda self, model, name: {})


@caught_by(contracts.saves_what_was_trained_and_nothing_else, "llama", "lora@q,v")
def tensors_are_read_and_not_filled_in(patch: Patch) -> None:
    patch.setattr(checkpoint, "_fill", lambda own, state: None)


@pytest.mark.parametrize(("fault", "check", "arguments"), FAULTS)
def test_a_known_fault_is_caught(
    fault: Fault, check: Callable[..., None], arguments: tuple[Any, ...], monkeypatch: Patch
) -> None:
    check(*arguments)
    fault(monkeypatch)
    with pytest.raises((AssertionError, RuntimeError, AttributeError, PeltError)):
        check(*arguments)
