"""Side networks: they read the backbone, and no gradient passes through it."""

from __future__ import annotations

import copy
import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pelt_core.errors import PeltError
from pelt_core.grafts import Graft
from pelt_core.modules.narrow import Narrow
from pelt_core.offloading import is_offloaded
from pelt_core.ranges import Positive
from pelt_core.sites import Site


class SideError(PeltError, ValueError):
    """A backbone, or a cache, that a side network cannot stand beside."""


class SideCache:
    """The part of a key-value cache that belongs to a side network.

    It holds layers of the cache's own kind behind those of the backbone, in the same cache, so that selecting rows,
    reordering beams and cutting serve both.
    """

    def __init__(self, layers: list[Any]) -> None:
        self._layers = layers

    def update(self, key: Tensor, value: Tensor, layer: int, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Stores `key` and `value` of the side network's own layer, and gives all of it."""
        keys, values = self._layers[layer].update(key, value, *args, **kwargs)
        return keys, values


def side_cache(cache: Any, owner: int, depth: int) -> SideCache:
    """The part of `cache` that belongs to the side network `owner`, beside a backbone of `depth` layers.

    Raises:
        SideError: if the cache was filled without the side network.

    """
    own = [layer for layer in cache.layers if getattr(layer, "side_network", None) == owner]
    if not own:
        if cache.get_seq_length():
            raise SideError(
                "the cache was filled before the side network was attached, which has no keys and values in it: "
                "start from an empty cache"
            )
        while len(cache.layers) < depth:
            cache.layers.append(cache.layer_class_to_replicate())
        own = copy.deepcopy(cache.layers[:depth])
        for layer in own:
            layer.side_network = owner
            layer.is_initialized = False  # it would have the shape of the backbone's heads
        cache.layers.extend(own)
    return SideCache(own)


class SideGraft(Graft):
    """A graft that reads the states between all layers of a stack, and what each layer is called with.

    The states are detached: `y' = y + delta(states, calls, y)`, where `states` are the input of the first layer and
    the outputs of all, `(batch, tokens, hidden)` each, and `y` is what the stack ends with. Hooks around a layer are
    outside of what gradient checkpointing computes anew.
    """

    def __init__(self, site: Site, delta: nn.Module, gate: nn.Module | None = None) -> None:
        super().__init__(site, delta, gate)
        self._states: list[Tensor] = []
        self._calls: list[dict[str, Any]] = []
        self._names: list[str] = []
        self._cache: SideCache | None = None

    def start(self, base: nn.Module) -> None:
        """Lets the side network start from the backbone.

        Raises:
            SideError: for an encoder-decoder, or weights that are offloaded.

        """
        if self.site.stack.name:
            raise SideError(
                "a side network stands beside one stack of layers, and an encoder-decoder has two: behind its encoder, "
                "a gradient would pass through its decoder, and its decoder's layers attend to states too wide for it"
            )
        if any(is_offloaded(module) for module in base.modules()):
            raise SideError(
                "a side network starts as a part of the backbone's weights, and some are offloaded: attach it to a "
                "backbone on its devices, without offloading"
            )
        cast(Any, self.delta).start(base)

    def wire(self, base: nn.Module) -> list[RemovableHandle]:
        """Hooks this graft around every layer and behind the stack; the handles take it out again."""
        blocks = list(base.get_submodule(self.site.stack.layers).children())
        self._names = list(inspect.signature(type(blocks[0]).forward).parameters)[2:]  # without self, and the states
        return [
            blocks[0].register_forward_pre_hook(self._begin, with_kwargs=True),
            *(block.register_forward_hook(self._tap, with_kwargs=True) for block in blocks),
            base.get_submodule(self.site.write.path).register_forward_hook(self._end),
        ]

    def change(self, x: Tensor, y: Tensor, host: nn.Module) -> Tensor:
        """`delta(states, calls, y)`."""
        states, calls = self._states, self._calls
        self._states, self._calls, self._cache = [], [], None
        if (packing := calls[0].get("packing")) is None:
            return cast(Tensor, self.delta(states, calls, y))
        return cast(Tensor, packing.unpack(self.delta(states, calls, packing.pack(y))))

    def _begin(self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._states, self._calls, self._cache = [args[0].detach()], [], None
        if (cache := self._call(args, kwargs).get(self.site.stack.cache)) is not None:
            self._cache = side_cache(cache, id(self), len(cast(Any, self.delta).narrow.layers))

    def _tap(self, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        self._states.append((output if isinstance(output, Tensor) else output[0]).detach())
        self._calls.append(self._call(args, kwargs) | {self.site.stack.cache: self._cache})

    def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """What a layer is called with besides the states, by name."""
        return dict(zip(self._names, args[1:], strict=False)) | kwargs

    def _end(self, host: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, Tensor):
            return self(self._states[0], output, host)
        output.last_hidden_state = self(self._states[0], output.last_hidden_state, host)
        return output


class SideNetwork(nn.Module):
    """Narrow layers beside the backbone; a subclass says what they read, and what becomes of what they write."""

    graft = SideGraft
    narrow: Narrow

    def __init__(self, site: Site, reduction: int) -> None:
        super().__init__()
        self.site, self.reduction = site, reduction

    def start(self, base: nn.Module) -> None:
        """Prunes the backbone."""
        self.narrow = Narrow(base, self.site.stack, self.reduction)

    def down(self) -> nn.Linear:
        """A new `W` of `(d', d)`, which starts as the choice of the channels that pruning keeps."""
        linear = nn.Linear(self.site.d_in, len(self.narrow.channels), bias=False)
        linear.weight = nn.Parameter(F.one_hot(self.narrow.channels, self.site.d_in).float())
        return linear

    def up(self) -> nn.Linear:
        """A new `U` of `(d, d')`."""
        return nn.Linear(len(self.narrow.channels), self.site.d_out, bias=False)


def _computing_in(y: Tensor) -> AbstractContextManager[Any]:
    """The parameters stay in fp32, and are computed with in the type of the backbone."""
    return nullcontext() if y.dtype is torch.float32 else torch.autocast(y.device.type, y.dtype)


class Ladder(SideNetwork):
    """A side network with a rung from every layer of the backbone, after Sung et al. (2022).

    It computes::

        side_0 = W_0 h_0
        side_i = g_i(mu_i side_(i-1) + (1 - mu_i) W_i h_i),  mu_i = sigmoid(a_i / T)
        delta  = U norm(side_N)

    `h_0` is what the first layer reads and `h_i` what layer `i` writes, `(batch, tokens, d)`; `g_i` is layer `i` at
    width `d'`, about `d / reduction`, as `Narrow` prunes it. `W_i` of `(d', d)` starts as the choice of the channels
    that pruning keeps, and `a = 0`. With `U = 0` of `(d, d')` the ladder starts as the backbone.
    """

    def __init__(self, site: Site, reduction: int = 8, temperature: Positive = 0.1) -> None:
        super().__init__(site, reduction)
        self.temperature = temperature

    def start(self, base: nn.Module) -> None:
        """Prunes the backbone."""
        super().start(base)
        depth = len(self.narrow.layers)
        self.W, self.U = nn.ModuleList(self.down() for _ in range(depth + 1)), self.up()
        self.a = nn.Parameter(torch.zeros(depth))
        nn.init.zeros_(self.U.weight)

    def forward(self, states: list[Tensor], calls: list[dict[str, Any]], y: Tensor) -> Tensor:
        """`U norm(side_N)`, `(batch, tokens, d)`."""
        with _computing_in(y):
            mu = torch.sigmoid(self.a / self.temperature)
            mu, rest = mu.to(y.dtype), (1 - mu).to(y.dtype)
            side = self.W[0](states[0])
            for i, call in enumerate(calls):
                side = self.narrow(i, mu[i] * side + rest[i] * self.W[i + 1](states[i + 1]), call)
            return cast(Tensor, self.U(self.narrow.norm(side))).to(y.dtype)


class SideTuning(SideNetwork):
    """`delta = (1 - alpha) (S(x) - y)`, so that `y' = alpha y + (1 - alpha) S(x)` (Zhang et al. 2020).

    `alpha = sigmoid(a)`, `a = 0` at the start. `S(x) = U norm(g_N(... g_1(W x)))` reads what the first layer of the
    backbone reads, `(batch, tokens, d)`, and nothing else of it; `g_i` is layer `i` at width `d'`, about `d /
    reduction`, as `Narrow` prunes it. `W` of `(d', d)` starts as the choice of the channels that pruning keeps, and `U`
    as its transpose, which puts them back: `S` starts as the pruned backbone, and `y'` half-way to it.
    """

    def __init__(self, site: Site, reduction: int = 8) -> None:
        super().__init__(site, reduction)

    def start(self, base: nn.Module) -> None:
        """Prunes the backbone."""
        super().start(base)
        self.W, self.U, self.a = self.down(), self.up(), nn.Parameter(torch.zeros(1))
        self.U.weight = nn.Parameter(self.W.weight.detach().T.contiguous())

    def forward(self, states: list[Tensor], calls: list[dict[str, Any]], y: Tensor) -> Tensor:
        """`(1 - alpha) (S(x) - y)`, `(batch, tokens, d)`."""
        with _computing_in(y):
            side = self.W(states[0])
            for i, call in enumerate(calls):
                side = self.narrow(i, side, call)
            return (1 - torch.sigmoid(self.a)).to(y.dtype) * (self.U(self.narrow.norm(side)).to(y.dtype) - y)
