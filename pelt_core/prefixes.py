"""How trained keys and values get in front of those of an attention module."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pelt_core.cache import RoomyCache
from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.packing import Packing


class MaskError(PeltError, TypeError):
    """An attention mask that a prefix cannot be put in front of."""


class PrefixedCache:
    """A key-value cache seen through a prefix.

    The prefix is prepended on the way out and never stored, so positions do not shift, beams can be reordered, and
    the cache has the length of the text.

    Args:
        cache: the cache, or `None`; of an encoder-decoder's two, that of self-attention is meant.
        key: those of the prefix, `(batch, key-value heads, virtual tokens, head_dim)`.
        value: the same.
        keys: how many keys of the text are given out: a static cache has room for more than are in use.
        owner: tells this prefix from others, for a cache that has room for it in front of the text.

    """

    def __init__(self, cache: Any, key: Tensor, value: Tensor, keys: int | None = None, owner: int = 0) -> None:
        self._cache, self._key, self._value = getattr(cache, "self_attention_cache", cache), key, value
        self._keys, self._owner, self.length = keys, owner, key.shape[2]

    @property
    def depth(self) -> int:
        """All virtual tokens in front of the text, those of a prefix behind this one too."""
        return self.length + (self._cache.depth if isinstance(self._cache, PrefixedCache) else 0)

    def get_seq_length(self, layer: int) -> Any:
        """How many tokens of text are stored."""
        return 0 if self._cache is None else self._cache.get_seq_length(layer)

    def get_mask_sizes(self, tokens: int, layer: int) -> tuple[int, int]:
        """How many keys `update` will give, and the position of the first that is stored."""
        keys, first = (tokens, 0) if self._cache is None else self._cache.get_mask_sizes(tokens, layer)
        return keys + self.length, first

    def update(self, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Stores `key` and `value`, and gives all keys and values with the prefix in front."""
        if isinstance(self._cache, RoomyCache):
            keys, values = self._cache.update_behind(self._owner, (self._key, self._value), key, value, *args)
            return keys, values
        if self._cache is not None:
            key, value = (kept[:, :, : self._keys] for kept in self._cache.update(key, value, *args, **kwargs))
        return torch.cat([self._key.to(key.dtype), key], 2), torch.cat([self._value.to(value.dtype), value], 2)


