"""How a module gets into a model and out again.

At every site, and nowhere else::

    y' = y + g(x, y) * delta(x, y)

A graft is wired by forward hooks that are bound methods of an `nn.Module`: the host keeps its classes and its
state-dict keys, `copy.deepcopy` rewires the copy to its own grafts, and `torch.compile`, gradient checkpointing
and `generate` with a key-value cache keep working.
"""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pelt_core.errors import PeltError
from pelt_core.sites import Site, part_of


class MaskError(PeltError, TypeError):
    """An attention mask that a prefix cannot be put in front of."""


class Graft(nn.Module):
    """A delta at one site, and perhaps a gate in front of it: `y' = y + g * delta(x, y)`.

    `x` is `(batch, tokens, site.d_in)`, `y` and the delta are `(batch, tokens, site.d_out)`. The gate reads what its
    delta reads, `x` or `y`, and gives `(batch, tokens, 1)` or one number for all tokens, `(batch, 1, 1)`. The
    parameters stay in their own type (fp32); both compute in the type of what they read, so that a bf16 backbone
    stays fast.
    """

    def __init__(self, site: Site, delta: nn.Module, gate: nn.Module | None = None) -> None:
        super().__init__()
        self.site, self.delta, self.gate = site, delta, gate
        self._x: Tensor | None = None

    def start(self, base: nn.Module) -> None:
        """Lets a delta that starts from the module it changes the output of read it."""
        if hasattr(self.delta, "start"):
            cast(Any, self.delta).start(base.get_submodule(self.site.write.path))

    def forward(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`y'`, for the module `host` that wrote `y`."""
        if self.gate is None:
            return y + self.change(x, y, host)
        g: Tensor = self.gate(self.gate_input(x, y))
        if g.dim() > y.dim():  # OPT's MLP reads the tokens of all rows as those of one
            g = g.expand(-1, len(y) // len(g), -1).flatten(0, 1)
        if self._chooses():
            return self._where_chosen(g, x, y, host)
        return y + g * self.change(x, y, host)

    def change(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`delta(x, y)`."""
        delta: Tensor = self.delta(x, y)
        return delta

    def _chooses(self) -> bool:
        return getattr(self.gate, "hard", False) and not self.training

    def _where_chosen(self, g: Tensor, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`y'`, with the delta computed for the tokens with `g > 0` alone, as one row."""
        chosen = (g > 0).squeeze(-1).expand(y.shape[:-1])
        if not chosen.any():
            return y
        change = self.change(x[chosen].unsqueeze(0), y[chosen].unsqueeze(0), host).squeeze(0)
        return y.index_put((chosen,), g.expand(*y.shape[:-1], 1)[chosen] * change, accumulate=True)

    def gate_input(self, x: Tensor, y: Tensor) -> Tensor:
        """What the delta, and so its gate, reads."""
        return y if getattr(self.delta, "reads", "x") == "y" else x

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft into `base`; the handles take it out again."""
        read, write = base.get_submodule(self.site.read.path), base.get_submodule(self.site.write.path)
        handles = [] if read is write else [read.register_forward_pre_hook(self._keep_input)]
        if self.site.write.side == "in":
            return [*handles, write.register_forward_pre_hook(self._change_input)]
        return [*handles, write.register_forward_hook(self._change_output)]

    def _keep_input(self, host: nn.Module, args: tuple[Any, ...]) -> None:
        self._x = args[0]

    def _kept_input(self, args: tuple[Any, ...]) -> Tensor:
        x, self._x = (args[0] if self._x is None else self._x), None
        return x

    def _change_input(self, host: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self(self._kept_input(args), args[0], host), *args[1:])

    def _change_output(self, host: nn.Module, args: tuple[Any, ...], y: Tensor) -> Tensor:
        x = self._kept_input(args)
        if self.site.write.part is None:
            return self(x, y, host)
        # Autograd forbids writing into a view of the fused output, so the change goes into a copy.
        changed, old = y.clone(), part_of(y, self.site.write.part, self.site.heads)
        new = self(x, old.reshape(*y.shape[:-1], -1), host)
        part_of(changed, self.site.write.part, self.site.heads).copy_(new.view_as(old))
        return changed


class HostGraft(Graft):
    """A graft whose delta needs the module that it changes the output of: `y' = y + g * delta(x, y, host)`."""

    def change(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`delta(x, y, host)`."""
        delta: Tensor = self.delta(x, y, host)
        return delta


class NormInputGraft(Graft):
    """A graft that changes what a normalisation `N` reads, and reads what it writes: `y' = y + g * delta(N(y), y)`."""

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft in front of the normalisation; the handle takes it out again."""
        return [base.get_submodule(self.site.write.path).register_forward_pre_hook(self._change_norm_input)]

    def _change_norm_input(self, host: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return (self(host.forward(args[0]), args[0], host), *args[1:])


class PrefixedCache:
    """A key-value cache seen through a prefix.

    The prefix is prepended on the way out and never stored, so positions do not shift, beams can be reordered, and
    the cache has the length of the text.
    """

    def __init__(self, cache: Any, key: Tensor, value: Tensor) -> None:
        self._cache, self._key, self._value = getattr(cache, "self_attention_cache", cache), key, value
        self.length: int = key.shape[2]

    def get_seq_length(self, layer: int) -> Any:
        """How many tokens of text are stored."""
        return 0 if self._cache is None else self._cache.get_seq_length(layer)

    def get_mask_sizes(self, tokens: int, layer: int) -> tuple[int, int]:
        """How many keys `update` will give, and the position of the first that is stored."""
        keys, first = (tokens, 0) if self._cache is None else self._cache.get_mask_sizes(tokens, layer)
        return keys + self.length, first

    def update(self, key: Tensor, value: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Stores `key` and `value`, and gives all keys and values with the prefix in front."""
        if self._cache is not None:
            key, value = self._cache.update(key, value, *args, **kwargs)
        return torch.cat([self._key.to(key.dtype), key], 2), torch.cat([self._value.to(value.dtype), value], 2)


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
        self, attention: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        stack = self.site.stack
        x = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
        g: Tensor | None = None if self.gate is None else self.gate(x)
        if self._chooses() and g is not None and not g.any():
            return args, kwargs
        key, value = self.delta(x)
        scaled = g is not None and not cast(Any, self.gate).per_token
        if g is not None and scaled:
            key, value = g.unsqueeze(-1) * key, g.unsqueeze(-1) * value
        cache, mask = PrefixedCache(kwargs.get(stack.cache), key, value), kwargs.get(stack.mask)
        seen = _see_prefix(mask, cache.length, attention, x)
        if g is not None and (not scaled or self._chooses()):
            seen = _pay_prefix(seen, (g > 0).to(g.dtype) if scaled else g, cache, attention, x)
        changed = {stack.cache: cache, stack.mask: seen}
        if stack.bias:
            bias = kwargs[stack.bias]
            if bias is None:
                bias = _relative_bias(attention, x, cache, mask)
            changed[stack.bias] = F.pad(bias, (cache.length, 0))
        return args, kwargs | changed

    def _hand_on(self, attention: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        """The bias that attention hands on to later layers, as it would be without a prefix."""
        bias, cache = kwargs[self.site.stack.bias], kwargs[self.site.stack.cache]
        if not isinstance(cache, PrefixedCache):  # no token chose the prefix
            return output
        length = cache.length
        return tuple(part[..., length:] if part is bias else part for part in output)


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
    least = torch.finfo(mask.dtype)
    log_g = g.clamp(min=least.tiny).log().masked_fill(g == 0, least.min).to(mask.dtype).unsqueeze(1)
    text = mask[..., cache.length :].expand(len(x), -1, tokens, -1)
    return torch.cat([log_g.expand(len(x), text.shape[1], tokens, cache.length), text], -1)
