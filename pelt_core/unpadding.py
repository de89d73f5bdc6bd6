"""Leaves the padding out of all that the layers of a model compute."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import AttentionInterface, PreTrainedModel

from pelt_core.packed_attention import packed_attention
from pelt_core.packing import Packing
from pelt_core.sites import stacks

ATTENTION = "packed"
_EACH_TOKEN_HAS = ("position_ids", "position_embeddings")


def can_unpad(model: PreTrainedModel) -> bool:
    """Whether all attention of `model` goes through transformers' attention interface, and it has one stack of layers.

    GPT-J, BLOOM and T5 have attention of their own: give them rows of equal length, or one row at a time.
    """
    return bool(model._supports_attention_backend) and len(stacks(model)) == 1


@contextmanager
def unpadded(model: PreTrainedModel) -> Iterator[None]:
    """Inside, the layers of `model` see the real tokens of a batch as one sequence, `(1, total, hidden)`.

    What goes in and what comes out is padded as before, with zeros for hidden states of the padding, and what is
    computed for a real token is the same. Batches are padded on the right; give the attention mask, which may stay on
    the CPU, so that its rows are measured without waiting for a GPU. There is no key-value cache.

    Args:
        model: for which `can_unpad` holds, with or without methods attached; none is attached or detached inside.

    """
    AttentionInterface.register(ATTENTION, packed_attention)
    before, handles = model.config._attn_implementation, _wired(model)
    model.set_attn_implementation(ATTENTION)
    try:
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


def _measure(model: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Tells the layers where the rows are, by a keyword: it is there again when a layer is computed anew."""
    text = args[0] if args else kwargs.get("input_ids")
    text = kwargs["inputs_embeds"] if text is None else text
    if (mask := kwargs.get("attention_mask")) is None:
        return args, kwargs | {"packing": Packing((text.shape[1],) * len(text), text.shape[1])}
    return args, kwargs | {"packing": Packing.of(mask), "attention_mask": mask.to(text.device)}


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
