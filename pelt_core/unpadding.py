"""Leaves the padding out of all that the layers of a model compute."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import AttentionInterface, PreTrainedModel

from pelt_core.anatomy import ANATOMIES
from pelt_core.errors import PeltError
from pelt_core.modules.gates import reads_ahead
from pelt_core.packed_attention import packed_attention
from pelt_core.packing import Packing
from pelt_core.prompt_end import PromptEnd, prompt_lengths
from pelt_core.sites import stacks

ATTENTION = "packed"
_EACH_TOKEN_HAS = ("position_ids", "position_embeddings")
_MAY_BE_ELSEWHERE = ("input_ids", "attention_mask")
_TELLS_ROWS_APART = ("inputs_embeds", "position_ids", "token_type_ids")
_EACH_LAYER_GIVES = ("output_hidden_states", "output_attentions")


class UnpaddingError(PeltError, ValueError):
    """A model, or something asked of it, for which the padding cannot be left out."""


def can_unpad(model: PreTrainedModel) -> bool:
    """Whether all attention of `model` goes through transformers' attention interface, and it has one stack of layers.

    GPT-J and BLOOM have attention of their own, and T5 has two stacks: give them rows of equal length, or one by one.
    A layer that may be dropped in training (OPT with `layerdrop`) could be the one that packs.
    """
    known = model.config.model_type in ANATOMIES and not getattr(model.config, "layerdrop", 0)
    return known and bool(model._supports_attention_backend) and len(stacks(model)) == 1


@contextmanager
def unpadded(model: PreTrainedModel) -> Iterator[None]:
    """Inside, the layers of `model` see the real tokens of a batch as one sequence, `(1, total, hidden)`.

    What goes in and what comes out is padded as before, with zeros for hidden states of the padding, and what is
    computed for a real token is the same. What all rows of a causal model begin with, such as a template's preface, is
    computed once, and under dropout drawn once. Batches are padded on the right; ids and attention mask may stay on the
    CPU, so that rows are measured without waiting for a GPU. There is no key-value cache.

    Args:
        model: for which `can_unpad` holds, with or without methods attached; none is attached or detached inside.

    Raises:
        UnpaddingError: for another model; inside, if it is asked for a cache, or for what each of its layers gives.
        PaddingError: inside, unless each row is padded on the right alone.

    """
    if not can_unpad(model):
        raise UnpaddingError(
            f"{model.config.model_type} needs its padding: it has attention of its own, or more than one stack of "
            "layers, or is no family of pelt_core.anatomy. Run it as it is; `can_unpad` tells beforehand"
        )
    AttentionInterface.register(ATTENTION, packed_attention)
    before, handles = model.config._attn_implementation, _wired(model)
    try:
        model.set_attn_implementation(ATTENTION)
        yield
    finally:
        model.set_attn_implementation(before)
        for handle in handles:
            handle.remove()


def _wired(model: PreTrainedModel) -> list[RemovableHandle]:
    (stack,) = stacks(model)
    blocks = list(model.base_model.get_submodule(stack.layers).children())
    return [
        model.register_forward_pre_hook(_measure, with_kwargs=True, prepend=True),
        *(block.register_forward_pre_hook(_pack_arguments, with_kwargs=True, prepend=True) for block in blocks),
        blocks[0].register_forward_pre_hook(_pack_states, with_kwargs=True, prepend=True),
        blocks[-1].register_forward_hook(_unpack_states, with_kwargs=True),
    ]


def _measure(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Tells the layers where the rows are, by a keyword: it is there again when a layer is computed anew."""
    given = dict(zip(inspect.signature(model.forward).parameters, args, strict=False)) | kwargs
    _check(model, given)
    text = given["inputs_embeds"] if given.get("input_ids") is None else given["input_ids"]
    if (mask := given.get("attention_mask")) is None:
        packing = Packing((text.shape[1],) * len(text), text.shape[1])
    else:
        packing = Packing.of(mask)
    if (shared := _shared(model, given, packing)) > 0:
        packing = Packing(packing.lengths, packing.width, shared)
    device = model.get_input_embeddings().weight.device
    moved = {
        name: given[name].to(device, non_blocking=True) for name in _MAY_BE_ELSEWHERE if given.get(name) is not None
    }
    return (), given | moved | {"packing": packing, "use_cache": False}


def _shared(model: Any, given: dict[str, Any], packing: Packing) -> int:
    """How many tokens all rows begin with, no row as a whole, and no row's answer, whose gate is its prompt's."""
    if (
        packing.rows == 1
        or not stacks(model)[0].causal
        or reads_ahead(model)
        or any(given.get(name) is not None for name in _TELLS_ROWS_APART)
    ):
        return 0
    ids, ends = given["input_ids"], [length - 1 for length in packing.lengths]
    ends += [
        int(torch.as_tensor(m.said).min()) for m in model.modules() if isinstance(m, PromptEnd) and m.said is not None
    ]
    if (labels := given.get("labels")) is not None and labels.dim() == 2:
        ends.append(int(prompt_lengths(labels).min()))
    same = (ids == ids[:1]).all(0)[: min(ends)]
    return int(same.cumprod(0).sum())


def _check(model: Any, given: dict[str, Any]) -> None:
    """That nothing is asked for which the layers would give of the packed batch, and not of the padded one."""
    if given.get("use_cache") or given.get("past_key_values") is not None:
        raise UnpaddingError("there is no key-value cache without padding: generate outside of `unpadded`")
    for name in _EACH_LAYER_GIVES:
        if getattr(model.config, name, False) if given.get(name) is None else given[name]:
            raise UnpaddingError(f"{name} is for the padded batch: ask for what each layer gives outside of `unpadded`")


def _pack_states(
    block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (kwargs["packing"].pack(args[0]), *args[1:]), kwargs


def _pack_arguments(
    block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = {name: kwargs[name] for name in _EACH_TOKEN_HAS if kwargs.get(name) is not None}
    return args, kwargs | {name: _packed(value, kwargs["packing"]) for name, value in given.items()}


def _packed(value: Any, packing: Packing) -> Any:
    return packing.pack(value) if isinstance(value, Tensor) else tuple(packing.pack(part) for part in value)


def _unpack_states(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
    packing: Packing = kwargs["packing"]
    return packing.unpack(output) if isinstance(output, Tensor) else (packing.unpack(output[0]), *output[1:])