class PackedPrefix(PrefixedCache):
    """A prefix in front of the keys and values of each row of a packed batch; `key` and `value` may be one for all."""

    def __init__(self, cache: Any, key: Tensor, value: Tensor, packing: Packing) -> None:
        super().__init__(cache, key, value)
        self._packing = packing

    def update(self, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Gives all keys and values with the prefix in front of each row."""
        if self._cache is not None:
            key, value = self._cache.update(key, value, *args, **kwargs)
        return self._in_front(self._key, key), self._in_front(self._value, value)

    def _in_front(self, prefix: Tensor, text: Tensor) -> Tensor:
        if self._packing.shared:
            return torch.cat([prefix.to(text.dtype), text], 2)
        behind = self.depth - self.length
        rows = text.split([length + behind for length in self._packing.lengths], 2)
        each = prefix.to(text.dtype).expand(len(rows), -1, -1, -1).split(1)
        return torch.cat([part for pair in zip(each, rows, strict=True) for part in pair], 2)


class KeyValueGraft(Graft):
    """Prepends `(k, v) = delta(x)` to the keys and values of one attention module.

    Every family calls `cache.update(k, v, layer)` after the rotary embedding and before attention. Handing it a view
    of the cache serves them all, and inside the checkpointed block, where `past_key_values` given from outside
    would be dropped.

    A bias of the text's positions, which is added to the scores, gets zeros in front: the prefix has no position.

    A gate with one number a row scales both, `g P_K` and `g P_V` (UniPELT, section 3.2). A gate with one a token
    cannot: all queries read the same keys. It scales what each query pays to the prefix against what it pays to the
    text, `softmax([q P_K + log g_t, q K]) [P_V; V]`, so that `g_t = 0` is attention without a prefix. Flash attention
    has no room for `log g_t` and is refused there.

    Raises:
        MaskError: for attention that takes no mask of numbers, where the prefix needs one.

    """

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft around the attention module; the handles take it out again."""
        attention = base.get_submodule(self.site.write.path)
        handles = [attention.register_forward_pre_hook(self._prepend, with_kwargs=True)]
        if self.site.stack.bias:
            handles.append(attention.register_forward_hook(self._hand_on, with_kwargs=True))
        return handles

    def _prepend(
        self, attention: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        x = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        g: Tensor | None = None if self.gate is None else self.gate(x)
        if g is not None and self._chooses() and not g.any():
            return args, kwargs
        prefix, paid = self._keys_and_values(attention, kwargs, x, g), self._paid(g)
        in_front = self._in_padded_rows if kwargs.get("packing") is None else self._in_packed_rows
        return args, kwargs | in_front(attention, kwargs, x, prefix, paid)

    def _keys_and_values(
        self, attention: Any, kwargs: dict[str, Any], x: Tensor, g: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """`(P_K, P_V)` of each row, scaled by a gate with one number a row; once written to a roomy cache, those."""
        cache, packing = kwargs.get(self.site.stack.cache), kwargs.get("packing")
        written = cache.prefix(id(self), attention.layer_idx) if isinstance(cache, RoomyCache) else None
        key, value = self.delta(x) if written is None else written
        if written is not None or g is None or self._gates_tokens:
            return key, value
        each = (g if packing is None or g.shape[1] == 1 else packing.first(g)).unsqueeze(-1)
        return each * key, each * value

    def _paid(self, g: Tensor | None) -> Tensor | None:
        """What each query pays to the prefix, `(batch, tokens or 1, 1)`; `None` for all."""
        if g is None or self._gates_tokens:
            return g
        return (g > 0).to(g.dtype) if self._chooses() else None

    @property
    def _gates_tokens(self) -> bool:
        return cast(Any, self.gate).per_token

    def _in_packed_rows(
        self, attention: Any, kwargs: dict[str, Any], x: Tensor, prefix: tuple[Tensor, Tensor], paid: Tensor | None
    ) -> dict[str, Any]:
        stack = self.site.stack
        seen = _pay_packed_prefix(kwargs.get(stack.mask), paid, prefix[0].shape[2], x)
        return {stack.cache: PackedPrefix(kwargs.get(stack.cache), *prefix, kwargs["packing"]), stack.mask: seen}

    def _in_padded_rows(
        self, attention: Any, kwargs: dict[str, Any], x: Tensor, prefix: tuple[Tensor, Tensor], paid: Tensor | None
    ) -> dict[str, Any]:
        stack, mask = self.site.stack, kwargs.get(self.site.stack.mask)
        seen = _see_prefix(mask, prefix[0].shape[2], attention, x)
        made = mask is None and seen is not None
        cache = PrefixedCache(kwargs.get(stack.cache), *prefix, x.shape[1] if made else None, id(self))
        if paid is not None:
            seen = _pay_prefix(seen, paid, cache, attention, x)
        changed = {stack.cache: cache, stack.mask: seen}
        if stack.bias:
            bias = kwargs[stack.bias]
            if bias is None:
                bias = _relative_bias(attention, x, cache, mask)
            changed[stack.bias] = F.pad(bias, (cache.length, 0))
        return changed

    def _hand_on(self, attention: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """The bias that attention hands on to later layers, as it would be without a prefix."""
        bias, cache = kwargs[self.site.stack.bias], kwargs[self.site.stack.cache]
        if not isinstance(cache, PrefixedCache):  # no token chose the prefix
            return output
        return tuple(part[..., cache.depth :] if part is bias else part for part in output)


def _relative_bias(attention: Any, x: Tensor, cache: PrefixedCache, mask: Tensor | None) -> Tensor:
    """The bias between the positions of the text, which T5's first layer would count from the prefix on."""
    past, tokens = cache.get_seq_length(attention.layer_idx), x.shape[1]
    keys = past + tokens if mask is None else mask.shape[-1]
    bias: Tensor = attention.compute_bias(tokens, keys, device=x.device, past_seen_tokens=past)
    return bias


def _see_prefix(mask: Tensor | None, length: int, attention: nn.Module, x: Tensor) -> Tensor | None:
    """Makes `length` leading keys visible to every query."""
    implementation = getattr(getattr(attention, "config", None), "_attn_implementation", None) or ""
    tokens = x.shape[1]
    if mask is None:
        if "flash" in implementation or tokens == 1 or not getattr(attention, "is_causal", False):
            return None
        # Without a mask, sdpa's is_causal aligns a square at the top left: it would hide text behind the prefix.
        mask = torch.ones(1, 1, tokens, tokens, dtype=torch.bool, device=x.device).tril()
    if not isinstance(mask, Tensor):
        raise MaskError(
            f"prefix-tuning needs the attention mask as a tensor, but {implementation!r} attention makes it a "
            f"{type(mask).__name__}: load the model with attn_implementation 'sdpa', 'eager' or a flash one"
        )
    visible = mask.dtype is torch.bool or mask.dim() == 2
    return F.pad(mask, (length, 0), value=1 if visible else 0)


def _pay_prefix(mask: Tensor | None, g: Tensor, cache: PrefixedCache, attention: Any, x: Tensor) -> Tensor:
    """Adds `log g`, `(batch, tokens or 1, 1)`, to what queries pay to the prefix; `g = 0` hides it."""
    if (mask is None and "flash" in attention.config._attn_implementation) or (mask is not None and mask.dim() == 2):
        raise MaskError(
            "a gate for every token in front of a prefix needs an attention mask of numbers, which flash attention "
            "does not take: load the model with attn_implementation 'sdpa' or 'eager', or gate it by one number a row"
        )
    tokens = x.shape[1]
    if mask is None:
        mask = g.new_zeros(1, 1, 1, cache.get_mask_sizes(tokens, attention.layer_idx)[0])
    elif mask.dtype is torch.bool:
        mask = torch.zeros_like(mask, dtype=g.dtype).masked_fill(~mask, torch.finfo(g.dtype).min)
    log_g = _log(g, mask.dtype)
    text = mask[..., cache.length :].expand(len(x), -1, tokens, -1)
    return torch.cat([log_g.expand(len(x), text.shape[1], tokens, cache.length), text], -1)


def _pay_packed_prefix(bias: Tensor | None, g: Tensor | None, length: int, x: Tensor) -> Tensor | None:
    """What the queries of packed rows add to their scores of the virtual keys, those of this prefix in front.

    Args:
        bias: the same of prefixes behind this one, `(1, 1, total, keys)`; `None` if they add nothing.
        g: what is paid to this one, `(1, total or 1, 1)`; `None` for all.
        length: the virtual tokens of this prefix.
        x: what the attention reads, `(1, total, hidden)`.

    """
    if g is None:
        return None if bias is None else F.pad(bias, (length, 0))
    log_g = _log(g, x.dtype).expand(-1, -1, x.shape[1], length)
    return log_g if bias is None else torch.cat([log_g, bias], -1)


def _log(g: Tensor, dtype: torch.dtype) -> Tensor:
    """`log g` of `(batch, tokens, 1)` as scores, `(batch, 1, tokens, 1)`, the lowest there is for `g = 0`."""
    least = torch.finfo(dtype)
    return g.clamp(min=least.tiny).log().masked_fill(g == 0, least.min).to(dtype).unsqueeze(1)
